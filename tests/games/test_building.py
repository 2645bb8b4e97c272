"""What a game's config may hold: fields that are read, and networks of any kind."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from adversarial_latent.data import load
from adversarial_latent.experiment import make_experiment
from adversarial_latent.game import Game
from adversarial_latent.games import aae, make_game
from adversarial_latent.games.building import from_config, make_pixelcnn
from adversarial_latent.inputs import InputError
from adversarial_latent.networks.spec import ImportedNetwork
from adversarial_latent.networks.table import Table
from adversarial_latent.networks.table_network import TableNetwork
from adversarial_latent.state import create_state
from adversarial_latent.steps import make_train_step
from configs import (
    amm_digits,
    conditional_ali_mnist,
    grid25,
    pixelgan_digits,
    samm_digits,
)
from tests import toys


@dataclasses.dataclass(frozen=True)
class Slope:
    """A part of a game, with settings of its own."""

    steepness: float
    steep: bool


@dataclasses.dataclass(frozen=True)
class NewGame(Game):
    """One that nothing else knows of."""

    slope: Slope
    rungs: int
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
    return from_config(NewGame, config, ranges=ranges)


def test_fields_become_attributes():
    """Those of a part are beside those of the game."""
    game = make_new(new_config(steepness=2))
    assert game.slope == Slope(2, steep=True)
    assert (game.rungs, game.pair, game.several) == (3, (1.0, 2.0), (1, 2, 3))
    assert set(game.modules) == {"generator", "discriminator"}
    assert game.num_components is None


def test_networks_of_a_config():
    decoder = "transposed\n" + toys.HEADER + "y - {k} - - - - - -\nx y {d} 1 1 - - - -"
    call = "tests.networks.own:Encoder(classes={k}, dim={d})"
    config = new_config(kernel_init="0.5", num_components=7, latent_dim=5)
    config.networks = {"decoder": decoder, "encoder": call}
    modules = make_new(config).modules
    table = Table.parse("transposed\ny - 7 - - - - - -\nx y 5 1 1 - - - -")
    assert modules["decoder"] == TableNetwork(table, kernel_init=0.5)
    encoder = modules["encoder"]
    assert isinstance(encoder, ImportedNetwork)
    assert (encoder.inner.classes, encoder.inner.dim) == (7, 5)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("steepness", 0.0, r"config\.game\.steepness=0\.0 must be in \(0, 2\]"),
        ("steepness", "1", r"config\.game\.steepness='1' must be in"),
        ("rungs", 3.0, r"config\.game\.rungs=3\.0 must be of type int"),
        ("rungs", True, r"config\.game\.rungs=True must be of type int"),
        ("steep", 1, r"config\.game\.steep=1 must be of type bool"),
        ("pair", (1.0,), r"game\.pair=\(1\.0,\) must be of type tuple\[float, float\]"),
        (
            "several",
            (1, 2.5),
            r"several=\(1, 2\.5\) must be of type tuple\[int, \.\.\.\]",
        ),
        ("several", 1, r"several=1 must be of type tuple\[int, \.\.\.\]"),
        ("steepnes", 1.0, "no field 'steepnes', only .*; did you mean 'steepness'"),
        ("kernel_init", "nan", "kernel_init='nan' must be a number, or one"),
        ("kernel_init", "-1", "kernel_init='-1' must be a number, or one"),
        ("kernel_init", "hee", "kernel_init='hee' must be a number, or one"),
    ],
)
def test_fields_that_a_game_cannot_have(name, value, message):
    with pytest.raises(InputError, match=message):
        make_new(new_config(**{name: value}))


@pytest.mark.parametrize("name", ["rungs", "networks"])
def test_a_field_that_is_missing(name):
    config = new_config()
    del config[name]
    with pytest.raises(InputError, match=rf"config\.game of 'new' lacks '{name}'"):
        make_new(config)


@pytest.mark.parametrize("name", ["steepness", "steep"])
def test_a_field_of_a_part_that_is_missing(name):
    config = new_config()
    del config[name]
    with pytest.raises(InputError, match=rf"config\.game of 'new' lacks '{name}'"):
        make_new(config)


@pytest.mark.parametrize("text", ["", "Name Input", "{}", "{k:99999}", "{0.a}"])
def test_a_table_that_cannot_be_read_is_named(text):
    config = amm_digits.get_config()
    config.game.networks.decoder += text
    if not text:
        config.game.networks.decoder = ""
    with pytest.raises(InputError, match=r"config\.game\.networks\.decoder: "):
        make_game(config.game)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "decoder",
            "'decoder' is neither a table nor the import path of a Flax module",
        ),
        (
            "tests.networks.own:Decoder()",
            "tests.networks.own:Decoder: cannot be import",
        ),
        ("tests.networks.own:Encoder(3)", r"cannot read the arguments '\(3\)'"),
        ("tests.networks.own:Encoder(k={k})", "tests.networks.own:Encoder: .*'k'"),
    ],
)
def test_a_module_that_cannot_be_built_is_named(spec, message):
    config = amm_digits.get_config()
    config.game.networks.decoder = spec
    message = rf"config\.game\.networks\.decoder: .*{message}"
    with pytest.raises(InputError, match=message):
        make_game(config.game)


@pytest.mark.parametrize(
    ("module", "name", "value", "message"),
    [
        (conditional_ali_mnist, "balance_weight", 0.1, "no field 'balance_weight', on"),
        (
            samm_digits,
            "labelled_share",
            1.0,
            r"labelled_share=1\.0 must be in \(0, 1\)",
        ),
        (amm_digits, "y_gradient", -0.1, r"y_gradient=-0\.1 must be in \[0, 1\]"),
        (amm_digits, "num_components", 0, "num_components=0 must be in"),
        (grid25, "data_scale", 0.0, r"data_scale=0\.0 must be above 0"),
        (grid25, "features", "nothing", "features='nothing'.*, which has .*h1"),
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


def test_a_game_without_networks_is_built_and_fits_no_data():
    config = grid25.get_config("runlocal")
    config.game.networks = {}
    message = r"networks do not fit .*the network 'generator' of the game 'AIM' is miss"
    with pytest.raises(InputError, match=message):
        make_experiment(config, load(config.dataset))


# A module of the reader's own in a game.

AAE_TABLES = {
    "decoder": """
y   -    {k}      -  -  -  -  -  -
z   -    {d}      -  -  -  -  -  -
yz  y|z  {k}+{d}  -  -  -  -  -  -
h   yz   8        1  1  -  -  -  ReLU
x   h    3        1  1  -  -  -  -
""",
    "discriminator_y": "y - {k} - - - - - -\np y 1 1 1 - - - -",
    "discriminator_z": "z - {d} - - - - - -\np z 1 1 1 - - - -",
}


def aae_config(encoder):
    config = aae.default_config()
    config.update(
        priors={"y": {"name": "categorical"}, "z": {"name": "gaussian"}},
        num_components=4,
        latent_dim=2,
        networks={**AAE_TABLES, "encoder": encoder},
    )
    return config


def test_an_encoder_of_the_readers_own_is_trained():
    """With LayerNorm and GELU, which no table has."""
    encoder = "tests.networks.own:Encoder(classes={k}, dim={d}, blocks=1)"
    game = make_game(aae_config(encoder))
    optimizers = toys.sgd(game, 0.05)
    x = np.float32(np.random.default_rng(0).normal(size=(8, 3)))
    create = functools.partial(create_state, game, optimizers, batch={"x": x})
    state = start = toys.jit(create)(jax.random.key(0))
    assert "LayerNorm_0" in str(jax.tree.structure(start.params["encoder"]))
    step = toys.jit(make_train_step(game, optimizers))
    history = []
    for _ in range(30):
        state, metrics = step(state, {"x": x[None]})
        assert np.isfinite(list(metrics.values())).all()
        history.append(metrics)
    for player in game.players:
        assert f"{player.name}/loss" in history[0]
    for name, before in start.params.items():
        for old, new in zip(
            jax.tree.leaves(before), jax.tree.leaves(state.params[name]), strict=True
        ):
            assert not np.array_equal(old, new), name
    assert history[-1]["autoencoder/loss"] < history[0]["autoencoder/loss"]
    net = game.bind(state.params, state.model_state, state.key, train=False)
    code = game.encode(net, x)
    assert {part: value.shape for part, value in code.items()} == {
        "y": (8, 4),
        "z": (8, 2),
    }


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (
            "Encoder(classes={k}, dim={d}, name_of_z='code')",
            "'encoder' of the game 'AAE' has no output 'z', which the game reads; it "
            "has y_mu, y, code",
        ),
        ("Bare()", "own:Bare returns .*; it must return a dict"),
        ("Scaled(factors='two')", "'encoder' of the game 'AAE': "),
    ],
)
def test_an_encoder_that_does_not_fit_the_game(encoder, message):
    game = make_game(aae_config(f"tests.networks.own:{encoder}"))
    batch = {"x": np.zeros((2, 3), np.float32)}
    with pytest.raises(InputError, match=message):
        jax.eval_shape(game.init, jax.random.key(0), batch)
