"""Curves: metrics over training steps, and scores over settings of a run."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from adversarial_latent.evaluation.figures.style import (
    DPI,
    INK,
    MUTED,
    SMALL_TEXT,
    TEXT,
    distinct_colours,
    quiet_ticks,
)
from adversarial_latent.logging import TIMES

_COLOUR = "#3b6fb6"
_OTHER_STYLES = ("--", ":", "-.")


def training_figure(
    rows: Sequence[Mapping[str, Any]], x_label: str = "training step"
) -> Figure:
    """Training curves, from the rows of metrics.jsonl.

    Scalars `player/quantity` share a panel with the same quantity of other players.
    `name_real` shares a panel with `name_fake`. Each other scalar has its own panel.
    With several trials, each is a thin line and their mean is a thick line.

    Args:
      rows: rows as `logging.read_metrics` returns them. Each has `step`, the mean over
        trials of each scalar by name and, with several trials, `trials`, a list for
        each name. Times are not shown. Rows may have different names.
      x_label: what `step` counts.

    Raises:
      ValueError: there are no scalars to plot.
    """
    curves: dict[str, list[tuple[int, np.ndarray]]] = {}
    for row in rows:
        for name in row.keys() - {"step", *TIMES, "trials"}:
            values = row.get("trials", {}).get(name, [row[name]])  # [trials]
            curve = curves.setdefault(name, [])
            curve.append((row["step"], np.asarray(values, np.float64)))
    if not curves:
        raise ValueError("The metrics have no row with a step and a number.")
    panels: dict[str, dict[str, list[tuple[int, np.ndarray]]]] = {}
    for name in sorted(curves):
        panel, line = _panel_and_line(name)
        panels.setdefault(panel, {})[line] = curves[name]
    ordered = sorted(panels, key=lambda panel: (panel != "loss", panel))

    columns = min(3, len(ordered))
    grid_rows = math.ceil(len(ordered) / columns)
    figure = Figure(
        figsize=(3.2 * columns, 2.2 * grid_rows),
        dpi=DPI,
        layout="constrained",
        facecolor="white",
    )
    grid = figure.subplots(grid_rows, columns, squeeze=False).ravel()
    for axes, panel in zip(grid, ordered, strict=False):
        palette = distinct_colours(len(panels[panel]))
        for colour, (line, curve) in zip(palette, panels[panel].items(), strict=True):
            steps = np.array([step for step, _ in curve])
            values = np.stack([value for _, value in curve])  # [steps, trials]
            if values.shape[1] > 1:
                axes.plot(steps, values, color=colour, linewidth=0.6, alpha=0.3)
            axes.plot(
                steps,
                values.mean(axis=1),
                color=colour,
                linewidth=1.2,
                label=line,
                marker="o" if len(steps) == 1 else None,
                markersize=3,
            )
        axes.set_title(panel.replace("_", " "), fontsize=TEXT, color=INK)
        quiet_ticks(axes)
        axes.xaxis.set_major_formatter(FuncFormatter(_short_number))
        axes.spines[["top", "right"]].set_visible(False)
        if len(panels[panel]) > 1:
            axes.legend(fontsize=SMALL_TEXT, frameon=False, handlelength=1.2)
    for axes in grid[len(ordered) :]:
        axes.remove()
    figure.supxlabel(x_label, fontsize=TEXT, color=INK)
    return figure


def _panel_and_line(name: str) -> tuple[str, str]:
    player, slash, quantity = name.rpartition("/")
    if slash:
        return quantity, player
    for ending in ("_real", "_fake"):
        if name.endswith(ending):
            return f"{name.removesuffix(ending)} (real, fake)", ending[1:]
    return name, name


def _short_number(value: float, _: int) -> str:
    return f"{value / 1000:g}k" if abs(value) >= 1000 else f"{value:g}"


def candidates_figure(
    candidates: np.ndarray,
    scores: np.ndarray,
    names: np.ndarray | Sequence[str],
    chosen: np.ndarray | int,
    num_classes: np.ndarray | int = 0,
) -> Figure:
    """Scores of numbers of clusters, with the chosen number and that of the classes.

    Args:
      candidates: [C] numbers of clusters, in ascending order.
      scores: [C, S] scores, of which the first decides.
      names: names of the S scores.
      chosen: the chosen number, one of `candidates`.
      num_classes: number of classes of the data; 0 if they have no labels.
    """
    chosen, num_classes = int(chosen), int(num_classes)  # arrays of rank 0 if saved
    names = [str(name).replace("_", " ") for name in names]
    figure = Figure(
        figsize=(5.2, 3.0), dpi=DPI, layout="constrained", facecolor="white"
    )
    axes = figure.add_subplot()
    if num_classes:
        axes.axvline(
            num_classes,
            color="0.8",
            linewidth=5,
            zorder=0,
            label=f"{num_classes} classes",
        )
    for index in range(1, len(names)):
        axes.plot(
            candidates,
            scores[:, index],
            _OTHER_STYLES[(index - 1) % len(_OTHER_STYLES)],
            color=MUTED,
            linewidth=1,
            label=names[index],
        )
    axes.plot(
        candidates, scores[:, 0], "o-", color=_COLOUR, markersize=3, label=names[0]
    )
    best = scores[candidates == chosen, 0]
    axes.plot(
        [chosen],
        best,
        "o",
        color="none",
        markeredgecolor=INK,
        markersize=9,
        label=f"chosen: {chosen}",
    )
    axes.set_xticks(candidates)
    axes.tick_params(labelsize=SMALL_TEXT, labelcolor=MUTED, color="0.75", length=2)
    axes.spines[:].set_color("0.75")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("number of clusters", fontsize=TEXT, color=INK)
    axes.set_ylim(min(0.0, scores.min()) - 0.03, 1.03)
    figure.legend(
        loc="outside right center", fontsize=SMALL_TEXT, frameon=False, handlelength=1.8
    )
    caption = (
        "Scores of numbers of clusters, computed from training examples without "
        "labels. The circle marks the chosen number."
    )
    if num_classes:
        caption += " The grey line marks the number of classes, which was not used."
    figure.set_label(caption)
    return figure
