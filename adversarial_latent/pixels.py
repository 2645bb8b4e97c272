"""Likelihoods of quantised pixels, with values k / (levels - 1) from 0 to 1.

A network has `num_outputs` outputs for each pixel, the parameters of the distribution
of its channels. `log_prob` evaluates this distribution. `from_uniform` samples from it
by the inverse of its distribution function, with noise that the caller provides.
Everything is finite, with finite gradients, at outputs of +-100.
"""

import abc
import dataclasses
from typing import Any, ClassVar

import chex
import jax
import jax.numpy as jnp

# The lower bound is that of PixelCNN++. At the upper bound, all probability is already
# in the lowest and highest level.
_MIN_LOG_SCALE, _MAX_LOG_SCALE = -7.0, 30.0


def quantize(x: chex.Array, levels: int) -> chex.Array:
    """Rounds values to the nearest of the `levels` grid points k / (levels - 1).

    With two levels, values above 0.5 become 1 (PixelGAN's binary MNIST, B.1).

    Args:
      x: values of any shape; they are clipped to [0, 1].
      levels: number of grid points, at least 2.

    Returns:
      Values on the grid, with the same shape.
    """
    return _index(jnp.clip(x, 0, 1), levels) / (levels - 1)


def _index(x: chex.Array, levels: int) -> chex.Array:
    return jnp.round(x * (levels - 1))


def _choose(logits: chex.Array, uniform: chex.Array) -> chex.Array:
    """Samples categories [...] given logits [..., K], by inverse transform sampling.

    A category of zero probability is never chosen, because u * total is below total.
    """
    cumulative = jnp.cumsum(jax.nn.softmax(logits), axis=-1)
    threshold = uniform[..., None] * cumulative[..., -1:]
    return jnp.sum(cumulative <= threshold, axis=-1)


@dataclasses.dataclass(frozen=True)
class PixelLikelihood(abc.ABC):
    """Base class of all likelihoods.

    Attributes:
      levels: number of values that a channel can have.
      factorized: whether channels are independent given the outputs. Each channel then
        has its own outputs, in the order of the channels, and the network itself has
        to condition them on earlier channels.
    """

    levels: int
    factorized: ClassVar[bool]

    def __post_init__(self):
        if self.levels < 2:
            raise ValueError(f"A pixel needs at least two levels, got {self.levels}.")

    @abc.abstractmethod
    def num_outputs(self, channels: int) -> int:
        """Number of network outputs for a pixel with this many channels, O."""

    def num_uniforms(self, channels: int) -> int:
        """Number of uniform random numbers for sampling a pixel, U."""
        return channels

    @abc.abstractmethod
    def log_prob(self, outputs: chex.Array, x: chex.Array) -> chex.Array:
        """Log-probability of pixels.

        Args:
          outputs: [..., O] network outputs.
          x: [..., C] values on the grid.

        Returns:
          [...] log-probabilities in nats, summed over channels.

        Raises:
          AssertionError: the shapes do not match.
        """

    @abc.abstractmethod
    def from_uniform(self, outputs: chex.Array, uniform: chex.Array) -> chex.Array:
        """Samples pixels by inverse transform sampling.

        Args:
          outputs: [..., O] network outputs.
          uniform: [..., U] independent random numbers, uniform in [0, 1).

        Returns:
          [..., C] values on the grid, not differentiable.
        """

    def sample(self, outputs: chex.Array, key: chex.PRNGKey) -> chex.Array:
        """Samples pixels [..., C] on the grid, given outputs [..., O]."""
        channels = self._num_channels(outputs.shape[-1])
        shape = (*outputs.shape[:-1], self.num_uniforms(channels))
        return self.from_uniform(outputs, jax.random.uniform(key, shape))

    def _num_channels(self, num_outputs: int) -> int:
        """The inverse of `num_outputs`."""
        channels = 1
        while self.num_outputs(channels) < num_outputs:
            channels += 1
        if self.num_outputs(channels) != num_outputs:
            raise ValueError(f"{self} cannot have {num_outputs} outputs per pixel.")
        return channels

    def _check(self, outputs: chex.Array, x: chex.Array) -> None:
        expected = self.num_outputs(x.shape[-1])
        chex.assert_shape(outputs, (*x.shape[:-1], expected))


@dataclasses.dataclass(frozen=True)
class Bernoulli(PixelLikelihood):
    """Channels are 0 or 1; the outputs are the logits of 1 (PixelGAN, B.1.1).

    Attributes:
      levels: always 2.
    """

    levels: int = 2
    factorized: ClassVar[bool] = True

    def __post_init__(self):
        if self.levels != 2:
            raise ValueError(f"Bernoulli pixels have 2 levels, not {self.levels}.")

    def num_outputs(self, channels: int) -> int:
        """C."""
        return channels

    def log_prob(self, outputs: chex.Array, x: chex.Array) -> chex.Array:
        """See the base."""
        self._check(outputs, x)
        return jnp.sum(jax.nn.log_sigmoid((2 * x - 1) * outputs), axis=-1)

    def from_uniform(self, outputs: chex.Array, uniform: chex.Array) -> chex.Array:
        """See the base."""
        return (uniform < jax.nn.sigmoid(outputs)).astype(outputs.dtype)


@dataclasses.dataclass(frozen=True)
class Softmax(PixelLikelihood):
    """Channels are categorical over the levels (PixelRNN, van den Oord et al. 2016).

    The outputs are [..., C * levels] logits, one channel after the other.
    """

    factorized: ClassVar[bool] = True

    def num_outputs(self, channels: int) -> int:
        """C * levels."""
        return channels * self.levels

    def log_prob(self, outputs: chex.Array, x: chex.Array) -> chex.Array:
        """See the base."""
        self._check(outputs, x)
        logits = outputs.reshape(*x.shape, self.levels)
        # A product with one-hot vectors, as the gradient of a gather is a slow scatter.
        level = _index(x, self.levels).astype(jnp.int32)
        one_hot = jax.nn.one_hot(level, self.levels, dtype=logits.dtype)
        return jnp.sum(one_hot * jax.nn.log_softmax(logits), axis=(-2, -1))

    def from_uniform(self, outputs: chex.Array, uniform: chex.Array) -> chex.Array:
        """See the base."""
        logits = outputs.reshape(*uniform.shape, self.levels)
        return _choose(logits, uniform).astype(outputs.dtype) / (self.levels - 1)


@dataclasses.dataclass(frozen=True)
class LogisticMixture(PixelLikelihood):
    """Mixture of logistics, integrated over the interval around each level.

    Source: PixelCNN++ (Salimans et al. 2017), sections 2.1 and 2.2. The lowest and
    highest levels include the tails. All channels share one mixture component. A
    component's mean for a channel is linear in the earlier channels. Values are scaled
    to [-1, 1].

    With K components and P = C (C - 1) / 2 pairs of channels, the outputs are K logits,
    C * K means, C * K log scales and P * K coefficients, to which tanh is applied.

    Attributes:
      components: number of mixture components, K.
    """

    components: int = 10
    factorized: ClassVar[bool] = False

    def num_outputs(self, channels: int) -> int:
        """K (1 + 2 C + P)."""
        pairs = channels * (channels - 1) // 2
        return self.components * (1 + 2 * channels + pairs)

    def num_uniforms(self, channels: int) -> int:
        """One for the component, and one for each channel."""
        return 1 + channels

    def log_prob(self, outputs: chex.Array, x: chex.Array) -> chex.Array:
        """See the base. Small probabilities are computed without approximation.

        For the sigmoid s at the ends a > b of an interval of length d = a - b,
        s(a) - s(b) = s(a) s(-b) (1 - exp(-d)).
        """
        self._check(outputs, x)
        logits, means, log_scales, coefficients = self._split(outputs, x.shape[-1])
        width = 2 / (self.levels - 1)
        total = jax.nn.log_softmax(logits)  # [..., K]
        for c in range(x.shape[-1]):
            level = x[..., c : c + 1]  # [..., 1]
            mean = self._mean(means, coefficients, x, c)
            inverse_scale = jnp.exp(-log_scales[..., c, :])
            centred = 2 * level - 1 - mean  # [..., K]
            lower = jax.nn.log_sigmoid(inverse_scale * (centred + width / 2))
            upper = jax.nn.log_sigmoid(-inverse_scale * (centred - width / 2))
            inside = jnp.log(-jnp.expm1(-inverse_scale * width))
            first, last = level < width / 4, level > 1 - width / 4
            total += jnp.where(last, 0, lower) + jnp.where(first, 0, upper)
            total += jnp.where(first | last, 0, inside)
        return jax.nn.logsumexp(total, axis=-1)

    def from_uniform(self, outputs: chex.Array, uniform: chex.Array) -> chex.Array:
        """See the base."""
        channels = uniform.shape[-1] - 1
        logits, means, log_scales, coefficients = self._split(outputs, channels)
        component = _choose(logits, uniform[..., 0])
        chosen = jax.nn.one_hot(component, self.components, dtype=outputs.dtype)
        x = jnp.zeros((*outputs.shape[:-1], channels), outputs.dtype)
        for c in range(channels):
            mean = jnp.sum(chosen * self._mean(means, coefficients, x, c), axis=-1)
            scale = jnp.exp(jnp.sum(chosen * log_scales[..., c, :], axis=-1))
            noise = jax.scipy.special.logit(uniform[..., 1 + c])  # [...]
            value = (mean + scale * noise + 1) / 2
            x = x.at[..., c].set(quantize(value, self.levels))
        return x

    def _split(self, outputs: chex.Array, channels: int) -> tuple[chex.Array, ...]:
        """Logits [..., K]; means, log scales [..., C, K]; coefficients [..., P, K]."""
        parts = outputs.reshape(*outputs.shape[:-1], -1, self.components)
        logits, means = parts[..., 0, :], parts[..., 1 : 1 + channels, :]
        log_scales = parts[..., 1 + channels : 1 + 2 * channels, :]
        log_scales = jnp.clip(log_scales, _MIN_LOG_SCALE, _MAX_LOG_SCALE)
        return logits, means, log_scales, jnp.tanh(parts[..., 1 + 2 * channels :, :])

    def _mean(
        self, means: chex.Array, coefficients: chex.Array, x: chex.Array, c: int
    ) -> chex.Array:
        """The components' means [..., K] for channel c, given the earlier channels."""
        mean, first = means[..., c, :], c * (c - 1) // 2
        for earlier in range(c):
            signal = 2 * x[..., earlier : earlier + 1] - 1
            mean = mean + coefficients[..., first + earlier, :] * signal
        return mean


_LIKELIHOODS = {
    "bernoulli": Bernoulli,
    "softmax": Softmax,
    "logistic_mixture": LogisticMixture,
}


def pixel_likelihood(name: str, levels: int, **settings: Any) -> PixelLikelihood:
    """Builds a likelihood of pixels.

    Args:
      name: "bernoulli", "softmax" or "logistic_mixture".
      levels: number of values that a channel can have: 2, 256, or 17 for scikit-learn's
        digits.
      **settings: attributes of the class, such as `components` of "logistic_mixture".

    Returns:
      The likelihood.

    Raises:
      ValueError: the name is unknown, or the likelihood cannot have these levels.
      TypeError: a setting is unknown.
    """
    if name not in _LIKELIHOODS:
        raise ValueError(
            f"Unknown pixel likelihood {name!r}: choose one of "
            f"{', '.join(_LIKELIHOODS)}."
        )
    return _LIKELIHOODS[name](levels=levels, **settings)
