"""A classifier, trained on labels alone, that is used to evaluate generated images.

A game of one player, which maximises log p(y|x). It serves for inception scores on
MNIST (ALICE, AIM's table 1), and to check that images generated for a label are
classified as that label.
"""

import dataclasses
import math

import chex
import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax

from adversarial_latent.game import (
    Batch,
    Code,
    Game,
    Losses,
    Networks,
    Outputs,
    Phase,
    Player,
)
from adversarial_latent.games.building import from_config
from adversarial_latent.networks.presets import Preset, Recipes
from adversarial_latent.networks.table import Table


@dataclasses.dataclass(frozen=True)
class Classifier(Game):
    """One network, "classifier", maps x to logits `y` and the features `z` below them.

    Attributes:
      factors: numbers of values of independent attributes, whose logits are
        concatenated in `y`. Classes are the combinations of values; the last attribute
        varies fastest. (K,) if classes have no attributes.
    """

    factors: tuple[int, ...]

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase with one player."""
        player = Player("classifier", ("classifier",), self.loss)
        return (Phase("classification", self.forward, (player,)),)

    @property
    def batch_fields(self) -> tuple[str, ...]:
        """Labelled examples only."""
        return ("labelled_x", "label")

    def forward(self, net: Networks, batch: Batch) -> Outputs:
        """Classifies labelled examples."""
        logits = self._split(net("classifier", batch["labelled_x"])["y"])
        values = jnp.unravel_index(batch["label"], self.factors)
        pairs = tuple(zip(logits, values, strict=True))
        cross_entropy = sum(
            optax.softmax_cross_entropy_with_integer_labels(*pair) for pair in pairs
        )
        correct = [logit.argmax(-1) == value for logit, value in pairs]
        return {
            "cross_entropy": jnp.asarray(cross_entropy),
            "correct": jnp.all(jnp.stack(correct), axis=0).astype(jnp.float32),
        }

    def _split(self, y: chex.Array) -> list[chex.Array]:
        """The logits [B, K_f] of each attribute f."""
        if y.shape[-1] != sum(self.factors):
            raise ValueError(
                f"output 'y' has {y.shape[-1]} channels; it must have a logit for each "
                f"of {' + '.join(map(str, self.factors))} values"
            )
        return jnp.split(y, np.cumsum(self.factors)[:-1], axis=-1)

    def loss(self, net: Networks, outputs: Outputs) -> Losses:
        """-log p(y|x)."""
        del net
        return outputs["cross_entropy"], {"accuracy": outputs["correct"].mean()}

    def encode(self, net: Networks, x: chex.Array) -> Code:
        """Infers `y` [B, K], probabilities of the classes, and features `z` [B, F]."""
        outputs = net("classifier", x)
        y = jnp.ones((x.shape[0], 1))
        for logits in self._split(outputs["y"]):
            y = (y[:, :, None] * jax.nn.softmax(logits)[:, None]).reshape(
                x.shape[0], -1
            )
        return {"y": y, "z": outputs["z"]}


def recipes(config: ml_collections.ConfigDict) -> Recipes:
    """A network that sizes itself."""
    logits = sum(config.factors) or "{k}"

    def classifier(preset: Preset) -> Table:
        *rows, h = preset.encoder().rows
        table = Table((*rows, dataclasses.replace(h, name="z")))
        return table.append(f"y  z  {logits}  1  1  -  0.4  -  -")

    return {"classifier": classifier}


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game`, except `networks.classifier`."""
    return ml_collections.ConfigDict(
        {
            "name": "classifier",
            "num_components": 10,  # classes
            # Numbers of values of attributes, if classes are combinations of values.
            "factors": (),
            "kernel_init": "he",
        }
    )


def make_game(config: ml_collections.ConfigDict) -> Classifier:
    """Builds a classifier from `config.game`.

    Raises:
      ValueError: the number of combinations of attributes is not K.
    """
    factors = tuple(config.factors) or (config.num_components,)
    if math.prod(factors) != config.num_components:
        raise ValueError(
            f"config.game.factors={factors} have {math.prod(factors)} combinations, "
            f"but config.game.num_components is {config.num_components}"
        )
    return from_config(
        Classifier, config, ranges={"factors": "[1, 65536]"}, factors=factors
    )
