"""Distributions of latent variables, as immutable trees of arrays.

Each is a `flax.struct` dataclass, which passes through jit, vmap and grad. The last
axis is the event: the d dimensions of z, or the K categories of y as a one-hot or
probability vector. Log-probabilities and entropies are in nats and summed over that
axis. Samples are reparametrised, except one-hot vectors and component numbers.

`sample(key, shape)` puts `shape` in front of the axes of the parameters.
"""

import math

import chex
import jax
import jax.numpy as jnp
from flax import struct


@struct.dataclass
class Gaussian:
    """Gaussian with a diagonal covariance (AMM eq. 3, AIM eq. 8).

    Attributes:
      mean: [..., d].
      log_variance: [..., d].
    """

    mean: chex.Array
    log_variance: chex.Array

    def sample(self, key: chex.PRNGKey, shape: tuple[int, ...] = ()) -> chex.Array:
        """Samples mean + exp(log_variance / 2) * noise (AMM eq. 20).

        Args:
          key: random key.
          shape: leading axes of independent samples.

        Returns:
          [*shape, ..., d] samples.

        Raises:
          AssertionError: mean and log_variance differ in shape.
        """
        chex.assert_equal_shape([self.mean, self.log_variance])
        shape = shape + self.mean.shape
        noise = jax.random.normal(key, shape, self.mean.dtype)
        mean = jnp.broadcast_to(self.mean, shape)
        return mean + jnp.broadcast_to(jnp.exp(self.log_variance / 2), shape) * noise

    def log_prob(self, value: chex.Array) -> chex.Array:
        """Log-density of a value, summed over d (the negative of AIM's eq. 8).

        Args:
          value: [..., d], with the same rank as the mean; leading axes broadcast.

        Returns:
          [...] log-densities.

        Raises:
          AssertionError: the ranks or d differ.
        """
        parts = [value, self.mean, self.log_variance]
        chex.assert_equal_rank(parts)
        chex.assert_equal_shape_suffix(parts, 1)
        # Dividing before squaring stays finite for smaller variances.
        standardised = (value - self.mean) * jnp.exp(-self.log_variance / 2)
        return -0.5 * jnp.sum(
            jnp.square(standardised) + self.log_variance + math.log(2 * math.pi),
            axis=-1,
        )

    def entropy(self) -> chex.Array:
        """Returns the [...] differential entropies."""
        return 0.5 * jnp.sum(self.log_variance + (1 + math.log(2 * math.pi)), axis=-1)

    def kl_to_standard_normal(self) -> chex.Array:
        """Returns the [...] divergences KL(self || N(0, I))."""
        return 0.5 * jnp.sum(
            jnp.exp(self.log_variance) + jnp.square(self.mean) - 1 - self.log_variance,
            axis=-1,
        )


@struct.dataclass
class Categorical:
    """Distribution of one-hot vectors y.

    Attributes:
      logits: [..., K] finite unnormalised log-probabilities.
    """

    logits: chex.Array

    @property
    def probabilities(self) -> chex.Array:
        """[..., K] probabilities; rows sum to one."""
        return jax.nn.softmax(self.logits)

    def sample(self, key: chex.PRNGKey, shape: tuple[int, ...] = ()) -> chex.Array:
        """Samples [*shape, ..., K] one-hot vectors, which are not differentiable."""
        index = self.sample_index(key, shape)
        return jax.nn.one_hot(index, self.logits.shape[-1], dtype=self.logits.dtype)

    def sample_index(
        self, key: chex.PRNGKey, shape: tuple[int, ...] = ()
    ) -> chex.Array:
        """Samples [*shape, ...] int32 category indices."""
        shape = shape + self.logits.shape[:-1]
        return jax.random.categorical(key, self.logits, shape=shape).astype(jnp.int32)

    def log_prob(self, value: chex.Array) -> chex.Array:
        """Log-probability of one-hot vectors.

        For vectors of probabilities, this is the negative cross-entropy.

        Args:
          value: [..., K], with the same shape as the logits.

        Returns:
          [...] log-probabilities.

        Raises:
          AssertionError: the shapes differ.
        """
        chex.assert_equal_shape([value, self.logits])
        return jnp.sum(value * jax.nn.log_softmax(self.logits), axis=-1)

    def entropy(self) -> chex.Array:
        """Returns the [...] entropies, between 0 and log K."""
        log_probabilities = jax.nn.log_softmax(self.logits)
        return -jnp.sum(jnp.exp(log_probabilities) * log_probabilities, axis=-1)


@struct.dataclass
class GaussianMixture:
    """The prior p(y) p(z|y) of AMM (eq. 11): a mixture of diagonal Gaussians.

    Attributes:
      logits: [K] unnormalised log p(y), such as the logarithm of class frequencies.
      mean: [K, d].
      log_variance: [K, d].
    """

    logits: chex.Array
    mean: chex.Array
    log_variance: chex.Array

    @property
    def num_components(self) -> int:
        """Number of components, K."""
        return self.mean.shape[0]

    @property
    def probabilities(self) -> chex.Array:
        """[K] probabilities p(y)."""
        return jax.nn.softmax(self.logits)

    def component(self, index: chex.Array) -> Gaussian:
        """The conditional distribution p(z|y).

        Args:
          index: [...] integer component indices in [0, K).

        Returns:
          Gaussian with mean and log_variance [..., d], differentiable with respect to
          those of the mixture.
        """
        return Gaussian(self.mean[index], self.log_variance[index])

    def sample(self, key: chex.PRNGKey, n: int) -> tuple[chex.Array, chex.Array]:
        """Samples n pairs from p(y) p(z|y).

        Args:
          key: random key.
          n: number of samples.

        Returns:
          z [n, d], differentiable with respect to mean and log_variance, and the int32
          component indices [n].
        """
        component_key, z_key = jax.random.split(key)
        index = Categorical(self.logits).sample_index(component_key, (n,))
        return self.component(index).sample(z_key), index

    def component_log_prob(self, z: chex.Array) -> chex.Array:
        """Log-density log p(z|y=k) for each component.

        Args:
          z: [B, d].

        Returns:
          [B, K] log-densities.

        Raises:
          AssertionError: z is not [B, d].
        """
        chex.assert_rank(z, 2)
        components = Gaussian(self.mean[None], self.log_variance[None])  # [1, K, d]
        return components.log_prob(z[:, None])

    def log_prob(self, z: chex.Array) -> chex.Array:
        """Log-density [B] of z [B, d]: log p(z) = log sum_k p(z|y=k) p(y=k)."""
        return jax.nn.logsumexp(self._joint_log_prob(z), axis=-1)

    def posterior(self, z: chex.Array) -> chex.Array:
        """Posterior probabilities p(y|z); their argmax is AMM's classifier (eq. 19).

        Args:
          z: [B, d].

        Returns:
          [B, K] probabilities; rows sum to one.

        Raises:
          AssertionError: z is not [B, d].
        """
        return jax.nn.softmax(self._joint_log_prob(z))

    def _joint_log_prob(self, z: chex.Array) -> chex.Array:
        return self.component_log_prob(z) + jax.nn.log_softmax(self.logits)[None]
