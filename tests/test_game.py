"""Networks in an evaluation: their variables, statistics and random streams."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adversarial_latent.game import Game, Networks, in_one_batch
from adversarial_latent.networks.table import BATCH_NORM_EPSILON, Table
from tests import toys

KEY = jax.random.key(0)
TABLE = """
x  -  2  -  -  -    -    -
h  x  2  -  -  0.5  yes  -
s  h  2  -  -  -    -    ExpN
"""


def _bits(key):
    return tuple(jax.random.key_data(key).tolist())


def test_every_draw_of_every_stream_has_a_key_of_its_own():
    net = Networks({}, {}, {}, KEY, train=True)
    first = [_bits(net.key("z")), _bits(net.key("z")), _bits(net.key("component"))]
    assert len(set(first)) == 3
    again = Networks({}, {}, {}, KEY, train=True)
    # Another order, and a stream more: the draws are the same.
    again.key("new")
    assert _bits(again.key("component")) == first[2]
    assert [_bits(again.key("z")), _bits(again.key("z"))] == first[:2]
    other = Networks({}, {}, {}, jax.random.key(1), train=True)
    assert _bits(other.key("z")) != first[0]


@pytest.fixture(scope="module")
def variables():
    modules = {"net": Table(toys.HEADER + TABLE)}
    net = Networks(modules, {}, {}, KEY, train=False, initializing=True)
    net("net", jnp.ones((1, 2)))
    return modules, net.params, net.model_state


X = np.float32([[1, 2], [3, 4], [7, 0], [0, 0]])


def test_batch_norm_of_several_minibatches_at_once():
    """By hand: less the mean of all four, in units of the deviation of all four."""
    modules = {"net": Table(toys.HEADER + TABLE.replace("0.5", "-"))}
    net = Networks(modules, {}, {}, KEY, train=True, initializing=True)
    first, second = in_one_batch(lambda x: net("net", x)["h"], X[:2], X[2:])
    expected = (X - X.mean(0)) / np.sqrt(X.var(0) + BATCH_NORM_EPSILON)
    np.testing.assert_allclose(np.concatenate([first, second]), expected, rtol=1e-5)


def test_training_collects_statistics_and_draws_anew(variables):
    modules, params, model_state = variables
    net = Networks(modules, params, model_state, KEY, train=True)
    first = net("net", X)
    after_one = net.model_state["net"]["batch_stats"]["h_norm"]["mean"]
    second = net("net", X)
    after_two = net.model_state["net"]["batch_stats"]["h_norm"]["mean"]
    assert not np.array_equal(first["h"], second["h"]), "another dropout mask"
    assert not np.array_equal(first["s"], second["s"]), "another noise"
    assert not np.array_equal(after_one, np.zeros(2))
    assert not np.array_equal(after_one, after_two)
    untouched = model_state["net"]["batch_stats"]["h_norm"]["mean"]
    np.testing.assert_array_equal(untouched, np.zeros(2))


def test_evaluation_changes_no_statistics(variables):
    modules, params, model_state = variables
    net = Networks(modules, params, model_state, KEY, train=False)
    output = net("net", X, noise=False)
    np.testing.assert_allclose(output["h"], X / np.sqrt(1 + 1e-5), rtol=1e-6)
    np.testing.assert_array_equal(output["s"], np.zeros_like(X))
    chex.assert_trees_all_equal(net.model_state, model_state)


def test_initial_parameters_of_a_network_do_not_depend_on_the_others():
    batch = toys.normed_gan_batch(0, 2)
    game = toys.normed_gan()

    class Longer(toys.NormedGan):
        def play(self, net, batch):
            net("first", batch["x"])
            return super().play(net, batch)

    longer = Longer({"first": _identity(), **game.networks})
    params, _ = toys.jit(game.init)(KEY, batch)
    more, _ = toys.jit(longer.init)(KEY, batch)
    for name, tree in params.items():
        chex.assert_trees_all_equal(more[name], tree)
    assert more["first"] == {}


def _identity():
    """A network without parameters."""

    class Identity(nn.Module):
        def __call__(self, x, *, train):
            del train
            return x

    return Identity()


def test_every_network_must_play():
    game = toys.Bilinear({"d": toys.Scalar(1.0), "g": toys.Scalar(2.0), "h": None})
    with pytest.raises(ValueError, match=r"never played in `play`: \['h'\]"):
        game.init(KEY, {"x": jnp.ones(2)})


def test_a_bare_game_has_no_rules():
    game = Game({})
    assert game.num_components is None
    with pytest.raises(NotImplementedError):
        game.play(None, {})
    with pytest.raises(NotImplementedError):
        _ = game.players
