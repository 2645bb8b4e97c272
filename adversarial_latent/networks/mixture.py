"""A mixture of Gaussians that is given, not learned."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np


class FixedMixture(nn.Module):
    """p(z|y=k) = N(mu_k, I) with fixed means, the first example under AMM's eq. 11.

    The means are orthogonal to each other where K <= d, and as near to that as a tight
    frame is where K > d. They are drawn once from a fixed key.

    Attributes:
      num_components: K.
      latent_dim: d.
      radius: distance of every mean from the origin.
    """

    num_components: int
    latent_dim: int
    radius: float = 4.0

    def __call__(
        self, y: chex.Array, *, train: bool, noise: bool = True
    ) -> dict[str, chex.Array]:
        """Draws z ~ p(z|y).

        Args:
          y: [B, K] one-hot.
          train: without effect.
          noise: whether to draw; otherwise the mean is given.

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
        """[K, d], by NumPy, so that a compiled step holds them as a constant."""
        shape = (self.num_components, self.latent_dim)
        draws = np.random.default_rng(0).standard_normal((max(shape), min(shape)))
        means = np.linalg.qr(draws).Q  # columns at right angles
        means = means if means.shape == shape else means.T
        return self.radius * means / np.linalg.norm(means, axis=-1, keepdims=True)
