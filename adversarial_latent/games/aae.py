"""The adversarial autoencoder: a discriminator imposes a prior on the code.

In the reconstruction phase, encoder and decoder learn to reconstruct x from its
inferred code. The phases of `AdversarialEncoder` follow on the same minibatch. Each
phase has its own optimisers. In a supervised game, y is the label of x and is not
inferred, so that z only has to represent style.

Paper: Makhzani et al. 2015, "Adversarial Autoencoders".
"""

import dataclasses
from typing import ClassVar

import chex
import jax.numpy as jnp
import ml_collections

from adversarial_latent.game import (
    Batch,
    Code,
    Game,
    Losses,
    Networks,
    Outputs,
    Phase,
    Player,
    UpdateOrder,
)
from adversarial_latent.games import adversarial_encoder
from adversarial_latent.games.adversarial_encoder import AdversarialEncoder
from adversarial_latent.games.building import from_config
from adversarial_latent.networks.presets import Recipes


@dataclasses.dataclass(frozen=True)
class AAE(Game):
    """The adversarial autoencoder.

    Networks: those of `AdversarialEncoder`, and "decoder", which maps the parts of the
    code (y first) to `x`.

    Attributes:
      encoder: the encoder, its priors and their discriminators.
    """

    encoder: AdversarialEncoder

    update_order: ClassVar[UpdateOrder] = "alternating"

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The reconstruction phase, followed by the encoder's phases."""
        player = Player("autoencoder", ("encoder", "decoder"), self._loss)
        reconstruction = Phase("reconstruction", self._reconstruct, (player,))
        return (reconstruction, *self.encoder.phases())

    @property
    def batch_fields(self) -> tuple[str, ...]:
        """Includes labels if the game is semi-supervised or supervised."""
        return self.encoder.batch_fields

    @property
    def conditional(self) -> bool:
        """Whether `encode` takes y from the label of x."""
        return self.encoder.supervised

    def _reconstruct(self, net: Networks, batch: Batch) -> Outputs:
        x, label = batch["x"], None
        if self.encoder.supervised:
            x, label = batch["labelled_x"], batch["label"]
        x_rec = self.decode(net, self.encoder.code(net, x, label))
        squares = jnp.square(x - x_rec)
        return {"reconstruction": squares.mean(tuple(range(1, x.ndim)))}  # [B]

    def _loss(self, net: Networks, outputs: Outputs) -> Losses:
        del net
        return outputs["reconstruction"], {}

    def encode(
        self, net: Networks, x: chex.Array, label: chex.Array | None = None
    ) -> Code:
        """Infers the parts of the code: `y` [B, K], probabilities, and `z` [B, d].

        Args:
          net: the networks.
          x: [B, ...].
          label: int32 [B], used as y if the game is supervised.
        """
        return self.encoder.code(net, x, label)

    def decode(self, net: Networks, code: Code) -> chex.Array:
        """Generates x [B, ...] from a code."""
        return net("decoder", *(code[part] for part in self.encoder.priors))["x"]

    sample = adversarial_encoder.sample
    styles = adversarial_encoder.styles


def recipes(config: ml_collections.ConfigDict) -> Recipes:
    """Networks that size themselves."""
    sizes = adversarial_encoder.SIZES
    inputs = {part: sizes[part] for part in sizes if part in config.priors}
    return {
        **adversarial_encoder.recipes(config),
        "decoder": lambda preset: preset.decoder(**inputs),
    }


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game`, except `networks`."""
    fields = adversarial_encoder.default_config()
    return ml_collections.ConfigDict({"name": "aae", **fields})


def make_game(config: ml_collections.ConfigDict) -> AAE:
    """Builds an adversarial autoencoder from `config.game`.

    Raises:
      ValueError: the priors do not fit the game.
    """
    priors = adversarial_encoder.read_priors(config)
    return from_config(
        AAE,
        config,
        priors=priors,
        num_components=adversarial_encoder.num_components(priors),
    )
