"""A classifier, trained by labels alone: the judge of generated images.

A game of one player, who maximises log p(y|x). Inception scores on MNIST are taken with
one (ALICE, AIM's table 1), and so is whether what was generated for a label is read as
that label.
"""

import dataclasses
from collections.abc import Mapping

import chex
import jax
import ml_collections
import optax

from adversarial_latent.game import Code, Game, Losses, Networks, Outcome, Player
from adversarial_latent.games.building import from_config


@dataclasses.dataclass(frozen=True)
class Classifier(Game):
    """One network of the table "classifier", from x to its rows `y` and `z`.

    `y` are the K logits, and `z` the features on which they rest.

    Attributes:
      components: K.
    """

    components: int

    @property
    def num_components(self) -> int:
        """Number of classes."""
        return self.components

    @property
    def players(self) -> tuple[Player, ...]:
        """The classifier, which has nobody to play against."""
        return (Player("classifier", ("classifier",), self._loss),)

    @property
    def uses_labels(self) -> bool:
        """It learns from nothing else."""
        return True

    def play(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Classifies labelled examples."""
        logits = net("classifier", batch["labelled_x"])["y"]  # [M, K]
        label = batch["label"]
        cross_entropy = optax.softmax_cross_entropy_with_integer_labels(logits, label)
        right = (logits.argmax(-1) == label).astype(logits.dtype)
        return {"cross_entropy": cross_entropy, "right": right}

    def _loss(self, net: Networks, outcome: Outcome) -> Losses:
        del net
        return outcome["cross_entropy"], {"accuracy": outcome["right"].mean()}

    def encode(self, net: Networks, x: chex.Array) -> Code:
        """Infers `y` [B, K], probabilities of the classes, and features `z` [B, F]."""
        rows = net("classifier", x)
        return {"y": jax.nn.softmax(rows["y"]), "z": rows["z"]}


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game`, of which `tables.classifier` is missing."""
    return ml_collections.ConfigDict(
        {
            "name": "classifier",
            "num_components": 10,
            "padding": "VALID",
            "kernel_init": "he",
        }
    )


def make_game(config: ml_collections.ConfigDict) -> Classifier:
    """Builds a classifier from `config.game`."""
    return from_config(
        Classifier, config, transposed=(), components=config.num_components
    )
