"""What games of one discriminator against all other networks have in common.

Such a game makes a *real* side, of the data and what is inferred from it, and a *fake*
side, of what is drawn from a prior and generated from it. Both are tuples of arrays, an
example of which the discriminator judges: x in a GAN, (x, z) in ALI, (x, y, z) in AMM.
"""

import dataclasses
from typing import Any

import chex
import jax

from adversarial_latent.game import Game, Losses, Networks, Outcome, Player
from adversarial_latent.losses import adversarial_loss
from adversarial_latent.networks.table import logits
from adversarial_latent.penalties import penalty


@dataclasses.dataclass(frozen=True)
class TwoPlayerGame(Game):
    """A discriminator against everyone else.

    The row `p` of the discriminator's table is its logit. `play` of a subclass returns
    what `_judged` does, and more if it likes.

    Attributes:
      loss: name of the adversarial loss (`losses.py`).
      penalty: name of the penalty on the discriminator (`penalties.py`).
      penalty_weight: its weight, 0 for none.
    """

    loss: str
    penalty: str
    penalty_weight: float

    @property
    def players(self) -> tuple[Player, ...]:
        """The discriminator, and all other networks together."""
        others = tuple(name for name in self.networks if name != "discriminator")
        return (
            Player("discriminator", ("discriminator",), self._discriminator_loss),
            Player("generator", others, self._generator_loss),
        )

    def _generator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        raise NotImplementedError

    def _judge(self, net: Networks, *side: chex.Array) -> dict[str, chex.Array]:
        """All rows of D's table."""
        return net("discriminator", *side)

    def _judged(
        self, net: Networks, real: tuple[chex.Array, ...], fake: tuple[chex.Array, ...]
    ) -> dict[str, Any]:
        """Both sides, with D's [B] logits of them.

        D judges them apart, so that its batch statistics, if any, do not mix.
        """
        return {
            "real": real,
            "fake": fake,
            "real_logits": logits(self._judge(net, *real)),
            "fake_logits": logits(self._judge(net, *fake)),
        }

    def _discriminator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        """The discriminator's side of the adversarial loss, and the penalty."""
        real_logits, fake_logits = outcome["real_logits"], outcome["fake_logits"]
        loss = adversarial_loss(self.loss).discriminator(real_logits, fake_logits)
        scalars = {
            "d_real": jax.nn.sigmoid(real_logits).mean(),
            "d_fake": jax.nn.sigmoid(fake_logits).mean(),
        }
        if self.penalty_weight:
            penalties = penalty(self.penalty)(
                lambda side: logits(self._judge(net, *side)),
                outcome["real"],
                outcome["fake"],
                net.key("penalty"),
            )
            loss += self.penalty_weight * penalties
            scalars["discriminator/penalty"] = penalties.mean()
        return loss, scalars
