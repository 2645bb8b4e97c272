"""JAX's default random numbers, computed in a way that compilers can fuse.

On the CPU, JAX computes Threefry in a loop over its rounds, which XLA does not fuse
with what is done with the bits. Keys of `unrolled` give the same bits from elementwise
operations, which take about half of the time. Keys are still derived in JAX's way: they
are few, and loops compile faster.
"""

import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.random import define_prng_impl

_THREEFRY = "threefry2x32"
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def unrolled(key: chex.PRNGKey) -> chex.PRNGKey:
    """Returns a key with the same random numbers; keys of other kinds are unchanged."""
    if str(jax.random.key_impl(key)) != _THREEFRY:
        return key
    return jax.random.wrap_key_data(jax.random.key_data(key), impl=_UNROLLED)


def _random_bits(key: chex.Array, width: int, shape: tuple[int, ...]) -> chex.Array:
    """Threefry-2x32 with 20 rounds (Salmon et al. 2011) of the counts (0, i).

    Args:
      key: uint32 [2].
      width: bits of each word; 64 if JAX computes in 64 bits.
      shape: of the result.

    Returns:
      words of that width.
    """
    first, second = key
    keys = (first, second, first ^ second ^ np.uint32(0x1BD11BDA))
    # Flat, as XLA would compute one of several axes before the loop over steps.
    count = jax.lax.iota(np.uint32, math.prod(shape))
    x, y = jnp.full_like(count, first), count + second
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x = x + y
            left = jax.lax.shift_left(y, np.uint32(rotation))
            right = jax.lax.shift_right_logical(y, np.uint32(32 - rotation))
            y = x ^ (left | right)
        x = x + keys[(group + 1) % 3]
        y = y + keys[(group + 2) % 3] + np.uint32(group + 1)
    if width == 64:
        words = (x.astype(np.uint64) << np.uint64(32)) | y.astype(np.uint64)
    else:
        words = (x ^ y).astype(f"uint{width}")
    return words.reshape(shape)


def _default(data: chex.Array) -> chex.PRNGKey:
    return jax.random.wrap_key_data(data, impl=_THREEFRY)


_UNROLLED = define_prng_impl(
    key_shape=(2,),
    seed=lambda seed: jax.random.key_data(jax.random.key(seed, impl=_THREEFRY)),
    split=lambda key, shape: jax.random.key_data(
        jax.random.split(_default(key), shape)
    ),
    random_bits=_random_bits,
    fold_in=lambda key, data: jax.random.key_data(
        jax.random.fold_in(_default(key), data)
    ),
    name=f"{_THREEFRY}_unrolled",
    tag="unrolled",
)
