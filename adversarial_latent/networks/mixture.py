"""A mixture of Gaussians whose means are far apart, or start so."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np


class Mixture(nn.Module):
    """p(z|y=k) = N(mu_k, I), the first example below AMM's eq. 11.

    The means are random directions from a fixed seed. For K <= d they are orthogonal to
    each other, and for K > d nearly so, like a tight frame. If they are learned, this
    is where they start, and variances are learned from 1 on (eq. 12).

    Attributes:
      num_components: number of components, K.
      latent_dim: dimension of z, d.
      radius: distance of each mean from the origin, or initial distance.
      learned: whether means and variances are learned.
    """

    num_components: int
    latent_dim: int
    radius: float = 4.0
    learned: bool = False

    @nn.compact
    def __call__(
        self, y: chex.Array, *, train: bool, noise: bool = True
    ) -> dict[str, chex.Array]:
        """Samples z ~ p(z|y).

        Args:
          y: [B, K] one-hot.
          train: ignored.
          noise: whether to sample; otherwise `z` is the mean.

        Returns:
          `z`, `z_mu` and `z_sigma_log_variance`, all [B, d].
        """
        means = jnp.asarray(self.initial_means(), y.dtype)
        log_variance = jnp.zeros_like(means)
        if self.learned:
            means = self.param("mean", lambda key: means)
            log_variance = self.param("log_variance", lambda key: log_variance)
        z_mu, z_log_variance = y @ means, y @ log_variance
        z = z_mu
        if noise:
            eps = jax.random.normal(self.make_rng("noise"), z_mu.shape)
            z += jnp.exp(0.5 * z_log_variance) * eps
        return {"z": z, "z_mu": z_mu, "z_sigma_log_variance": z_log_variance}

    def initial_means(self) -> np.ndarray:
        """Means [K, d], computed by NumPy to be a constant of the compiled step."""
        shape = (self.num_components, self.latent_dim)
        normal = np.random.default_rng(0).standard_normal((max(shape), min(shape)))
        means = np.linalg.qr(normal).Q  # orthonormal columns
        means = means if means.shape == shape else means.T
        return self.radius * means / np.linalg.norm(means, axis=-1, keepdims=True)
