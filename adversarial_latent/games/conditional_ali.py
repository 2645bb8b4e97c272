"""Conditional ALI: separate codes for class and style, from labels of all images.

    inference  q(x, y, z) = q(x, y) q(z|y, x)      AMM's eq. 4
    synthesis  p(x, y, z) = p(y) p(z) p(x|y, z)    eq. 5

It is SAMM's labelled game alone (eq. 14), with a z that does not depend on y: the fully
supervised rival that AMM starts from. It does not infer y; encoding x requires its
label.

Paper: Dumoulin et al. 2016, "Adversarially Learned Inference", section 2.4 there.
"""

import dataclasses

import chex
import jax
import ml_collections

from adversarial_latent.game import (
    Batch,
    Code,
    Game,
    Losses,
    Networks,
    Outputs,
    Phase,
)
from adversarial_latent.games import amm, components, mixture_prior
from adversarial_latent.games.building import from_config
from adversarial_latent.games.components import Adversary
from adversarial_latent.games.mixture_prior import MixturePrior
from adversarial_latent.networks.presets import Recipes

# Fields of AMM that concern the inference of y.
_INFERENCE_FIELDS = (
    "consistency_weight",
    "consistency_radius",
    "consistency_neighbour",
    "consistency_probe",
    "confidence_weight",
    "balance_weight",
    "y_gradient",
)


@dataclasses.dataclass(frozen=True)
class ConditionalALI(Game):
    """The game of eq. 4 and 5.

    Networks: "encoder" maps x and y to `z`, without noise if the option `noise` is
    false; "discriminator" maps x, y and z to the logit `p`; and those of
    `MixturePrior`. The table of a standard normal prior reads `zeros`.

    Attributes:
      prior: the synthesis side.
      adversary: loss and penalty of D.
    """

    prior: MixturePrior
    adversary: Adversary

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase of two players: D, and all other networks together."""
        others = tuple(name for name in self.modules if name != "discriminator")
        return components.adversarial_phase(self, generators=others)

    @property
    def batch_fields(self) -> tuple[str, ...]:
        """Labelled examples only."""
        return ("labelled_x", "label")

    @property
    def conditional(self) -> bool:
        """Yes: z is inferred from x and y."""
        return True

    def forward(self, net: Networks, batch: Batch) -> Outputs:
        """Samples labelled triples (eq. 4) and synthetic ones, and discriminates."""
        x = batch["labelled_x"]
        y = jax.nn.one_hot(batch["label"], self.prior.num_components)
        self.prior.count(net, y)
        real = (x, y, net("encoder", x, y)["z"])
        fake = self.prior.synthesize_batch(net, len(x))
        return self.adversary.compare(amm.discriminate(net), real, fake)

    def discriminator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """The loss of D, and its penalty."""
        return self.adversary.discriminator_loss(net, outputs, amm.discriminate(net))

    def generator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """The loss of the generators of both sides."""
        del net
        _, y, _ = outputs["real"]
        losses = self.adversary.generators_loss(outputs)
        return losses, {"confidence": y.max(-1).mean()}

    def encode(
        self, net: Networks, x: chex.Array, label: chex.Array | None = None
    ) -> Code:
        """Infers `z` [B, d] from x and its label [B], at the mean of its noise."""
        if label is None:
            raise ValueError("conditional ALI needs the label of x to encode it")
        y = jax.nn.one_hot(label, self.prior.num_components)
        return {"y": y, "z": net("encoder", x, y, noise=False)["z"]}

    decode = mixture_prior.decode
    sample = mixture_prior.sample
    mixture = mixture_prior.mixture


def recipes(config: ml_collections.ConfigDict) -> Recipes:
    """Networks that size themselves."""
    return {
        **amm.recipes(config),
        "encoder": lambda preset: preset.encoder(y="{k}").append(mixture_prior.Z_ROWS),
    }


def extend(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Turns the `config.game` of AMM into that of conditional ALI."""
    kept = {name: config[name] for name in config if name not in _INFERENCE_FIELDS}
    return ml_collections.ConfigDict(kept | {"name": "conditional_ali"})


def make_game(config: ml_collections.ConfigDict) -> ConditionalALI:
    """Builds conditional ALI from `config.game`, as `extend` returns it.

    Raises:
      ValueError: `frequencies` is invalid.
    """
    return from_config(
        ConditionalALI,
        config,
        modules=mixture_prior.networks(config),
        others=mixture_prior.NETWORK_FIELDS,
        **mixture_prior.settings(config),
    )
