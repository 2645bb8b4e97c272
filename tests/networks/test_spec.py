"""Networks from what a config says: tables, and modules of the reader's own."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adversarial_latent.game import Networks
from adversarial_latent.inputs import InputError
from adversarial_latent.networks.spec import make_network, read_kernel_init
from adversarial_latent.networks.table import Table
from adversarial_latent.networks.table_network import TableNetwork
from tests import toys
from tests.networks import own

KEY = jax.random.key(0)
OWN = "tests.networks.own"
X = np.float32(np.random.default_rng(0).normal(size=(6, 3)))


def _make(spec, **values):
    return make_network(spec, 0.02, **values)


def _init(module):
    """Variables of the network "net" of a game "Toy"."""

    @toys.jit
    def init():
        settings = {"train": False, "initializing": True, "game": "Toy"}
        net = Networks({"net": module}, {}, {}, KEY, **settings)
        net("net", X)
        return net.params, net.model_state

    return init()


def _networks(module, variables, train=False):
    return Networks({"net": module}, *variables, KEY, train=train)


def _evaluate(module, variables=None):
    """Outputs of the network, as it is initialised if there are no variables."""
    variables = variables or _init(module)
    return toys.jit(lambda: _networks(module, variables)("net", X))()


# Tables.


@pytest.mark.parametrize("first", ["", "transposed\n"])
def test_a_table(first):
    text = "x - {k} - - - - - -\ny x {k}+{d} 1 1 - - - -\n"
    table = Table.parse(first + "x - 3 - - - - - -\ny x 3+2 1 1 - - - -")
    for header in ("", toys.HEADER):
        network = make_network(first + header + text, "he", k=3, d=2)
        assert network == TableNetwork(table, "he")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x - 3 - - - -", "row 'x' has 7 cells"),
        ("x - {k} - - - - - -", r"row 'x': cannot read '\{k\}' in column Channels"),
        ("x - {d} - - - - - -", "row 'x': cannot read 'None' in column Channels"),
        ("x - 3 - - - - - -\ny x 3 1 1 - - - GELU", "'GELU' in column Activation"),
        ("", "the table has no rows"),
    ],
)
def test_a_table_that_cannot_be_read(text, message):
    """It is refused at once, not when it is evaluated."""
    with pytest.raises(ValueError, match=message):
        _make(text, d=None)


# Modules of one's own.


@pytest.mark.parametrize(
    "spec",
    [
        f"{OWN}:Encoder(classes={{k}}, dim={{d}}, width=4)",
        f"{OWN}:Encoder(width=4,classes={{k}},dim={{d}},)",
        f"\n  {OWN}:Encoder(\n    classes={{k}},\n    dim={{d}},\n    width=4,\n  )\n",
    ],
)
def test_a_linen_module_with_arguments(spec):
    module = _make(spec, k=5, d=2)
    variables = _init(module)
    outputs = _evaluate(module, variables)
    assert {name: part.shape for name, part in outputs.items()} == {
        "y_mu": (6, 5),
        "y": (6, 5),
        "z": (6, 2),
    }
    written = own.Encoder(classes=5, dim=2, width=4)
    (inner,) = variables[0]["net"].values()
    expected = toys.jit(lambda: written.apply({"params": inner}, X, train=False))()
    for name, part in expected.items():
        np.testing.assert_allclose(outputs[name], part, rtol=1e-5)
    # Kernels are the module's own business.
    assert inner["Dense_0"]["kernel"].std() > 0.1


@pytest.mark.parametrize(
    ("call", "factor"),
    [
        (":Scaled", 1),
        (":Scaled()", 1),
        (":Scaled(factors=3)", 3),
        (":Scaled(factors=-0.5)", -0.5),
        (":Scaled(factors=(2, {d}))", 10),
        (":Outer.Inner(factors={k})", 7),
        (":twice(factor={d})", 10),
    ],
)
def test_arguments_are_literals(call, factor):
    outputs = _evaluate(_make(OWN + call, k=7, d=5))
    np.testing.assert_allclose(outputs["x"], factor * X, rtol=1e-6)


def test_strings_are_arguments_too():
    spec = f"{OWN}:Encoder(classes=2, dim=3, name_of_z='code')"
    assert set(_evaluate(_make(spec))) == {"y_mu", "y", "code"}


def test_random_streams_and_statistics_of_a_linen_module():
    module = _make(f"{OWN}:Noisy")
    variables = _init(module)
    net = _networks(module, variables, train=True)
    one, two = net("net", X), net("net", X)
    for name in ("dropped", "noise"):
        assert not np.array_equal(one[name], two[name])
    assert set(np.unique(np.asarray(one["dropped"]) == 0)) == {False, True}
    np.testing.assert_allclose(one["normed"].mean(0), np.zeros(3), atol=1e-6)
    (before,) = jax.tree.leaves(variables[1], is_leaf=_is_norm)
    (after,) = jax.tree.leaves(net.model_state, is_leaf=_is_norm)
    np.testing.assert_array_equal(before["mean"], np.zeros(3))
    expected = (1 - 0.99**2) * X.mean(0)
    np.testing.assert_allclose(after["mean"], expected, rtol=1e-3)
    still = _evaluate(module, variables)
    np.testing.assert_array_equal(still["dropped"], X)


def _is_norm(tree):
    return isinstance(tree, dict) and set(tree) == {"mean", "var"}


def test_an_nnx_module():
    """By Flax's bridge: with batch statistics, dropout and gradients."""
    module = _make(f"{OWN}:NnxEncoder(inputs=3, width=4, dim={{d}})", d=2)
    assert isinstance(module, nn.Module)
    variables = _init(module)
    assert sum(leaf.size for leaf in jax.tree.leaves(variables[0])) == 16 + 8 + 10
    still = _networks(module, variables)
    outputs = still("net", X)
    assert outputs["z"].shape == (6, 2)
    np.testing.assert_array_equal(outputs["z"], still("net", X)["z"])
    jax.tree.map(np.testing.assert_array_equal, still.model_state, variables[1])

    net = _networks(module, variables, train=True)
    one, two = net("net", X), net("net", X)
    assert not np.array_equal(one["h"], two["h"]), "another dropout mask"
    assert (np.asarray(one["h"]) == 0).any()
    (before,) = jax.tree.leaves(variables[1], is_leaf=_is_norm)
    (after,) = jax.tree.leaves(net.model_state, is_leaf=_is_norm)
    np.testing.assert_array_equal(before["mean"], np.zeros(4))
    assert np.abs(after["mean"]).min() > 0

    @toys.jit
    @jax.grad
    def gradient(params):
        net = _networks(module, (params, variables[1]), train=True)
        return jnp.square(net("net", X)["z"]).mean()

    leaves = jax.tree.leaves(gradient(variables[0]))
    assert all(np.isfinite(leaf).all() for leaf in leaves)
    # A bias below batch norm has no gradient; all others have.
    assert sum(np.abs(leaf).max() > 1e-6 for leaf in leaves) == len(leaves) - 1


# What cannot be.


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("encoder", "'encoder' is neither a table nor the import path of a Flax modul"),
        (
            " own.Encoder() ",
            r"'own.Encoder\(\)' is neither a table nor the import path",
        ),
        (
            "no_such_package.nets:Encoder()",
            "no_such_package.nets:Encoder: cannot be imp",
        ),
        (f"{OWN}_more:Encoder", f"{OWN}_more:Encoder: cannot be imported .*own_more"),
        (f"{OWN}:Decoder()", f"{OWN}:Decoder: cannot be imported .*'Decoder'"),
        (f"{OWN}:Outer.Other", f"{OWN}:Outer.Other: cannot be imported .*'Other'"),
        (".own:Encoder", ".own:Encoder: cannot be imported"),
        (f"{OWN}:CONSTANT", f"{OWN}:CONSTANT is not a class or function"),
        (f"{OWN}:number()", f"{OWN}:number returns int, not a Flax module"),
        (f"{OWN}:Outer", f"{OWN}:Outer: it is not a Flax module"),
        (f"{OWN}:Scaled(factor=1)", f"{OWN}:Scaled: .*'factor'"),
        (f"{OWN}:Encoder(dim=3)", f"{OWN}:Encoder: .*'classes'"),
        (f"{OWN}:Scaled(3)", r"cannot read the arguments '\(3\)'.*only keyword argum"),
        (f"{OWN}:Scaled(*[3])", r"cannot read the arguments '\(\*\[3\]\)'; write them"),
        (f"{OWN}:Scaled(factors=x)", r"cannot read the arguments '\(factors=x\)'"),
        (f"{OWN}:Scaled(factors={{w}})", "cannot read the arguments '.factors={w}.'"),
        (f"{OWN}:Scaled(factors=)", r"cannot read the arguments '\(factors=\)'"),
        (f"{OWN}:Scaled(factors=f(1))", r"cannot read the arguments '\(factors=f\(1"),
        (f"{OWN}:Scaled(factors=1", r"cannot read the arguments '\(factors=1'; write"),
        (Table.parse("x - 1 - - - - - -"), r"such as str\(table\), not Table"),
        (f"{OWN}:Scaled(factors=1)(2)", "cannot read the arguments"),
        (f"{OWN}:Scaled(factors=1)(factors=2)", "cannot read the arguments"),
        (f"{OWN}:Scaled(factors=1)+f(factors=2)", "cannot read the arguments"),
    ],
)
def test_a_spec_that_cannot_be_read(spec, message):
    with pytest.raises(InputError, match=message):
        _make(spec, k=2, d=3)


@pytest.mark.parametrize("name", ["Bare", "NnxBare"])
def test_a_module_that_returns_no_dict(name):
    """Nobody can know before it is evaluated."""
    module = _make(f"{OWN}:{name}()")
    message = f"{OWN}:{name} returns .*; it must return a dict of arrays by name"
    with pytest.raises(InputError, match=message):
        _init(module)


def test_arguments_of_nnx_that_do_not_fit():
    module = _make(f"{OWN}:NnxEncoder(inputs=3, width=4)")
    with pytest.raises(InputError, match=r"network 'net' of the game 'Toy': .*'dim'"):
        _init(module)


# Initial kernels of tables.


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("lecun", "lecun"), ("he", "he"), ("orthogonal", "orthogonal")),
        *(("orthogonal1.4", "orthogonal1.4"), ("0.02", 0.02), ("0", 0)),
        *((0.5, 0.5), (0, 0)),
    ],
)
def test_initial_kernels(value, expected):
    assert read_kernel_init(value) == expected


@pytest.mark.parametrize(
    "value",
    ["xavier", "", "nan", "-1", -0.1, "inf", np.nan, "orthogonal-1", "orthogonal."],
)
def test_unknown_initial_kernels(value):
    with pytest.raises(
        InputError, match=r"config\.game\.kernel_init=.* must be a number"
    ):
        read_kernel_init(value)
