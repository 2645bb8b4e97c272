"""The games, one file each: networks, phases and losses."""

from collections.abc import Callable

import ml_collections

from adversarial_latent.config import check_ranges, did_you_mean
from adversarial_latent.game import Game
from adversarial_latent.games import (
    aae,
    aim,
    ali,
    alice,
    amm,
    classifier,
    conditional_ali,
    gan,
    learned_prior,
    pixelcnn,
    pixelgan,
    samm,
    unrolled_gan,
    veegan,
)
from adversarial_latent.inputs import InputError

GAMES: dict[str, Callable[[ml_collections.ConfigDict], Game]] = {
    "aae": aae.make_game,
    "aim": aim.make_game,
    "ali": ali.make_game,
    "alice": alice.make_game,
    "amm": amm.make_game,
    "classifier": classifier.make_game,
    "conditional_ali": conditional_ali.make_game,
    "gan": gan.make_game,
    "learned_prior": learned_prior.make_game,
    "pixelcnn": pixelcnn.make_game,
    "pixelgan": pixelgan.make_game,
    "samm": samm.make_game,
    "unrolled_gan": unrolled_gan.make_game,
    "veegan": veegan.make_game,
}


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
