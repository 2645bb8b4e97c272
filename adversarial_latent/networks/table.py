"""Networks written as tables of layers, as papers print them.

A config contains the paper's table as text, so that the two can be compared:

    Name  Input  Channels  Width  Stride  Padding  Dropout  BatchNorm  Activation
    x     -      1         -      -       -        -        -          -
    x1    x      32        2      1       -        -        -          Leak0.2
    y     -      10        -      -       -        -        -          -
    p0    x1|y   42        -      -       -        -        -          -
    p     p0     1         1      1       -        0.2      -          -

A table always has these nine columns, so that the header is optional. A first line
`transposed` makes all convolutions transposed ones. A row is a layer:

- Input: names of rows above, added with `+` or concatenated with `|`; `-` makes the row
  an input of the network, in the order of the rows; `zeros` is a constant.
- Channels: a number or a sum, such as `64+10` for two concatenated rows. `{k}` stands
  for the game's number of components, `{d}` for its latent dimension.
- Width: width of the kernel. An image of 1x1 pixels is a vector, for which a width of 1
  is a dense layer. A width that covers the whole image is a dense layer, too. Without a
  width the row only transforms its input.
- Stride: of the convolution; or `Max2`, `Avg6`: pooling after a convolution of stride
  1; or `Up2`: nearest-neighbour upsampling before it. A row without a width can have
  `Flat`: reshapes an image to a vector; `Image7` or `Image5x8`: reshapes a vector to an
  image of 7x7 pixels, or 5 rows and 8 columns; `Crop7` or `Crop5x8`: keeps these pixels
  of an image, from its top left.
- Padding: `-` or `VALID` for none, `SAME`, or the number of pixels at each edge, as in
  PyTorch.
- Dropout: rate, applied to the row's input. The papers do not say where it acts. This
  is the only reading under which no output unit, such as D's logit, is dropped.
- BatchNorm: `yes`, or `scaleS` for a scale with initial value S and no shift. On logits
  the latter keeps every class in use.
- Activation: `LeakA` (slope A), `ReLU`, `Tanh`, `Sigmoid`, `Softmax`, `Softplus`,
  `MaxoutN` (the largest of N values computed for each channel), or `ExpN`, the noise
  exp(x/2) * eps of AMM's eq. 20.

A residual block takes three rows: two convolutions, and a row that adds the block's
input to their output. An MLP is rows of width 1.
"""

import dataclasses
import fractions
import functools
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp

from adversarial_latent.networks.conv import Padding

COLUMNS = (
    "Name",
    "Input",
    "Channels",
    "Width",
    "Stride",
    "Padding",
    "Dropout",
    "BatchNorm",
    "Activation",
)
_TRANSPOSED = "transposed"
_CONSTANTS = ("zeros",)  # inputs that are not rows

ACTIVATIONS: Mapping[str, Callable[[chex.Array], chex.Array]] = {
    "ReLU": jax.nn.relu,
    "Tanh": jnp.tanh,
    "Sigmoid": jax.nn.sigmoid,
    "Softmax": jax.nn.softmax,
    "Softplus": jax.nn.softplus,
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a table as text: a cell for each of `COLUMNS`."""

    name: str
    input: str
    channels: str
    width: str = "-"
    stride: str = "-"
    padding: str = "-"
    dropout: str = "-"
    batch_norm: str = "-"
    activation: str = "-"


@dataclasses.dataclass(frozen=True)
class Layer:
    """A parsed row.

    Attributes:
      name: name of the layer's output.
      inputs: names of the layers that it reads; empty for an input of the network.
      combine: "+" or "|", how several inputs are combined.
      channels: number of output channels.
      width: of the kernel; None for a layer without weights.
      stride: of the convolution.
      pool: what else the column Stride names, with its rows and columns, such as
        ("Max", 2, 2) or ("Image", 5, 8); or None.
      padding: "VALID", "SAME" or a number of pixels.
      dropout: rate at which input units are dropped.
      batch_norm: "yes", "scaleS", or "" for none.
      activation: its name, "" for none.
    """

    name: str
    inputs: tuple[str, ...]
    combine: str
    channels: int
    width: int | None
    stride: int
    pool: tuple[str, int, int] | None
    padding: Padding
    dropout: float
    batch_norm: str
    activation: str

    @property
    def maxout_pieces(self) -> int:
        """Number of values that are computed for each output channel."""
        if self.activation.startswith("Maxout"):
            return int(self.activation.removeprefix("Maxout"))
        return 1


@dataclasses.dataclass(frozen=True)
class Table:
    """An immutable table of layers; methods return changed copies.

    `str(table)` is its text, which `Table.parse` reads. Cells are checked only when
    `layers` is read, so that a table can have `{placeholders}` until `fill` replaces
    them.

    Attributes:
      rows: the rows as text.
      transposed: whether the convolutions are transposed.
    """

    rows: tuple[Row, ...]
    transposed: bool = False

    @classmethod
    def parse(cls, text: str) -> "Table":
        """Reads a table.

        Args:
          text: optionally `transposed` and the header, then the rows, one per line.
            Cells are separated by blanks.

        Raises:
          ValueError: the header is wrong, or a row does not have nine cells.
        """
        lines = [line.split() for line in text.splitlines() if line.strip()]
        transposed = lines[:1] == [[_TRANSPOSED]]
        lines = lines[transposed:]
        if lines and lines[0][0] == COLUMNS[0]:
            if tuple(lines[0]) != COLUMNS:
                raise ValueError(
                    f"a table must have the columns {' '.join(COLUMNS)}, not "
                    + " ".join(lines[0])
                )
            lines = lines[1:]
        if not lines:
            raise ValueError("the table has no rows")
        for cells in lines:
            if len(cells) != len(COLUMNS):
                raise ValueError(
                    f"row {cells[0]!r} has {len(cells)} cells, but there are "
                    f"{len(COLUMNS)} columns ({' '.join(COLUMNS)}): {' '.join(cells)}"
                )
        return cls(tuple(Row(*cells) for cells in lines), transposed)

    def __str__(self) -> str:
        lines = [COLUMNS, *(dataclasses.astuple(row) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = "\n".join(
            "  ".join(
                cell.ljust(width) for cell, width in zip(line, widths, strict=True)
            ).rstrip()
            for line in lines
        )
        return f"{_TRANSPOSED}\n{text}" if self.transposed else text

    @functools.cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The parsed rows.

        Raises:
          ValueError: a cell is invalid; the error names its row and column.
        """
        layers: list[Layer] = []
        known = set(_CONSTANTS)
        for row in self.rows:
            layer = _layer(row)
            if unknown := [name for name in layer.inputs if name not in known]:
                raise ValueError(
                    f"row {row.name!r}: column Input names {unknown[0]!r}, which is "
                    "not a row above it"
                )
            if row.name in known:
                raise ValueError(f"row {row.name!r}: this name is already taken")
            known.add(row.name)
            layers.append(layer)
        return tuple(layers)

    def with_row(self, name: str, **cells: str) -> "Table":
        """The table with changed cells in one row: `with_row("h", channels="64")`.

        Raises:
          ValueError: there is no row of that name.
        """
        self._check(name)
        return self._with_rows(
            dataclasses.replace(row, **cells) if row.name == name else row
            for row in self.rows
        )

    def without(self, *names: str) -> "Table":
        """The table without the rows of these names.

        Raises:
          ValueError: there is no row of one of the names.
        """
        self._check(*names)
        return self._with_rows(row for row in self.rows if row.name not in names)

    def append(self, *parts: "str | Table") -> "Table":
        """The table with more rows at its end, from tables or their texts.

        Raises:
          ValueError: a part is transposed, and the table is not.
        """
        more = [row for part in parts for row in self._rows_of(part)]
        return self._with_rows([*self.rows, *more])

    def insert_after(self, name: str, part: "str | Table") -> "Table":
        """The table with more rows below a row.

        Raises:
          ValueError: there is no row of that name, or the part is transposed, and the
            table is not.
        """
        self._check(name)
        place = [row.name for row in self.rows].index(name) + 1
        more = self._rows_of(part)
        return self._with_rows((*self.rows[:place], *more, *self.rows[place:]))

    def _rows_of(self, part: "str | Table") -> tuple[Row, ...]:
        """The rows of a part, whose convolutions become those of this table."""
        part = part if isinstance(part, Table) else Table.parse(part)
        if part.transposed and not self.transposed:
            raise ValueError("transposed rows cannot join a table that is not")
        return part.rows

    def fill(self, **values: Any) -> "Table":
        """The table with values in place of `{names}`; keeps other placeholders."""

        def filled(cell: str) -> str:
            for name, value in values.items():
                cell = cell.replace(f"{{{name}}}", str(value))
            return cell

        return self._with_rows(
            Row(*map(filled, dataclasses.astuple(row))) for row in self.rows
        )

    def narrow(self, divisor: int, keep: Collection[str]) -> "Table":
        """Makes a cheaper network: the same rows with fewer channels.

        Divides the channels of rows that have a width, and of the table's inputs, which
        are outputs of other networks. The channels of all other rows follow.

        Args:
          divisor: divisor of the numbers of channels.
          keep: names of the rows whose channels do not change.

        Raises:
          ValueError: the channels of a row cannot be divided.
        """
        rows: list[Row] = []
        channels: dict[str, str] = {}
        for row in self.rows:
            stated = row.channels
            if row.name in keep:
                pass
            elif row.width != "-" or row.input == "-":
                if divisor < 1 or not stated.isdigit() or int(stated) % divisor:
                    raise ValueError(
                        f"row {row.name!r}: {stated} channels cannot be divided by "
                        f"{divisor}"
                    )
                stated = str(int(stated) // divisor)
            elif row.stride.startswith(("Flat", "Image")):
                before = next(r.channels for r in self.rows if r.name == row.input)
                ratio = fractions.Fraction(channels[row.input]) / int(before)
                stated = str(int(stated) * ratio)
            elif known := [
                channels[name]
                for name in re.split(r"[+|]", row.input)
                if name not in _CONSTANTS
            ]:
                stated = "+".join(known) if "|" in row.input else known[0]
            channels[row.name] = stated
            rows.append(dataclasses.replace(row, channels=stated))
        return self._with_rows(rows)

    def _with_rows(self, rows: Any) -> "Table":
        return dataclasses.replace(self, rows=tuple(rows))

    def _check(self, *names: str) -> None:
        known = [row.name for row in self.rows]
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"no row {unknown[0]!r} in the table; it has {known}")


def _layer(row: Row) -> Layer:
    """Parses a row.

    Raises:
      ValueError: a cell is invalid; the error names its row and column.
    """

    def read(column: str, cell: str, pattern: str) -> str | None:
        if cell == "-":
            return None
        if not re.fullmatch(pattern, cell):
            raise ValueError(
                f"row {row.name!r}: cannot read {cell!r} in column {column}"
            )
        return cell

    name, number = r"\w+", r"[1-9]\d*"
    inputs = read("Input", row.input, rf"{name}((\+{name})+|(\|{name})+)?") or ""
    if not inputs:  # inputs of the network are not transformed
        read("Width", row.width, "-")
        read("Stride", row.stride, "-")
        read("Dropout", row.dropout, "-")
        read("BatchNorm", row.batch_norm, "-")
        read("Activation", row.activation, "-")
    activations = "|".join([*ACTIVATIONS, "ExpN", r"Leak0?\.\d+", rf"Maxout{number}"])
    pools = rf"(Max|Avg|Up){number}|(Image|Crop){number}(x{number})?|Flat"
    stride = read("Stride", row.stride, rf"{number}|{pools}") or "1"
    kind, rows, columns = re.findall(r"([A-Za-z]*)(\d*)x?(\d*)", stride)[0]
    pool = (kind, int(rows or 1), int(columns or rows or 1)) if kind else None
    width = read("Width", row.width, number)
    if inputs and width is None and stride.isdigit() and stride != "1":
        raise ValueError(f"row {row.name!r} has a stride but no width")
    if width is not None and kind in ("Crop", "Flat", "Image"):
        raise ValueError(f"row {row.name!r} has a width, but {stride} has no kernel")
    activation = read("Activation", row.activation, activations) or ""
    if activation.startswith("Maxout") and width is None:
        raise ValueError(f"row {row.name!r} has a Maxout but no width")
    channels = read("Channels", row.channels, rf"{number}(\+{number})*")
    if channels is None:
        raise ValueError(f"row {row.name!r}: column Channels is empty")
    padding = read("Padding", row.padding, r"VALID|SAME|\d+")
    if padding and width is None:
        raise ValueError(f"row {row.name!r} has a padding but no width")
    return Layer(
        name=row.name,
        inputs=tuple(re.split(r"[+|]", inputs)) if inputs else (),
        combine="|" if "|" in inputs else "+",
        channels=sum(map(int, channels.split("+"))),
        width=None if width is None else int(width),
        stride=1 if pool else int(stride),
        pool=pool,
        padding=_padding(padding),
        dropout=float(read("Dropout", row.dropout, r"0?\.\d+") or 0.0),
        batch_norm=read("BatchNorm", row.batch_norm, r"yes|scale\d*\.?\d+") or "",
        activation=activation,
    )


def _padding(cell: str | None) -> Padding:
    if cell == "SAME":
        return "SAME"
    return int(cell) if cell and cell.isdigit() else "VALID"
