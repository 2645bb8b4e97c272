"""Consistency of a classifier: what is near x has the class of x."""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp

from adversarial_latent.distributions import Categorical

Classifier = Callable[[chex.Array], chex.Array]

# The direction is looked for this close to x, as a part of the radius: close enough
# for the divergence to be quadratic, and far enough for float32 to see it.
_PROBE = 0.05


def virtual_adversarial_divergence(
    classify: Classifier,
    x: chex.Array,
    logits: chex.Array,
    key: chex.PRNGKey,
    radius: float,
) -> chex.Array:
    """KL(q(y|x) || q(y|x + r)), with r the direction that changes y most.

    Virtual adversarial training (Miyato et al. 2017, algorithm 1, with one iteration
    of the power method): no label is needed. Gradients reach `classify` at x + r only.

    Args:
      classify: logits [B, K] of q(y|x) for x [B, ...].
      x: [B, ...] examples.
      logits: [B, K], what `classify` gives for x.
      key: random key, of the direction to begin with.
      radius: length of r in units of x, over all of an example.

    Returns:
      [B] divergences in nats.
    """
    x, logits = jax.lax.stop_gradient((x, logits))
    clean = Categorical(logits)

    def divergence(step: chex.Array) -> chex.Array:
        noisy = Categorical(classify(x + step))
        return -noisy.log_prob(clean.probabilities) - clean.entropy()

    start = _PROBE * radius * _normalise(jax.random.normal(key, x.shape))
    direction = jax.grad(lambda step: divergence(step).sum())(start)
    return divergence(radius * _normalise(jax.lax.stop_gradient(direction)))


def _normalise(x: chex.Array) -> chex.Array:
    """Scales every example of x [B, ...] to length one; zero stays zero."""
    axes = tuple(range(1, x.ndim))
    square = jnp.square(x).sum(axes, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(square, jnp.finfo(x.dtype).tiny))
