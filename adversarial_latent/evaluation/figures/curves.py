"""Curves over settings of a run."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from adversarial_latent.evaluation.figures.style import (
    DPI,
    INK,
    MUTED,
    SMALL_TEXT,
    TEXT,
)

_COLOUR = "#3b6fb6"
_OTHER_STYLES = ("--", ":", "-.")


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
