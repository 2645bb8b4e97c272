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
  without a width. `Max2` or `Avg6` pools after a convolution of stride 1, and `Up2`
  repeats each pixel, 2x2 times, before one. Without a width the row only transforms
  its input.
- BatchNorm: `yes`, or `scaleS` for one without a shift whose scale starts at S: on
  logits it keeps every class in use.
- Activation: `LeakA` (slope A), `ReLU`, `Tanh`, `Sigmoid`, `Softmax`, `Softplus`,
  `MaxoutN` (each channel the largest of N that are computed for it), or `ExpN`, the
  noise exp(x/2) * eps of AMM's eq. 20.
- A residual block is rows, too: two convolutions, and a third row that adds the
  block's input to what they give (or a row of width 1 and of the same stride on it,
  where the size changes). An MLP is rows of width 1.
- Padding is the table's, or the row's if the table has a column Padding: VALID, SAME,
  or the number of pixels at each edge, as PyTorch counts them.
"""

import dataclasses
import functools
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp

from adversarial_latent.networks.conv import Padding

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

ACTIVATIONS: Mapping[str, Callable[[chex.Array], chex.Array]] = {
    "ReLU": jax.nn.relu,
    "Tanh": jnp.tanh,
    "Sigmoid": jax.nn.sigmoid,
    "Softmax": jax.nn.softmax,
    "Softplus": jax.nn.softplus,
}


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
      pool: ("Max" | "Avg" | "Up", window), ("Image", pixels) or None.
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
    activations = "|".join([*ACTIVATIONS, "ExpN", r"Leak0?\.\d+", r"Maxout[1-9]\d*"])
    if not inputs:
        for column in ("Width", "Stride", "Dropout", "BatchNorm", "Activation"):
            read(column, "-")  # an input is taken as it is
    number = r"[1-9]\d*"
    stride = read("Stride", rf"{number}|(Max|Avg|Up|Image){number}") or "1"
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
