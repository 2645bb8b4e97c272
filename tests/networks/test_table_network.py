"""Networks of tables: what each column does, and AMM's own tables."""

import functools

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adversarial_latent.games import make_game
from adversarial_latent.networks.table import ACTIVATIONS
from adversarial_latent.networks.table_network import BatchNorm
from configs import amm_mnist
from tests import toys
from tests.toys import table_network

KEY = jax.random.key(0)


def _random(seed, *shape):
    return jnp.float32(np.random.default_rng(seed).normal(size=shape))


def _evaluate(text, *inputs, params=None, train=False, **options):
    """Outputs of a table with given parameters, by name."""
    network = table_network(text)
    rngs = {"dropout": jax.random.key(1), "noise": jax.random.key(2)}
    apply = functools.partial(network.apply, train=train, rngs=rngs, **options)
    return toys.jit(apply)({"params": params or {}}, *inputs)


def test_sums_and_concatenations():
    text = """
a  -    2  -  -  -  -  -  -
b  -    2  -  -  -  -  -  -
s  a+b  2  -  -  -  -  -  -
t  a|s  4  -  -  -  -  -  -
"""
    a, b = _random(0, 3, 2), _random(1, 3, 2)
    outputs = _evaluate(text, a, b)
    assert outputs.keys() == {"a", "b", "s", "t"}
    np.testing.assert_array_equal(outputs["s"], a + b)
    np.testing.assert_array_equal(outputs["t"], jnp.concatenate([a, a + b], axis=1))


def test_dense_row_by_hand():
    kernel, bias, x = _random(0, 1, 1, 3, 2), _random(1, 2), _random(2, 5, 3)
    outputs = _evaluate(
        "x - 3 - - - - - -\nh x 2 1 1 - - - Tanh",
        x,
        params={"h_kernel": kernel, "h_bias": bias},
    )
    np.testing.assert_allclose(
        outputs["h"], np.tanh(x @ kernel[0, 0] + bias[None]), rtol=1e-5
    )


def test_maxout_by_hand():
    kernel, bias, x = _random(0, 1, 1, 3, 8), _random(1, 8), _random(2, 5, 3)
    params = {"h_kernel": kernel, "h_bias": bias}
    h = _evaluate("x - 3 - - - - - -\nh x 2 1 1 - - - Maxout4", x, params=params)["h"]
    pieces = np.asarray(x @ kernel[0, 0] + bias[None])
    expected = np.stack([pieces[:, :4].max(1), pieces[:, 4:].max(1)], axis=1)
    np.testing.assert_allclose(h, expected, rtol=1e-5)


def test_width_of_the_whole_image_makes_a_vector_and_back():
    kernel, x = _random(0, 2, 2, 3, 4), _random(1, 5, 2, 2, 3)
    params = {"h_kernel": kernel, "h_bias": jnp.zeros(4)}
    h = _evaluate("x - 3 - - - - - -\nh x 4 2 1 - - - -", x, params=params)["h"]
    np.testing.assert_allclose(
        h, np.einsum("bijc,ijcf->bf", x, kernel), rtol=1e-4, atol=1e-5
    )
    kernel = _random(2, 2, 2, 4, 3)
    params = {"x_kernel": kernel, "x_bias": jnp.ones(3)}
    text = "transposed\nh - 4 - - - - - -\nx h 3 2 1 - - - -"
    x = _evaluate(text, h, params=params)["x"]
    expected = np.einsum("bc,ijcf->bijf", h, kernel) + 1
    np.testing.assert_allclose(x, expected, rtol=1e-4, atol=1e-5)


def test_padding_keeps_the_size():
    text = """
x  -  1  -  -  -     -  -  -
a  x  1  3  1  SAME  -  -  -
b  x  1  3  1  VALID -  -  -
c  x  1  3  1  1     -  -  -
d  x  1  3  1  0     -  -  -
e  x  1  3  1  -     -  -  -
"""
    params = {f"{name}_kernel": jnp.ones((3, 3, 1, 1)) for name in "abcde"}
    params |= {f"{name}_bias": jnp.zeros(1) for name in "abcde"}
    outputs = _evaluate(text, jnp.ones((1, 4, 4, 1)), params=params)
    np.testing.assert_array_equal(outputs["a"][0, 0, :, 0], [4, 6, 6, 4])
    np.testing.assert_array_equal(outputs["b"][0, :, :, 0], np.full((2, 2), 9))
    np.testing.assert_array_equal(outputs["c"], outputs["a"])
    np.testing.assert_array_equal(outputs["d"], outputs["b"])
    np.testing.assert_array_equal(outputs["e"], outputs["b"])


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("Leak0.2", lambda x: np.where(x > 0, x, 0.2 * x)),
        ("Leak.1", lambda x: np.where(x > 0, x, 0.1 * x)),
        ("ReLU", lambda x: np.maximum(x, 0)),
        ("Tanh", np.tanh),
        ("Sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("Softplus", lambda x: np.log1p(np.exp(x))),
        ("Softmax", lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
    ],
)
def test_activations(name, function):
    x = _random(0, 4, 3)
    outputs = _evaluate(f"x - 3 - - - - - -\nh x 3 - - - - - {name}", x)
    np.testing.assert_allclose(outputs["h"], function(np.asarray(x)), rtol=1e-5)


def test_every_activation_is_tested():
    (parameters,) = (
        mark.args[1]
        for mark in test_activations.pytestmark
        if mark.name == "parametrize"
    )
    tested = {name for name, _ in parameters if not name.startswith("Leak")}
    assert tested == set(ACTIVATIONS)


def test_dropout_is_of_what_comes_in_and_in_training_only():
    text = "x - 8 - - - - - -\nh x 1 1 1 - 0.5 - -\nd x 8 - - - 0.25 - -"
    params = {"h_kernel": jnp.ones((1, 1, 8, 1)), "h_bias": jnp.full(1, 100.0)}
    x = jnp.ones((500, 8))
    outputs = _evaluate(text, x, params=params, train=True)
    # Units that come in are dropped or doubled; the output, and its bias, never is.
    doubled = np.asarray(outputs["h"] - 100) / 2
    assert set(np.unique(doubled)) <= set(range(9))
    assert doubled.mean() == pytest.approx(4, abs=5 * np.sqrt(2 / 500))
    kept = np.asarray(outputs["d"]) > 0
    np.testing.assert_allclose(outputs["d"], np.where(kept, 4 / 3, 0), rtol=1e-6)
    assert kept.mean() == pytest.approx(0.75, abs=5 * np.sqrt(0.75 * 0.25 / 4000))
    outputs = _evaluate(text, x, params=params, train=False)
    np.testing.assert_array_equal(outputs["h"], np.full((500, 1), 108))
    np.testing.assert_array_equal(outputs["d"], x)


@pytest.mark.parametrize("shape", [(6, 3), (4, 2, 2, 3)])
def test_batch_norm_equals_flax(shape):
    x = 2 * _random(0, *shape) + 3
    params = {"scale": _random(1, 3), "bias": _random(2, 3)}
    stats = {"mean": _random(3, 3), "var": jnp.square(_random(4, 3))}
    variables = {"params": params, "batch_stats": stats}
    theirs = nn.BatchNorm(momentum=0.99, epsilon=1e-5)
    ours, updates = BatchNorm().apply(variables, x, train=True, mutable=["batch_stats"])
    expected, expected_updates = theirs.apply(
        variables, x, use_running_average=False, mutable=["batch_stats"]
    )
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)
    chex.assert_trees_all_close(updates, expected_updates, rtol=1e-5)
    np.testing.assert_allclose(
        BatchNorm().apply(variables, x, train=False),
        theirs.apply(variables, x, use_running_average=True),
        rtol=1e-4,
        atol=1e-5,
    )
    # And the formula, with the statistics of this batch.
    array = np.asarray(x, np.float64).reshape(-1, 3)
    normed = (array - array.mean(0)) / np.sqrt(array.var(0) + 1e-5)
    normed = normed * np.asarray(params["scale"]) + np.asarray(params["bias"])
    np.testing.assert_allclose(np.reshape(ours, (-1, 3)), normed, rtol=1e-3, atol=1e-4)


def test_batch_norm_with_a_scale_and_no_shift():
    x = 2 * _random(0, 50, 3) + 7
    network = table_network("x - 3 - - - - - -\nh x 3 - - - - scale2.5 -")
    variables = network.init(KEY, x, train=True)
    assert variables["params"]["h_norm"].keys() == {"scale"}
    outputs, _ = network.apply(variables, x, train=True, mutable=["batch_stats"])
    np.testing.assert_allclose(outputs["h"].mean(0), np.zeros(3), atol=1e-4)
    np.testing.assert_allclose(outputs["h"].std(0), np.full(3, 2.5), rtol=1e-4)


def test_initialisation_leaves_the_statistics_alone():
    variables = BatchNorm().init(KEY, jnp.full((4, 2), 7.0), train=True)
    np.testing.assert_array_equal(variables["batch_stats"]["mean"], np.zeros(2))
    np.testing.assert_array_equal(variables["batch_stats"]["var"], np.ones(2))


@pytest.mark.parametrize(("kind", "reduce"), [("Max", np.max), ("Avg", np.mean)])
def test_pooling(kind, reduce):
    x = _random(0, 2, 4, 6, 3)
    pooled = _evaluate(f"x - 3 - - - - - -\nh x 3 - {kind}2 - - - -", x)["h"]
    assert pooled.shape == (2, 2, 3, 3)
    for i, j in np.ndindex(2, 3):
        window = np.asarray(x)[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        np.testing.assert_allclose(pooled[:, i, j], reduce(window, (1, 2)), rtol=1e-6)


def test_pooling_follows_a_convolution_of_stride_one():
    params = {"h_kernel": jnp.ones((2, 2, 1, 1)), "h_bias": jnp.zeros(1)}
    text = "x - 1 - - - - - -\nh x 1 2 Avg2 - - - -"
    outputs = _evaluate(text, jnp.ones((3, 3, 3, 1)), params=params)
    np.testing.assert_array_equal(outputs["h"], np.full((3, 1), 4.0))  # 3 -> 2 -> 1


def test_images_of_vectors():
    network = table_network("v - 12 - - - - - -\nx v 3 - Image2 - - - -")
    v = np.arange(24, dtype=np.float32).reshape(2, 12)
    outputs, variables = network.init_with_output(KEY, v, train=True)
    assert not variables
    np.testing.assert_array_equal(outputs["x"], v.reshape(2, 2, 2, 3))
    with pytest.raises(ValueError, match=r"cannot reshape \(10,\) to 2x2 pixels"):
        table_network("v - 10 - - - - - -\nx v 3 - Image2 - - - -").init(
            KEY, v[:, :10], train=True
        )


def test_images_that_are_not_square():
    text = """
x  -  3   -  -         -  -  -  -
c  x  3   -  Crop2x5   -  -  -  -
f  c  30  -  Flat      -  -  -  -
i  f  3   -  Image2x5  -  -  -  -
"""
    x = np.arange(3 * 6 * 3, dtype=np.float32).reshape(1, 3, 6, 3)
    outputs = _evaluate(text, x)
    np.testing.assert_array_equal(outputs["c"], x[:, :2, :5])
    np.testing.assert_array_equal(outputs["f"], x[:, :2, :5].reshape(1, 30))
    np.testing.assert_array_equal(outputs["i"], outputs["c"])
    with pytest.raises(ValueError, match=r"cannot crop \(2, 6, 3\) to 2x7 pixels"):
        _evaluate(text.replace("Crop2x5", "Crop2x7"), x[:, :2])


@pytest.mark.parametrize("first", ["", "transposed"])
def test_pixels_are_repeated_before_a_convolution(first):
    text = f"""{first}
x  -  2  -  -    -  -  -  -
h  x  2  -  Up2  -  -  -  -
a  x  3  2  Up2  -  -  -  -
b  h  3  2  1    -  -  -  -
"""
    kernel, x = _random(0, 2, 2, 2, 3), _random(1, 2, 3, 4, 2)
    params = {"a_kernel": kernel, "b_kernel": kernel}
    params |= {"a_bias": jnp.ones(3), "b_bias": jnp.ones(3)}
    outputs = _evaluate(text, x, params=params)
    repeated = np.kron(x, np.ones((1, 2, 2, 1), np.float32))
    np.testing.assert_array_equal(outputs["h"], repeated)
    np.testing.assert_array_equal(outputs["a"], outputs["b"])


def test_a_vector_is_one_pixel_to_repeat():
    x = _random(0, 5, 3)
    h = _evaluate("x - 3 - - - - - -\nh x 3 - Up2 - - - -", x)["h"]
    np.testing.assert_array_equal(h, np.broadcast_to(x[:, None, None], (5, 2, 2, 3)))


def test_pooling_that_does_not_fit():
    with pytest.raises(ValueError, match="cannot pool 3x3 pixels by 2"):
        _evaluate("x - 1 - - - - - -\nh x 1 - Max2 - - - -", jnp.ones((1, 3, 3, 1)))


def test_noise_of_a_log_variance():
    text = "x - 2 - - - - - -\ns x 2 - - - - - ExpN\nz x+s 2 - - - - - -"
    x = jnp.broadcast_to(jnp.log(jnp.float32([4, 0.25]))[None], (20000, 2))
    outputs = _evaluate(text, x)
    np.testing.assert_array_equal(outputs["s_log_variance"], x)
    np.testing.assert_allclose(outputs["s"].mean(0), [0, 0], atol=5 * 2 / 141)
    np.testing.assert_allclose(outputs["s"].var(0), [4, 0.25], rtol=5 * 0.01)
    np.testing.assert_array_equal(outputs["z"], x + outputs["s"])
    still = table_network(text).apply({}, x, train=False, noise=False)
    np.testing.assert_array_equal(still["z"], x)
    np.testing.assert_array_equal(still["s_log_variance"], x)


def test_zeros_make_noise_of_unit_variance():
    outputs = _evaluate(
        "x - 3 - - - - - -\ns zeros 2 - - - - - ExpN", jnp.ones((9000, 3))
    )
    np.testing.assert_array_equal(outputs["s_log_variance"], np.zeros((9000, 2)))
    np.testing.assert_allclose(outputs["s"].var(0), np.ones(2), rtol=5 * 0.015)


def test_residual_block():
    text = """
x   -     2  -  -  -  -  -  -
h1  x     3  1  1  -  -  -  ReLU
h2  h1    2  1  1  -  -  -  -
y   x+h2  2  -  -  -  -  -  ReLU
"""
    first, second, x = _random(0, 2, 3), _random(1, 3, 2), _random(2, 5, 2)
    params = {
        "h1_kernel": first[None, None],
        "h1_bias": jnp.zeros(3),
        "h2_kernel": second[None, None],
        "h2_bias": jnp.zeros(2),
    }
    expected = np.maximum(x + np.maximum(x @ first, 0) @ second, 0)
    y = _evaluate(text, x, params=params)["y"]
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


FAN_IN = 4 * 4 * 16


@pytest.mark.parametrize(
    ("kernel_init", "activation", "transposed", "std"),
    [
        (0.02, "ReLU", False, 0.02),
        ("lecun", "ReLU", False, 1 / np.sqrt(FAN_IN)),
        ("he", "ReLU", False, np.sqrt(2 / FAN_IN)),
        ("he", "Leak0.2", False, np.sqrt(2 / FAN_IN)),
        ("he", "Tanh", False, 1 / np.sqrt(FAN_IN)),
        # Each output of a 1x1 map is reached by one of the kernel's pixels.
        ("lecun", "-", True, 1 / np.sqrt(16)),
    ],
)
def test_initial_kernels(kernel_init, activation, transposed, std):
    text = f"x - 16 - - - - - -\nh x 64 4 1 - - - {activation}"
    text = f"transposed\n{text}" if transposed else text
    network = table_network(text, kernel_init=kernel_init)
    init = toys.jit(functools.partial(network.init, train=False))
    params = init(KEY, jnp.ones((1, 4, 4, 16)))["params"]
    # 16384 weights: five standard errors are 2.8 %.
    assert params["h_kernel"].std() == pytest.approx(std, rel=0.028)
    np.testing.assert_array_equal(params["h_bias"], np.zeros(64))


def test_orthogonal_initial_kernels():
    text = "x - 6 - - - - - -\nh x 4 1 1 - - - Tanh"
    for name, gain in (("orthogonal", 1), ("orthogonal1.4", 1.4)):
        network = table_network(text, kernel_init=name)
        init = toys.jit(functools.partial(network.init, train=False))
        kernel = init(KEY, jnp.ones((1, 6)))["params"]["h_kernel"].reshape(6, 4)
        expected = gain**2 * np.eye(4)
        np.testing.assert_allclose(kernel.T @ kernel, expected, atol=1e-5)


def test_a_transposed_layer_keeps_the_variance():
    text = "transposed\nh - 64 - - - - - -\nx h 8 6 1 - - - -"
    network = table_network(text, kernel_init="lecun")
    init = toys.jit(functools.partial(network.init_with_output, train=False))
    outputs, _ = init(KEY, _random(0, 20, 64))
    assert outputs["x"].var() == pytest.approx(1, rel=0.15)


def test_inputs_must_be_those_of_the_table():
    text = "x - 2 - - - - - -\ny - 3 - - - - - -\ns x|y 5 - - - - - -"
    with pytest.raises(ValueError, match=r"takes \['x', 'y'\], got 1 inputs"):
        _evaluate(text, jnp.ones((1, 2)))
    with pytest.raises(ValueError, match="row 'y' states 3 channels, but has shape"):
        _evaluate(text, jnp.ones((1, 2)), jnp.ones((1, 2)))
    with pytest.raises(ValueError, match="row 's' states 4 channels, but has shape"):
        _evaluate(text.replace("5", "4"), jnp.ones((1, 2)), jnp.ones((1, 3)))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_given_rows_replace_those_of_the_last_examples(count):
    text = "x - 2 - - - - - -\ny x 2 - - - - - Tanh\nz y 2 - - - - - ReLU"
    x, y = _random(0, 5, 2), _random(1, count, 2)
    outputs = _evaluate(text, x, given={"y": y})
    expected = np.concatenate([np.tanh(x[: 5 - count]), y])
    np.testing.assert_allclose(outputs["y"], expected, rtol=1e-6)
    np.testing.assert_array_equal(outputs["z"], np.maximum(outputs["y"], 0))
    for name in ("x", "w"):
        message = rf"given rows \['{name}'\] are not computed here"
        with pytest.raises(ValueError, match=message):
            _evaluate(text, x, given={name: y})


def test_rows_that_pass_a_part_of_their_gradient():
    """Everything below such a row is affected, but no value and no other row."""
    text = """
x  -    2  -  -  -  -  -  -
y  x    2  -  -  -  -  -  Tanh
z  x+y  2  -  -  -  -  -  -
w  z|y  4  -  -  -  -  -  -
"""
    x = _random(0, 5, 2)

    def total(x, gradients):
        network = table_network(text)
        outputs = network.apply({"params": {}}, x, train=False, gradients=gradients)
        return outputs["w"].sum()

    slope = 1 - jnp.tanh(x) ** 2  # of y, which w reads twice
    for fraction in (1.0, 0.25, 0.0):
        value, gradient = jax.value_and_grad(total)(x, {"y": fraction})
        np.testing.assert_array_equal(value, total(x, None))
        np.testing.assert_allclose(gradient, 1 + 2 * fraction * slope, rtol=1e-5)
    with pytest.raises(ValueError, match=r"given rows \['x'\] are not computed here"):
        total(x, {"x": 0.5})


# Tables 3-6 of AMM, as configs/amm_mnist.py has them. Only shapes are computed.

BATCH = 2


def _shapes(network, *input_shapes):
    """`(shapes of parameters, shapes of outputs by name)` without computing either."""
    inputs = [
        jax.ShapeDtypeStruct((BATCH, *shape), "float32") for shape in input_shapes
    ]
    rngs = {name: KEY for name in ("params", "dropout", "noise")}
    evaluate = functools.partial(network.init_with_output, rngs, train=True)
    outputs, variables = jax.eval_shape(evaluate, *inputs)
    shapes = {name: output.shape[1:] for name, output in outputs.items()}
    return variables.get("params", {}), shapes


def _networks(argument):
    return make_game(amm_mnist.get_config(argument).game).modules


def _size(params):
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def _conv(width, inputs, outputs):
    """Number of weights and biases of a convolution."""
    return width * width * inputs * outputs + outputs


# What an image goes through: widths 2, 3, 3, 3, 4.
IMAGE_TOWER = (
    _conv(2, 1, 32)
    + _conv(3, 32, 32)
    + _conv(3, 32, 64)
    + _conv(3, 64, 64)
    + _conv(4, 64, 128)
)


@pytest.mark.parametrize("factorization", [6, 7, 15])
def test_table_3(factorization):
    encoder = _networks(f"factorization={factorization}")["encoder"]
    params, shapes = _shapes(encoder, (28, 28, 1))
    sizes = {1: (27, 27, 32), 2: (13, 13, 32), 3: (6, 6, 64), 4: (4, 4, 64), 5: (128,)}
    for layer, shape in sizes.items():
        for tower in "yz":
            assert shapes[f"{tower}{layer}"] == shape
            assert shapes[f"{tower}{layer}a"] == shape
    assert shapes["y"] == shapes["y_sigma_log_variance"] == (10,)
    assert shapes["z"] == shapes["z_sigma_log_variance"] == (64,)
    batch_norm = 2 * (32 + 32 + 64 + 64 + 128)
    heads = 2 * _conv(1, 128, 10) + 2 * _conv(1, 128, 64)
    # Towers are joined by sums, which take no parameters.
    z_from_y = _conv(1, 128 + 10, 128) + 2 * 128 if factorization == 6 else 0
    assert 2 * (IMAGE_TOWER + batch_norm) + heads == 412436
    assert _size(params) == 412436 + z_from_y


@pytest.mark.parametrize(
    ("prior", "size"),
    [
        ("unit", 704 + 4160 + 2 * 128 + 4160),
        ("learned", 704 + 4160 + 2 * 128 + 2 * 4160),
        ("per_component", 2 * 704),
        ("separated", 2 * 640),
        ("fixed", 0),
        ("independent", 0),
    ],
)
def test_table_4(prior, size):
    params, shapes = _shapes(_networks(f"prior={prior}")["prior"], (10,))
    assert _conv(1, 10, 64) == 704
    assert _conv(1, 64, 64) == 4160
    assert _size(params) == size
    assert shapes["z"] == shapes["z_mu"] == shapes["z_sigma_log_variance"] == (64,)


def test_table_5():
    params, shapes = _shapes(_networks(None)["decoder"], (10,), (64,))
    sizes = {
        1: (128,),
        2: (4, 4, 64),
        3: (6, 6, 64),
        4: (13, 13, 32),
        5: (27, 27, 32),
        6: (28, 28, 1),
    }
    for layer, shape in sizes.items():
        for tower in "yz":
            assert shapes[f"{tower}{layer}"] == shape
    assert shapes["x"] == (28, 28, 1)
    tower = (
        _conv(4, 128, 64)
        + _conv(3, 64, 64)
        + _conv(3, 64, 32)
        + _conv(3, 32, 32)
        + _conv(2, 32, 1)
        + 2 * (128 + 64 + 64 + 32 + 32)  # batch norm
    )
    assert _size(params) == _conv(1, 10, 128) + _conv(1, 64, 128) + 2 * tower == 402818


def test_table_6():
    discriminator = _networks(None)["discriminator"]
    params, shapes = _shapes(discriminator, (28, 28, 1), (10,), (64,))
    assert [shapes[f"x{layer}"] for layer in range(1, 6)] == [
        (27, 27, 32),
        (13, 13, 32),
        (6, 6, 64),
        (4, 4, 64),
        (128,),
    ]
    assert shapes["p0"] == (128 + 64 + 64,)
    assert shapes["p"] == (1,)
    y_and_z = _conv(1, 10, 64) + 3 * _conv(1, 64, 64)
    head = 2 * _conv(1, 256, 256) + _conv(1, 256, 1)
    assert _size(params) == IMAGE_TOWER + y_and_z + head == 341057
