"""SAMM, the semi-supervised AMM: a classifier, and codes, from a few labels.

Two games are played with one discriminator and the same generators. The unlabelled
one is AMM's (eq. 13). The labelled one (eq. 14) matches

    q(x, y, z) = q(x, y) q(z|x, y)      eq. 4

to the same synthesis distribution (eq. 11): labelled x enter with their true y, and
with z ~ G_z(x, y). So component k of the mixture becomes class k.

Paper: "Adversarially Learned Mixture Model", section 2.3 and algorithm 2.
"""

from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp
import ml_collections

from adversarial_latent.game import Losses, Networks, Outcome
from adversarial_latent.games import amm


class SAMM(amm.AMM):
    """The game of algorithm 2.

    Networks and players are those of AMM. Both games are played in one minibatch, of B
    unlabelled and M labelled examples and as many fake ones. Each game counts half,
    however many examples it has.

    The encoder's row `y` is what the unlabelled game infers and the labelled one is
    given: under eq. 6 z's tower has to read that row, to be G_z(x, y).
    """

    @property
    def uses_labels(self) -> bool:
        """Yes: of the labelled examples."""
        return True

    def play(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Plays both games at once: unlabelled pairs first, labelled ones last."""
        unlabelled, labelled = len(batch["x"]), len(batch["label"])
        total = unlabelled + labelled
        # Their mean over all pairs is half the mean of either game.
        shares = [jnp.full(n, total / (2 * n)) for n in (unlabelled, labelled)]
        return super().play(net, batch) | {"shares": jnp.concatenate(shares)}

    def _discriminator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        """L_{D_u} + L_{D_l}."""
        losses, scalars = super()._discriminator_loss(net, outcome)
        return losses * outcome["shares"], scalars

    def _generator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        """Sum of the generators' losses in both games."""
        losses, scalars = super()._generator_loss(net, outcome)
        return losses * outcome["shares"], scalars

    def infer(
        self, net: Networks, batch: Mapping[str, chex.Array]
    ) -> tuple[chex.Array, chex.Array, chex.Array]:
        """Unlabelled triples (eq. 6 or 7), followed by labelled ones (eq. 4)."""
        x = jnp.concatenate([batch["x"], batch["labelled_x"]])  # [B + M, H, W, C]
        y = jax.nn.one_hot(batch["label"], self.components)  # [M, K] ~ q(y|x)
        if amm.FREQUENCIES in self.networks:
            net(amm.FREQUENCIES, y)
        inferred = net("encoder", x, given={"y": y})
        return x, inferred["y"], inferred["z"]


def make_game(config: ml_collections.ConfigDict) -> amm.AMM:
    """Builds SAMM from `config.game`."""
    return amm.make_game(config, SAMM)
