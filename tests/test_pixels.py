"""Pixel likelihoods against sums over all levels, SciPy, and frequencies of draws."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
from jax.test_util import check_grads

from adversarial_latent.pixels import (
    Bernoulli,
    LogisticMixture,
    Softmax,
    pixel_likelihood,
    quantize,
)
from tests.toys import jit

KEY = jax.random.key(0)
# (likelihood, channels)
SMALL = [
    (Bernoulli(), 1),
    (Bernoulli(), 3),
    (Softmax(17), 1),
    (Softmax(3), 3),
    (LogisticMixture(2, components=3), 1),
    (LogisticMixture(17, components=4), 1),
    (LogisticMixture(5, components=3), 2),
    (LogisticMixture(3, components=2), 3),
]
LARGE = [(Softmax(256), 1), (LogisticMixture(256), 1)]


def _outputs(likelihood, channels, *leading):
    shape = (*leading, likelihood.num_outputs(channels))
    return np.float32(np.random.default_rng(3).normal(size=shape))


def _values(likelihood, channels):
    """All pixels there are, [levels ** C, C]."""
    grid = np.arange(likelihood.levels, dtype=np.float32) / (likelihood.levels - 1)
    return np.float32(list(itertools.product(grid, repeat=channels)))


def _probabilities(likelihood, channels, outputs):
    """The probability of each of these pixels given outputs [O]."""
    x = _values(likelihood, channels)
    outputs = jnp.broadcast_to(outputs, (len(x), len(outputs)))
    return np.exp(jit(likelihood.log_prob)(outputs, x))


def test_quantize():
    x = jnp.array([0.0, 0.2, 0.5, 0.51, 1.0, -3.0, 2.0])
    np.testing.assert_array_equal(quantize(x, 2), [0, 0, 0, 1, 1, 0, 1])
    np.testing.assert_allclose(quantize(x[1:4], 5), [0.25, 0.5, 0.5])
    pixels = np.arange(256, dtype=np.uint8).astype(np.float32) / 255
    np.testing.assert_allclose(quantize(pixels, 256), pixels, rtol=1e-6)


@pytest.mark.parametrize(("likelihood", "channels"), SMALL + LARGE)
def test_probabilities_of_all_values_sum_to_one(likelihood, channels):
    x = _values(likelihood, channels)
    outputs = (
        _outputs(likelihood, channels, 6, 1) * np.float32([1, 5])[:, None, None, None]
    )
    shape = (2, 6, len(x))
    log_prob = jit(likelihood.log_prob)(
        np.broadcast_to(outputs, (*shape, outputs.shape[-1])),
        np.broadcast_to(x, (*shape, channels)),
    )
    np.testing.assert_allclose(np.exp(log_prob).sum(-1), 1, atol=3e-5)


@pytest.mark.parametrize(("likelihood", "channels"), SMALL)
def test_draws_are_as_frequent_as_they_are_probable(likelihood, channels):
    outputs = _outputs(likelihood, channels)
    number = 20_000
    many = jnp.broadcast_to(outputs, (number, len(outputs)))
    draws = np.asarray(jit(likelihood.sample)(many, KEY))
    assert draws.shape == (number, channels)
    values = _values(likelihood, channels)
    np.testing.assert_array_equal(draws, quantize(draws, likelihood.levels))
    found = np.array([np.isclose(draws, value).all(1).sum() for value in values])
    assert found.sum() == number
    probable = _probabilities(likelihood, channels, outputs).astype(float)
    enough = number * probable > 5
    rest = np.sum(number * probable[~enough])
    statistic = np.sum((found - number * probable)[enough] ** 2 / probable[enough])
    assert scipy.stats.chi2.sf(statistic / number, enough.sum() - 1) > 1e-3
    assert found[~enough].sum() <= rest + 5 * np.sqrt(rest) + 5


def test_bernoulli_and_softmax_are_scipys():
    logits = _outputs(Bernoulli(), 3)
    x = jnp.array([1.0, 0.0, 1.0])
    expected = scipy.stats.bernoulli.logpmf(x, scipy.special.expit(logits)).sum()
    assert float(jit(Bernoulli().log_prob)(logits, x)) == pytest.approx(expected, 1e-5)

    logits = _outputs(Softmax(17), 3)
    levels = [0, 16, 5]
    expected = scipy.special.log_softmax(logits.reshape(3, 17), axis=-1)
    found = jit(Softmax(17).log_prob)(logits, jnp.float32(levels) / 16)
    assert float(found) == pytest.approx(expected[range(3), levels].sum(), 1e-5)


def _mixture_in_float64(outputs, x, levels):
    """PixelCNN++'s definition by SciPy's distribution functions: x [C] of one pixel."""
    channels = len(x)
    parts = np.float64(outputs).reshape(-1, 10)
    weights, means = scipy.special.softmax(parts[0]), parts[1 : 1 + channels]
    scales, pairs = parts[1 + channels :][:channels], np.tanh(parts[1 + 2 * channels :])
    signal = 2 * np.float64(x) - 1
    total = weights.copy()
    for c in range(channels):
        mean = means[c].copy()
        if c == 1:
            mean += pairs[0] * signal[0]
        if c == 2:
            mean += pairs[1] * signal[0] + pairs[2] * signal[1]
        logistic = scipy.stats.logistic(mean, np.exp(scales[c]))
        half = 1 / (levels - 1)
        upper = 1.0 if x[c] == 1 else logistic.cdf(signal[c] + half)
        lower = 0.0 if x[c] == 0 else logistic.cdf(signal[c] - half)
        total *= upper - lower
    return np.log(total.sum())


@pytest.mark.parametrize(("levels", "channels"), [(256, 1), (256, 3), (2, 1), (17, 1)])
def test_logistic_mixture_is_scipys(levels, channels):
    likelihood = LogisticMixture(levels)
    assert likelihood.num_outputs(channels) == {1: 30, 3: 100}[channels]
    outputs = _outputs(likelihood, channels, 20)
    index = np.random.default_rng(0).integers(0, levels, (20, channels))
    index[0], index[1] = 0, levels - 1
    x = np.float32(index) / (levels - 1)
    expected = [
        _mixture_in_float64(*pair, levels) for pair in zip(outputs, x, strict=True)
    ]
    np.testing.assert_allclose(jit(likelihood.log_prob)(outputs, x), expected, 2e-5)


def test_logistic_mixture_is_exact_far_from_its_means():
    # Where a difference of distribution functions in float32 is zero.
    likelihood = LogisticMixture(256, components=1)
    found = jit(likelihood.log_prob)(jnp.array([0.0, -0.9, -4.0]), jnp.array([0.9]))
    logistic = scipy.stats.logistic(-0.9, np.exp(-4.0))
    x = 2 * float(np.float32(0.9)) - 1
    # By survival functions: their logarithms are exact there.
    a, b = logistic.logsf(x - 1 / 255), logistic.logsf(x + 1 / 255)
    assert float(found) == pytest.approx(a + np.log1p(-np.exp(b - a)), rel=1e-5)


@pytest.mark.parametrize(("likelihood", "channels"), SMALL + LARGE)
def test_finite_at_extremes(likelihood, channels):
    size = likelihood.num_outputs(channels)
    ones = np.float32(1 - 2 * np.eye(size + 1, size))  # one against all others
    levels = np.arange(likelihood.levels, dtype=np.float32)[[0, 1, -1]]
    cases = itertools.product((-100 * ones, 100 * ones), levels / levels[-1])
    pairs = [(o, np.full((len(o), channels), level)) for o, level in cases]
    outputs, x = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
    value, gradient = jit(
        lambda o: (
            likelihood.log_prob(o, x),
            jax.grad(lambda o: likelihood.log_prob(o, x).sum())(o),
        )
    )(outputs)
    assert np.all(np.isfinite(value))
    assert np.all(np.asarray(value) <= 1e-5)
    assert np.all(np.isfinite(gradient))
    draws = jit(likelihood.sample)(outputs, KEY)
    np.testing.assert_array_equal(draws, quantize(draws, likelihood.levels))


@pytest.mark.parametrize(
    ("likelihood", "channels"),
    [(Bernoulli(), 3), (Softmax(3), 3), (LogisticMixture(3, components=2), 3)],
)
def test_gradients(likelihood, channels):
    outputs = _outputs(likelihood, channels, 4)
    x = quantize(jax.random.uniform(KEY, (4, channels)), likelihood.levels)
    log_prob = jax.jit(lambda outputs: likelihood.log_prob(outputs, x))
    check_grads(log_prob, (outputs,), 1, modes=("rev",), atol=1e-2, rtol=1e-2)


def test_draws_are_sure_where_the_outputs_are():
    certain = jnp.array([[100.0, -100.0]])
    np.testing.assert_array_equal(Bernoulli().sample(certain, KEY), [[1, 0]])
    uniform = jnp.array([[0.0], [0.999999]])
    logits = jnp.array([[-100.0, 0.0, -100.0]] * 2)
    np.testing.assert_array_equal(Softmax(3).from_uniform(logits, uniform), 0.5)


def test_uniform_noise_is_inverted_in_order():
    # The larger the noise, the larger a channel of a softmax or a logistic.
    uniform = jnp.linspace(0, 0.999, 50)[:, None]
    for likelihood in (Softmax(17), LogisticMixture(17, components=1)):
        outputs = jnp.tile(_outputs(likelihood, 1), (50, 1))
        noise = uniform if likelihood.factorized else jnp.tile(uniform, (1, 2))
        draws = likelihood.from_uniform(outputs, noise)[:, 0]
        assert np.all(np.diff(draws) >= 0)
        assert len(np.unique(draws)) > 5


def test_look_up():
    assert pixel_likelihood("bernoulli", 2) == Bernoulli()
    assert pixel_likelihood("softmax", 17) == Softmax(17)
    found = pixel_likelihood("logistic_mixture", 256, components=5)
    assert found == LogisticMixture(256, components=5)
    with pytest.raises(ValueError, match="'gaussian': choose one of bernoulli, softm"):
        pixel_likelihood("gaussian", 256)
    with pytest.raises(ValueError, match="2 levels, not 17"):
        pixel_likelihood("bernoulli", 17)
    with pytest.raises(ValueError, match="at least two levels"):
        pixel_likelihood("softmax", 1)
    with pytest.raises(TypeError, match="components"):
        pixel_likelihood("softmax", 4, components=2)


def test_wrong_shapes_are_refused():
    with pytest.raises(AssertionError, match="shape"):
        Softmax(3).log_prob(jnp.zeros((4, 3)), jnp.zeros((4, 2)))
    with pytest.raises(AssertionError, match="shape"):
        Bernoulli().log_prob(jnp.zeros((4, 1)), jnp.zeros((5, 1)))
    with pytest.raises(ValueError, match="cannot have 4 outputs per pixel"):
        Softmax(3).sample(jnp.zeros((1, 4)), KEY)
