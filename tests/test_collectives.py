"""Averages over devices, and their numbers, on 4 devices and on one."""

import jax.numpy as jnp
import numpy as np
import pytest

from adversarial_latent.collectives import device_index, device_max, device_mean
from adversarial_latent.parallel import Parallel
from tests.test_parallel import devices_agree, no_resident


@pytest.mark.parametrize("mean", [device_mean, lambda tree: tree])
def test_a_forgotten_device_mean_would_be_seen(mean):
    """What `devices_agree` in test_parallel.py is worth."""
    runner = Parallel(1, "batch", "vmap")
    run = runner.compile(lambda state, x: (state + mean(x.mean()), {}), no_resident)
    x = np.arange(8, dtype=np.float32).reshape(1, 1, 1, 8)
    state, _ = run(jnp.zeros(1), {}, runner.split(x))
    assert devices_agree(state) == (mean is device_mean)
    if mean is device_mean:
        np.testing.assert_allclose(state, [3.5])


@pytest.mark.parametrize(("over", "expected"), [("batch", 1.5), ("trials", 0.0)])
def test_devices_that_share_a_batch_have_an_index(over, expected):
    def step(state, x):
        del x
        return state, {"index": device_mean(jnp.float32(device_index()))}

    runner = Parallel(4, over, "vmap")
    x = np.zeros((2, 4, 1, 4), np.float32)
    _, metrics = runner.compile(step, no_resident)(
        runner.place(jnp.zeros(4)), {}, runner.split(x)
    )
    np.testing.assert_array_equal(metrics["index"], np.full((4, 2), expected))


def test_the_largest_value_of_all_devices():
    def step(state, x):
        return state, {"largest": device_max(x.max())}

    runner = Parallel(1, "batch", "vmap")
    x = np.float32([3, 1, 7, 2, 5, 0, 4, 6]).reshape(1, 1, 1, 8)
    run = runner.compile(step, no_resident)
    _, metrics = run(jnp.zeros(1), {}, runner.split(x))
    np.testing.assert_array_equal(metrics["largest"], [[7]])


def test_one_device_means_by_itself():
    assert device_mean({"loss": 2.5}) == {"loss": 2.5}
    assert device_max(2.5) == 2.5
    assert device_index() == 0
