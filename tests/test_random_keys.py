"""Unrolled keys give JAX's own random numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adversarial_latent.random_keys import unrolled

KEY = jax.random.key(2**31 + 3)


@pytest.mark.parametrize(
    "draw",
    [
        lambda key: jax.random.normal(key, (7, 5)),
        lambda key: jax.random.uniform(key),
        lambda key: jax.random.bernoulli(key, 0.3, (3, 1, 2)),
        lambda key: jax.random.randint(key, (9,), 0, 10),
        lambda key: jax.random.permutation(key, 11),
        lambda key: jax.random.bits(key, (5,), jnp.uint8),
        lambda key: jax.random.normal(key, (5,), jnp.bfloat16),
        lambda key: jax.random.key_data(jax.random.split(key, (3, 2))),
        lambda key: jax.random.key_data(jax.random.fold_in(key, 2**32 - 1)),
        lambda key: jax.random.uniform(jax.random.fold_in(key, jnp.int32(7)), (2,)),
    ],
)
def test_the_same_numbers(draw):
    np.testing.assert_array_equal(draw(unrolled(KEY)), draw(KEY))


def test_the_same_numbers_of_64_bits():
    with jax.enable_x64(True):
        key = jax.random.key(3)
        np.testing.assert_array_equal(
            jax.random.bits(unrolled(key), (5,), jnp.uint64),
            jax.random.bits(key, (5,), jnp.uint64),
        )
        drawn = jax.random.normal(unrolled(key), (5,), jnp.float64)
        assert drawn.dtype == np.float64
        np.testing.assert_array_equal(drawn, jax.random.normal(key, (5,), jnp.float64))


def test_keys_are_mapped():
    keys = jax.random.split(KEY, 3)
    draw = jax.vmap(lambda key: jax.random.normal(unrolled(key), (4,)))
    expected = jax.vmap(lambda key: jax.random.normal(key, (4,)))
    np.testing.assert_array_equal(draw(keys), expected(keys))


def test_draws_are_fused():
    draw = jax.jit(lambda key: jax.random.normal(unrolled(key), (64,)))
    # On the CPU, JAX's own keys compile to a loop.
    assert " while(" not in draw.lower(KEY).compile().as_text()


def test_other_keys_are_kept():
    key = jax.random.key(0, impl="rbg")
    assert unrolled(key) is key
    once = unrolled(KEY)
    assert unrolled(once) is once
