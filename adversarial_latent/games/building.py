"""How games are made of configs."""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

import flax.linen as nn
import ml_collections

from adversarial_latent.config import Range, check_ranges, did_you_mean
from adversarial_latent.game import Game
from adversarial_latent.inputs import InputError
from adversarial_latent.losses import adversarial_loss
from adversarial_latent.networks.pixelcnn import PixelCNN
from adversarial_latent.networks.rows import parse_table
from adversarial_latent.networks.table import read_tables
from adversarial_latent.penalties import penalty
from adversarial_latent.pixels import pixel_likelihood

# Fields that are no attributes of games, but make their networks (`read_tables`).
_OF_TABLES = frozenset(
    {"name", "tables", "padding", "kernel_init", "num_components", "latent_dim"}
)
# Attributes that are names of something.
_NAMED = {"loss": adversarial_loss, "penalty": penalty}

SomeGame = TypeVar("SomeGame", bound=Game)


def from_config(
    kind: type[SomeGame],
    config: ml_collections.ConfigDict,
    *,
    transposed: tuple[str, ...],
    networks: dict[str, nn.Module] | None = None,
    others: tuple[str, ...] = (),
    ranges: Mapping[str, Range] | None = None,
    **settings: Any,
) -> SomeGame:
    """Builds a game whose attributes are fields of `config.game`, by their names.

    Args:
      kind: the game's class.
      config: with `tables`, and what `read_tables` needs.
      transposed: names of the networks whose convolutions are transposed.
      networks: that have no table.
      others: fields that are no attributes, but were used for `networks` or `settings`.
      ranges: of fields whose names are not in `config.RANGES`.
      **settings: attributes that are not as the config has them.

    Raises:
      InputError: if the config lacks an attribute of the game, has fields that nothing
        reads, values of another type or out of range, or a table that cannot be read.
      ValueError: if there is no loss or penalty of the name that it gives.
    """
    own = {f"game.{name}": allowed for name, allowed in (ranges or {}).items()}
    check_ranges(config, "config.game", own)
    tables = read_tables(config, transposed=transposed)
    for name, table in tables.items():
        try:
            parse_table(table.text, table.padding)
        except ValueError as error:
            raise InputError(f"config.game.tables.{name}: {error}") from error
    settings["networks"] = {**tables, **(networks or {})}
    types = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    if missing := set(names) - set(config) - set(settings):
        raise InputError(f"config.game of {config.name!r} lacks {sorted(missing)}")
    known = {*names, *_OF_TABLES, *others}
    for name in config:
        if name not in known:
            raise InputError(
                f"config.game of {config.name!r} has no field {name!r}, only "
                + ", ".join(sorted(known - {"networks"}))
                + did_you_mean(name, known)
            )
    for name in set(names) - {"networks"}:
        value = settings.get(name, config.get(name))
        if not _fits(value, types[name]):
            raise InputError(
                f"config.game.{name}={value!r} is no {_type_name(types[name])}"
            )
    for name, look_up in _NAMED.items():
        if name in names:
            look_up(config[name])
    return kind(**{name: config[name] for name in names if name in config} | settings)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type: bool, int, float, str, or a tuple of these."""
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint in (bool, int, str):
        return type(value) is hint
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, (tuple, list)):
            return False
        items = typing.get_args(hint)
        if items[-1] is not ...:
            return len(value) == len(items) and all(map(_fits, value, items))
        return all(_fits(item, items[0]) for item in value)
    return True


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint)


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
    try:
        fields.update(settings)
    except TypeError as error:
        raise InputError(f"config.game.pixelcnn: {error}") from error
    return fields


def make_pixelcnn(config: ml_collections.ConfigDict) -> PixelCNN:
    """Builds a PixelCNN from fields as `pixelcnn_config` has them."""
    fields: dict[str, Any] = dict(pixelcnn_config(**dict(config)))
    for name in ("image_shape", "kernel", "conditioning"):  # JSON has lists
        fields[name] = tuple(fields[name])
    likelihood = pixel_likelihood(fields.pop("likelihood"), fields.pop("levels"))
    return PixelCNN(**fields | {"likelihood": likelihood})
