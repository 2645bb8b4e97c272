"""A classifier, trained by labels alone: the judge of generated images.

A game of one player, who maximises log p(y|x). Inception scores on MNIST are taken with
one (ALICE, AIM's table 1), and so is whether what was generated for a label is read as
that label.
"""

import dataclasses
import math
from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax

from adversarial_latent.game import Code, Game, Losses, Networks, Outcome, Player
from adversarial_latent.games.building import from_config


@dataclasses.dataclass(frozen=True)
class Classifier(Game):
    """One network of the table "classifier", from x to its rows `y` and `z`.

    `y` are logits, and `z` the features on which they rest.

    Attributes:
      factors: numbers of values of independent attributes, whose logits are side by
        side in `y`, and of which classes are the combinations, the last attribute
        varying fastest; (K,) where a class is nothing but itself.
    """

    factors: tuple[int, ...]

    @property
    def num_components(self) -> int:
        """Number of classes, K."""
        return math.prod(self.factors)

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
        logits = self._split(net("classifier", batch["labelled_x"])["y"])
        values = jnp.unravel_index(batch["label"], self.factors)
        pairs = tuple(zip(logits, values, strict=True))
        cross_entropy = sum(
            optax.softmax_cross_entropy_with_integer_labels(*pair) for pair in pairs
        )
        right = [logit.argmax(-1) == value for logit, value in pairs]
        return {
            "cross_entropy": jnp.asarray(cross_entropy),
            "right": jnp.all(jnp.stack(right), axis=0).astype(jnp.float32),
        }

    def _split(self, y: chex.Array) -> list[chex.Array]:
        """The logits [B, K_f] of each attribute f."""
        if y.shape[-1] != sum(self.factors):
            raise ValueError(
                f"row 'y' has {y.shape[-1]} channels, and should have a logit for each "
                f"of {' + '.join(map(str, self.factors))} values"
            )
        return jnp.split(y, np.cumsum(self.factors)[:-1], axis=-1)

    def _loss(self, net: Networks, outcome: Outcome) -> Losses:
        del net
        return outcome["cross_entropy"], {"accuracy": outcome["right"].mean()}

    def encode(self, net: Networks, x: chex.Array) -> Code:
        """Infers `y` [B, K], probabilities of the classes, and features `z` [B, F]."""
        rows = net("classifier", x)
        y = jnp.ones((len(x), 1))
        for logits in self._split(rows["y"]):
            y = (y[:, :, None] * jax.nn.softmax(logits)[:, None]).reshape(len(x), -1)
        return {"y": y, "z": rows["z"]}


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game`, of which `tables.classifier` is missing."""
    return ml_collections.ConfigDict(
        {
            "name": "classifier",
            "num_components": 10,  # classes
            # Numbers of values of the attributes of which classes are combinations.
            "factors": (),
            "padding": "VALID",
            "kernel_init": "he",
        }
    )


def make_game(config: ml_collections.ConfigDict) -> Classifier:
    """Builds a classifier from `config.game`.

    Raises:
      ValueError: if the combinations of attributes are not as many as the classes.
    """
    factors = tuple(config.factors) or (config.num_components,)
    if math.prod(factors) != config.num_components:
        raise ValueError(
            f"config.game.factors={factors} have {math.prod(factors)} combinations, "
            f"and config.game.num_components is {config.num_components}"
        )
    return from_config(
        Classifier,
        config,
        transposed=(),
        ranges={"factors": "[1, 65536]"},
        factors=factors,
    )
