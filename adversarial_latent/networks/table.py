"""The network that a table of layers describes; how to write one: see rows.py."""

import functools
import math
from collections.abc import Mapping

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import ml_collections

from adversarial_latent.inputs import InputError
from adversarial_latent.networks.conv import Padding, conv, conv_transpose
from adversarial_latent.networks.noise import dropout
from adversarial_latent.networks.rows import ACTIVATIONS, Row, parse_table
from adversarial_latent.parallel import device_mean

_KERNEL_INITS = ("lecun", "he")
BATCH_NORM_MOMENTUM = 0.99
BATCH_NORM_EPSILON = 1e-5


class BatchNorm(nn.Module):
    """Batch normalisation over all axes but the last, across devices, too.

    Attributes:
      initial_scale: what the scale starts at.
      shift: whether a shift is learned.
    """

    initial_scale: float = 1.0
    shift: bool = True

    @nn.compact
    def __call__(self, x: chex.Array, *, train: bool) -> chex.Array:
        """Normalises `x` [..., C]: by its own statistics iff `train`."""
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


def _pool(x: chex.Array, kind: str, window: int) -> chex.Array:
    if kind == "Image":
        if x.ndim != 2 or x.shape[1] % window**2:
            raise ValueError(f"cannot make {window}x{window} pixels of {x.shape[1:]}")
        return x.reshape(len(x), window, window, -1)
    batch, height, width, channels = x.shape
    if height % window or width % window:
        raise ValueError(f"cannot pool {height}x{width} pixels by {window}")
    blocks = x.reshape(
        batch, height // window, window, width // window, window, channels
    )
    return blocks.max((2, 4)) if kind == "Max" else blocks.mean((2, 4))


class Table(nn.Module):
    """The network that a table describes.

    Calling it returns the outputs of all rows by name. An `ExpN` row also gives its
    log-variance, as `NAME_log_variance`, so that the distribution can be had beside
    the sample.

    Attributes:
      text: the table; see rows.py.
      transposed: whether widths are those of transposed convolutions.
      padding: of rows that do not state their own.
      kernel_init: standard deviation of the initial kernels, which are Gaussian; or
        "lecun" for 1/sqrt(fan in), or "he" for sqrt(2/fan in) before rectifiers and
        1/sqrt(fan in) elsewhere.
    """

    text: str
    transposed: bool = False
    padding: Padding = "VALID"
    kernel_init: float | str = 0.02

    @nn.compact
    def __call__(
        self,
        *inputs: chex.Array,
        train: bool,
        noise: bool = True,
        given: Mapping[str, chex.Array] | None = None,
    ) -> dict[str, chex.Array]:
        """Evaluates the table.

        Args:
          *inputs: one for each input row, [B, H, W, C] or [B, C].
          train: dropout is on and batch statistics are the batch's.
          noise: `ExpN` rows draw noise; otherwise they give its mean, zero.
          given: `{row: value [n, ...]}`: what the last n <= B examples have in that
            row, instead of what the table computes for them. The rows below see it.

        Returns:
          `{row: output}`; outputs of 1x1 pixels are [B, C].

        Raises:
          ValueError: if the inputs do not have the shapes that the table states, or
            a row is given that the table does not compute.
        """
        rows = parse_table(self.text, self.padding)
        if unknown := set(given or {}) - {row.name for row in rows if row.inputs}:
            raise ValueError(f"given rows {sorted(unknown)} are not computed here")
        names = [row.name for row in rows if not row.inputs]
        if len(inputs) != len(names):
            raise ValueError(f"the table takes {names}, got {len(inputs)} inputs")
        outputs: dict[str, chex.Array] = dict(zip(names, inputs, strict=True))
        for row in rows:
            if row.inputs:
                x = self._combine(row, outputs, inputs[0].shape[0])
                x = self._layer(row, x, train)
                if row.activation == "ExpN":
                    outputs[f"{row.name}_log_variance"] = x
                    x = self._exp_noise(x) if noise else jnp.zeros_like(x)
                if given and row.name in given:
                    value = given[row.name]
                    x = jnp.concatenate([x[: len(x) - len(value)], value])
                outputs[row.name] = x
            if outputs[row.name].shape[-1] != row.channels:
                raise ValueError(
                    f"row {row.name!r} states {row.channels} channels, but has shape "
                    f"{outputs[row.name].shape}"
                )
        return outputs

    def _combine(
        self, row: Row, outputs: dict[str, chex.Array], batch_size: int
    ) -> chex.Array:
        zeros = jnp.zeros((batch_size, row.channels))
        parts = [zeros if name == "zeros" else outputs[name] for name in row.inputs]
        if row.combine == "|":
            return jnp.concatenate(parts, axis=-1)
        return functools.reduce(jnp.add, parts)

    def _layer(self, row: Row, x: chex.Array, train: bool) -> chex.Array:
        if row.dropout and train:
            x = dropout(x, row.dropout, self.make_rng("dropout"))
        kind, window = row.pool or ("", 1)
        if kind == "Up":
            x = x if x.ndim == 4 else x[:, None, None]
            x = x.repeat(window, axis=1).repeat(window, axis=2)
        if row.width is not None:
            x = self._convolution(row, x)
        if kind not in ("", "Up"):
            x = _pool(x, kind, window)
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
        elif row.pieces > 1:
            x = x.reshape(*x.shape[:-1], row.channels, row.pieces).max(-1)
        return x

    def _convolution(self, row: Row, x: chex.Array) -> chex.Array:
        assert row.width is not None
        channels = row.channels * row.pieces
        shape = (row.width, row.width, x.shape[-1], channels)
        if not isinstance(self.kernel_init, str):
            init = nn.initializers.normal(self.kernel_init)
        else:
            rectified = row.activation.startswith(("ReLU", "Leak"))
            gain = {"lecun": 1.0, "he": 2.0 if rectified else 1.0}[self.kernel_init]
            # A transposed kernel reaches each output of a 1x1 map just once.
            batch_axis = (0, 1) if self.transposed else ()
            init = nn.initializers.variance_scaling(
                gain, "fan_in", "normal", batch_axis=batch_axis
            )
        kernel = self.param(f"{row.name}_kernel", init, shape)
        bias = self.param(f"{row.name}_bias", nn.initializers.zeros, (channels,))
        if x.ndim == 2:
            x = x[:, None, None]
        function = conv_transpose if self.transposed else conv
        x = function(x, kernel, row.stride, row.padding)
        return x + bias.reshape(1, 1, 1, -1)

    def _exp_noise(self, log_variance: chex.Array) -> chex.Array:
        """AMM eq. 20: exp(0.5 x) * eps, eps ~ N(0, I)."""
        eps = jax.random.normal(self.make_rng("noise"), log_variance.shape)
        return jnp.exp(0.5 * log_variance) * eps


def logits(outputs: dict[str, chex.Array]) -> chex.Array:
    """Returns the row `p` of a discriminator's table, [B, 1], as [B] logits.

    Raises:
      ValueError: if it is a map or has several channels.
    """
    p = outputs["p"]
    if p.ndim != 2 or p.shape[1] != 1:
        raise ValueError(f"row 'p' must be one logit for each example, not {p.shape}")
    return p[:, 0]


def read_tables(
    config: ml_collections.ConfigDict, *, transposed: tuple[str, ...]
) -> dict[str, Table]:
    """Builds the networks of `config.game.tables`.

    Args:
      config: a game's config, with `tables`, `padding` and `kernel_init`. The texts
        may say {k} for `num_components` and {d} for `latent_dim`.
      transposed: names of the networks whose convolutions are transposed.

    Returns:
      `{network: module}`.

    Raises:
      InputError: if `kernel_init` is neither a number nor known.
    """
    kernel_init = config.kernel_init
    if kernel_init not in _KERNEL_INITS:
        try:
            kernel_init = float(kernel_init)
        except ValueError:
            kernel_init = math.nan
        if not 0 <= kernel_init < math.inf:
            raise InputError(
                f"config.game.kernel_init is a number or one of {_KERNEL_INITS}, not "
                f"{config.kernel_init!r}"
            )
    k, d = config.get("num_components"), config.get("latent_dim")
    return {
        name: Table(
            text.replace("{k}", str(k)).replace("{d}", str(d)),
            transposed=name in transposed,
            padding=config.padding,
            kernel_init=kernel_init,
        )
        for name, text in config.tables.items()
    }
