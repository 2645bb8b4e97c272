"""ALICE: ALI with conditional entropy.

ALI leaves open which x and z belong together. ALICE asks that x be found again in the
code inferred from it, by a norm or by a discriminator of its own that tells (x, x) from
(x, G(E(x))).

Paper: Li et al. 2017, "ALICE: Towards Understanding Adversarial Learning for Joint
Distribution Matching", eq. 6 and 7.
"""

import dataclasses
from collections.abc import Mapping

import chex
import jax.numpy as jnp
import ml_collections

from adversarial_latent.game import Losses, Networks, Outcome, Player, in_one_batch
from adversarial_latent.games import ali
from adversarial_latent.games.building import from_config
from adversarial_latent.losses import adversarial_loss
from adversarial_latent.networks.table import logits

CYCLES = ("l1", "l2", "adversarial")


@dataclasses.dataclass(frozen=True)
class ALICE(ali.ALI):
    """The game of ALI, with cycle consistency.

    Attributes:
      cycle: "l1" or "l2", the mean over an example's values of |x - G(E(x))|^k; or
        "adversarial", with the network "cycle_discriminator" on (x, x').
      cycle_weight: of that term in the generators' loss.
    """

    cycle: str
    cycle_weight: float

    @property
    def players(self) -> tuple[Player, ...]:
        """The discriminators, and generator and encoder."""
        discriminators = tuple(name for name in self.networks if "discrim" in name)
        return (
            Player("discriminator", discriminators, self._discriminator_loss),
            Player("generator", ("generator", "encoder"), self._generator_loss),
        )

    def play(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """As ALI plays, and back from z to x."""
        x, z_tilde = self._inferred(net, batch)
        z = self._draw(net, len(x))  # [B, d] ~ p(z)
        x_tilde, back = in_one_batch(lambda z: self._generate(net, z), z, z_tilde)
        outcome = self._judged(net, (x, z_tilde), (x_tilde, z))
        if self.cycle == "adversarial":
            return outcome | {
                "same_logits": self._compare(net, x, x),
                "back_logits": self._compare(net, x, back),
            }
        distance = jnp.abs(x - back).reshape(len(x), -1) ** int(self.cycle[1])
        return outcome | {"cycle": distance.mean(-1)}

    def _compare(self, net: Networks, x: chex.Array, other: chex.Array) -> chex.Array:
        sides = self._seen(x), self._seen(other)
        return logits(net("cycle_discriminator", *sides))  # [B]

    def _discriminator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        loss, scalars = super()._discriminator_loss(net, outcome)
        if self.cycle == "adversarial":
            loss += adversarial_loss(self.loss).discriminator(
                outcome["same_logits"], outcome["back_logits"]
            )
        return loss, scalars

    def _generator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        loss, scalars = super()._generator_loss(net, outcome)
        if self.cycle == "adversarial":
            cycle = adversarial_loss(self.loss).generator_fake(outcome["back_logits"])
        else:
            cycle = outcome["cycle"]
        return loss + self.cycle_weight * cycle, scalars | {"cycle": cycle.mean()}


def extend(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Makes the `config.game` of a GAN that of ALICE."""
    own = {"name": "alice", "cycle": "l2", "cycle_weight": 1.0}
    return ml_collections.ConfigDict({**ali.extend(config), **own})


def make_game(config: ml_collections.ConfigDict) -> ALICE:
    """Builds ALICE from `config.game`.

    Raises:
      ValueError: if `cycle` is unknown, or its discriminator missing or idle.
    """
    if config.cycle not in CYCLES:
        raise ValueError(f"config.game.cycle is one of {CYCLES}, not {config.cycle!r}")
    if (config.cycle == "adversarial") != ("cycle_discriminator" in config.tables):
        raise ValueError(
            "config.game.tables has a 'cycle_discriminator' if and only if "
            "config.game.cycle is 'adversarial'"
        )
    return from_config(ALICE, config, transposed=("generator",))
