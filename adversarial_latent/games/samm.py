"""SAMM, the semi-supervised AMM: a classifier and codes from a few labels.

Two games share one discriminator and the same generators. The unlabelled one is AMM's
(eq. 13). The labelled one (eq. 14) matches

    q(x, y, z) = q(x, y) q(z|x, y)      eq. 4

to the same synthesis distribution (eq. 11): labelled x come with their true y, and
with z ~ G_z(x, y). Thus component k of the mixture becomes class k.

Paper: "Adversarially Learned Mixture Model", section 2.3 and algorithm 2.
"""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import ml_collections

from adversarial_latent.consistency import NeighbourDistance
from adversarial_latent.distributions import Categorical
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
from adversarial_latent.games.components import Adversary, InformationTerms
from adversarial_latent.games.mixture_prior import MixturePrior


@dataclasses.dataclass(frozen=True)
class SAMM(Game):
    """The game of algorithm 2.

    Networks and players are those of AMM. A minibatch has B unlabelled and M labelled
    examples, and B + M fake ones, so that one forward pass serves both games.

    The encoder infers the row `y` in the unlabelled game, and is given it in the
    labelled one. Under eq. 6 z's tower has to read that row, to be G_z(x, y).

    Attributes:
      prior: the synthesis side.
      adversary: loss and penalty of D.
      terms: terms of q(y|x) in the generators' loss; all weights are 0 in the paper.
      y_gradient: fraction of the adversarial gradient that reaches y's logits, see
        AMM.
      labelled_share: weight of the labelled game in all losses, whatever M is; one
        half in algorithm 2.
      label_weight: weight of -log q(y|x) for labelled pairs (x, y) in the generators'
        loss; 0 in the paper, where labels reach G_y(x) only through D.
    """

    prior: MixturePrior
    adversary: Adversary
    terms: InformationTerms
    y_gradient: float
    labelled_share: float
    label_weight: float

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase of two players: D, and all other networks together."""
        others = tuple(name for name in self.modules if name != "discriminator")
        return components.adversarial_phase(self, generators=others)

    @property
    def batch_fields(self) -> tuple[str, ...]:
        """Unlabelled and labelled examples."""
        return ("x", "labelled_x", "label")

    @property
    def quantities(self) -> dict[str, NeighbourDistance]:
        """The distance to a neighbour, if consistency is measured by it."""
        return self.terms.quantities

    def forward(self, net: Networks, batch: Batch) -> Outputs:
        """Samples from the joint distributions of both games, and discriminates.

        Returns:
          the outputs of AMM, and `labels` [M, K] of the last M examples, one-hot.
        """
        # Unlabelled triples (eq. 6 or 7), followed by labelled ones (eq. 4).
        x = jnp.concatenate([batch["x"], batch["labelled_x"]])  # [B + M, H, W, C]
        y = jax.nn.one_hot(batch["label"], self.prior.num_components)  # [M, K]
        self.prior.count(net, y)
        inferred = amm.infer_batch(self, net, x, given={"y": y})
        real = (x, inferred["y"], inferred["z"])
        outputs = {
            "y_mu": inferred["y_mu"],
            "example_weights": self._weights(len(batch["x"]), len(y)),
            "labels": y,
            **self.terms.read(batch, "x", "labelled_x"),
        }
        fake = self.prior.synthesize_batch(net, len(x))
        return outputs | self.adversary.compare(amm.discriminate(net), real, fake)

    def _weights(self, unlabelled: int, labelled: int) -> chex.Array:
        """[B + M] weights that make the mean loss a weighted mean of both games'."""
        total = unlabelled + labelled
        weights = [
            jnp.full(count, share * total / count)
            for count, share in (
                (unlabelled, 1 - self.labelled_share),
                (labelled, self.labelled_share),
            )
        ]
        return jnp.concatenate(weights)

    def discriminator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """The loss of D in both games, and its penalty."""
        return amm.discriminator_loss(self, net, outputs)

    def generator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """The loss of the generators in both games, and the label term."""
        losses, scalars = amm.generator_loss(self, net, outputs)
        labels = outputs["labels"]
        labelled = Categorical(outputs["y_mu"][-len(labels) :])  # [M, K]
        scalars["label_accuracy"] = jnp.mean(
            labelled.logits.argmax(-1) == labels.argmax(-1)
        )
        if self.label_weight:
            cross_entropy = -labelled.log_prob(labels).mean()
            losses += self.label_weight * cross_entropy
            scalars["generator/label"] = cross_entropy
        return losses, scalars

    def encode(self, net: Networks, x: chex.Array) -> Code:
        """Infers `y` [B, K], probabilities of the classes, and `z` [B, d]."""
        return amm.infer(net, x, self.prior.num_components)

    def sample_code(self, net: Networks, x: chex.Array) -> Code:
        """Samples `y` [B, K] and `z` [B, d] by eq. 8 to 10."""
        return amm.sample_code(net, x)

    decode = mixture_prior.decode
    sample = mixture_prior.sample
    mixture = mixture_prior.mixture


def extend(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Turns the `config.game` of AMM into that of SAMM, as in algorithm 2."""
    own = {"name": "samm", "labelled_share": 0.5, "label_weight": 0.0}
    return ml_collections.ConfigDict({**config, **own})


def make_game(config: ml_collections.ConfigDict) -> SAMM:
    """Builds SAMM from `config.game`, as `extend` returns it.

    Raises:
      ValueError: `frequencies` is invalid.
    """
    return from_config(
        SAMM,
        config,
        modules=mixture_prior.networks(config),
        others=mixture_prior.NETWORK_FIELDS,
        ranges={"y_gradient": "[0, 1]", "labelled_share": "(0, 1)"},
        **mixture_prior.settings(config),
    )
