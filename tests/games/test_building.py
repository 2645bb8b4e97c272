"""What a game's config may hold: fields that are read, of their types, in range."""

import dataclasses

import pytest

from adversarial_latent.data import load
from adversarial_latent.experiment import make_experiment
from adversarial_latent.game import Game
from adversarial_latent.games import make_game
from adversarial_latent.games.building import from_config, make_pixelcnn
from adversarial_latent.inputs import InputError
from configs import (
    amm_digits,
    conditional_ali_mnist,
    grid25,
    pixelgan_digits,
    samm_digits,
)


@dataclasses.dataclass(frozen=True)
class NewGame(Game):
    """One that nothing else knows of."""

    steepness: float
    rungs: int
    steep: bool
    pair: tuple[float, float]
    several: tuple[int, ...]


def new_config(**settings):
    config = grid25.get_config("game=gan").game
    for name in ("loss", "penalty", "penalty_weight", "data_scale", "data_shift"):
        del config[name]
    own = {"steepness": 1.0, "rungs": 3, "steep": True, "pair": (1.0, 2.0)}
    config.update(name="new", several=(1, 2, 3), **own)
    for name, value in settings.items():
        if name in config:
            del config[name]
        config[name] = value
    return config


def make_new(config):
    ranges = {"steepness": "(0, 2]"}
    return from_config(NewGame, config, transposed=("generator",), ranges=ranges)


def test_fields_become_attributes():
    game = make_new(new_config(steepness=2))
    assert (game.steepness, game.rungs, game.steep) == (2, 3, True)
    assert set(game.networks) == {"generator", "discriminator"}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("steepness", 0.0, r"config\.game\.steepness=0\.0 must be in \(0, 2\]"),
        ("steepness", "1", r"config\.game\.steepness='1' must be in"),
        ("rungs", 3.0, r"config\.game\.rungs=3\.0 is no int"),
        ("rungs", True, r"config\.game\.rungs=True is no int"),
        ("steep", 1, r"config\.game\.steep=1 is no bool"),
        ("pair", (1.0,), r"config\.game\.pair=\(1\.0,\) is no tuple\[float, float\]"),
        ("several", (1, 2.5), r"several=\(1, 2\.5\) is no tuple\[int, \.\.\.\]"),
        ("several", 1, r"several=1 is no tuple\[int, \.\.\.\]"),
        ("steepnes", 1.0, "no field 'steepnes', only .*; did you mean 'steepness'"),
        ("kernel_init", "nan", "kernel_init is a number or one of .*, not 'nan'"),
        ("kernel_init", "-1", "kernel_init is a number or one of .*, not '-1'"),
        ("kernel_init", "hee", "kernel_init is a number or one of .*, not 'hee'"),
    ],
)
def test_fields_that_a_game_cannot_have(name, value, message):
    with pytest.raises(InputError, match=message):
        make_new(new_config(**{name: value}))


def test_a_field_that_is_missing():
    config = new_config()
    del config["rungs"]
    with pytest.raises(InputError, match=r"config\.game of 'new' lacks \['rungs'\]"):
        make_new(config)


@pytest.mark.parametrize("text", ["", "Name Input", "{}", "{k:99999}", "{0.a}"])
def test_a_table_that_cannot_be_read_is_named(text):
    config = amm_digits.get_config()
    config.game.tables.decoder += text
    if not text:
        config.game.tables.decoder = ""
    with pytest.raises(InputError, match=r"config\.game\.tables\.decoder: "):
        make_game(config.game)


@pytest.mark.parametrize(
    ("module", "name", "value", "message"),
    [
        (conditional_ali_mnist, "balance_weight", 0.1, "infers no y; leave it at 0"),
        (
            samm_digits,
            "labelled_share",
            1.0,
            r"labelled_share=1\.0 must be in \(0, 1\)",
        ),
        (amm_digits, "y_gradient", -0.1, r"y_gradient=-0\.1 must be in \[0, 1\]"),
        (amm_digits, "num_components", 0, "num_components=0 must be in"),
        (grid25, "data_scale", 0.0, r"data_scale=0\.0 must be above 0"),
        (grid25, "features", "nothing", "features='nothing'.*; there are .*h1"),
    ],
)
def test_fields_of_games(module, name, value, message):
    config = module.get_config()
    config.game[name] = value
    with pytest.raises(InputError, match=message):
        make_game(config.game)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("block", 3, r"a PixelCNN has no \['block'\]"),
        (
            "blocks",
            "many",
            r"config\.game\.pixelcnn: Could not override field 'blocks'",
        ),
    ],
)
def test_fields_of_a_pixelcnn(name, value, message):
    fields = pixelgan_digits.get_config().game.pixelcnn.to_dict()
    with pytest.raises(ValueError, match=message):
        make_pixelcnn(fields | {name: value})


def test_a_game_without_tables_is_built_and_fits_no_data():
    config = grid25.get_config("runlocal")
    config.game.tables = {}
    with pytest.raises(ValueError, match="no row or network is called 'generator'"):
        make_experiment(config, load(config.dataset))
