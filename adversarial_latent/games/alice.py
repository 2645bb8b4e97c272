"""ALICE: ALI with conditional entropy.

ALI does not determine which x and z belong together. ALICE adds a reconstruction term:
a norm of x - G(E(x)), or a second discriminator of (x, x) and (x, G(E(x))).

Paper: Li et al. 2017, "ALICE: Towards Understanding Adversarial Learning for Joint
Distribution Matching", eq. 6 and 7.
"""

import dataclasses

import chex
import jax.numpy as jnp
import ml_collections

from adversarial_latent.game import (
    Batch,
    Game,
    Losses,
    Networks,
    Outputs,
    Phase,
    in_one_batch,
)
from adversarial_latent.games import ali, components
from adversarial_latent.games.building import from_config
from adversarial_latent.games.components import Adversary, Generator, logits
from adversarial_latent.losses import adversarial_loss
from adversarial_latent.networks.presets import Preset, Recipes
from adversarial_latent.networks.table import Table

CYCLES = ("l1", "l2", "adversarial")


@dataclasses.dataclass(frozen=True)
class ALICE(Game):
    """The game of ALI, with cycle consistency.

    Networks: those of ALI. If the cycle is adversarial, "cycle_discriminator" maps x
    and its reconstruction to the logit `p`.

    Attributes:
      generator: G and the prior of z.
      adversary: loss and penalty of D.
      stochastic: whether z is sampled from q(z|x), or is its mean.
      cycle: "l1" or "l2", the mean of |x - G(E(x))|^k over an example's values, with
        k = 1 or 2; or "adversarial".
      cycle_weight: weight of the cycle term in the generators' loss.
    """

    generator: Generator
    adversary: Adversary
    stochastic: bool
    cycle: str
    cycle_weight: float

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase of two players: the discriminators, and G with E."""
        discriminators: tuple[str, ...] = ("discriminator",)
        if self.cycle == "adversarial":
            discriminators += ("cycle_discriminator",)
        return components.adversarial_phase(self, discriminators)

    def forward(self, net: Networks, batch: Batch) -> Outputs:
        """As in ALI, with the reconstruction of x from its code."""
        x = batch["x"]  # [B, ...] ~ q(x)
        z_tilde = ali.sample_posterior(net, self.posterior(net, x), self.stochastic)
        z = self.generator.sample_prior(net, len(x))  # [B, d] ~ p(z)
        x_tilde, x_rec = in_one_batch(
            lambda z: self.generator.generate(net, z), z, z_tilde
        )
        outputs = self.adversary.compare(
            ali.discriminate_pairs(net, self.generator), (x, z_tilde), (x_tilde, z)
        )
        if self.cycle == "adversarial":
            return outputs | {
                "same_logits": self._compare(net, x, x),
                "cycle_logits": self._compare(net, x, x_rec),
            }
        distance = jnp.abs(x - x_rec).reshape(len(x), -1) ** int(self.cycle[1])
        return outputs | {"cycle": distance.mean(-1)}

    def _compare(self, net: Networks, x: chex.Array, other: chex.Array) -> chex.Array:
        sides = self.generator.normalize(x), self.generator.normalize(other)
        return logits(net("cycle_discriminator", *sides))  # [B]

    def discriminator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """The losses of both discriminators, and the penalty on D."""
        loss, scalars = self.adversary.discriminator_loss(
            net, outputs, ali.discriminate_pairs(net, self.generator)
        )
        if self.cycle == "adversarial":
            loss += adversarial_loss(self.adversary.loss).discriminator(
                outputs["same_logits"], outputs["cycle_logits"]
            )
        return loss, scalars

    def generator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """The loss of ALI plus the cycle term."""
        del net
        if self.cycle == "adversarial":
            loss = adversarial_loss(self.adversary.loss)
            cycle = loss.generator_fake(outputs["cycle_logits"])
        else:
            cycle = outputs["cycle"]
        losses = self.adversary.generators_loss(outputs) + self.cycle_weight * cycle
        return losses, {"cycle": cycle.mean()}

    posterior = components.posterior
    encode = components.encode
    decode = components.decode
    sample = components.sample
    variations = components.variations


def recipes(config: ml_collections.ConfigDict) -> Recipes:
    """Networks that size themselves."""
    if config.cycle != "adversarial":
        return ali.recipes(config)
    return {**ali.recipes(config), "cycle_discriminator": _cycle_discriminator}


def _cycle_discriminator(preset: Preset) -> Table:
    """A discriminator of two examples, which are joined along their last axis."""
    *pixels, size = preset.shape
    pair = dataclasses.replace(preset, shape=(*pixels, 2 * size)).discriminator()
    inputs = Table.parse(f"""
left   -           {size}         -  -  -  -  -  -
right  -           {size}         -  -  -  -  -  -
x      left|right  {size}+{size}  -  -  -  -  -  -
""")
    return inputs.append(pair.without("x"))


def extend(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Turns the `config.game` of a GAN into that of ALICE."""
    own = {"name": "alice", "cycle": "l2", "cycle_weight": 1.0}
    return ml_collections.ConfigDict({**ali.extend(config), **own})


def make_game(config: ml_collections.ConfigDict) -> ALICE:
    """Builds ALICE from `config.game`.

    Raises:
      ValueError: `cycle` is unknown, or its discriminator is missing or unused.
    """
    if config.cycle not in CYCLES:
        raise ValueError(f"config.game.cycle={config.cycle!r} must be one of {CYCLES}")
    if (config.cycle == "adversarial") != ("cycle_discriminator" in config.networks):
        raise ValueError(
            "config.game.networks must have a 'cycle_discriminator' if and only if "
            "config.game.cycle is 'adversarial'"
        )
    return from_config(ALICE, config)
