"""Virtual adversarial divergence where the worst direction is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from adversarial_latent.consistency import virtual_adversarial_divergence

KEY = jax.random.key(0)
WEIGHTS = np.float32([[1.0, -2.0, 0.5, 0.0], [0.3, 0.1, -1.0, 2.0]])  # [K, D]


def classify(x):
    return x @ WEIGHTS.T


def divergence(x, step):
    p, q = (scipy.special.softmax(classify(value), -1) for value in (x, x + step))
    return scipy.special.rel_entr(p, q).sum(-1)


@pytest.mark.parametrize("radius", [0.1, 1.0])
def test_worst_direction_of_a_linear_classifier(radius):
    """With two classes y depends on one direction: that between their weights."""
    x = np.float32(np.random.default_rng(0).normal(size=(50, 4)))
    value = virtual_adversarial_divergence(classify, x, classify(x), KEY, radius)
    worst = WEIGHTS[0] - WEIGHTS[1]
    worst *= radius / np.linalg.norm(worst)
    both = np.stack(
        [
            divergence(x, np.tile(worst, (50, 1))),
            divergence(x, np.tile(-worst, (50, 1))),
        ]
    )
    # Which of the two signs, is up to the random start.
    np.testing.assert_allclose(
        np.abs(both - np.asarray(value)[None]).min(0), 0, atol=1e-5
    )
    assert len(set(np.abs(both - np.asarray(value)[None]).argmin(0))) == 2
    noise = np.random.default_rng(1).normal(size=x.shape)
    noise *= radius / np.linalg.norm(noise, axis=1, keepdims=True)
    assert value.mean() > 1.5 * divergence(x, noise).mean()


def test_gradients_reach_the_classifier_at_the_noisy_point_only():
    x = np.float32(np.random.default_rng(2).normal(size=(3, 4)))

    def total(weights, x, logits):
        return virtual_adversarial_divergence(
            lambda x: x @ weights.T, x, logits, KEY, 0.5
        ).sum()

    by_weights, by_x, by_logits = jax.grad(total, argnums=(0, 1, 2))(
        WEIGHTS, x, classify(x)
    )
    assert np.abs(by_weights).max() > 0
    np.testing.assert_array_equal(by_x, np.zeros_like(x))
    np.testing.assert_array_equal(by_logits, np.zeros((3, 2)))


def test_images_and_constant_classifiers():
    x = np.ones((2, 3, 3, 1), np.float32)
    constant = jnp.zeros((2, 5)) + 0.0 * x.sum((1, 2, 3))[:, None]
    value = virtual_adversarial_divergence(lambda x: constant, x, constant, KEY, 1.0)
    np.testing.assert_array_equal(value, np.zeros(2))
