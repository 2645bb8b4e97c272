"""What a run starts with."""

import functools

import chex
import jax
import numpy as np
import optax
import pytest

from adversarial_latent.game import Phase, Player
from adversarial_latent.state import create_state
from tests import toys

KEY = jax.random.key(3)
BATCH = {"x": np.ones(2, np.float32)}


def _bilinear_with(*players):
    class Game(toys.Bilinear):
        """A game whose players are the given ones."""

    made = tuple(Player(name, trains, None) for name, trains in players)
    Game.phases = (Phase("bilinear", None, made),)
    return Game({"d": toys.Scalar(1.0), "g": toys.Scalar(2.0)})


@pytest.mark.parametrize(
    ("players", "message"),
    [
        ([("d", ("d",)), ("g", ())], r"networks that no player trains: \['g'\]"),
        (
            [("d", ("d",)), ("h", ("g",))],
            r"optimisers are given for \['d', 'g'\], but the players are \['d', 'h'\]",
        ),
    ],
)
def test_players_must_divide_the_networks(players, message):
    optimizers = {"d": optax.sgd(1.0), "g": optax.sgd(1.0)}
    with pytest.raises(ValueError, match=message):
        create_state(_bilinear_with(*players), optimizers, KEY, BATCH)


@pytest.fixture(scope="module")
def state():
    game = toys.normed_gan()
    optimizers = {"discriminator": optax.adam(0.1), "generator": optax.sgd(0.1)}
    batch = toys.normed_gan_batch(0, 4)
    return toys.jit(functools.partial(create_state, game, optimizers, batch=batch))(KEY)


def test_state_before_the_first_step(state):
    assert state.step == 0
    assert state.step.dtype == np.int32
    assert jax.random.key_data(state.key).tolist() == (
        jax.random.key_data(KEY).tolist()
    )
    assert state.params.keys() == {"discriminator", "generator"}
    assert state.ema_params == {}
    mean = state.model_state["generator"]["batch_stats"]["h_norm"]["mean"]
    np.testing.assert_array_equal(mean, np.zeros(5))


def test_optimiser_state_is_of_the_players_own_networks(state):
    momenta = optax.tree.get(state.opt_state["discriminator"], "mu")
    chex.assert_trees_all_equal_shapes(
        momenta, {"discriminator": state.params["discriminator"]}
    )
    assert not jax.tree.leaves(state.opt_state["generator"]), "of plain descent"


def test_moving_average_starts_as_a_copy():
    optimizers = {"d": optax.sgd(1.0), "g": optax.sgd(1.0)}
    state = create_state(toys.bilinear(), optimizers, KEY, BATCH, ema=True)
    chex.assert_trees_all_equal(state.ema_params, state.params)
    for name in ("d", "g"):  # donated together, they must not share memory
        value, average = (
            params[name]["value"].unsafe_buffer_pointer()
            for params in (state.params, state.ema_params)
        )
        assert value != average


def test_initialisation_depends_on_the_key_only():
    game = toys.amm()
    optimizers = {player.name: optax.sgd(1.0) for player in game.players}
    create = toys.jit(functools.partial(create_state, game, optimizers))
    one, same = (
        create(KEY, {"x": toys.images(seed, 2)}).params["encoder"] for seed in (0, 1)
    )
    other = create(jax.random.key(4), {"x": toys.images(0, 2)}).params["encoder"]
    chex.assert_trees_all_equal(one, same)
    assert not np.array_equal(one["y1_kernel"], other["y1_kernel"])
    assert not np.array_equal(one["y1_kernel"], one["z1_kernel"])
