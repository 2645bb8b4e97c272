"""JAX's default random numbers, computed in a way that compilers can optimise.

On the CPU, JAX computes Threefry in loops, to which XLA applies neither fusion nor the
elimination of common subexpressions. Keys of `unrolled` give the same bits as JAX's
from elementwise operations. A train step spends half as much time on its noise then,
and noise that several players of a phase need is computed once.
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


def _threefry(key: chex.Array, count: chex.Array) -> tuple[chex.Array, chex.Array]:
    """Threefry-2x32 with 20 rounds (Salmon et al. 2011) of the counts (0, `count`).

    Args:
      key: uint32 [2].
      count: uint32 [...].

    Returns:
      two words, uint32 [...].
    """
    first, second = key
    keys = (first, second, first ^ second ^ np.uint32(0x1BD11BDA))
    x, y = jnp.full_like(count, keys[0]), count + keys[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x = x + y
            left = jax.lax.shift_left(y, np.uint32(rotation))
            right = jax.lax.shift_right_logical(y, np.uint32(32 - rotation))
            y = x ^ (left | right)
        x = x + keys[(group + 1) % 3]
        y = y + keys[(group + 2) % 3] + np.uint32(group + 1)
    return x, y


def _seed(seed: chex.Array) -> chex.Array:
    return jnp.stack([jnp.zeros((), np.uint32), seed.astype(np.uint32)])


def _fold_in(key: chex.Array, data: chex.Array) -> chex.Array:
    return jnp.stack(_threefry(key, data.astype(np.uint32)))


def _split(key: chex.Array, shape: tuple[int, ...]) -> chex.Array:
    words = jnp.stack(_threefry(key, _count(shape)), axis=-1)
    return words.reshape(*shape, 2)


def _random_bits(key: chex.Array, width: int, shape: tuple[int, ...]) -> chex.Array:
    if width > 32:
        raise NotImplementedError(f"random words of {width} bits")
    first, second = _threefry(key, _count(shape))
    return (first ^ second).astype(f"uint{width}").reshape(shape)


def _count(shape: tuple[int, ...]) -> chex.Array:
    # Flat, as XLA would compute one of several axes before the loop over steps.
    return jax.lax.iota(np.uint32, math.prod(shape))


_UNROLLED = define_prng_impl(
    key_shape=(2,),
    seed=_seed,
    split=_split,
    random_bits=_random_bits,
    fold_in=_fold_in,
    name=f"{_THREEFRY}_unrolled",
    tag="unrolled",
)
