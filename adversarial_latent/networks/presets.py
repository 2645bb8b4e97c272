"""Networks that size themselves: tables made for the shape of the data.

A config names a preset in place of a table, such as `conv(width=32)`. When the data are
known, `game_tables` replaces it by the table that the run records.

    dense   two hidden layers
    conv    convolutions that halve an image until about 4x4 pixels and double its
            channels; a decoder mirrors them
    resnet  the same with residual blocks
    auto    conv for images of at least 12 pixels a side, otherwise dense

`width` is the number of channels of the first convolution. Later ones have up to eight
times as many, and so have dense layers, with any preset. Encoders and decoders have
batch norm, discriminators do not.
"""

import ast
import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from adversarial_latent.inputs import InputError
from adversarial_latent.networks.blocks import down, up
from adversarial_latent.networks.table import Row, Table

KINDS = ("auto", "dense", "conv", "resnet")
_PRESET = re.compile(rf"\s*({'|'.join(KINDS)})\s*(\(.*\))?\s*", re.DOTALL)
_SMALLEST = 12  # pixels a side, for `auto` to use convolutions
_LARGEST = 8  # times `width`, channels of the last convolution and of dense layers
_LEAK = "Leak0.2"


@dataclasses.dataclass(frozen=True)
class Preset:
    """Layers for examples of one shape, from which games make their tables.

    Attributes:
      kind: dense, conv or resnet.
      shape: shape of an example, (H, W, C) or (D,).
      width: channels of the first convolution.
    """

    kind: str
    shape: tuple[int, ...]
    width: int

    @property
    def units(self) -> int:
        """Units of a dense layer."""
        return _LARGEST * self.width

    @property
    def is_image(self) -> bool:
        """Whether examples are images."""
        return len(self.shape) == 3

    def encoder(self, **others: Any) -> Table:
        """Layers from x, and other vectors, to a row `h` of `units` channels.

        Args:
          **others: channels of the inputs after x, by name.
        """
        return self._encoder("yes", others)

    def discriminator(self, **others: Any) -> Table:
        """Layers from x, and other vectors, to `features` [units] and the logit `p`.

        Args:
          **others: channels of the inputs after x, by name.
        """
        *rows, last = self._encoder("-", others).rows
        features = dataclasses.replace(last, name="features")
        return Table((*rows, features, Row("p", "features", "1", "1", "1")))

    def decoder(self, **inputs: Any) -> Table:
        """Layers from vectors to x: in [0, 1] for images, unbounded for vectors.

        Args:
          **inputs: channels of the inputs by name.
        """
        rows, code = _code(inputs)
        rows.append(_dense("h", code, self.units, "yes"))
        rows += self._dense_decoder() if self.kind == "dense" else self._conv_decoder()
        return Table(tuple(rows), transposed=True)

    def mlp(self, norm: str = "-", **inputs: Any) -> Table:
        """Two layers from vectors to a row `h` of `units` channels.

        Args:
          norm: their batch norm, "yes" or "-".
          **inputs: channels of the inputs by name.
        """
        rows, code = _code(inputs)
        rows.append(_dense("h1", code, self.units, norm))
        return Table((*rows, _dense("h", "h1", self.units, norm)))

    def _encoder(self, norm: str, others: Mapping[str, Any]) -> Table:
        rows = [Row("x", "-", str(self.shape[-1]))]
        rows += [Row(name, "-", str(size)) for name, size in others.items()]
        if not others:
            return Table((*rows, *self._down("h", norm)))
        rows += self._down("hx", norm)
        half = self.units // 2
        rows += [_dense(f"h{name}", name, half, norm) for name in others]
        parts = ["hx", *(f"h{name}" for name in others)]
        sizes = [self.units, *(half for _ in others)]
        rows.append(Row("joint", "|".join(parts), "+".join(map(str, sizes))))
        return Table((*rows, _dense("h", "joint", self.units, norm)))

    def _down(self, name: str, norm: str) -> list[Row]:
        """Rows from x to a vector of `units` channels, of this name."""
        rows: list[Row] = []
        source = "x"
        if self.kind == "dense":
            if self.is_image:
                rows.append(_flat("pixels", "x", math.prod(self.shape)))
                source = "pixels"
            rows.append(_dense("x1", source, self.units, norm))
            return [*rows, _dense(name, "x1", self.units, norm)]
        sizes = self._sizes()
        if self.kind == "resnet":
            rows.append(_conv("x0", "x", self.width, "3", "1", norm))
            source = "x0"
        for level in range(1, len(sizes)):
            target, count = f"x{level}", self._channels(level)
            if self.kind == "resnet":
                rows += _with_norm(down(target, source, count), norm)
            else:
                rows.append(_conv(target, source, count, "4", "2", norm))
            source = target
        size = math.prod(sizes[-1]) * self._channels(len(sizes) - 1)
        return [
            *rows,
            _flat("flat", source, size),
            _dense(name, "flat", self.units, norm),
        ]

    def _dense_decoder(self) -> list[Row]:
        """Rows from `h` to x without convolutions."""
        rows = [_dense("h2", "h", self.units, "yes")]
        if not self.is_image:
            return [*rows, Row("x", "h2", str(self.shape[0]), "1", "1")]
        height, width, channels = self.shape
        size = height * width * channels
        flat = Row("pixels", "h2", str(size), "1", "1", activation="Sigmoid")
        image = Row("x", "pixels", str(channels), stride=f"Image{height}x{width}")
        return [*rows, flat, image]

    def _conv_decoder(self) -> list[Row]:
        """Rows from `h` to x: the layers of `_down` in reverse."""
        sizes = self._sizes()
        top = len(sizes) - 1
        count = self._channels(top)
        rows = [
            _dense("flat", "h", math.prod(sizes[top]) * count, "yes"),
            _image(f"x{top}", "flat", count, "Image", sizes[top]),
        ]
        for level in range(top - 1, -1, -1):
            target, source, count = f"x{level}", f"x{level + 1}", self._channels(level)
            norm, activation = "yes", _LEAK
            if level == 0 and self.kind == "conv":
                target, count, norm, activation = "x", self.shape[-1], "-", "Sigmoid"
            doubled = (2 * sizes[level + 1][0], 2 * sizes[level + 1][1])
            row = target if sizes[level] == doubled else f"{target}_larger"
            if self.kind == "resnet":
                rows += _with_norm(up(row, source, count), norm)
            else:
                rows.append(_conv(row, source, count, "4", "2", norm, activation))
            if row != target:
                rows.append(_image(target, row, count, "Crop", sizes[level]))
        if self.kind == "resnet":
            rows.append(_conv("x", "x0", self.shape[-1], "3", "1", "-", "Sigmoid"))
        return rows

    def _sizes(self) -> list[tuple[int, int]]:
        """Heights and widths of an image, halved until about 4x4 pixels."""
        height, width, _ = self.shape
        sizes = [(height, width)]
        while max(height, width) > 4 and min(height, width) > 2:
            height, width = (height + 1) // 2, (width + 1) // 2
            sizes.append((height, width))
        return sizes

    def _channels(self, level: int) -> int:
        """Channels after `level` halvings."""
        return self.width * min(2 ** max(level - 1, 0), _LARGEST)


Recipe = Callable[[Preset], Table]
"""Makes the table of one network of a game from the layers of a preset."""
Recipes = Mapping[str, Recipe]
"""Recipes of the networks of a game by name."""


def is_preset(spec: Any) -> bool:
    """Whether the text of a network in a config names a preset."""
    return isinstance(spec, str) and bool(_PRESET.fullmatch(spec))


def read_preset(spec: str, shape: tuple[int, ...]) -> Preset:
    """Reads a preset such as "conv(width=32)".

    Args:
      spec: its text in a config.
      shape: shape of an example, (H, W, C) or (D,).

    Raises:
      InputError: an argument is unknown or no positive integer, or the preset takes
        images and the examples are vectors.
    """
    match = _PRESET.fullmatch(spec)
    assert match is not None
    kind, text = match.groups()
    try:
        call = ast.parse(f"f{text or '()'}", mode="eval").body
        assert isinstance(call, ast.Call)
        arguments = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
        width = arguments.pop("width", 32)
        if call.args or arguments or type(width) is not int or width < 1:
            raise ValueError
    except (AssertionError, SyntaxError, ValueError):
        raise InputError(
            f"cannot read {spec.strip()!r}: a preset has one argument, a positive "
            f"integer: {kind}(width=32)"
        ) from None
    if kind == "auto":
        large = len(shape) == 3 and min(shape[:2]) >= _SMALLEST
        kind = "conv" if large else "dense"
    if kind != "dense" and len(shape) != 3:
        raise InputError(
            f"{spec.strip()!r} takes images, but examples are vectors of {shape[0]} "
            "values: use dense or auto"
        )
    if kind != "dense" and (max(shape[:2]) < 5 or min(shape[:2]) < 3):
        raise InputError(
            f"{spec.strip()!r} cannot halve images of {shape[0]}x{shape[1]} pixels: "
            "use dense or auto"
        )
    return Preset(kind, shape, width)


def _code(inputs: Mapping[str, Any]) -> tuple[list[Row], str]:
    """Rows of inputs, concatenated, and the name of the last one."""
    rows = [Row(name, "-", str(size)) for name, size in inputs.items()]
    if len(rows) == 1:
        return rows, rows[0].name
    sizes = "+".join(row.channels for row in rows)
    return [*rows, Row("code", "|".join(inputs), sizes)], "code"


def _dense(name: str, source: str, units: int, norm: str) -> Row:
    return Row(name, source, str(units), "1", "1", "-", "-", norm, _LEAK)


def _conv(
    name: str,
    source: str,
    channels: int,
    width: str,
    stride: str,
    norm: str,
    activation: str = _LEAK,
) -> Row:
    cells = (str(channels), width, stride, "SAME", "-", norm, activation)
    return Row(name, source, *cells)


def _flat(name: str, source: str, size: int) -> Row:
    return Row(name, source, str(size), stride="Flat")


def _image(
    name: str, source: str, channels: int, kind: str, size: tuple[int, int]
) -> Row:
    return Row(name, source, str(channels), stride=f"{kind}{size[0]}x{size[1]}")


def _with_norm(block: Table, norm: str) -> list[Row]:
    """The rows of a residual block, with batch norm after its convolutions."""
    return [
        row if row.width == "-" else dataclasses.replace(row, batch_norm=norm)
        for row in block.rows
    ]
