"""Virtual adversarial divergence where the worst direction is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial
import scipy.special
import scipy.stats

from adversarial_latent.collectives import device_mean
from adversarial_latent.consistency import (
    NeighbourDistance,
    entropies,
    nearest_neighbour_distance,
    virtual_adversarial_divergence,
)
from adversarial_latent.parallel import Parallel

KEY = jax.random.key(0)
WEIGHTS = np.float32([[1.0, -2.0, 0.5, 0.0], [0.3, 0.1, -1.0, 2.0]])  # [K, D]


def _points(seed, n=50):
    return np.float32(np.random.default_rng(seed).normal(size=(n, 4)))


def _distances(x):
    distances = scipy.spatial.distance.cdist(x, x)
    np.fill_diagonal(distances, np.inf)
    return distances.min(1)


def classify(x):
    return x @ WEIGHTS.T


def divergence(x, step):
    p, q = (scipy.special.softmax(classify(value), -1) for value in (x, x + step))
    return scipy.special.rel_entr(p, q).sum(-1)


def test_nearest_neighbours():
    x = _points(0)
    np.testing.assert_allclose(nearest_neighbour_distance(x), _distances(x), rtol=1e-3)
    images = x.reshape(50, 2, 2, 1)
    np.testing.assert_allclose(
        nearest_neighbour_distance(images), _distances(x), rtol=1e-3
    )
    np.testing.assert_array_equal(nearest_neighbour_distance(np.ones((2, 4))), [0, 0])
    with pytest.raises(ValueError, match="at least two examples per minibatch"):
        nearest_neighbour_distance(x[:1])


@pytest.mark.parametrize("number", [1, 10])
def test_neighbours_among_all_examples(number):
    x = 100 + _points(0, 1200)  # several blocks, far from the origin
    distances = np.sort(scipy.spatial.distance.cdist(x, x), axis=1)[:, number]
    found = NeighbourDistance(number)(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, distances, rtol=1e-3)
    images = x.reshape(1200, 2, 2, 1)
    np.testing.assert_array_equal(NeighbourDistance(number)(images), found)
    alike = np.ones((number + 1, 3), np.float32)
    np.testing.assert_array_equal(
        NeighbourDistance(number)(alike), np.zeros(len(alike))
    )
    with pytest.raises(ValueError, match=f"neighbour={number} must be less than .*, "):
        NeighbourDistance(number)(alike[1:])


def test_lengths_are_in_units_of_the_distance_that_is_given():
    """The direction of a linear classifier of two classes is the same anywhere."""
    x = _points(0)
    distance = np.float32(np.random.default_rng(1).uniform(0.5, 2, 50))
    value = virtual_adversarial_divergence(
        classify, x, classify(x), KEY, 0.5, distance, probe=0.1
    )
    worst = WEIGHTS[0] - WEIGHTS[1]
    worst = worst / np.linalg.norm(worst) * 0.5 * distance[:, None]
    both = np.stack([divergence(x, worst), divergence(x, -worst)])
    errors = np.abs(both - np.asarray(value)[None])
    np.testing.assert_allclose(errors.min(0), np.zeros(50), atol=1e-4)


def test_entropies_of_a_minibatch_that_devices_share():
    def step(state, logits):
        unsure, alike = entropies(logits[0])
        return state, {"unsure": device_mean(unsure.mean()), "alike": alike}

    logits = 3 * _points(1, n=8)
    runner = Parallel(1, "batch", "vmap")
    run = runner.compile(step, lambda resident, batch: batch)
    _, metrics = run(jnp.zeros(1), {}, runner.split(logits[None, None, None]))
    q = scipy.special.softmax(logits, -1)
    unsure, alike = scipy.stats.entropy(q, axis=1), scipy.stats.entropy(q.mean(0))
    np.testing.assert_allclose(metrics["unsure"], [[unsure.mean()]], rtol=1e-5)
    np.testing.assert_allclose(metrics["alike"], [[alike]], rtol=1e-5)


def test_entropies_of_a_component_that_no_example_has():
    """Its mean probability, exp(-200), is below the smallest float."""
    logits = np.float32([[0, -200, 0], [1, -200, 0]])
    value, gradient = jax.value_and_grad(lambda logits: entropies(logits)[1])(logits)
    mean = scipy.special.softmax(np.float64(logits), -1).mean(0)
    np.testing.assert_allclose(value, scipy.stats.entropy(mean), rtol=1e-5)
    np.testing.assert_allclose(gradient[:, 1], np.zeros(2), atol=1e-6)
    shifted = logits + np.float32([[1e-2, 0, 0], [0, 0, 0]])
    slope = (entropies(shifted)[1] - entropies(logits - (shifted - logits))[1]) / 2e-2
    np.testing.assert_allclose(gradient[0, 0], slope, rtol=1e-3)


@pytest.mark.parametrize("radius", [0.1, 1.0])
def test_worst_direction_of_a_linear_classifier(radius):
    """With two classes y depends on one direction: that between their weights."""
    x = _points(0)
    value = virtual_adversarial_divergence(classify, x, classify(x), KEY, radius)
    worst = WEIGHTS[0] - WEIGHTS[1]
    worst = worst / np.linalg.norm(worst) * radius * _distances(x)[:, None]
    both = np.stack([divergence(x, worst), divergence(x, -worst)])
    # Which of the two signs, is up to the random start.
    errors = np.abs(both - np.asarray(value)[None])
    np.testing.assert_allclose(errors.min(0), np.zeros(50), atol=1e-4)
    assert set(errors.argmin(0)) == {0, 1}
    noise = _points(1)
    noise *= np.linalg.norm(worst, axis=1, keepdims=True) / np.linalg.norm(
        noise, axis=1, keepdims=True
    )
    assert value.mean() > 1.5 * divergence(x, noise).mean()


def test_gradients_reach_the_classifier_at_the_noisy_point_only():
    x = _points(2, 3)

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
    x = np.float32(np.random.default_rng(0).uniform(size=(2, 3, 3, 1)))
    constant = jnp.zeros((2, 5)) + 0.0 * x.sum((1, 2, 3))[:, None]
    value = virtual_adversarial_divergence(lambda x: constant, x, constant, KEY, 1.0)
    np.testing.assert_array_equal(value, np.zeros(2))
