"""The games, one file each: networks, phases and losses."""

from collections.abc import Callable

import ml_collections

from adversarial_latent.config import check_ranges, did_you_mean
from adversarial_latent.game import Game
from adversarial_latent.games import (
    aae,
    adversarial_encoder,
    aim,
    ali,
    alice,
    amm,
    classifier,
    conditional_ali,
    gan,
    infogan,
    information,
    learned_prior,
    pixelcnn,
    pixelgan,
    samm,
    unrolled_gan,
    veegan,
)
from adversarial_latent.inputs import InputError
from adversarial_latent.networks.presets import Recipes, is_preset, read_preset

GAMES: dict[str, Callable[[ml_collections.ConfigDict], Game]] = {
    "aae": aae.make_game,
    "aim": aim.make_game,
    "ali": ali.make_game,
    "alice": alice.make_game,
    "amm": amm.make_game,
    "classifier": classifier.make_game,
    "conditional_ali": conditional_ali.make_game,
    "gan": gan.make_game,
    "infogan": infogan.make_game,
    "information": information.make_game,
    "learned_prior": learned_prior.make_game,
    "pixelcnn": pixelcnn.make_game,
    "pixelgan": pixelgan.make_game,
    "samm": samm.make_game,
    "unrolled_gan": unrolled_gan.make_game,
    "veegan": veegan.make_game,
}

RECIPES: dict[str, Callable[[ml_collections.ConfigDict], Recipes]] = {
    "aae": aae.recipes,
    "aim": aim.recipes,
    "ali": ali.recipes,
    "alice": alice.recipes,
    "amm": amm.recipes,
    "classifier": classifier.recipes,
    "conditional_ali": conditional_ali.recipes,
    "gan": gan.recipes,
    "infogan": infogan.recipes,
    "information": information.recipes,
    "learned_prior": learned_prior.recipes,
    "pixelgan": adversarial_encoder.recipes,  # the decoder is not a table
    "samm": amm.recipes,
    "unrolled_gan": gan.recipes,
    "veegan": ali.recipes,
}
"""The networks of each game that can be presets, see `networks/presets.py`."""


def make_game(config: ml_collections.ConfigDict) -> Game:
    """Builds the game that `config.game` describes.

    Raises:
      InputError: `config.name` is unknown, or a value is out of range.
    """
    check_ranges(config, "config.game")
    if config.name not in GAMES:
        raise InputError(
            f"unknown game {config.name!r}: config.game.name must be one of "
            f"{sorted(GAMES)}" + did_you_mean(str(config.name), GAMES)
        )
    return GAMES[config.name](config)


def use_preset(config: ml_collections.ConfigDict, preset: str) -> None:
    """Makes one preset of all networks of a game.

    Args:
      config: `config.game`, complete but for `networks`; changed in place.
      preset: for example "auto(width=32)".
    """
    config.networks = dict.fromkeys(RECIPES[config.name](config), preset)


def size_networks(
    config: ml_collections.ConfigDict, shape: tuple[int, ...]
) -> ml_collections.ConfigDict:
    """Replaces presets by tables.

    Args:
      config: `config.game`, with tables, modules or presets as `networks`.
      shape: shape of an example, (H, W, C) or (D,).

    Returns:
      A copy of the config without presets.

    Raises:
      InputError: a preset cannot be read, does not fit the shape, or the game has no
        preset of that network.
    """
    config = config.copy_and_resolve_references()
    for name, spec in config.get("networks", {}).items():
        if not is_preset(spec):
            continue
        recipes = RECIPES[config.name](config) if config.name in RECIPES else {}
        where = f"config.game.networks.{name}"
        if name not in recipes:
            raise InputError(
                f"{where}={spec!r}: the game {config.name!r} has presets of "
                f"{', '.join(recipes) or 'no network'} only; write a table"
            )
        try:
            config.networks[name] = str(recipes[name](read_preset(spec, shape)))
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
    return config
