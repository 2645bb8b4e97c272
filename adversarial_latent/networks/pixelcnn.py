"""PixelCNN: an autoregressive model of images, pixel by pixel.

It has two stacks (van den Oord et al. 2016, "Conditional Image Generation with PixelCNN
Decoders"). The vertical stack sees the rows above a pixel. The horizontal stack sees
the pixels to its left in the same row, and the features of the vertical stack. No
kernel is masked. Instead, the inputs of the first layers are shifted by one row or one
pixel, so that they end before the current pixel. Later kernels end at the current row
or pixel, and so see no more than that. With kernels R x K, pixels (r, c) and
m = K // 2:

    v = conv_{R x K}(x at rows r-R..r-1, columns c-m..c+m)
    h = conv_{1 x m}(x at row r, columns c-m..c-1) + W v
    for each block:
      a = conv_{R x K}(v at rows r-R+1..r)         v = v + W act(a)
      b = conv_{1 x (m+1)}(h at c-m..c) + W a      h = h + W act(b)
    outputs = W relu(W relu(h))

The receptive field is R + blocks * (R - 1) rows above: 9 for three blocks of 3x5,
as for PixelGAN (figure 2).

The sampler computes each feature once. It computes the vertical features of a row when
the row begins, from a cache of the last rows of each layer, and the horizontal features
of a pixel from a cache of the last m columns of each layer.
"""

import math
from typing import NamedTuple

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from adversarial_latent.networks.conv import conv
from adversarial_latent.pixels import PixelLikelihood

CONDITIONING = ("invariant", "dependent", "input")
# The gain with which an activation preserves the mean square of normal features.
_GAINS = {"relu": 2.0, "gated": 8.0}

Weights = dict[str, chex.Array]


def pixel_noise(
    key: chex.PRNGKey, index: chex.Array | int, shape: tuple[int, ...]
) -> chex.Array:
    """Uniform noise [*shape] in [0, 1) for the pixel with `index` = r * W + c."""
    return jax.random.uniform(jax.random.fold_in(key, index), shape)


class _Net(NamedTuple):
    """Weights of a PixelCNN, including what depends on the code.

    Attributes:
      first: weights and biases of the first layers.
      blocks: weights and biases of the blocks, stacked as [L, ...].
      head: weights and biases of the last layers.
      bias: location-dependent bias [B, H, W, M or 1] of the first layers, or None.
      channels: additional input channels [B, H, W, k], or None.
    """

    first: Weights
    blocks: Weights
    head: Weights
    bias: chex.Array | None
    channels: chex.Array | None


class PixelCNN(nn.Module):
    """Autoregressive distribution of images, optionally conditioned on a code.

    There are three ways to condition on the code (PixelGAN, appendix A.2).
    "invariant": a linear projection of the code is a bias of every layer in both
    stacks, the same at all pixels. "dependent": a hidden layer and a linear layer turn
    the code into an image [H, W, k], a location-dependent bias of the first layers.
    "input": such an image is concatenated to the input image. A pixel sees it where it
    sees the input, above and to the left; the first pixel does not see it at all.

    Attributes:
      image_shape: (H, W, C). Channels are ordered, and each is conditioned on the
        earlier ones.
      likelihood: likelihood of a pixel.
      blocks: number of residual blocks, L.
      hidden_channels: number of channels of hidden layers, M.
      kernel: number of rows, including the current one, and of columns, which is odd.
      activation: "relu" or "gated" (tanh * sigmoid).
      conditioning: any of "invariant", "dependent" and "input"; empty without a code.
      code_units: size of the hidden layer that turns a code into an image.
      code_channels: number of channels of that image, k. With k = 1 it is the same bias
        for all features; otherwise it is projected to the features.
    """

    image_shape: tuple[int, int, int]
    likelihood: PixelLikelihood
    blocks: int
    hidden_channels: int
    kernel: tuple[int, int] = (3, 5)
    activation: str = "relu"
    conditioning: tuple[str, ...] = ()
    code_units: int = 1000
    code_channels: int = 1

    def __call__(
        self, x: chex.Array, code: chex.Array | None = None, *, train: bool
    ) -> chex.Array:
        """Log-probability of images.

        Args:
          x: [B, H, W, C] values on the likelihood's grid in [0, 1].
          code: [B, d], required with conditioning.
          train: ignored.

        Returns:
          [B] log-probabilities in nats, summed over pixels.

        Raises:
          ValueError: an attribute is invalid, or the code is missing or unexpected.
          AssertionError: the shapes do not match.
        """
        outputs = self.outputs(x, code, train=train)
        return self.likelihood.log_prob(outputs, x).sum((1, 2))

    def outputs(
        self, x: chex.Array, code: chex.Array | None = None, *, train: bool
    ) -> chex.Array:
        """Parameters [B, H, W, O] of the likelihood; arguments as for `__call__`."""
        del train
        chex.assert_shape(
            x,
            (None, *self.image_shape),
            custom_message=f"this PixelCNN's image_shape is {self.image_shape}",
        )
        if code is not None:
            chex.assert_shape(code, (x.shape[0], None))
        net = self._bind(code)
        signal = 2 * x - 1
        return self._head(net.head, self._features(net, signal), signal)

    def sample(
        self,
        code: chex.Array | None = None,
        *,
        number: int | None = None,
        train: bool = False,
    ) -> chex.Array:
        """Samples images with the random stream "noise" (see `pixel_noise`).

        Args:
          code: [B, d], required with conditioning.
          number: B, required without a code.
          train: ignored.

        Returns:
          [B, H, W, C] values on the likelihood's grid, not differentiable.

        Raises:
          ValueError: the code or number is missing or unexpected.
        """
        del train
        number = self.batch_size(code, number)
        return self._sample(self._bind(code), number, self.make_rng("noise"))

    def batch_size(self, code: chex.Array | None, number: int | None) -> int:
        """Number of images that `sample` returns; raises the same errors."""
        if code is not None and number in (None, code.shape[0]):
            return code.shape[0]
        if code is not None or number is None:
            raise ValueError(
                "sample needs a code or the number of images, got "
                f"{None if code is None else code.shape} and {number}."
            )
        return number

    @nn.compact
    def _bind(self, code: chex.Array | None) -> _Net:
        """Creates or reads all parameters, and computes what depends on the code."""
        self._check(code)
        (rows, columns), channels = self.kernel, self.image_shape[2]
        features = self.hidden_channels
        left, count = columns // 2, self.blocks
        wide = 2 * features if self.activation == "gated" else features

        def weight(name: str, *shape: int, gain: float = 1.0) -> chex.Array:
            stacked = (0,) if name.startswith("block") else ()
            scaling = nn.initializers.variance_scaling
            init = scaling(gain, "fan_in", "normal", batch_axis=stacked)
            return self.param(name, init, shape)

        def bias(name: str, *shape: int) -> chex.Array:
            value = self.param(name, nn.initializers.zeros, shape)[..., None, :]
            if code is not None and "invariant" in self.conditioning:
                matrix = weight(f"{name}_code", *shape[:-1], code.shape[1], shape[-1])
                value = value + jnp.einsum("bd,...df->...bf", code, matrix)
            return value[..., None, None, :]  # [..., B or 1, 1, 1, F]

        code_bias = self._code_image(code, "dependent")
        code_input = self._code_image(code, "input")
        if self.code_channels > 1 and code_bias is not None:
            project = nn.Dense(features, use_bias=False, name="dependent_project")
            code_bias = project(code_bias)
        inputs = channels + (0 if code_input is None else self.code_channels)
        first = {
            "vertical": weight("first_vertical", rows, columns, inputs, features),
            "vertical_bias": bias("first_vertical_bias", features),
            "horizontal": weight("first_horizontal", 1, left, inputs, features),
            "horizontal_bias": bias("first_horizontal_bias", features),
            "between": weight("first_between", features, features),
        }
        # All blocks together add as much variance as there is, whatever their number.
        gain, out = _GAINS[self.activation] / count, (count, features, features)
        blocks = {
            "vertical": weight("block_vertical", count, rows, columns, features, wide),
            "vertical_bias": bias("block_vertical_bias", count, wide),
            "vertical_out": weight("block_vertical_out", *out, gain=gain),
            "horizontal": weight(
                "block_horizontal", count, 1, left + 1, features, wide
            ),
            "horizontal_bias": bias("block_horizontal_bias", count, wide),
            "horizontal_out": weight("block_horizontal_out", *out, gain=gain),
            "between": weight("block_between", count, wide, wide),
        }
        hidden, size = self._heads * features, self.likelihood.num_outputs(channels)
        zeros = nn.initializers.zeros
        head = {
            "hidden": weight("head_hidden", features, hidden, gain=2.0),
            "hidden_bias": self.param("head_hidden_bias", zeros, (hidden,)),
            # Outputs are almost uniform at first.
            "out": weight("head_out", features, size, gain=0.01),
            "out_bias": self.param("head_out_bias", zeros, (size,)),
        }
        if self._heads > 1:  # the hidden layer of channel c sees channels before c
            earlier = np.arange(channels)[:, None] < np.arange(hidden)[None] // features
            matrix = weight("head_channels", channels, hidden)
            head["channels"] = jnp.where(earlier, matrix, 0)
        return _Net(first, blocks, head, code_bias, code_input)

    def _code_image(self, code: chex.Array | None, name: str) -> chex.Array | None:
        """The code as an image [B, H, W, k], if `conditioning` includes `name`."""
        if name not in self.conditioning:
            return None
        shape = (*self.image_shape[:2], self.code_channels)
        he = nn.initializers.he_normal()
        hidden = nn.Dense(self.code_units, kernel_init=he, name=f"{name}_hidden")(code)
        out = nn.Dense(math.prod(shape), name=f"{name}_map")(nn.relu(hidden))
        return out.reshape(-1, *shape)

    @property
    def _heads(self) -> int:
        return self.image_shape[2] if self.likelihood.factorized else 1

    def _check(self, code: chex.Array | None) -> None:
        rows, columns = self.kernel
        if rows < 1 or columns < 3 or columns % 2 == 0:
            raise ValueError(
                "kernel must have at least 1 row and 3, 5, ... columns, not "
                f"{self.kernel}"
            )
        if self.blocks < 1:
            raise ValueError(f"blocks must be at least 1, got {self.blocks}")
        if self.activation not in _GAINS:
            names = tuple(_GAINS)
            raise ValueError(
                f"activation must be one of {names}, not {self.activation!r}"
            )
        if unknown := set(self.conditioning) - set(CONDITIONING):
            raise ValueError(
                f"conditioning must be chosen from {CONDITIONING}, not {unknown}"
            )
        if (code is None) == bool(self.conditioning):
            given = "no code" if code is None else f"a code of shape {code.shape}"
            raise ValueError(f"conditioning {self.conditioning}, but got {given}")

    def _head(self, head: Weights, h: chex.Array, signal: chex.Array) -> chex.Array:
        """Outputs [..., O], given features [..., M] and the pixel itself [..., C]."""
        hidden = _dense(nn.relu(h), head["hidden"], head["hidden_bias"])
        if "channels" in head:
            hidden = hidden + _dense(signal, head["channels"])
        parts = jnp.split(nn.relu(hidden), self._heads, axis=-1)
        matrices = jnp.split(head["out"], self._heads, axis=-1)
        biases = jnp.split(head["out_bias"], self._heads)
        heads = zip(parts, matrices, biases, strict=True)
        return jnp.concatenate([_dense(*each) for each in heads], axis=-1)

    def _features(self, net: _Net, signal: chex.Array) -> chex.Array:
        """The last features [B, H, W, M] of the horizontal stack."""
        rows, left = self.kernel[0], self.kernel[1] // 2
        signal = _concatenate(signal, net.channels)
        above = _pad(signal[:, :-1], rows, left, left)
        v, context = _first_vertical(net.first, above, net.bias)
        h = _first_horizontal(net.first, _pad(signal[:, :, :-1], 0, left, 0), context)

        # Rematerialisation is as fast in training, with a third of the memory.
        @jax.checkpoint
        def block(features, weights):
            v, h = features
            v, context = self._vertical(weights, _pad(v, rows - 1, left, left))
            h = self._horizontal(weights, _pad(h, 0, left, 0), context)
            return (v, h), None

        # The v of the last block is unused, so the weights behind it are not trained.
        (_, h), _ = lax.scan(block, (v, h), net.blocks)
        return h

    def _vertical(
        self, block: Weights, window: chex.Array
    ) -> tuple[chex.Array, chex.Array]:
        """A block of the vertical stack.

        Args:
          block: weights of the block.
          window: padded inputs [B, h + R - 1, W + 2m, M].

        Returns:
          The outputs [B, h, W, M], and the context [B, h, W, A] that is added in the
          horizontal block.
        """
        rows, left = self.kernel[0], self.kernel[1] // 2
        a = _conv(window, block["vertical"]) + block["vertical_bias"]
        v = window[:, rows - 1 :, left:-left]
        v = v + _dense(self._activate(a), block["vertical_out"])
        return v, _dense(a, block["between"]) + block["horizontal_bias"]

    def _horizontal(
        self, block: Weights, window: chex.Array, context: chex.Array
    ) -> chex.Array:
        """A block of the horizontal stack, from [B, h, w + m, M] to [B, h, w, M]."""
        a = _conv(window, block["horizontal"]) + context
        h = window[:, :, self.kernel[1] // 2 :]
        return h + _dense(self._activate(a), block["horizontal_out"])

    def _activate(self, a: chex.Array) -> chex.Array:
        if self.activation == "relu":
            return nn.relu(a)
        a, gate = jnp.split(a, 2, axis=-1)
        return jnp.tanh(a) * nn.sigmoid(gate)

    def _sample_pixel(
        self, head: Weights, h: chex.Array, uniform: chex.Array
    ) -> chex.Array:
        """Samples a pixel [B, C], given its features [B, M] and noise [B, U]."""
        pixel = jnp.zeros((h.shape[0], self.image_shape[2]))
        # Each iteration fixes one more channel; the noise is always the same.
        for _ in range(self._heads):
            outputs = self._head(head, h, 2 * pixel - 1)
            pixel = self.likelihood.from_uniform(outputs, uniform)
        return pixel

    def _sample(self, net: _Net, number: int, key: chex.PRNGKey) -> chex.Array:
        rows, left = self.kernel[0], self.kernel[1] // 2
        height, width, channels = self.image_shape
        noise_shape = (number, self.likelihood.num_uniforms(channels))

        def sample_pixel(carry, inputs):
            before, cache = carry  # [B, 1, m, C + k], [L, B, 1, m, M]
            first, context, noise, code_input = inputs
            h = _first_horizontal(net.first, before, first)  # [B, 1, 1, M]

            def block(h, inputs):
                weights, context, cached = inputs
                window = jnp.concatenate([cached, h], axis=2)  # [B, 1, m + 1, M]
                return self._horizontal(weights, window, context), window[:, :, 1:]

            h, cache = lax.scan(block, h, (net.blocks, context, cache))
            pixel = self._sample_pixel(net.head, h[:, 0, 0], noise)
            signal = _concatenate(2 * pixel[:, None, None] - 1, code_input)
            before = jnp.concatenate([before[:, :, 1:], signal], axis=2)
            return (before, cache), pixel

        def sample_row(carry, inputs):
            above, cache = carry  # [B, R, W + 2m, C + k], [L, B, R - 1, W + 2m, M]
            row, bias, code_input = inputs  # [], [B, 1, W, M or 1], [B, 1, W, k]
            v, first = _first_vertical(net.first, above, bias)

            def block(v, inputs):
                weights, cached = inputs
                v = _pad(v, 0, left, left)
                window = jnp.concatenate([cached, v], axis=1)  # [B, R, W + 2m, M]
                v, context = self._vertical(weights, window)
                return v, (context, window[:, 1:])

            _, (context, cache) = lax.scan(block, v, (net.blocks, cache))
            index = row * width + jnp.arange(width)
            noise = jax.vmap(lambda i: pixel_noise(key, i, noise_shape))(index)
            columns = (_columns(first), _columns(context), noise, _columns(code_input))
            start = (
                jnp.zeros((number, 1, left, above.shape[-1])),
                jnp.zeros((self.blocks, number, 1, left, self.hidden_channels)),
            )
            _, pixels = lax.scan(sample_pixel, start, columns)  # [W, B, C]
            signal = 2 * pixels.transpose(1, 0, 2)[:, None] - 1
            signal = _concatenate(signal, code_input)
            signal = _pad(signal, 0, left, left)
            above = jnp.concatenate([above[:, 1:], signal], axis=1)
            return (above, cache), pixels

        inputs = net.first["vertical"].shape[2]
        start = (
            jnp.zeros((number, rows, width + 2 * left, inputs)),
            jnp.zeros(
                (self.blocks, number, rows - 1, width + 2 * left, self.hidden_channels)
            ),
        )
        each_row = (jnp.arange(height), _rows(net.bias), _rows(net.channels))
        _, pixels = lax.scan(sample_row, start, each_row)  # [H, W, B, C]
        return pixels.transpose(2, 0, 1, 3)


def _first_vertical(
    first: Weights, above: chex.Array, bias: chex.Array | None
) -> tuple[chex.Array, chex.Array]:
    """Features [B, h, W, M] of the rows above, and context of the horizontal layer."""
    v = _conv(above, first["vertical"]) + first["vertical_bias"]
    context = _dense(v, first["between"]) + first["horizontal_bias"]
    if bias is None:
        return v, context
    return v + bias, context + bias


def _first_horizontal(
    first: Weights, before: chex.Array, context: chex.Array
) -> chex.Array:
    """Features [B, h, w, M] of the previous pixels [B, h, w + m - 1, C + k]."""
    return _conv(before, first["horizontal"]) + context


def _conv(x: chex.Array, kernel: chex.Array) -> chex.Array:
    return conv(x, kernel, 1, "VALID")


def _dense(
    x: chex.Array, matrix: chex.Array, bias: chex.Array | None = None
) -> chex.Array:
    y = x.reshape(-1, x.shape[-1]) @ matrix
    y = y if bias is None else y + bias[None]
    return y.reshape(*x.shape[:-1], -1)


def _pad(x: chex.Array, above: int, before: int, after: int) -> chex.Array:
    """Pads images [B, H, W, C] with zeros."""
    edges = [(0, 0, 0), (above, 0, 0), (before, after, 0), (0, 0, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), edges)


def _concatenate(x: chex.Array, channels: chex.Array | None) -> chex.Array:
    return x if channels is None else jnp.concatenate([x, channels], axis=-1)


def _rows(x: chex.Array | None) -> chex.Array | None:
    """[B, H, W, C] as rows [H, B, 1, W, C]."""
    return None if x is None else jnp.moveaxis(x, 1, 0)[:, :, None]


def _columns(x: chex.Array | None) -> chex.Array | None:
    """[..., W, C] as columns [W, ..., 1, C]."""
    return None if x is None else jnp.moveaxis(x, -2, 0)[..., None, :]
