"""Residual blocks: what they compute, and of which size."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adversarial_latent.networks import blocks
from adversarial_latent.networks.table import Table
from adversarial_latent.networks.table_network import TableNetwork
from tests import toys

KEY = jax.random.key(0)


def _evaluate(table, x):
    """Parameters, and outputs by name, of an initialised network."""
    network = TableNetwork(table, "he")
    init = functools.partial(network.init_with_output, train=False)
    outputs, variables = toys.jit(init)(KEY, x)
    return variables["params"], outputs


@pytest.mark.parametrize(
    ("block", "first", "size", "widths"),
    [
        (blocks.residual, "", 8, {"a": 3, "b": 3}),
        (blocks.down, "", 4, {"a": 3, "b": 3, "s": 1}),
        (blocks.up, "transposed\n", 16, {"a": 4, "b": 3, "s": 1}),
    ],
    ids=["residual", "down", "up"],
)
def test_sizes(block, first, size, widths):
    channels = 6 if block is blocks.residual else 10
    table = Table.parse(first + "x - 6 - - - - - -").append(block("h", "x", channels))
    params, outputs = _evaluate(table, jnp.ones((2, 8, 8, 6)))
    assert outputs["h"].shape == (2, size, size, channels)
    assert {name: leaf.shape[0] for name, leaf in params.items() if leaf.ndim == 4} == {
        f"h{row}_kernel": width for row, width in widths.items()
    }
    assert [row.name for row in table.rows] == [
        "x",
        *(f"h{row}" for row in widths),
        "h",
    ]
    assert table.rows[-1].activation == "ReLU"


@pytest.mark.parametrize("rows", [7, 1])
@pytest.mark.parametrize(
    ("block", "first"), [(blocks.down, ""), (blocks.up, "transposed\n")]
)
def test_both_ways_have_the_same_size(block, first, rows):
    """Of images of any height and width, so that they can be added."""
    table = Table.parse(first + "x - 2 - - - - - -").append(block("h", "x", 3))
    _, outputs = _evaluate(table, jnp.ones((1, rows, 5, 2)))
    sizes = (-(-rows // 2), 3) if block is blocks.down else (2 * rows, 10)
    assert outputs["h"].shape == (1, *sizes, 3)


def test_a_block_adds_its_input():
    table = Table.parse("x - 4 - - - - - -").append(blocks.residual("h", "x", 4))
    x = jnp.float32(np.random.default_rng(0).normal(size=(2, 5, 5, 4)))
    params, outputs = _evaluate(table, x)
    network = TableNetwork(table)
    nothing = {**params, "hb_kernel": jnp.zeros_like(params["hb_kernel"])}
    still = network.apply({"params": nothing}, x, train=False)
    np.testing.assert_array_equal(still["h"], jnp.maximum(x, 0))
    np.testing.assert_allclose(
        outputs["h"], np.maximum(x + outputs["hb"], 0), rtol=1e-6
    )
    assert (np.asarray(outputs["hb"]) >= 0).all()


@pytest.mark.parametrize(
    ("block", "first", "resize"),
    [
        (blocks.down, "", lambda x: x[:, ::2, ::2]),
        (blocks.up, "transposed\n", lambda x: x.repeat(2, 1).repeat(2, 2)),
    ],
    ids=["down", "up"],
)
def test_the_way_past_a_block_takes_or_repeats_pixels(block, first, resize):
    table = Table.parse(first + "x - 2 - - - - - -").append(block("h", "x", 3))
    x = jnp.float32(np.random.default_rng(0).normal(size=(2, 6, 6, 2)))
    params, outputs = _evaluate(table, x)
    expected = np.asarray(resize(x)) @ np.asarray(params["hs_kernel"])[0, 0]
    np.testing.assert_allclose(outputs["hs"], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        outputs["h"], np.maximum(outputs["hs"] + outputs["hb"], 0), rtol=1e-5
    )


def test_blocks_follow_each_other():
    table = (
        Table.parse("x - 4 - - - - - -")
        .append(blocks.residual("a", "x", 4), blocks.down("b", "a", 8))
        .insert_after("b", blocks.residual("c", "b", 8))
    )
    _, outputs = _evaluate(table, jnp.ones((1, 8, 8, 4)))
    assert outputs["c"].shape == (1, 4, 4, 8)
