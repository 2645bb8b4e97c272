"""What all figures share: sizes, colours, and how they are saved."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.textpath import TextPath

from adversarial_latent.inputs import InputError, printable

CAPTION_KEY = "Description"
"""The PNG text field that holds a figure's caption."""

DPI = 160
TEXT = 8  # points
SMALL_TEXT = 7
INK = "0.15"
MUTED = "0.45"
MOST_SHOWN = 200
"""Components or classes that a figure shows: more would be too large to look at."""
_LONGEST_NAME = 48  # characters


def check_number(number: int, what: str) -> None:
    """Refuses a figure that would be too large.

    Raises:
      InputError: naming the number and the limit.
    """
    if number > MOST_SHOWN:
        raise InputError(f"{number} {what} are too many: a figure shows {MOST_SHOWN}")


def shown(names: Sequence[str]) -> list[str]:
    """Names as a figure can show them: of printable characters, and not too long."""
    return ["\n".join(map(_shown_line, name.split("\n"))) for name in names]


def _shown_line(line: str) -> str:
    line = printable(line)
    return line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 1]}…"


def text_width(text: str, size: float = TEXT) -> float:
    """The width of `text`, of its longest line, in pixels."""
    if not text.strip():
        return 0.0
    widths = [
        TextPath((0, 0), line.replace("$", r"\$"), size=size).get_extents().width
        for line in text.splitlines()
        if line.strip()
    ]
    return float(max(widths)) * DPI / 72


def bare(axes: Axes) -> None:
    """Leaves nothing of the axes but what is drawn in them."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def label_ticks(
    axes: Axes, which: Literal["x", "y"], positions: np.ndarray, labels: Sequence[str]
) -> None:
    """Writes labels at positions, without tick marks."""
    set_ticks = axes.set_xticks if which == "x" else axes.set_yticks
    set_ticks(positions, labels, fontsize=TEXT, color=INK)
    axes.tick_params(axis=which, length=0)


def frame(axes: Axes, corner: tuple[float, float], size: float, colour: str) -> None:
    """Outlines the square of `size` whose upper left corner is given."""
    square = Rectangle(
        corner,
        size,
        size,
        fill=False,
        edgecolor=colour,
        linewidth=0.9,
        clip_on=False,
        zorder=3,
    )
    axes.add_patch(square)


def save_figures(
    figures: Mapping[str, Figure], directory: str | os.PathLike[str]
) -> None:
    """Writes each figure to directory/NAME.png, with its label as its caption.

    Equal figures give equal bytes. The directory is made where it is missing.
    """
    os.makedirs(directory, exist_ok=True)
    for name, figure in figures.items():
        path = os.path.join(directory, f"{name}.png")
        save_figure(figure, path)


def save_figure(figure: Figure, target: Any) -> None:
    """Writes a figure as PNG to a path or a binary file, caption included."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # a dollar sign in a name is a dollar sign
    metadata = {CAPTION_KEY: printable(str(figure.get_label())), "Software": None}
    figure.savefig(target, format="png", metadata=metadata)
