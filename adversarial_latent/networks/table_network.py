"""The network that a table of layers describes; see table.py for the format."""

import functools
from collections.abc import Mapping

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from adversarial_latent.collectives import device_mean
from adversarial_latent.networks.conv import conv, conv_transpose
from adversarial_latent.networks.noise import dropout
from adversarial_latent.networks.table import ACTIVATIONS, Layer, Table

BATCH_NORM_MOMENTUM = 0.99
BATCH_NORM_EPSILON = 1e-5


class BatchNorm(nn.Module):
    """Batch normalisation over all axes but the last, and over devices.

    Attributes:
      initial_scale: initial value of the scale.
      shift: whether a shift is learned.
    """

    initial_scale: float = 1.0
    shift: bool = True

    @nn.compact
    def __call__(self, x: chex.Array, *, train: bool) -> chex.Array:
        """Normalises `x` [..., C], by the statistics of the batch if `train`."""
        channels = x.shape[-1]
        constant = nn.initializers.constant
        scale = self.param("scale", constant(self.initial_scale), (channels,))
        bias = self.param("bias", constant(0.0), (channels,)) if self.shift else 0.0
        stat_mean = self.variable("batch_stats", "mean", jnp.zeros, (channels,))
        stat_var = self.variable("batch_stats", "var", jnp.ones, (channels,))
        mean, var = stat_mean.value, stat_var.value
        if train:
            axes = tuple(range(x.ndim - 1))
            # The two-moment form needs one pass over x and one exchange.
            mean, square = device_mean((x.mean(axes), jnp.square(x).mean(axes)))
            var = jnp.maximum(square - jnp.square(mean), 0.0)
            if not self.is_initializing():
                keep = BATCH_NORM_MOMENTUM
                stat_mean.value = keep * stat_mean.value + (1 - keep) * mean
                stat_var.value = keep * stat_var.value + (1 - keep) * var
        factor = scale * jax.lax.rsqrt(var + BATCH_NORM_EPSILON)
        shift = bias - mean * factor
        shape = (1,) * (x.ndim - 1) + (channels,)
        return x * factor.reshape(shape) + shift.reshape(shape)


def _reshape(x: chex.Array, kind: str, rows: int, columns: int) -> chex.Array:
    """Applies `Flat`, `Image` or `Crop`."""
    if kind == "Flat":
        return x.reshape(x.shape[0], -1)
    if kind == "Image":
        if x.ndim != 2 or x.shape[1] % (rows * columns):
            raise ValueError(f"cannot reshape {x.shape[1:]} to {rows}x{columns} pixels")
        return x.reshape(x.shape[0], rows, columns, -1)
    if x.ndim != 4 or x.shape[1] < rows or x.shape[2] < columns:
        raise ValueError(f"cannot crop {x.shape[1:]} to {rows}x{columns} pixels")
    return x[:, :rows, :columns]


def _pool(x: chex.Array, kind: str, window: int) -> chex.Array:
    batch, height, width, channels = x.shape
    if height % window or width % window:
        raise ValueError(f"cannot pool {height}x{width} pixels by {window}")
    blocks = x.reshape(
        batch, height // window, window, width // window, window, channels
    )
    return blocks.max((2, 4)) if kind == "Max" else blocks.mean((2, 4))


def _scale_gradient(x: chex.Array, fraction: float) -> chex.Array:
    """Returns x unchanged, but passes only this fraction of its gradient."""
    constant = jax.lax.stop_gradient(x)
    return constant + fraction * (x - constant)


class TableNetwork(nn.Module):
    """The network that a table describes.

    It returns the outputs of all rows by name. An `ExpN` row also outputs its
    log-variance, as `NAME_log_variance`, so that the distribution is known, not only
    the sample.

    Attributes:
      table: the table.
      kernel_init: standard deviation of the Gaussian initial kernels; or
        "lecun" for 1/sqrt(fan in), or "he" for sqrt(2/fan in) before rectifiers and
        1/sqrt(fan in) elsewhere; or "orthogonalG" for orthogonal matrices times G.
    """

    table: Table
    kernel_init: float | str = 0.02

    @nn.compact
    def __call__(
        self,
        *inputs: chex.Array,
        train: bool,
        noise: bool = True,
        given: Mapping[str, chex.Array] | None = None,
        gradients: Mapping[str, float] | None = None,
    ) -> dict[str, chex.Array]:
        """Evaluates the table.

        Args:
          *inputs: one for each input row, [B, H, W, C] or [B, C].
          train: whether to apply dropout, and to use the batch's own statistics.
          noise: whether `ExpN` rows sample their noise; otherwise it is zero, its mean.
          given: `{row: value [n, ...]}`, values that replace the row's output for the
            last n <= B examples. The rows below read these values.
          gradients: `{row: fraction}`, how much of the gradient of its output a row
            passes to the rows above it: 1 unless given.

        Returns:
          `{row: output}`; outputs of 1x1 pixels are [B, C].

        Raises:
          ValueError: the inputs do not have the shapes that the table states, or a row
            of `given` or `gradients` is not computed by the table.
        """
        layers = self.table.layers
        given, gradients = given or {}, gradients or {}
        computed = {row.name for row in layers if row.inputs}
        if unknown := (given.keys() | gradients.keys()) - computed:
            raise ValueError(f"given rows {sorted(unknown)} are not computed here")
        names = [row.name for row in layers if not row.inputs]
        if len(inputs) != len(names):
            raise ValueError(f"the table takes {names}, got {len(inputs)} inputs")
        outputs: dict[str, chex.Array] = dict(zip(names, inputs, strict=True))
        for row in layers:
            if row.inputs:
                x = self._combine(row, outputs, inputs[0].shape[0])
                x = self._layer(row, x, train)
                if row.activation == "ExpN":
                    outputs[f"{row.name}_log_variance"] = x
                    x = self._exp_noise(x) if noise else jnp.zeros_like(x)
                if row.name in gradients:
                    x = _scale_gradient(x, gradients[row.name])
                if row.name in given:
                    value = given[row.name]
                    kept = x[: x.shape[0] - value.shape[0]]
                    x = jnp.concatenate([kept, value])
                outputs[row.name] = x
            if outputs[row.name].shape[-1] != row.channels:
                raise ValueError(
                    f"row {row.name!r} states {row.channels} channels, but has shape "
                    f"{outputs[row.name].shape}"
                )
        return outputs

    def _combine(
        self, row: Layer, outputs: dict[str, chex.Array], batch_size: int
    ) -> chex.Array:
        zeros = jnp.zeros((batch_size, row.channels))
        parts = [zeros if name == "zeros" else outputs[name] for name in row.inputs]
        if row.combine == "|":
            return jnp.concatenate(parts, axis=-1)
        return functools.reduce(jnp.add, parts)

    def _layer(self, row: Layer, x: chex.Array, train: bool) -> chex.Array:
        if row.dropout and train:
            x = dropout(x, row.dropout, self.make_rng("dropout"))
        kind, rows, columns = row.pool or ("", 1, 1)
        if kind == "Up":
            x = x if x.ndim == 4 else x[:, None, None]
            x = x.repeat(rows, axis=1).repeat(columns, axis=2)
        if row.width is not None:
            x = self._convolution(row, x)
        if kind in ("Max", "Avg"):
            x = _pool(x, kind, rows)
        elif kind in ("Crop", "Flat", "Image"):
            x = _reshape(x, kind, rows, columns)
        if x.ndim == 4 and x.shape[1:3] == (1, 1):
            x = x[:, 0, 0]
        if row.batch_norm:
            plain = row.batch_norm == "yes"
            scale = 1.0 if plain else float(row.batch_norm.removeprefix("scale"))
            x = BatchNorm(scale, plain, name=f"{row.name}_norm")(x, train=train)
        if row.activation.startswith("Leak"):
            # max(x, slope x), whose second derivative is zero as it should be.
            x = jnp.maximum(x, float(row.activation.removeprefix("Leak")) * x)
        elif row.activation in ACTIVATIONS:
            x = ACTIVATIONS[row.activation](x)
        elif row.maxout_pieces > 1:
            x = x.reshape(*x.shape[:-1], row.channels, row.maxout_pieces).max(-1)
        return x

    def _convolution(self, row: Layer, x: chex.Array) -> chex.Array:
        assert row.width is not None
        channels = row.channels * row.maxout_pieces
        shape = (row.width, row.width, x.shape[-1], channels)
        if not isinstance(self.kernel_init, str):
            init = nn.initializers.normal(self.kernel_init)
        elif self.kernel_init.startswith("orthogonal"):
            gain = float(self.kernel_init.removeprefix("orthogonal") or 1)
            init = nn.initializers.orthogonal(gain)
        else:
            rectified = row.activation.startswith(("ReLU", "Leak"))
            gain = {"lecun": 1.0, "he": 2.0 if rectified else 1.0}[self.kernel_init]
            # On a 1x1 image each output of a transposed kernel has one input pixel.
            batch_axis = (0, 1) if self.table.transposed else ()
            init = nn.initializers.variance_scaling(
                gain, "fan_in", "normal", batch_axis=batch_axis
            )
        kernel = self.param(f"{row.name}_kernel", init, shape)
        bias = self.param(f"{row.name}_bias", nn.initializers.zeros, (channels,))
        if x.ndim == 2:
            x = x[:, None, None]
        function = conv_transpose if self.table.transposed else conv
        x = function(x, kernel, row.stride, row.padding)
        return x + bias.reshape(1, 1, 1, -1)

    def _exp_noise(self, log_variance: chex.Array) -> chex.Array:
        """AMM eq. 20: exp(0.5 x) * eps, eps ~ N(0, I)."""
        eps = jax.random.normal(self.make_rng("noise"), log_variance.shape)
        return jnp.exp(0.5 * log_variance) * eps
