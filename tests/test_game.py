"""Networks in an evaluation, their errors, and what games can do."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adversarial_latent.game import (
    Game,
    NetworkOutputs,
    Networks,
    Phase,
    Player,
    in_one_batch,
)
from adversarial_latent.inputs import InputError
from adversarial_latent.networks.table_network import BATCH_NORM_EPSILON
from tests import toys

KEY = jax.random.key(0)
TABLE = """
x  -  2  -  -  -  -    -    -
h  x  2  -  -  -  0.5  yes  -
s  h  2  -  -  -  -    -    ExpN
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
    modules = {"net": toys.table_network(TABLE)}
    net = Networks(modules, {}, {}, KEY, train=False, initializing=True)
    net("net", jnp.ones((1, 2)))
    return modules, net.params, net.model_state


X = np.float32([[1, 2], [3, 4], [7, 0], [0, 0]])


def test_batch_norm_of_several_minibatches_at_once():
    """By hand: less the mean of all four, in units of the deviation of all four."""
    modules = {"net": toys.table_network(TABLE.replace("0.5", "-"))}
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
        def forward(self, net, batch):
            net("first", batch["x"])
            return super().forward(net, batch)

    longer = Longer({"first": _identity(), **game.modules})
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


def test_every_network_must_be_evaluated():
    game = toys.Bilinear({"d": toys.Scalar(1.0), "g": toys.Scalar(2.0), "h": None})
    with pytest.raises(ValueError, match=r"that no phase evaluates: \['h'\]"):
        game.init(KEY, {"x": jnp.ones(2)})


# Outputs of networks.


def test_outputs_are_a_dict_that_names_its_network():
    outputs = NetworkOutputs({"b": jnp.ones(3), "a": jnp.zeros(2)}, "the network 'n'")
    assert outputs == {"b": outputs["b"], "a": outputs["a"]}
    assert list(outputs) == ["b", "a"]
    assert outputs.get("c") is None
    assert "c" not in outputs
    with pytest.raises(InputError, match=r"the network 'n' has no output 'c'.* b, a"):
        _ = outputs["c"]


def test_outputs_pass_through_transformations():
    outputs = NetworkOutputs({"b": jnp.ones(3), "a": jnp.zeros(2)}, "the network 'n'")

    def add_one(outputs):
        assert isinstance(outputs, NetworkOutputs)
        return jax.tree.map(lambda leaf: leaf + 1, outputs)

    for transformed in (add_one(outputs), toys.jit(add_one)(outputs)):
        assert isinstance(transformed, NetworkOutputs)
        assert transformed.network == outputs.network
        assert set(transformed) == {"a", "b"}
        np.testing.assert_array_equal(transformed["a"], np.ones(2))
        np.testing.assert_array_equal(transformed["b"], np.full(3, 2))
        with pytest.raises(InputError, match="the network 'n' has no output 'c'"):
            _ = transformed["c"]
    (path, leaf), _ = jax.tree.flatten_with_path(outputs)[0]
    assert jax.tree_util.keystr(path) == "['a']", "errors of JAX name outputs, too"
    assert leaf is outputs["a"]
    gradient = jax.grad(lambda outputs: (outputs["b"] ** 2).sum())(outputs)
    np.testing.assert_array_equal(gradient["b"], np.full(3, 2))


# Networks that do not fit.


class Reading(toys.Bilinear):
    """A game that reads the output "w" of network "d"."""

    def forward(self, net, batch):
        return {"value": net("d", batch["x"])["w"]}


def _reading(network="d", text="x - 3 - - - - - -\nv x 1 1 1 - - - -"):
    return Reading({network: toys.table_network(text)})


@pytest.mark.parametrize(
    ("game", "message"),
    [
        (
            _reading(),
            r"the network 'd' of the game 'Reading' has no output 'w', which the game "
            "reads; it has x, v",
        ),
        (
            _reading("e"),
            "the network 'd' of the game 'Reading' is missing; the game has the "
            "networks e",
        ),
        (Reading({}), "the network 'd' .* is missing; the game has the networks .none"),
        (
            _reading(text="x - 2 - - - - - -\nw x 1 1 1 - - - -"),
            "the network 'd' of the game 'Reading': row 'x' states 2 channels, but has",
        ),
        (
            _reading(text="x - 3 - - - - - -\ny - 3 - - - - - -\nw x 1 1 1 - - - -"),
            r"the network 'd' of the game 'Reading': the table .*'x', 'y'\],.* got 1",
        ),
        (
            _reading(text="x - 3 - - - - - -\nw x 3 - Max2 - - - -"),
            "the network 'd' of the game 'Reading': .*not enough values to unpack",
        ),
        (
            Reading({"d": nn.Dense(2)}),
            "the network 'd' of the game 'Reading': .*unexpected keyword .*'train'",
        ),
    ],
)
def test_networks_that_do_not_fit_the_game(game, message):
    with pytest.raises(InputError, match=message):
        game.init(KEY, {"x": jnp.ones((2, 3))})


def test_a_missing_output_is_named_in_training_too():
    """Of a network whose own parameters are there."""
    text = "x - 3 - - - - - -\nw x 1 1 1 - - - -"
    params, model_state = _reading(text=text).init(KEY, {"x": jnp.ones((2, 3))})
    game = _reading(text=text.replace("w", "v"))
    params = {"d": {name.replace("w", "v"): p for name, p in params["d"].items()}}
    for train in (True, False):
        net = game.bind(params, model_state, KEY, train=train)
        message = "the network 'd' of the game 'Reading' has no output 'w'"
        with pytest.raises(InputError, match=message):
            toys.jit(lambda net=net: game.forward(net, {"x": jnp.ones((2, 3))}))()
        with pytest.raises(
            InputError, match="the network 'f' of the game 'Reading' is"
        ):
            net("f", jnp.ones((2, 3)))


# Games.


def test_a_bare_game_can_do_nothing():
    game = Game({})
    assert game.num_components is None
    assert game.update_order == "simultaneous"
    assert game.batch_fields == ("x",)
    assert not game.uses_labels
    assert not game.uses_captions
    assert not game.conditional
    assert not game.log_prob_given_code
    with pytest.raises(NotImplementedError):
        game.forward(None, {})
    with pytest.raises(NotImplementedError):
        _ = game.players
    for ability, inputs in INFERENCE.items():
        assert not game.can(ability)
        with pytest.raises(NotImplementedError):
            getattr(game, ability)(None, *inputs)
    assert not game.can("no such ability")


INFERENCE = {
    "encode": (None,),
    "decode": ({},),
    "sample": (3,),
    "styles": (3,),
    "variations": (None,),
    "log_prob": (None,),
    "mixture": (),
}


@pytest.mark.parametrize("ability", INFERENCE)
def test_a_game_can_do_what_it_overrides(ability):
    own = type("Own", (Game,), {ability: lambda self, net, *inputs: None})
    heir = type("Heir", (own,), {})
    for kind in (own, heir):
        assert [name for name in INFERENCE if kind({}).can(name)] == [ability]


@pytest.mark.parametrize(
    ("fields", "labels", "captions"),
    [
        (("x",), False, False),
        (("x", "labelled_x", "label"), True, False),
        (("labelled_x", "label"), True, False),
        (("captioned_x", "caption"), False, True),
    ],
)
def test_what_a_game_learns_from_follows_from_its_fields(fields, labels, captions):
    game = type("Own", (Game,), {"batch_fields": fields})({})
    assert game.uses_labels == labels
    assert game.uses_captions == captions


def test_number_of_components_is_a_field():
    game = toys.bilinear(num_components=4)
    assert game.num_components == 4
    assert toys.bilinear().num_components is None
    with pytest.raises(TypeError, match="positional"):
        Game({}, 4)


def test_phases_give_players_and_outputs_in_their_order():
    class Phases(Game):
        """Two phases, of three players."""

        @property
        def phases(self):
            one = (Player("a", ("d",), None), Player("b", ("g",), None))
            return (
                Phase("first", lambda net, batch: {"one": net("d", batch["x"])}, one),
                Phase(
                    "second",
                    lambda net, batch: {"two": net("g", batch["x"])},
                    (Player("c", ("d",), None),),
                ),
            )

    game = Phases({"d": toys.Scalar(2.0), "g": toys.Scalar(3.0)})
    assert [player.name for player in game.players] == ["a", "b", "c"]
    net = game.bind(*game.init(KEY, {"x": jnp.ones(2)}), KEY, train=False)
    outputs = game.forward(net, {"x": jnp.ones(2)})
    assert list(outputs) == ["one", "two"]
    np.testing.assert_array_equal(outputs["one"], [2, 2])
    np.testing.assert_array_equal(outputs["two"], [3, 3])
