"""Shared style of all figures: sizes, colours, labels and saving."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.textpath import TextPath
from matplotlib.ticker import MaxNLocator

from adversarial_latent.inputs import printable

CAPTION_KEY = "Description"
"""The PNG text field that holds a figure's caption."""

DPI = 160
TEXT = 8  # points
SMALL_TEXT = 7
INK = "0.15"
MUTED = "0.45"
_LONGEST_NAME = 48  # characters


def shown(names: Sequence[str]) -> list[str]:
    """Makes names printable, and shortens long ones."""
    return ["\n".join(map(_shown_line, name.split("\n"))) for name in names]


def _shown_line(line: str) -> str:
    line = printable(line)
    return line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 1]}…"


def text_width(text: str, size: float = TEXT) -> float:
    """The width of the widest line in `text`, in pixels."""
    if not text.strip():
        return 0.0
    widths = [
        TextPath((0, 0), line.replace("$", r"\$"), size=size).get_extents().width
        for line in text.splitlines()
        if line.strip()
    ]
    return float(max(widths)) * DPI / 72


def bare(axes: Axes) -> None:
    """Removes ticks and spines from the axes."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def quiet_ticks(axes: Axes) -> None:
    """Draws few, small ticks in grey, and grey spines."""
    axes.tick_params(labelsize=SMALL_TEXT, labelcolor=MUTED, color="0.75", length=2)
    axes.spines[:].set_color("0.75")
    for axis in (axes.xaxis, axes.yaxis):
        locator = MaxNLocator(5, steps=[1, 2, 5, 10], min_n_ticks=3)
        axis.set_major_locator(locator)


def distinct_colours(number: int) -> list[Any]:
    """Distinct colours: tab10, tab20, or evenly spaced in turbo for more than 20."""
    if number <= 20:
        name = "tab10" if number <= 10 else "tab20"
        return list(matplotlib.colormaps[name].colors[:number])  # type: ignore[attr-defined]
    return list(matplotlib.colormaps["turbo"](np.linspace(0.02, 0.98, number)))


def label_ticks(
    axes: Axes, which: Literal["x", "y"], positions: np.ndarray, labels: Sequence[str]
) -> None:
    """Writes labels at positions, without tick marks."""
    set_ticks = axes.set_xticks if which == "x" else axes.set_yticks
    set_ticks(positions, labels, fontsize=TEXT, color=INK)
    axes.tick_params(axis=which, length=0)


def frame(axes: Axes, corner: tuple[float, float], size: float, colour: str) -> None:
    """Outlines a square, given its upper left corner and its size."""
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

    Equal figures give equal bytes. The directory is created if it does not exist.
    """
    os.makedirs(directory, exist_ok=True)
    for name, figure in figures.items():
        path = os.path.join(directory, f"{name}.png")
        save_figure(figure, path)


def save_figure(figure: Figure, target: Any) -> None:
    """Writes a figure as PNG to a path or a binary file, with its caption."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # dollar signs in names are literal
    metadata = {CAPTION_KEY: printable(str(figure.get_label())), "Software": None}
    figure.savefig(target, format="png", metadata=metadata)
