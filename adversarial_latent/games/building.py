"""How games are made of configs."""

import dataclasses
from typing import Any, TypeVar

import flax.linen as nn
import ml_collections

from adversarial_latent.game import Game
from adversarial_latent.networks.table import read_tables

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
      ValueError: if the config lacks an attribute of the game.
    """
    settings["networks"] = {
        **read_tables(config, transposed=transposed),
        **(networks or {}),
    }
    names = [field.name for field in dataclasses.fields(kind)]
    if missing := set(names) - set(config) - set(settings):
        raise ValueError(f"config.game of {config.name!r} lacks {sorted(missing)}")
    return kind(**{name: config[name] for name in names if name in config} | settings)
