"""How games are made of configs."""

import dataclasses
from typing import Any, TypeVar

import flax.linen as nn
import ml_collections

from adversarial_latent.game import Game
from adversarial_latent.losses import adversarial_loss
from adversarial_latent.networks.pixelcnn import PixelCNN
from adversarial_latent.networks.table import read_tables
from adversarial_latent.penalties import penalty
from adversarial_latent.pixels import pixel_likelihood

# Attributes that are names of something.
_NAMED = {"loss": adversarial_loss, "penalty": penalty}

SomeGame = TypeVar("SomeGame", bound=Game)


def from_config(
    kind: type[SomeGame],
    config: ml_collections.ConfigDict,
    *,
    transposed: tuple[str, ...],
    networks: dict[str, nn.Module] | None = None,
    **settings: Any,
) -> SomeGame:
    """Builds a game whose attributes are fields of `config.game`, by their names.

    Args:
      kind: the game's class.
      config: with `tables`, and what `read_tables` needs.
      transposed: names of the networks whose convolutions are transposed.
      networks: that have no table.
      **settings: attributes that are not as the config has them.

    Raises:
      ValueError: if the config lacks an attribute of the game, or there is no loss
        or penalty of the name that it gives.
    """
    settings["networks"] = {
        **read_tables(config, transposed=transposed),
        **(networks or {}),
    }
    names = [field.name for field in dataclasses.fields(kind)]
    if missing := set(names) - set(config) - set(settings):
        raise ValueError(f"config.game of {config.name!r} lacks {sorted(missing)}")
    for name, look_up in _NAMED.items():
        if name in names:
            look_up(config[name])
    return kind(**{name: config[name] for name in names if name in config} | settings)


def pixelcnn_config(**settings: Any) -> ml_collections.ConfigDict:
    """The fields of `config.game.pixelcnn`.

    Args:
      **settings: those that differ.

    Raises:
      ValueError: if there are no such fields.
    """
    fields = ml_collections.ConfigDict(
        {
            "image_shape": (28, 28, 1),  # of the data
            "likelihood": "bernoulli",  # softmax, or logistic_mixture
            "levels": 2,  # values of a pixel, evenly from 0 to 1
            "blocks": 6,  # residual blocks
            "maps": 32,  # feature maps
            "kernel": (3, 5),  # rows and columns
            "activation": "relu",  # or gated
            # How it reads a code, if there is one (PixelGAN, appendix A.2): invariant,
            # dependent, input, or several.
            "conditioning": (),
            "map_units": 1000,  # of the layer that makes a map of a code, dependent
            "map_channels": 1,  # or input
        }
    )
    if unknown := set(settings) - set(fields):
        raise ValueError(f"a PixelCNN has no {sorted(unknown)}, only {list(fields)}")
    fields.update(settings)
    return fields


def make_pixelcnn(config: ml_collections.ConfigDict) -> PixelCNN:
    """Builds a PixelCNN from fields as `pixelcnn_config` has them."""
    fields: dict[str, Any] = dict(config)
    for name in ("image_shape", "kernel", "conditioning"):  # JSON has lists
        fields[name] = tuple(fields[name])
    likelihood = pixel_likelihood(fields.pop("likelihood"), fields.pop("levels"))
    return PixelCNN(**fields | {"likelihood": likelihood})
