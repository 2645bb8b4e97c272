"""Penalties on a discriminator's gradient with respect to its inputs, per example.

All take a `logit_fn`, which maps a tree of inputs with leading axis [B] to [B] logits.
It processes each example independently, and closes over the discriminator's parameters.
The penalty is differentiable with respect to these, to any order. No gradient reaches
the networks that produced the inputs. Callers multiply by the coefficient (lambda, or
gamma / 2) and take the mean.
"""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp

LogitFn = Callable[[chex.ArrayTree], chex.Array]


def gradient_penalty(
    logit_fn: LogitFn,
    real: chex.ArrayTree,
    fake: chex.ArrayTree,
    key: chex.PRNGKey,
) -> chex.Array:
    """Pulls the input gradient's norm towards one between real and fake examples.

    Eq. 18 of AMM, after Gulrajani et al. 2017: (||grad D(x, y, z)||_2 - 1)^2 at points
    sampled uniformly on straight lines between pairs of examples. D is the logit, and
    the norm is taken over all inputs jointly.

    Args:
      logit_fn: inputs -> [B] logits.
      real: tree of floating-point arrays [B, ...]; (x, y~, z~) for AMM.
      fake: tree of the same structure and shapes; (x~, y, z) for AMM.
      key: random key for one position per example, shared by all inputs.

    Returns:
      [B] penalties. Where the gradient is exactly zero, the penalty is 1 and its
      derivative is defined as zero.

    Raises:
      AssertionError: shapes, structures or types do not match.
    """
    chex.assert_trees_all_equal_shapes(real, fake)
    position = jax.random.uniform(key, (_batch_size(real),))  # [B]

    def between(a: chex.Array, b: chex.Array) -> chex.Array:
        t = position.astype(a.dtype).reshape((-1,) + (1,) * (a.ndim - 1))
        return t * a + (1 - t) * b

    _, squared_norm = _squared_gradient_norm(
        logit_fn, jax.tree.map(between, real, fake)
    )
    # The derivative of sqrt is infinite at 0; multiplied by 0 it would be NaN.
    positive = squared_norm > 0
    norm = jnp.where(positive, jnp.sqrt(jnp.where(positive, squared_norm, 1)), 0)
    return jnp.square(norm - 1)


def jensen_shannon_penalty(
    logit_fn: LogitFn, real: chex.ArrayTree, fake: chex.ArrayTree
) -> chex.Array:
    """Regulariser of the Jensen-Shannon GAN, Roth et al. 2017 (algorithm 1).

    (1 - D(real))^2 ||grad logit(real)||^2 + D(fake)^2 ||grad logit(fake)||^2, with
    D = sigmoid(logit). The paper adds gamma / 2 times the mean of this to D's loss.

    Args:
      logit_fn: inputs -> [B] logits.
      real: tree of floating-point arrays [B, ...].
      fake: tree of the same structure and shapes.

    Returns:
      [B] penalties, each summed over a real and a fake example.

    Raises:
      AssertionError: shapes, structures or types do not match.
    """
    chex.assert_trees_all_equal_shapes(real, fake)
    real_logits, real_squared = _squared_gradient_norm(logit_fn, real)
    fake_logits, fake_squared = _squared_gradient_norm(logit_fn, fake)
    return (
        jnp.square(jax.nn.sigmoid(-real_logits)) * real_squared
        + jnp.square(jax.nn.sigmoid(fake_logits)) * fake_squared
    )


def zero_centered_penalty(logit_fn: LogitFn, inputs: chex.ArrayTree) -> chex.Array:
    """Squared norm of the input gradient, Mescheder et al. 2018.

    This is R1 at real examples, and R2 at fake ones. The paper adds gamma / 2 times its
    mean to D's loss.

    Args:
      logit_fn: inputs -> [B] logits.
      inputs: tree of floating-point arrays [B, ...].

    Returns:
      [B] squared norms over all inputs jointly.

    Raises:
      AssertionError: shapes or types do not match.
    """
    _, squared_norm = _squared_gradient_norm(logit_fn, inputs)
    return squared_norm


def _zero_centered_on_both(
    logit_fn: LogitFn, real: chex.ArrayTree, fake: chex.ArrayTree, key: chex.PRNGKey
) -> chex.Array:
    """Mean of R1 and R2, with one evaluation of the discriminator."""
    del key
    both = jax.tree.map(lambda r, f: jnp.concatenate([r, f]), real, fake)
    return zero_centered_penalty(logit_fn, both).reshape(2, -1).mean(0)


Penalty = Callable[[LogitFn, chex.ArrayTree, chex.ArrayTree, chex.PRNGKey], chex.Array]

PENALTIES: dict[str, Penalty] = {
    "gradient": gradient_penalty,
    "jensen_shannon": lambda logit_fn, real, fake, key: jensen_shannon_penalty(
        logit_fn, real, fake
    ),
    "r1": lambda logit_fn, real, fake, key: zero_centered_penalty(logit_fn, real),
    "zero_centered": _zero_centered_on_both,
}


def penalty(name: str) -> Penalty:
    """Looks up a penalty, a function `(logit_fn, real, fake, key) -> [B]`.

    Raises:
      ValueError: the name is unknown.
    """
    if name not in PENALTIES:
        raise ValueError(f"unknown penalty {name!r}; there are {sorted(PENALTIES)}")
    return PENALTIES[name]


def _batch_size(inputs: chex.ArrayTree) -> int:
    leaves = jax.tree.leaves(inputs)
    chex.assert_type(leaves, float)
    chex.assert_equal_shape_prefix(leaves, 1)
    return leaves[0].shape[0]


def _squared_gradient_norm(
    logit_fn: LogitFn, inputs: chex.ArrayTree
) -> tuple[chex.Array, chex.Array]:
    """Returns [B] logits and [B] squared norms of their input gradients."""
    batch_size = _batch_size(inputs)
    logits, pullback = jax.vjp(logit_fn, jax.lax.stop_gradient(inputs))
    chex.assert_shape(logits, (batch_size,))
    # Examples do not interact, so the gradient of the sum contains that of each.
    (gradients,) = pullback(jnp.ones_like(logits))
    squared = [
        jnp.sum(jnp.square(leaf), axis=tuple(range(1, leaf.ndim)))
        for leaf in jax.tree.leaves(gradients)
    ]
    return logits, sum(squared[1:], start=squared[0])
