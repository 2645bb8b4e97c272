"""The PixelGAN autoencoder: an adversarial autoencoder whose decoder is a PixelCNN.

Phases and code are those of an adversarial autoencoder. The decoder p(x|z) is
autoregressive, so that the code need not represent all of x, only what the decoder
cannot infer from other pixels: the global structure with a Gaussian prior, the class
with a categorical one. Of the terms of the evidence lower bound

    E_q(z|x)[log p(x|z)]  -  KL(q(z) || p(z))  -  I(z; x)      eq. 2

the reconstruction phase maximises the first and the adversarial phase the second. The
third, which would make the decoder ignore the code, is left out.

Paper: "PixelGAN Autoencoders", section 2.
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
from adversarial_latent.games.building import from_config, make_pixelcnn
from adversarial_latent.pixels import quantize


@dataclasses.dataclass(frozen=True)
class PixelGAN(Game):
    """The game of section 2.

    Networks: those of `AdversarialEncoder`, and "decoder", a PixelCNN conditioned on
    the concatenated parts of the code.

    Attributes:
      encoder: the encoder, its priors and their discriminators.
      levels: number of values of a pixel; encoder and decoder see rounded pixels.
    """

    encoder: AdversarialEncoder
    levels: int

    update_order: ClassVar[UpdateOrder] = "alternating"

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The reconstruction phase, followed by the encoder's phases."""
        player = Player("autoencoder", ("encoder", "decoder"), self._loss)
        reconstruction = Phase("reconstruction", self._reconstruct, (player,))
        return (reconstruction, *self.encoder.phases(self._quantize))

    @property
    def batch_fields(self) -> tuple[str, ...]:
        """Includes labels if the game is semi-supervised."""
        return self.encoder.batch_fields

    @property
    def log_prob_given_code(self) -> bool:
        """Yes: log p(x|z)."""
        return True

    def _quantize(self, x: chex.Array) -> chex.Array:
        return quantize(x, self.levels)

    def _code(self, net: Networks, x: chex.Array) -> Code:
        return self.encoder.code(net, self._quantize(x))

    def _vector(self, code: Code) -> chex.Array:
        """The concatenated parts of a code: [B, K + d]."""
        return jnp.concatenate([code[part] for part in self.encoder.priors], axis=-1)

    def _reconstruct(self, net: Networks, batch: Batch) -> Outputs:
        x = batch["x"]
        return {"negative_log_likelihood": self._negative_log_likelihood(net, x)}

    def _negative_log_likelihood(self, net: Networks, x: chex.Array) -> chex.Array:
        """-log p(x|z) [B] in nats, with the code z inferred from x [B, ...]."""
        code = self._vector(self._code(net, x))
        return -net("decoder", self._quantize(x), code)

    def _loss(self, net: Networks, outputs: Outputs) -> Losses:
        del net
        return outputs["negative_log_likelihood"], {}

    def encode(self, net: Networks, x: chex.Array) -> Code:
        """Infers the parts of the code: `y` [B, K], probabilities, and `z` [B, d]."""
        return self._code(net, x)

    def log_prob(self, net: Networks, x: chex.Array) -> chex.Array:
        """Log p(x|z) [B] in nats, with the code z inferred from x [B, ...]."""
        return -self._negative_log_likelihood(net, x)

    def decode(self, net: Networks, code: Code) -> chex.Array:
        """Samples x [B, ...] ~ p(x|z)."""
        return net("decoder", self._vector(code), method="sample")

    sample = adversarial_encoder.sample
    styles = adversarial_encoder.styles

    def variations(self, net: Networks, x: chex.Array) -> chex.Array:
        """Samples [B, ...] given the code of each x [B, ...]."""
        return self.decode(net, self._code(net, x))


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game`, except `networks`; `pixelcnn` is empty."""
    fields = adversarial_encoder.default_config()
    return ml_collections.ConfigDict({"name": "pixelgan", **fields, "pixelcnn": {}})


def make_game(config: ml_collections.ConfigDict) -> PixelGAN:
    """Builds a PixelGAN autoencoder from `config.game`.

    Raises:
      ValueError: the game is supervised, or the priors do not fit it.
    """
    if config.supervised:
        raise ValueError(
            "config.game.supervised must be False: a PixelGAN autoencoder infers y"
        )
    priors = adversarial_encoder.read_priors(config)
    return from_config(
        PixelGAN,
        config,
        modules={"decoder": make_pixelcnn(config.pixelcnn)},
        others=("pixelcnn",),
        levels=config.pixelcnn.levels,
        priors=priors,
        num_components=adversarial_encoder.num_components(priors),
    )
