"""Networks written as the tables of layers in which papers print them.

A config holds the paper's table as text, row by row, so that the two can be laid
side by side:

    Name  Input  Channels  Width  Stride  Dropout  BatchNorm  Activation
    x     -      1         -      -       -        -          -
    x1    x      32        2      1       -        -          Leak0.2
    y     -      10        -      -       -        -          -
    p0    x1|y   42        -      -       -        -          -
    p     p0     1         1      1       0.2      -          -

Reading a row, from left to right:

- Input: rows above, added with `+` or concatenated with `|`; `-` makes the row an
  input of the network, in the order of the rows; `zeros` is a constant.
- Channels may be a sum, as `64+10` of two concatenated rows.
- Dropout is applied to what comes in. The papers do not say; it is the only reading
  under which no output unit, in particular not D's logit, is dropped.
- Width and Stride: a convolution of that width, or a transposed one in a table
  read with `transposed=True`. A map of 1x1 pixels is a vector, for which a width of
  1 is a dense layer, and a width that covers the whole image makes a dense layer of
  it, too. `Image7` in the column Stride makes 7x7 pixels of a vector, in a row
  without a width. `Max2` or `Avg6` pools after a convolution of
  stride 1. Without a width the row only transforms its input.
- BatchNorm: `yes`, or `scaleS` for one without a shift whose scale starts at S: on
  logits it keeps every class in use.
- Activation: `LeakA` (slope A), `ReLU`, `Tanh`, `Sigmoid`, `Softmax`, `Softplus`,
  `MaxoutN` (each channel the largest of N that are computed for it), or `ExpN`, the
  noise exp(x/2) * eps of AMM's eq. 20.
- A residual block is rows, too: two convolutions, and a third row that adds the
  block's input to what they give. An MLP is rows of width 1.
- Padding is the table's, or the row's if the table has a column Padding: VALID, SAME,
  or the number of pixels at each edge, as PyTorch counts them.
"""

import dataclasses
import functools
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import ml_collections

from adversarial_latent.networks.conv import Padding, conv, conv_transpose
from adversarial_latent.networks.noise import dropout
from adversarial_latent.parallel import device_mean

_COLUMNS = (
    "Name",
    "Input",
    "Channels",
    "Width",
    "Stride",
    "Dropout",
    "BatchNorm",
    "Activation",
)
HEADER = "  ".join(_COLUMNS)
"""The header of a table with these columns, for configs to put above their rows."""

_ACTIVATIONS: dict[str, Callable[[chex.Array], chex.Array]] = {
    "ReLU": jax.nn.relu,
    "Tanh": jnp.tanh,
    "Sigmoid": jax.nn.sigmoid,
    "Softmax": jax.nn.softmax,
    "Softplus": jax.nn.softplus,
}
_KERNEL_INITS = ("lecun", "he")
BATCH_NORM_MOMENTUM = 0.99
BATCH_NORM_EPSILON = 1e-5


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
      name: name of the row's output.
      inputs: names of the rows that come in; empty for an input of the network.
      combine: "+" or "|", how several inputs are joined.
      channels: number of output channels.
      width: of the kernel; None for a row without weights.
      stride: of the convolution.
      pool: ("Max" | "Avg", window), ("Image", pixels) or None.
      dropout: rate at which incoming units are dropped.
      batch_norm: "yes", "scaleS", or "" for none.
      activation: name, "" for none.
      padding: "VALID", "SAME" or a number of pixels.
    """

    name: str
    inputs: tuple[str, ...]
    combine: str
    channels: int
    width: int | None
    stride: int
    pool: tuple[str, int] | None
    dropout: float
    batch_norm: str
    activation: str
    padding: Padding

    @property
    def pieces(self) -> int:
        """How many values are computed for each that the row gives: maxout."""
        if self.activation.startswith("Maxout"):
            return int(self.activation.removeprefix("Maxout"))
        return 1


@functools.cache
def parse_table(text: str, padding: Padding = "VALID") -> tuple[Row, ...]:
    """Reads a table of layers.

    Args:
      text: the table, with its header; columns are separated by blanks.
      padding: of rows that do not state their own.

    Returns:
      its rows.

    Raises:
      ValueError: naming the row and the column that cannot be read.
    """
    rows: list[Row] = []
    known = {"zeros"}
    for cells in _read_cells(text):
        row = _parse_row(cells, padding)
        if unknown := [name for name in row.inputs if name not in known]:
            raise ValueError(
                f"row {row.name!r}: column Input names {unknown[0]!r}, "
                f"which is no row above it"
            )
        if row.name in known:
            raise ValueError(f"row {row.name!r} is there twice")
        known.add(row.name)
        rows.append(row)
    return tuple(rows)


def narrow(text: str, divisor: int, keep: Collection[str]) -> str:
    """Makes a network cheaper: the same rows with fewer channels.

    Divides the channels of rows that have a width, and of the table's inputs, which
    other networks make; those of all other rows follow from what comes in.

    Args:
      text: the table, with its header. It may still hold {k} and {d}.
      divisor: by which channels are divided.
      keep: names of the rows whose channels stay as they are.

    Returns:
      the table.

    Raises:
      ValueError: naming a row whose channels cannot be divided.
    """
    rows = _read_cells(text)
    channels: dict[str, str] = {}
    for row in rows:
        name, stated = row["Name"], row["Channels"]
        if name not in keep:
            if row["Width"] != "-" or row["Input"] == "-":
                if divisor < 1 or not stated.isdigit() or int(stated) % divisor:
                    raise ValueError(
                        f"row {name!r}: {stated} channels cannot be divided by "
                        f"{divisor}"
                    )
                row["Channels"] = str(int(stated) // divisor)
            elif row["Stride"].startswith("Image"):
                pixels = int(row["Stride"].removeprefix("Image")) ** 2
                row["Channels"] = str(int(channels[row["Input"]]) // pixels)
            elif known := [
                channels[above]
                for above in re.split(r"[+|]", row["Input"])
                if above != "zeros"
            ]:
                row["Channels"] = "+".join(known) if "|" in row["Input"] else known[0]
        channels[name] = row["Channels"]
    header = text.strip().splitlines()[0]
    return "\n".join([header, *("  ".join(row.values()) for row in rows)])


def _read_cells(text: str) -> list[dict[str, str]]:
    """The table's rows as `{column: cell}`, in the order of the header.

    Raises:
      ValueError: if columns are unknown or missing, or cells are.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    header, *body = lines or [[]]
    if set(header) - {"Padding"} != set(_COLUMNS) or len(set(header)) < len(header):
        raise ValueError(
            f"a table has the columns {' '.join(_COLUMNS)} and perhaps Padding, "
            f"not {' '.join(header)}"
        )
    for cells in body:
        if len(cells) != len(header):
            raise ValueError(
                f"row {cells[0]!r} has {len(cells)} cells under {len(header)} columns: "
                f"{' '.join(cells)}"
            )
    return [dict(zip(header, cells, strict=True)) for cells in body]


def _parse_row(cells: dict[str, str], padding: Padding) -> Row:
    def read(column: str, pattern: str) -> str | None:
        cell = cells[column]
        if cell == "-":
            return None
        if not re.fullmatch(pattern, cell):
            raise ValueError(
                f"row {cells['Name']!r}: cannot read {cell!r} in column {column}"
            )
        return cell

    name = r"\w+"
    inputs = read("Input", rf"{name}((\+{name})+|(\|{name})+)?") or ""
    activations = "|".join([*_ACTIVATIONS, "ExpN", r"Leak0?\.\d+", r"Maxout[1-9]\d*"])
    if not inputs:
        for column in ("Width", "Stride", "Dropout", "BatchNorm", "Activation"):
            read(column, "-")  # an input is taken as it is
    number = r"[1-9]\d*"
    stride = read("Stride", rf"{number}|(Max|Avg|Image){number}") or "1"
    kind = stride.rstrip("0123456789")
    pool = (kind, int(stride.removeprefix(kind))) if kind else None
    width = read("Width", number)
    if inputs and width is None and stride.isdigit() and stride != "1":
        raise ValueError(f"row {cells['Name']!r} has a stride but no width")
    activation = read("Activation", activations) or ""
    if activation.startswith("Maxout") and width is None:
        raise ValueError(f"row {cells['Name']!r} has a Maxout but no width")
    channels = read("Channels", rf"{number}(\+{number})*")
    if channels is None:
        raise ValueError(f"row {cells['Name']!r}: column Channels is empty")
    own_padding: Any = None
    if "Padding" in cells and (own_padding := read("Padding", r"VALID|SAME|\d+")):
        if width is None:
            raise ValueError(f"row {cells['Name']!r} has a padding but no width")
        own_padding = int(own_padding) if own_padding.isdigit() else own_padding
    return Row(
        name=cells["Name"],
        inputs=tuple(re.split(r"[+|]", inputs)) if inputs else (),
        combine="|" if "|" in inputs else "+",
        channels=sum(map(int, channels.split("+"))),
        width=None if width is None else int(width),
        stride=1 if pool else int(stride),
        pool=pool,
        dropout=float(read("Dropout", r"0?\.\d+") or 0.0),
        batch_norm=read("BatchNorm", r"yes|scale\d*\.?\d+") or "",
        activation=activation,
        padding=padding if own_padding is None else own_padding,
    )


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
      text: the table; see the module's docstring.
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
        if row.width is not None:
            x = self._convolution(row, x)
        if row.pool is not None:
            x = _pool(x, *row.pool)
        if x.ndim == 4 and x.shape[1:3] == (1, 1):
            x = x[:, 0, 0]
        if row.batch_norm:
            plain = row.batch_norm == "yes"
            scale = 1.0 if plain else float(row.batch_norm.removeprefix("scale"))
            x = BatchNorm(scale, plain, name=f"{row.name}_norm")(x, train=train)
        if row.activation.startswith("Leak"):
            # max(x, slope x), whose second derivative is zero as it should be.
            x = jnp.maximum(x, float(row.activation.removeprefix("Leak")) * x)
        elif row.activation in _ACTIVATIONS:
            x = _ACTIVATIONS[row.activation](x)
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
      ValueError: if `kernel_init` is neither a number nor known.
    """
    kernel_init = config.kernel_init
    if kernel_init not in _KERNEL_INITS:
        try:
            kernel_init = float(kernel_init)
        except ValueError:
            raise ValueError(
                f"kernel_init is a number or one of {_KERNEL_INITS}, not "
                f"{kernel_init!r}"
            ) from None
    sizes = {"k": config.get("num_components"), "d": config.get("latent_dim")}
    return {
        name: Table(
            text.format(**sizes),
            transposed=name in transposed,
            padding=config.padding,
            kernel_init=kernel_init,
        )
        for name, text in config.tables.items()
    }
