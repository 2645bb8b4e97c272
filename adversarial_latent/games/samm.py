"""SAMM, the semi-supervised AMM: a classifier, and codes, from a few labels.

Two games are played with one discriminator and the same generators. The unlabelled
one is AMM's (eq. 13). The labelled one (eq. 14) matches

    q(x, y, z) = q(x, y) q(z|x, y)      eq. 4

to the same synthesis distribution (eq. 11): labelled x enter with their true y, and
with z ~ G_z(x, y). So component k of the mixture becomes class k.

Paper: "Adversarially Learned Mixture Model", section 2.3 and algorithm 2.
"""

import dataclasses
from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp
import ml_collections

from adversarial_latent.distributions import Categorical
from adversarial_latent.game import Losses, Networks, Outcome
from adversarial_latent.games import amm


@dataclasses.dataclass(frozen=True)
class SAMM(amm.AMM):
    """The game of algorithm 2.

    Networks and players are those of AMM. Both games are played in one minibatch, of B
    unlabelled and M labelled examples and as many fake ones.

    The encoder's row `y` is what the unlabelled game infers and the labelled one is
    given: under eq. 6 z's tower has to read that row, to be G_z(x, y).

    Attributes:
      labelled_share: part of the labelled game in all losses, whatever M; one half in
        algorithm 2.
      label_weight: of -log q(y|x) for labelled pairs (x, y), a term in the generators'
        loss; 0 in the paper, where labels reach G_y(x) through D only.
    """

    labelled_share: float
    label_weight: float

    @property
    def uses_labels(self) -> bool:
        """Yes: of the labelled examples."""
        return True

    def infer(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Unlabelled triples (eq. 6 or 7), followed by labelled ones (eq. 4)."""
        x = jnp.concatenate([batch["x"], batch["labelled_x"]])  # [B + M, H, W, C]
        y = jax.nn.one_hot(batch["label"], self.components)  # [M, K] ~ q(y|x)
        if amm.FREQUENCIES in self.networks:
            net(amm.FREQUENCIES, y)
        inferred = net("encoder", x, given={"y": y})
        unlabelled, labelled = len(batch["x"]), len(y)
        # The mean over all pairs is the shares' mean of the two games' means.
        shares = [
            jnp.full(count, share * len(x) / count)
            for count, share in (
                (unlabelled, 1 - self.labelled_share),
                (labelled, self.labelled_share),
            )
        ]
        return {
            "real": (x, self._detach(inferred["y"]), inferred["z"]),
            "y_mu": inferred["y_mu"],
            "shares": jnp.concatenate(shares),
            "labels": y,
        }

    def _generator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        losses, scalars = super()._generator_loss(net, outcome)
        labels = outcome["labels"]
        labelled = Categorical(outcome["y_mu"][-len(labels) :])  # [M, K]
        scalars["label_accuracy"] = jnp.mean(
            labelled.logits.argmax(-1) == labels.argmax(-1)
        )
        if self.label_weight:
            cross_entropy = -labelled.log_prob(labels).mean()
            losses += self.label_weight * cross_entropy
            scalars["generator/label"] = cross_entropy
        return losses, scalars


def extend(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Makes the `config.game` of an AMM that of a SAMM, as in algorithm 2."""
    own = {"name": "samm", "labelled_share": 0.5, "label_weight": 0.0}
    return ml_collections.ConfigDict({**config, **own})


def make_game(config: ml_collections.ConfigDict) -> amm.AMM:
    """Builds SAMM from `config.game`, which `extend` makes."""
    return amm.make_game(config, SAMM, {"labelled_share": "(0, 1)"})
