"""The mixture against the distribution that it stands for."""

import jax
import jax.numpy as jnp
import numpy as np

from adversarial_latent.networks.mixture import Mixture

MIXTURE = Mixture(num_components=4, latent_dim=3, radius=5.0)


def _apply(y, **options):
    rngs = {"noise": jax.random.key(0)}
    return MIXTURE.apply({}, y, train=True, rngs=rngs, **options)


def test_means_are_distinct_and_at_the_radius():
    means = _apply(jnp.eye(4), noise=False)["z"]
    np.testing.assert_allclose(np.linalg.norm(means, axis=1), np.full(4, 5), rtol=1e-5)
    distances = np.linalg.norm(means[:, None] - means[None], axis=-1)
    assert distances[~np.eye(4, dtype=bool)].min() > 1
    # They are given, not drawn: the same for whoever asks.
    again = Mixture(4, 3, 5.0).apply({}, jnp.eye(4), train=False, noise=False)
    np.testing.assert_array_equal(again["z"], means)


def test_as_many_means_as_there_are_dimensions_are_orthogonal():
    mixture = Mixture(num_components=3, latent_dim=5, radius=2.0)
    means = mixture.apply({}, jnp.eye(3), train=False, noise=False)["z"]
    np.testing.assert_allclose(means @ means.T, 4 * np.eye(3), atol=1e-5)


def test_nothing_is_learned():
    rngs = {"params": jax.random.key(0), "noise": jax.random.key(1)}
    assert MIXTURE.init(rngs, jnp.eye(4), train=True) == {}


def test_learned_means_start_at_those_that_are_given():
    learned = Mixture(4, 3, 5.0, learned=True)
    rngs = {"params": jax.random.key(0), "noise": jax.random.key(1)}
    params = learned.init(rngs, jnp.eye(4), train=True)["params"]
    means = _apply(jnp.eye(4), noise=False)["z"]
    np.testing.assert_array_equal(params["mean"], means)
    np.testing.assert_array_equal(params["log_variance"], np.zeros((4, 3)))
    # A sample has the moments that the parameters state.
    moved = {"mean": means + 1, "log_variance": jnp.full((4, 3), np.log(4.0))}
    y = jnp.tile(jnp.eye(4)[1:2], (20000, 1))
    drawn = learned.apply({"params": moved}, y, train=True, rngs=rngs)
    np.testing.assert_allclose(drawn["z_sigma_log_variance"][0], np.log([4, 4, 4]))
    np.testing.assert_allclose(drawn["z"].mean(0), means[1] + 1, atol=0.08)
    np.testing.assert_allclose(drawn["z"].std(0), np.full(3, 2), atol=0.06)


def test_samples_have_unit_variance_around_the_mean_of_their_component():
    count = 20000
    y = jnp.tile(jnp.eye(4)[2:3], (count, 1))
    drawn = _apply(y)
    mean = _apply(jnp.eye(4), noise=False)["z"][2]
    np.testing.assert_allclose(drawn["z_mu"][0], mean, rtol=1e-6)
    np.testing.assert_array_equal(drawn["z_sigma_log_variance"], np.zeros((count, 3)))
    np.testing.assert_allclose(drawn["z"].mean(0), mean, atol=5 / np.sqrt(count))
    covariance = np.cov(np.asarray(drawn["z"]).T)
    np.testing.assert_allclose(covariance, np.eye(3), atol=5 * np.sqrt(2 / count))
