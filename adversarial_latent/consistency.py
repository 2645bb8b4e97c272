"""Regularisers for a classifier that learns without labels.

Predictions are consistent near each example, confident, and balanced over classes.
"""

import dataclasses
from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
import numpy as np

from adversarial_latent.collectives import device_max, device_mean
from adversarial_latent.distributions import Categorical

Classifier = Callable[[chex.Array], chex.Array]

PROBE = 1.5
"""The direction is computed at this distance from x, in units of the distance to the
nearest neighbour in a minibatch. This far out, it points to another class. Close to x,
it does not point to any realistic image (experiments/results/amm/README.md)."""

_BLOCK = 500  # examples whose distances to all others are computed at a time


def virtual_adversarial_divergence(
    classify: Classifier,
    x: chex.Array,
    logits: chex.Array,
    key: chex.PRNGKey,
    radius: float,
    distance: chex.Array | None = None,
    probe: float = PROBE,
) -> chex.Array:
    """KL(q(y|x) || q(y|x + r)), where r is a direction in which q(y|x) changes much.

    This is virtual adversarial training (Miyato et al. 2017, algorithm 1, with one
    power iteration), which needs no labels. The length of r is relative to the distance
    to a neighbour, as in IMSAT (Hu et al. 2017, section 3.3). Gradients flow through
    `classify` at x + r only.

    Args:
      classify: function from x [B, ...] to the logits [B, K] of q(y|x).
      x: [B, ...] examples, at least two.
      logits: [B, K], equal to `classify(x)`.
      key: random key for the initial direction.
      radius: length of r, in units of the distance.
      distance: [B] distances from each x to a neighbour; None for the nearest one in
        the minibatch.
      probe: where the direction is computed, in units of the distance.

    Returns:
      [B] divergences in nats.
    """
    if distance is None:
        distance = nearest_neighbour_distance(x)
    x, logits, distance = jax.lax.stop_gradient((x, logits, distance))
    clean = Categorical(logits)
    distance = distance.reshape((-1,) + (1,) * (x.ndim - 1))

    def divergence(step: chex.Array) -> chex.Array:
        noisy = Categorical(classify(x + step))
        return -noisy.log_prob(clean.probabilities) - clean.entropy()

    start = probe * distance * _normalise(jax.random.normal(key, x.shape))
    direction = jax.grad(lambda step: divergence(step).sum())(start)
    return divergence(radius * distance * _normalise(jax.lax.stop_gradient(direction)))


@dataclasses.dataclass(frozen=True)
class NeighbourDistance:
    """The distance from each example to its n-th nearest neighbour among all examples.

    Attributes:
      number: n, 1 for the nearest.
    """

    number: int

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Computes Euclidean distances, float32 [N], of x [N, ...].

        Raises:
          ValueError: there are fewer than n other examples.
        """
        if len(x) <= self.number:
            raise ValueError(
                f"config.game.consistency_neighbour={self.number} must be less than "
                f"the number of training examples, {len(x)}"
            )
        flat = x.reshape(len(x), -1)
        flat = flat - flat.mean(0)  # so that squares lose less
        square = np.square(flat).sum(1)
        blocks = []
        for start in range(0, len(x), _BLOCK):
            rows = slice(start, start + _BLOCK)
            squares = square[rows, None] + square - 2 * flat[rows] @ flat.T
            own = np.arange(len(squares))
            squares[own, start + own] = -np.inf  # comes first, whatever rounding does
            blocks.append(np.partition(squares, self.number)[:, self.number])
        return np.sqrt(np.maximum(np.concatenate(blocks), 0))


def entropies(logits: chex.Array) -> tuple[chex.Array, chex.Array]:
    """Conditional and marginal entropy of q(y|x) (IMSAT, eq. 7).

    Args:
      logits: [B, K].

    Returns:
      The entropies [B] of q(y|x), and the entropy of its mean over the minibatches of
      all devices, in nats.
    """
    log_q = jax.nn.log_softmax(logits)
    # In log space: the mean of a component that no example has underflows.
    largest = device_max(log_q.max(0))  # [K]
    relative = jnp.exp(log_q - largest[None])
    log_mean = jnp.log(device_mean(relative.mean(0))) + largest
    return Categorical(logits).entropy(), Categorical(log_mean).entropy()


def nearest_neighbour_distance(x: chex.Array) -> chex.Array:
    """Euclidean distance [B] from each example of x [B, ...] to its nearest neighbour.

    Raises:
      ValueError: x has fewer than two examples.
    """
    if len(x) < 2:
        raise ValueError(
            "consistency needs at least two examples per minibatch on each device: "
            "raise config.batch_size, or set config.game.consistency_weight to 0"
        )
    flat = x.reshape(len(x), -1)
    square = jnp.square(flat).sum(1)
    squares = square[:, None] + square[None] - 2 * flat @ flat.T
    squares = jnp.where(jnp.eye(len(x), dtype=bool), jnp.inf, squares)
    return jnp.sqrt(jnp.maximum(squares.min(1), 0.0))


def _normalise(x: chex.Array) -> chex.Array:
    """Scales each example of x [B, ...] to unit length; zero stays zero."""
    axes = tuple(range(1, x.ndim))
    square = jnp.square(x).sum(axes, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(square, jnp.finfo(x.dtype).tiny))
