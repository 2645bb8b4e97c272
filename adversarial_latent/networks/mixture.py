"""A mixture of Gaussians with fixed parameters."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np


class FixedMixture(nn.Module):
    """p(z|y=k) = N(mu_k, I) with fixed means, the first example below AMM's eq. 11.

    The means are random directions from a fixed seed. For K <= d they are orthogonal to
    each other, and for K > d nearly so, like a tight frame.

    Attributes:
      num_components: number of components, K.
      latent_dim: dimension of z, d.
      radius: distance of each mean from the origin.
    """

    num_components: int
    latent_dim: int
    radius: float = 4.0

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
        z_mu = y @ jnp.asarray(self._means(), y.dtype)
        eps = jax.random.normal(self.make_rng("noise"), z_mu.shape) if noise else 0.0
        return {
            "z": z_mu + eps,
            "z_mu": z_mu,
            "z_sigma_log_variance": jnp.zeros_like(z_mu),
        }

    def _means(self) -> np.ndarray:
        """Means [K, d], computed by NumPy to be a constant of the compiled step."""
        shape = (self.num_components, self.latent_dim)
        normal = np.random.default_rng(0).standard_normal((max(shape), min(shape)))
        means = np.linalg.qr(normal).Q  # orthonormal columns
        means = means if means.shape == shape else means.T
        return self.radius * means / np.linalg.norm(means, axis=-1, keepdims=True)
