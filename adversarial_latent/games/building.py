"""Builds games from configs."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

import flax.linen as nn
import ml_collections

from adversarial_latent.config import Range, check_ranges, did_you_mean
from adversarial_latent.game import Game
from adversarial_latent.inputs import InputError
from adversarial_latent.networks.pixelcnn import PixelCNN
from adversarial_latent.networks.spec import make_network, read_kernel_init
from adversarial_latent.pixels import pixel_likelihood

# Fields that describe networks, and are not attributes of games.
_NETWORK_FIELDS = frozenset(
    {"name", "networks", "kernel_init", "num_components", "latent_dim"}
)

SomeGame = TypeVar("SomeGame", bound=Game)


def from_config(
    kind: type[SomeGame],
    config: ml_collections.ConfigDict,
    *,
    modules: Mapping[str, nn.Module] | None = None,
    others: tuple[str, ...] = (),
    ranges: Mapping[str, Range] | None = None,
    **settings: Any,
) -> SomeGame:
    """Builds a game whose attributes are the fields of `config.game` by name.

    An attribute that is itself a dataclass (`components.py`) takes its attributes from
    the same fields.

    Args:
      kind: the game's class.
      config: with `networks` and `kernel_init`, see `networks/spec.py`.
      modules: networks that are not in `config.networks`.
      others: fields that are not attributes, but were used for `modules` or `settings`.
      ranges: allowed ranges of fields that are not in `config.RANGES`.
      **settings: attributes whose values are not taken from the config.

    Raises:
      InputError: the config lacks an attribute of the game, or has an unknown field, a
        value of the wrong type or out of range, or a network that cannot be built.
      ValueError: the name of the loss or penalty is unknown.
    """
    own = {f"game.{name}": allowed for name, allowed in (ranges or {}).items()}
    check_ranges(config, "config.game", own)
    settings["modules"] = {**_networks(config), **(modules or {})}
    known = set(_NETWORK_FIELDS | set(others))
    game = _build(kind, config, settings, known)
    for name in config:
        if name not in known:
            raise InputError(
                f"config.game of {config.name!r} has no field {name!r}, only "
                + ", ".join(sorted(known - {"modules"}))
                + did_you_mean(name, known)
            )
    return game


def _networks(config: ml_collections.ConfigDict) -> dict[str, nn.Module]:
    """The networks of `config.game.networks`."""
    if "networks" not in config:
        raise InputError(f"config.game of {config.name!r} lacks 'networks'")
    kernel_init = read_kernel_init(config.kernel_init)
    values = {"k": config.get("num_components"), "d": config.get("latent_dim")}
    networks: dict[str, nn.Module] = {}
    for name, spec in config.networks.items():
        try:
            networks[name] = make_network(spec, kernel_init, **values)
        except ValueError as error:
            raise InputError(f"config.game.networks.{name}: {error}") from error
    return networks


def _build(
    kind: type[Any],
    config: ml_collections.ConfigDict,
    settings: Mapping[str, Any],
    known: set[str],
) -> Any:
    """Builds a dataclass from settings and config fields; adds these to `known`."""
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        name, hint = field.name, hints[field.name]
        is_part = isinstance(hint, type) and dataclasses.is_dataclass(hint)
        if is_part and name not in settings:
            values[name] = _build(hint, config, settings, known)
            continue
        known.add(name)
        if name in settings:
            values[name] = settings[name]
        elif name in config:
            values[name] = config[name]
        elif field.default is not dataclasses.MISSING:
            continue
        else:
            raise InputError(f"config.game of {config.name!r} lacks {name!r}")
        if not _fits(values[name], hint):
            raise InputError(
                f"config.game.{name}={values[name]!r} must be of type "
                f"{_type_name(hint)}"
            )
        if typing.get_origin(hint) is tuple:
            values[name] = tuple(values[name])  # JSON has lists
    return kind(**values)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value has a type: bool, int, float, str, a tuple of these, or None."""
    if isinstance(hint, types.UnionType):
        return any(_fits(value, part) for part in typing.get_args(hint))
    if hint is type(None):
        return value is None
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
      **settings: fields that differ from the defaults.

    Raises:
      ValueError: a field is unknown.
      InputError: a value has the wrong type.
    """
    fields = ml_collections.ConfigDict(
        {
            "image_shape": (28, 28, 1),  # of the data
            "likelihood": "bernoulli",  # softmax, or logistic_mixture
            "levels": 2,  # values of a pixel, evenly from 0 to 1
            "blocks": 6,  # residual blocks
            "hidden_channels": 32,
            "kernel": (3, 5),  # rows and columns
            "activation": "relu",  # or gated
            # How it uses a code, if there is one (PixelGAN, appendix A.2): invariant,
            # dependent, input, or several of them.
            "conditioning": (),
            # Of the layers that turn a code into an image (dependent and input).
            "code_units": 1000,
            "code_channels": 1,
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
    """Builds a PixelCNN from the fields of `pixelcnn_config`."""
    fields: dict[str, Any] = dict(pixelcnn_config(**dict(config)))
    for name in ("image_shape", "kernel", "conditioning"):  # JSON has lists
        fields[name] = tuple(fields[name])
    likelihood = pixel_likelihood(fields.pop("likelihood"), fields.pop("levels"))
    return PixelCNN(**fields | {"likelihood": likelihood})
