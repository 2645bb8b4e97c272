"""Dropout's hash is unbiased, uncorrelated and reproducible."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adversarial_latent.networks.noise import dropout


def _kept(key, shape=(100, 2000), rate=0.2):
    return np.asarray(dropout(jnp.ones(shape), rate, key) > 0)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.9])
def test_the_probability_of_being_kept(rate):
    kept = np.array([_kept(jax.random.key(seed), rate=rate) for seed in range(5)])
    # Five standard errors of a million independent elements.
    error = 5 * np.sqrt(rate * (1 - rate) / kept.size)
    assert abs(kept.mean() - (1 - rate)) < error
    # No row, column or key is favoured: means are as scattered as binomial ones.
    for axis in (0, 1, 2):
        means = kept.mean(axis=tuple({0, 1, 2} - {axis}))
        expected = np.sqrt(rate * (1 - rate) * means.size / kept.size)
        assert np.abs(means - (1 - rate)).max() < 5 * expected


def test_the_kept_are_scaled_and_the_mean_is_kept():
    x = jnp.full((1000, 100), 3.0)
    y = np.asarray(dropout(x, 0.25, jax.random.key(0)))
    np.testing.assert_allclose(np.unique(y), [0.0, 4.0], rtol=1e-6)
    assert abs(y.mean() - 3) < 0.03


@pytest.mark.parametrize("implementation", ["threefry2x32", "rbg"])
def test_neighbouring_keys_and_elements_are_uncorrelated(implementation):
    keys = jax.random.split(jax.random.key(7, impl=implementation), 4)
    masks = [_kept(key).ravel() for key in keys]
    masks += [_kept(jax.random.key(s, impl=implementation)).ravel() for s in (0, 1)]
    bound = 5 / np.sqrt(masks[0].size)
    for i, mask in enumerate(masks):
        for other in masks[:i]:
            assert abs(np.corrcoef(mask, other)[0, 1]) < bound
        for lag in (1, 2, 32, 2000):
            assert abs(np.corrcoef(mask[lag:], mask[:-lag])[0, 1]) < bound


def test_same_key_same_mask_and_vmap_over_keys():
    keys = jax.random.split(jax.random.key(3), 3)
    x = jax.random.normal(jax.random.key(4), (3, 5, 7))
    batched = jax.vmap(lambda x, key: dropout(x, 0.4, key))(x, keys)
    for i in range(3):
        np.testing.assert_array_equal(batched[i], dropout(x[i], 0.4, keys[i]))
    assert not np.array_equal(batched[0] == 0, batched[1] == 0)


def test_the_gradient_is_the_mask():
    x, key = jnp.linspace(-1, 1, 60), jax.random.key(0)
    gradient = jax.grad(lambda x: dropout(x, 0.3, key).sum())(x)
    np.testing.assert_allclose(gradient, dropout(jnp.ones(60), 0.3, key), rtol=1e-6)


def test_rate_zero_is_the_identity_and_bad_rates_raise():
    x = jnp.arange(3.0)
    assert dropout(x, 0, jax.random.key(0)) is x
    for rate in (-0.1, 1.0):
        with pytest.raises(ValueError, match="rate must be in"):
            dropout(x, rate, jax.random.key(0))
