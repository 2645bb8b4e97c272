"""Distributions against SciPy, and samples against their moments.

Sampled means are compared within five standard errors: with the fixed keys used here
a correct sampler passes, and a wrong mean or scale is many standard errors away.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
from jax.test_util import check_grads

from adversarial_latent.distributions import (
    Categorical,
    Gaussian,
    GaussianMixture,
)

KEY = jax.random.key(0)
N = 20_000
MEAN = np.array([[0.5, -1.0, 2.0], [0.0, 3.0, -0.2]])
LOG_VARIANCE = np.array([[0.0, -1.5, 1.0], [0.4, -3.0, 0.7]])
LOGITS = np.array([[0.3, -1.2, 2.0, 0.0], [5.0, 0.0, -5.0, 1.0]])


def _call(function, *args):
    """Calls a function compiled, as games do; op by op, tests are slow."""
    return jax.jit(function)(*args)


def _draw(distribution):
    """Returns N samples, [N, ...]."""
    return np.asarray(_call(lambda d: d.sample(KEY, (N,)), distribution))


def _assert_mean(samples, expected):
    """Compares the mean over the first axis within five standard errors."""
    samples = np.asarray(samples, np.float64)
    error = samples.std(axis=0) / np.sqrt(len(samples))
    np.testing.assert_array_less(
        np.abs(samples.mean(axis=0) - expected), 5 * error + 1e-6
    )


@pytest.fixture
def gaussian():
    return Gaussian(jnp.float32(MEAN), jnp.float32(LOG_VARIANCE))


@pytest.fixture
def mixture():
    return GaussianMixture(
        logits=jnp.float32([0.0, 1.0, -0.5]),
        mean=jnp.float32([[0.0, 0.0], [2.0, -1.0], [-1.5, 1.0]]),
        log_variance=jnp.float32([[0.0, 0.0], [-1.0, 0.5], [0.3, -2.0]]),
    )


def test_gaussian_log_prob_is_scipys(gaussian):
    value = np.array([[0.0, -1.1, 4.0], [1.0, 2.5, 0.0]])
    expected = scipy.stats.norm.logpdf(value, MEAN, np.exp(LOG_VARIANCE / 2)).sum(-1)
    np.testing.assert_allclose(
        _call(Gaussian.log_prob, gaussian, jnp.float32(value)), expected, rtol=1e-5
    )
    by_matrix = [
        scipy.stats.multivariate_normal(m, np.diag(np.exp(v))).logpdf(x)
        for m, v, x in zip(MEAN, LOG_VARIANCE, value, strict=True)
    ]
    np.testing.assert_allclose(expected, by_matrix)


def test_gaussian_entropy_and_divergence(gaussian):
    scale = np.exp(LOG_VARIANCE / 2)
    entropy = scipy.stats.norm(MEAN, scale).entropy().sum(-1)
    np.testing.assert_allclose(_call(Gaussian.entropy, gaussian), entropy, rtol=1e-5)
    # KL = -entropy - E[log N(z; 0, 1)], and E[z^2] = mean^2 + variance.
    cross_entropy = 0.5 * (np.log(2 * np.pi) + MEAN**2 + scale**2).sum(-1)
    np.testing.assert_allclose(
        _call(Gaussian.kl_to_standard_normal, gaussian),
        cross_entropy - entropy,
        rtol=1e-5,
    )
    standard = Gaussian(jnp.zeros((1, 3)), jnp.zeros((1, 3)))
    np.testing.assert_array_equal(standard.kl_to_standard_normal(), [0.0])


def test_gaussian_samples(gaussian):
    samples = _draw(gaussian)
    assert samples.shape == (N, 2, 3)
    _assert_mean(samples, MEAN)
    _assert_mean((np.asarray(samples) - MEAN) ** 2, np.exp(LOG_VARIANCE))
    assert gaussian.sample(KEY).shape == (2, 3)


def test_gaussian_sample_is_reparametrised(gaussian):
    noise = (gaussian.sample(KEY) - gaussian.mean) / jnp.exp(gaussian.log_variance / 2)
    gradient = _call(jax.grad(lambda g: g.sample(KEY).sum()), gaussian)
    np.testing.assert_allclose(gradient.mean, np.ones((2, 3)))
    np.testing.assert_allclose(
        gradient.log_variance,
        0.5 * np.exp(LOG_VARIANCE / 2) * np.asarray(noise),
        rtol=1e-4,
    )


def test_gaussian_gradients(gaussian):
    value = jnp.float32(MEAN + 0.7)
    check_grads(
        jax.jit(lambda g, v: g.log_prob(v) + g.entropy() + g.kl_to_standard_normal()),
        (gaussian, value),
        order=1,
        modes=("rev",),
        atol=2e-2,
        rtol=2e-2,
    )


def test_gaussian_is_finite_at_extreme_variances():
    mean = jnp.zeros((2, 1))
    gaussian = Gaussian(mean, jnp.array([[-100.0], [80.0]]))
    value, gradient = _call(
        jax.value_and_grad(lambda g: g.log_prob(mean).sum()), gaussian
    )
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient.mean))
    assert np.all(np.isfinite(gradient.log_variance))


def test_gaussian_refuses_shapes_that_would_broadcast(gaussian):
    with pytest.raises(AssertionError, match="rank"):
        gaussian.log_prob(jnp.zeros(3))
    with pytest.raises(AssertionError, match="shape"):
        gaussian.log_prob(jnp.zeros((2, 1)))
    with pytest.raises(AssertionError, match="shape"):
        Gaussian(jnp.zeros((2, 3)), jnp.zeros((1, 3))).sample(KEY)


def _scipy_joint(mixture, z):
    """Returns log p(z|y=k) and log p(z|y=k) + log p(y=k), both [B, K]."""
    prior = scipy.special.log_softmax(np.asarray(mixture.logits, np.float64))
    conditional = np.stack(
        [
            scipy.stats.multivariate_normal(
                np.asarray(m, np.float64), np.diag(np.exp(np.asarray(v, np.float64)))
            ).logpdf(z)
            for m, v in zip(mixture.mean, mixture.log_variance, strict=True)
        ],
        axis=-1,
    )
    return conditional, conditional + prior


def test_mixture_densities_are_scipys(mixture):
    z = np.random.default_rng(0).normal(size=(6, 2)) * 2
    conditional, joint = _scipy_joint(mixture, z)
    found = jnp.float32(z)
    np.testing.assert_allclose(
        _call(GaussianMixture.component_log_prob, mixture, found),
        conditional,
        rtol=1e-4,
    )
    np.testing.assert_allclose(
        _call(GaussianMixture.log_prob, mixture, found),
        scipy.special.logsumexp(joint, axis=-1),
        rtol=1e-4,
    )
    np.testing.assert_allclose(
        _call(GaussianMixture.posterior, mixture, found),
        scipy.special.softmax(joint, axis=-1),
        rtol=1e-3,
    )
    assert mixture.num_components == 3


def test_mixture_posterior_of_two_components_is_a_sigmoid():
    # N(-1, 1) and N(1, 1) with odds 3:1; the log-odds at z are log 3 - 2 z.
    mixture = GaussianMixture(
        jnp.log(jnp.array([0.75, 0.25])), jnp.array([[-1.0], [1.0]]), jnp.zeros((2, 1))
    )
    z = np.array([-1.0, 0.0, 0.5, 3.0])
    expected = scipy.special.expit(np.log(3) - 2 * z)
    np.testing.assert_allclose(
        _call(GaussianMixture.posterior, mixture, jnp.float32(z[:, None]))[:, 0],
        expected,
        rtol=1e-5,
    )
    np.testing.assert_allclose(mixture.probabilities, [0.75, 0.25], rtol=1e-6)


def test_mixture_is_finite_far_from_every_component(mixture):
    z = jnp.full((1, 2), 1e4)

    def total(mixture):
        return mixture.log_prob(z).sum() + mixture.posterior(z)[:, 0].sum()

    value, gradient = _call(jax.value_and_grad(total), mixture)
    assert np.isfinite(value)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


def test_mixture_samples(mixture):
    z, component = jax.jit(lambda m: m.sample(KEY, N))(mixture)
    assert z.shape == (N, 2)
    assert component.dtype == jnp.int32
    _assert_mean(np.eye(3)[component], np.asarray(mixture.probabilities))
    for k in range(3):
        members = np.asarray(z)[np.asarray(component) == k]
        _assert_mean(members, np.asarray(mixture.mean[k]))
        _assert_mean(
            (members - np.asarray(mixture.mean[k])) ** 2,
            np.exp(np.asarray(mixture.log_variance[k])),
        )


def test_mixture_component_is_the_conditional(mixture):
    component = mixture.component(jnp.array([2, 0, 2]))
    np.testing.assert_array_equal(
        component.mean, np.asarray(mixture.mean)[np.array([2, 0, 2])]
    )
    z = jnp.array([[0.1, 0.2], [1.0, -1.0], [0.5, 0.5]])
    np.testing.assert_allclose(
        component.log_prob(z),
        np.asarray(_call(GaussianMixture.component_log_prob, mixture, z))[
            np.arange(3), [2, 0, 2]
        ],
        rtol=1e-5,
    )
    # Each draw moves its own component's mean: twice 2, once 0, never 1.
    gradient = _call(
        jax.grad(lambda m: m.component(jnp.array([2, 0, 2])).sample(KEY).sum()), mixture
    )
    np.testing.assert_array_equal(gradient.mean, [[1, 1], [0, 0], [2, 2]])


def test_mixture_gradients(mixture):
    z = jnp.array([[0.1, 0.2], [1.0, -1.0]])
    check_grads(
        jax.jit(lambda m, v: (m.log_prob(v), m.posterior(v))),
        (mixture, z),
        order=1,
        modes=("rev",),
        atol=2e-2,
        rtol=2e-2,
    )


def test_mixture_refuses_a_single_point(mixture):
    with pytest.raises(AssertionError, match="rank"):
        mixture.log_prob(jnp.zeros(2))


def test_categorical_is_scipys():
    categorical = Categorical(jnp.float32(LOGITS))
    probabilities = scipy.special.softmax(LOGITS, axis=-1)
    np.testing.assert_allclose(categorical.probabilities, probabilities, rtol=1e-5)
    np.testing.assert_allclose(
        _call(Categorical.entropy, categorical),
        scipy.stats.entropy(probabilities, axis=-1),
        rtol=1e-5,
    )
    one_hot = jnp.array([[0.0, 1, 0, 0], [0, 0, 1, 0]])
    np.testing.assert_allclose(
        _call(Categorical.log_prob, categorical, one_hot),
        np.log([probabilities[0, 1], probabilities[1, 2]]),
        rtol=1e-5,
    )


def test_categorical_samples():
    categorical = Categorical(jnp.float32(LOGITS))
    samples = _draw(categorical)
    assert samples.shape == (N, 2, 4)
    np.testing.assert_array_equal(np.unique(samples), [0, 1])
    np.testing.assert_array_equal(np.sum(samples, axis=-1), 1)
    _assert_mean(samples, scipy.special.softmax(LOGITS, axis=-1))
    np.testing.assert_array_equal(
        np.argmax(samples, axis=-1),
        _call(lambda c: c.sample_index(KEY, (N,)), categorical),
    )
    assert categorical.sample(KEY).shape == (2, 4)


def test_categorical_is_finite_at_confident_logits():
    logits = jnp.array([[100.0, -100.0, 0.0]])
    value = jnp.array([[0.0, 1.0, 0.0]])

    def total(logits):
        categorical = Categorical(logits)
        return categorical.log_prob(value).sum() + categorical.entropy().sum()

    found, gradient = _call(jax.value_and_grad(total), logits)
    assert float(found) == pytest.approx(-200.0)
    np.testing.assert_allclose(gradient, [[-1.0, 1.0, 0.0]], atol=1e-6)


def test_categorical_gradients():
    check_grads(
        jax.jit(
            lambda v: (
                Categorical(v).entropy(),
                Categorical(v).log_prob(jnp.eye(4)[:2]),
            )
        ),
        (jnp.float32(LOGITS),),
        order=1,
        modes=("rev",),
        atol=1e-2,
        rtol=1e-2,
    )


def test_categorical_refuses_class_numbers():
    with pytest.raises(AssertionError, match="shape"):
        Categorical(jnp.zeros((2, 4))).log_prob(jnp.zeros(2))


def test_distributions_pass_through_vmap(mixture):
    z = jnp.array([[0.1, 0.2], [1.0, -1.0]])
    doubled = jax.tree.map(lambda leaf: 2 * leaf, mixture)
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), mixture, doubled)
    found = jax.vmap(jax.jit(lambda m: m.log_prob(z)))(stacked)
    for i, single in enumerate((mixture, doubled)):
        expected = _call(GaussianMixture.log_prob, single, z)
        np.testing.assert_allclose(found[i], expected, rtol=1e-5)
