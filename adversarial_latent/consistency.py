"""A classifier without labels: what is near x has its class, and all classes occur."""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp

from adversarial_latent.distributions import Categorical
from adversarial_latent.parallel import device_mean

Classifier = Callable[[chex.Array], chex.Array]

# The direction is looked for at this distance, in that of the nearest neighbour: from
# far outside, where it points to another class. Right at x it points to nothing that
# an image could be (experiments/results/amm/README.md).
_PROBE = 1.5


def virtual_adversarial_divergence(
    classify: Classifier,
    x: chex.Array,
    logits: chex.Array,
    key: chex.PRNGKey,
    radius: float,
) -> chex.Array:
    """KL(q(y|x) || q(y|x + r)), with r a direction in which y changes much.

    Virtual adversarial training (Miyato et al. 2017, algorithm 1, with one iteration
    of the power method): no label is needed. How far to go is told by the distance to
    the nearest neighbour, as in IMSAT (Hu et al. 2017, section 3.3), in the minibatch
    here. Gradients reach `classify` at x + r only.

    Args:
      classify: logits [B, K] of q(y|x) for x [B, ...].
      x: [B, ...] examples, at least two.
      logits: [B, K], what `classify` gives for x.
      key: random key, of the direction to begin with.
      radius: length of r, as a part of the distance from x to the nearest other
        example.

    Returns:
      [B] divergences in nats.
    """
    x, logits = jax.lax.stop_gradient((x, logits))
    clean = Categorical(logits)
    distance = nearest_neighbour_distance(x).reshape((-1,) + (1,) * (x.ndim - 1))

    def divergence(step: chex.Array) -> chex.Array:
        noisy = Categorical(classify(x + step))
        return -noisy.log_prob(clean.probabilities) - clean.entropy()

    start = _PROBE * distance * _normalise(jax.random.normal(key, x.shape))
    direction = jax.grad(lambda step: divergence(step).sum())(start)
    return divergence(radius * distance * _normalise(jax.lax.stop_gradient(direction)))


def entropies(logits: chex.Array) -> tuple[chex.Array, chex.Array]:
    """How unsure q(y|x) is of x, and how alike it uses the classes (IMSAT, eq. 7).

    Args:
      logits: [B, K].

    Returns:
      The entropies [B] of q(y|x), and that of its mean over the minibatch of all
      devices, in nats.
    """
    q = Categorical(logits)
    mean = Categorical(jnp.log(device_mean(q.probabilities.mean(0))))
    return q.entropy(), mean.entropy()


def nearest_neighbour_distance(x: chex.Array) -> chex.Array:
    """Euclidean distances [B] from examples x [B, ...] to the nearest other of them.

    Raises:
      ValueError: if there is no other.
    """
    if len(x) < 2:
        raise ValueError(
            "consistency needs two examples in a minibatch at least, on each device: "
            "raise config.batch_size, or set config.game.consistency_weight to 0"
        )
    flat = x.reshape(len(x), -1)
    square = jnp.square(flat).sum(1)
    squares = square[:, None] + square[None] - 2 * flat @ flat.T
    squares = jnp.where(jnp.eye(len(x), dtype=bool), jnp.inf, squares)
    return jnp.sqrt(jnp.maximum(squares.min(1), 0.0))


def _normalise(x: chex.Array) -> chex.Array:
    """Scales every example of x [B, ...] to length one; zero stays zero."""
    axes = tuple(range(1, x.ndim))
    square = jnp.square(x).sum(axes, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(square, jnp.finfo(x.dtype).tiny))
