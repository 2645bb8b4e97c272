"""PixelCNN: images as a product of pixels, each given the ones before it.

Two stacks (van den Oord et al. 2016, "Conditional Image Generation with PixelCNN
Decoders"): the vertical one sees the rows above a pixel, the horizontal one its row's
pixels to the left, and the vertical one's features. No kernel is masked. The first
layers' images are shifted, by one row and by one pixel, so that they end before the
pixel; later kernels end at the row and at the pixel itself, and so see no more. With
kernels of R x K, pixels (r, c), and m = K // 2:

    v = conv_{R x K}(x at rows r-R..r-1, columns c-m..c+m)
    h = conv_{1 x m}(x at row r, columns c-m..c-1) + W v
    for each block:
      a = conv_{R x K}(v at rows r-R+1..r)         v = v + W act(a)
      b = conv_{1 x (m+1)}(h at c-m..c) + W a      h = h + W act(b)
    outputs = W relu(W relu(h))

So R + blocks * (R - 1) rows above are seen: 9 by three blocks of 3x5, PixelGAN's
receptive field of size 9 (figure 2).

The sampler's every new pixel costs one pixel's work. Vertical features of a row are
computed when the row begins, from the last rows of each layer; horizontal ones from
the last m columns of each layer. That is all that is kept.
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
# Activations, and the gain after which they keep the mean square of normal features.
_GAINS = {"relu": 2.0, "gated": 8.0}

Weights = dict[str, chex.Array]


def pixel_noise(
    key: chex.PRNGKey, index: chex.Array | int, shape: tuple[int, ...]
) -> chex.Array:
    """Uniform noise [*shape] in [0, 1) of pixel number `index` = r * W + c."""
    return jax.random.uniform(jax.random.fold_in(key, index), shape)


class _Net(NamedTuple):
    """Weights of a PixelCNN and what a code adds to them.

    Attributes:
      first: weights and biases of the first layers.
      blocks: of the blocks, [L, ...].
      head: of the last layers.
      bias: None, or the location-dependent bias [B, H, W, M or 1] of the first layers.
      channels: None, or [B, H, W, k] input channels.
    """

    first: Weights
    blocks: Weights
    head: Weights
    bias: chex.Array | None
    channels: chex.Array | None


class PixelCNN(nn.Module):
    """Autoregressive distribution of images, given a code or not.

    The code comes in by any of three ways (PixelGAN, appendix A.2). "invariant": a
    linear map makes it a bias of every layer in both stacks, the same at all pixels.
    "dependent": a hidden layer makes it a map [H, W, k], which is a bias of the first
    layers, at each pixel its own. "input": such a map is concatenated to the image; a
    pixel sees it where it sees the image, above and on the left (the first nowhere).

    Attributes:
      image_shape: (H, W, C). Channels are in order: one is given the ones before it.
      likelihood: of a pixel.
      blocks: number L of residual blocks.
      maps: number M of feature maps.
      kernel: rows, counting the current one, and columns, an odd number.
      activation: "relu", or "gated": tanh * sigmoid.
      conditioning: which of "invariant", "dependent", "input"; without any there is
        no code.
      map_units: size of the hidden layer that makes maps of codes.
      map_channels: k. With k = 1 the map is the same bias for all features; with more
        they are projected.
    """

    image_shape: tuple[int, int, int]
    likelihood: PixelLikelihood
    blocks: int
    maps: int
    kernel: tuple[int, int] = (3, 5)
    activation: str = "relu"
    conditioning: tuple[str, ...] = ()
    map_units: int = 1000
    map_channels: int = 1

    def __call__(
        self, x: chex.Array, code: chex.Array | None = None, *, train: bool
    ) -> chex.Array:
        """Log-probability of images.

        Args:
          x: [B, H, W, C] values on the likelihood's grid in [0, 1].
          code: [B, d], if there is conditioning.
          train: without effect.

        Returns:
          [B] nats, summed over pixels.

        Raises:
          ValueError: if attributes are wrong, or a code is missing or not expected.
          AssertionError: if the shapes do not fit.
        """
        outputs = self.outputs(x, code, train=train)
        return self.likelihood.log_prob(outputs, x).sum((1, 2))

    def outputs(
        self, x: chex.Array, code: chex.Array | None = None, *, train: bool
    ) -> chex.Array:
        """What the likelihood reads, [B, H, W, O]; arguments and errors as above."""
        del train
        chex.assert_shape(
            x,
            (None, *self.image_shape),
            custom_message=f"this PixelCNN's image_shape is {self.image_shape}",
        )
        if code is not None:
            chex.assert_shape(code, (len(x), None))
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
        """Draws images, with noise of the stream "noise" (see `pixel_noise`).

        Args:
          code: [B, d], if there is conditioning.
          number: B, if there is no code.
          train: without effect.

        Returns:
          [B, H, W, C] values on the likelihood's grid, not differentiable.

        Raises:
          ValueError: if a code or number is missing or not expected.
        """
        del train
        number = self.batch_size(code, number)
        return self._sample(self._bind(code), number, self.make_rng("noise"))

    def batch_size(self, code: chex.Array | None, number: int | None) -> int:
        """The number of images that `sample` draws; errors as there."""
        if code is not None and number in (None, len(code)):
            return len(code)
        if code is not None or number is None:
            raise ValueError(
                "sample needs a code or the number of images, got "
                f"{None if code is None else code.shape} and {number}."
            )
        return number

    @nn.compact
    def _bind(self, code: chex.Array | None) -> _Net:
        """Creates or reads all parameters, and adds to them what the code does."""
        self._check(code)
        (rows, columns), channels, maps = self.kernel, self.image_shape[2], self.maps
        left, count = columns // 2, self.blocks
        wide = 2 * maps if self.activation == "gated" else maps

        def weight(name: str, *shape: int, gain: float = 1.0) -> chex.Array:
            stacked = (0,) if name.startswith("block") else ()
            scaling = nn.initializers.variance_scaling
            init = scaling(gain, "fan_in", "normal", batch_axis=stacked)
            return self.param(name, init, shape)

        def bias(name: str, *shape: int) -> chex.Array:
            value = self.param(name, nn.initializers.zeros, shape)[..., None, :]
            if code is not None and "invariant" in self.conditioning:
                matrix = weight(f"{name}_code", *shape[:-1], len(code[0]), shape[-1])
                value = value + jnp.einsum("bd,...df->...bf", code, matrix)
            return value[..., None, None, :]  # [..., B or 1, 1, 1, F]

        added, extra = self._map(code, "dependent"), self._map(code, "input")
        if self.map_channels > 1 and added is not None:
            added = nn.Dense(maps, use_bias=False, name="dependent_project")(added)
        inputs = channels + (0 if extra is None else self.map_channels)
        first = {
            "vertical": weight("first_vertical", rows, columns, inputs, maps),
            "vertical_bias": bias("first_vertical_bias", maps),
            "horizontal": weight("first_horizontal", 1, left, inputs, maps),
            "horizontal_bias": bias("first_horizontal_bias", maps),
            "between": weight("first_between", maps, maps),
        }
        # All blocks together add as much as there was, however many they are.
        gain, out = _GAINS[self.activation] / count, (count, maps, maps)
        blocks = {
            "vertical": weight("block_vertical", count, rows, columns, maps, wide),
            "vertical_bias": bias("block_vertical_bias", count, wide),
            "vertical_out": weight("block_vertical_out", *out, gain=gain),
            "horizontal": weight("block_horizontal", count, 1, left + 1, maps, wide),
            "horizontal_bias": bias("block_horizontal_bias", count, wide),
            "horizontal_out": weight("block_horizontal_out", *out, gain=gain),
            "between": weight("block_between", count, wide, wide),
        }
        hidden, size = self._heads * maps, self.likelihood.num_outputs(channels)
        zeros = nn.initializers.zeros
        head = {
            "hidden": weight("head_hidden", maps, hidden, gain=2.0),
            "hidden_bias": self.param("head_hidden_bias", zeros, (hidden,)),
            "out": weight("head_out", maps, size, gain=0.01),  # almost uniform at first
            "out_bias": self.param("head_out_bias", zeros, (size,)),
        }
        if self._heads > 1:  # the hidden layer of channel c reads those before c
            earlier = np.arange(channels)[:, None] < np.arange(hidden)[None] // maps
            matrix = weight("head_channels", channels, hidden)
            head["channels"] = jnp.where(earlier, matrix, 0)
        return _Net(first, blocks, head, added, extra)

    def _map(self, code: chex.Array | None, name: str) -> chex.Array | None:
        """The map [B, H, W, k] that a hidden layer makes of the code, if it is used."""
        if name not in self.conditioning:
            return None
        shape = (*self.image_shape[:2], self.map_channels)
        he = nn.initializers.he_normal()
        hidden = nn.Dense(self.map_units, kernel_init=he, name=f"{name}_hidden")(code)
        out = nn.Dense(math.prod(shape), name=f"{name}_map")(nn.relu(hidden))
        return out.reshape(-1, *shape)

    @property
    def _heads(self) -> int:
        return self.image_shape[2] if self.likelihood.factorized else 1

    def _check(self, code: chex.Array | None) -> None:
        rows, columns = self.kernel
        if rows < 1 or columns < 3 or columns % 2 == 0:
            raise ValueError(
                f"kernel has at least 1 row and 3, 5, ... columns: not {self.kernel}"
            )
        if self.blocks < 1:
            raise ValueError(f"blocks must be at least 1, got {self.blocks}")
        if self.activation not in _GAINS:
            names = tuple(_GAINS)
            raise ValueError(f"activation is one of {names}, not {self.activation!r}")
        if unknown := set(self.conditioning) - set(CONDITIONING):
            raise ValueError(f"conditioning is of {CONDITIONING}, not {unknown}")
        if (code is None) == bool(self.conditioning):
            given = "no code" if code is None else f"a code {code.shape}"
            raise ValueError(f"conditioning {self.conditioning} is not for {given}")

    def _head(self, head: Weights, h: chex.Array, signal: chex.Array) -> chex.Array:
        """Outputs [..., O] of features [..., M] and the pixel [..., C] itself."""
        hidden = _dense(nn.relu(h), head["hidden"], head["hidden_bias"])
        if "channels" in head:
            hidden = hidden + _dense(signal, head["channels"])
        parts = jnp.split(nn.relu(hidden), self._heads, axis=-1)
        matrices = jnp.split(head["out"], self._heads, axis=-1)
        biases = jnp.split(head["out_bias"], self._heads)
        heads = zip(parts, matrices, biases, strict=True)
        return jnp.concatenate([_dense(*each) for each in heads], axis=-1)

    def _features(self, net: _Net, signal: chex.Array) -> chex.Array:
        """The horizontal stack's last features [B, H, W, M] of images."""
        rows, left = self.kernel[0], self.kernel[1] // 2
        signal = _join(signal, net.channels)
        above = _pad(signal[:, :-1], rows, left, left)
        v, context = _first_vertical(net.first, above, net.bias)
        h = _first_horizontal(net.first, _pad(signal[:, :, :-1], 0, left, 0), context)

        # Rematerialised: as fast in training, with a third of the memory.
        @jax.checkpoint
        def block(features, weights):
            v, h = features
            v, context = self._vertical(weights, _pad(v, rows - 1, left, left))
            h = self._horizontal(weights, _pad(h, 0, left, 0), context)
            return (v, h), None

        # Nobody reads the last block's v, nor trains what makes it.
        (_, h), _ = lax.scan(block, (v, h), net.blocks)
        return h

    def _vertical(
        self, block: Weights, window: chex.Array
    ) -> tuple[chex.Array, chex.Array]:
        """A block of the vertical stack.

        Args:
          block: its weights.
          window: its inputs [B, h + R - 1, W + 2m, M], padded.

        Returns:
          its outputs [B, h, W, M], and what the horizontal block adds [B, h, W, A].
        """
        rows, left = self.kernel[0], self.kernel[1] // 2
        a = _conv(window, block["vertical"]) + block["vertical_bias"]
        v = window[:, rows - 1 :, left:-left]
        v = v + _dense(self._activate(a), block["vertical_out"])
        return v, _dense(a, block["between"]) + block["horizontal_bias"]

    def _horizontal(
        self, block: Weights, window: chex.Array, context: chex.Array
    ) -> chex.Array:
        """A block of the horizontal stack: [B, h, w + m, M] to [B, h, w, M]."""
        a = _conv(window, block["horizontal"]) + context
        h = window[:, :, self.kernel[1] // 2 :]
        return h + _dense(self._activate(a), block["horizontal_out"])

    def _activate(self, a: chex.Array) -> chex.Array:
        if self.activation == "relu":
            return nn.relu(a)
        a, gate = jnp.split(a, 2, axis=-1)
        return jnp.tanh(a) * nn.sigmoid(gate)

    def _draw(self, head: Weights, h: chex.Array, uniform: chex.Array) -> chex.Array:
        """A pixel [B, C] given its features [B, M] and uniform noise [B, U]."""
        pixel = jnp.zeros((len(h), self.image_shape[2]))
        # Each time one more channel is right, and stays: its noise is the same.
        for _ in range(self._heads):
            outputs = self._head(head, h, 2 * pixel - 1)
            pixel = self.likelihood.from_uniform(outputs, uniform)
        return pixel

    def _sample(self, net: _Net, number: int, key: chex.PRNGKey) -> chex.Array:
        rows, left = self.kernel[0], self.kernel[1] // 2
        height, width, channels = self.image_shape
        noise_shape = (number, self.likelihood.num_uniforms(channels))

        def draw_pixel(carry, inputs):
            before, cache = carry  # [B, 1, m, C + k], [L, B, 1, m, M]
            first, context, noise, extra = inputs
            h = _first_horizontal(net.first, before, first)  # [B, 1, 1, M]

            def block(h, inputs):
                weights, context, cached = inputs
                window = jnp.concatenate([cached, h], axis=2)  # [B, 1, m + 1, M]
                return self._horizontal(weights, window, context), window[:, :, 1:]

            h, cache = lax.scan(block, h, (net.blocks, context, cache))
            pixel = self._draw(net.head, h[:, 0, 0], noise)
            signal = _join(2 * pixel[:, None, None] - 1, extra)
            before = jnp.concatenate([before[:, :, 1:], signal], axis=2)
            return (before, cache), pixel

        def draw_row(carry, inputs):
            above, cache = carry  # [B, R, W + 2m, C + k], [L, B, R - 1, W + 2m, M]
            row, bias, extra = inputs  # [], [B, 1, W, M or 1], [B, 1, W, k]
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
            columns = (_columns(first), _columns(context), noise, _columns(extra))
            start = (
                jnp.zeros((number, 1, left, above.shape[-1])),
                jnp.zeros((self.blocks, number, 1, left, self.maps)),
            )
            _, pixels = lax.scan(draw_pixel, start, columns)  # [W, B, C]
            signal = _join(2 * pixels.transpose(1, 0, 2)[:, None] - 1, extra)
            signal = _pad(signal, 0, left, left)
            above = jnp.concatenate([above[:, 1:], signal], axis=1)
            return (above, cache), pixels

        inputs = net.first["vertical"].shape[2]
        start = (
            jnp.zeros((number, rows, width + 2 * left, inputs)),
            jnp.zeros((self.blocks, number, rows - 1, width + 2 * left, self.maps)),
        )
        each_row = (jnp.arange(height), _rows(net.bias), _rows(net.channels))
        _, pixels = lax.scan(draw_row, start, each_row)  # [H, W, B, C]
        return pixels.transpose(2, 0, 1, 3)


def _first_vertical(
    first: Weights, above: chex.Array, bias: chex.Array | None
) -> tuple[chex.Array, chex.Array]:
    """Features [B, h, W, M] of the rows above, and what the horizontal layer adds."""
    v = _conv(above, first["vertical"]) + first["vertical_bias"]
    context = _dense(v, first["between"]) + first["horizontal_bias"]
    if bias is None:
        return v, context
    return v + bias, context + bias


def _first_horizontal(
    first: Weights, before: chex.Array, context: chex.Array
) -> chex.Array:
    """Features [B, h, w, M] of the pixels before, [B, h, w + m - 1, C + k]."""
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
    """Surrounds images [B, H, W, C] by zeros."""
    edges = [(0, 0, 0), (above, 0, 0), (before, after, 0), (0, 0, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), edges)


def _join(x: chex.Array, channels: chex.Array | None) -> chex.Array:
    return x if channels is None else jnp.concatenate([x, channels], axis=-1)


def _rows(x: chex.Array | None) -> chex.Array | None:
    """[B, H, W, C] as rows [H, B, 1, W, C]."""
    return None if x is None else jnp.moveaxis(x, 1, 0)[:, :, None]


def _columns(x: chex.Array | None) -> chex.Array | None:
    """[..., W, C] as columns [W, ..., 1, C]."""
    return None if x is None else jnp.moveaxis(x, -2, 0)[..., None, :]
