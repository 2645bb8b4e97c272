"""Scatter plots."""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Polygon
from matplotlib.patheffects import withStroke

from adversarial_latent.evaluation.figures.style import (
    DPI,
    INK,
    TEXT,
    bare,
    distinct_colours,
    quiet_ticks,
    shown,
    text_width,
)
from adversarial_latent.evaluation.limits import check_number

_TRIANGLE = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(0.75)]])
"""Corners of the equilateral triangle on which probabilities [3] are shown."""
_LONGEST_LEGEND = 60


def scatter_figure(
    points: np.ndarray,
    classes: np.ndarray | None = None,
    class_names: Sequence[str] = (),
    *,
    legend_title: str = "class",
    axis_labels: tuple[str, str] | None = None,
    alpha: float = 0.8,
) -> Figure:
    """Points coloured by class, as in AMM, figures 2e and 4d.

    Args:
      points: [N, 2].
      classes: [N] integers, or None for a single colour.
      class_names: names of the classes, by index. If there are too many, the figure has
        no legend.
      legend_title: meaning of the colours.
      axis_labels: names of the coordinates, or None if they have no meaning (t-SNE).
      alpha: opacity of the points.

    Raises:
      ValueError: points are not [N, 2], or the number of classes differs.
    """
    _check_plane("points", points)
    named = len(class_names) <= _LONGEST_LEGEND
    names = shown(class_names) if named else []
    widest = max(map(text_width, names), default=0.0) / DPI  # inches
    legend_width = _legend_columns(names) * (widest + 0.3)
    figure = Figure(
        figsize=(max(5.0, 3.0 + legend_width), 4.2),
        dpi=DPI,
        layout="constrained",
        facecolor="white",
    )
    axes = figure.add_subplot()
    if classes is None:
        _dots(axes, points, "#3b6fb6", alpha=alpha)
    else:
        if len(classes) != len(points):
            raise ValueError(f"{len(points)} points but {len(classes)} classes.")
        palette = distinct_colours(len(class_names))
        if not named:
            colours = np.array([palette[index] for index in classes])
            _dots(axes, points, colours, alpha=alpha)
            axes.set_title(
                f"{legend_title}: {len(class_names)}, too many to name",
                fontsize=TEXT,
                color=INK,
            )
        else:
            dots = [
                _dots(
                    axes, points[classes == k], colour, total=len(points), alpha=alpha
                )
                for k, colour in enumerate(palette)
            ]
            _add_legend(figure, dots, names, legend_title, len(points))
    axes.set_aspect("equal", adjustable="datalim")
    if axis_labels is None:
        bare(axes)
    else:
        quiet_ticks(axes)
        axes.set_xlabel(axis_labels[0], fontsize=TEXT)
        axes.set_ylabel(axis_labels[1], fontsize=TEXT)
    return figure


def _legend_columns(names: Sequence[str]) -> int:
    return math.ceil(len(names) / 20)


def _add_legend(
    figure: Figure,
    dots: Sequence[PathCollection],
    names: Sequence[str],
    title: str,
    points: int,
) -> None:
    legend = figure.legend(
        dots,
        names,
        loc="outside right center",
        title=title,
        title_fontsize=TEXT,
        fontsize=TEXT,
        frameon=False,
        ncols=_legend_columns(names),
        handletextpad=0.1,
        columnspacing=0.8,
        markerscale=14 / math.sqrt(_dot_size(points)) / 3,
    )
    for handle in filter(None, legend.legend_handles):
        handle.set_alpha(0.8)


def simplex_figure(
    probabilities: np.ndarray,
    classes: np.ndarray,
    class_names: Sequence[str],
    corner_names: Sequence[str],
    *,
    legend_title: str = "class",
    spread: float = 0.03,
) -> Figure:
    """Probabilities of three components on a triangle: PixelGAN, figure 5.

    Args:
      probabilities: [N, 3]; rows sum to one.
      classes: [N] integers.
      class_names: names of the classes, by index.
      corner_names: names of the components, from the lower left corner
        counter-clockwise.
      legend_title: meaning of the colours.
      spread: radius of a disc, in sides of the triangle, in which points are shifted at
        random. Otherwise the points at a corner would hide each other.

    Raises:
      ValueError: probabilities or names are not those of three components.
    """
    if probabilities.ndim != 2 or {probabilities.shape[1], len(corner_names)} != {3}:
        raise ValueError(
            "A simplex needs probabilities [N, 3] and three names, got "
            f"{probabilities.shape} and {list(corner_names)}."
        )
    random = np.random.default_rng(0)  # equal codes give equal figures
    radius, turn = random.uniform(size=(2, len(probabilities)))
    angle = 2 * np.pi * turn
    offset = spread * np.sqrt(radius) * np.stack([np.cos(angle), np.sin(angle)])
    figure = scatter_figure(
        probabilities @ _TRIANGLE + offset.T,
        classes,
        class_names,
        legend_title=legend_title,
    )
    (axes,) = figure.axes
    axes.add_patch(
        Polygon(_TRIANGLE, fill=False, edgecolor="0.75", linewidth=0.8, zorder=0)
    )
    for (x, y), name in zip(_TRIANGLE, shown(corner_names), strict=True):
        axes.text(
            x,
            y + (spread + 0.03) * (1 if y else -1),
            name,
            ha="center",
            va="bottom" if y else "top",
            fontsize=TEXT,
            color=INK,
        )
    axes.set_axis_off()
    return figure


def mixture_figure(
    codes: np.ndarray,
    classes: np.ndarray,
    class_names: Sequence[str],
    means: np.ndarray,
    covariances: np.ndarray,
    component_classes: np.ndarray,
    names: Sequence[str],
    *,
    legend_title: str,
    axis_labels: tuple[str, str],
) -> Figure:
    """Components of a mixture as ellipses of one standard deviation, over codes.

    Args:
      codes: [N, 2] codes, projected to a plane.
      classes: [N] integer classes of the codes.
      class_names: names of the classes, by index.
      means: [K, 2] means of the components, projected to the same plane.
      covariances: [K, 2, 2] covariances of the components, likewise.
      component_classes: [K] class of each component, or -1 for none.
      names: K names of components.
      legend_title: meaning of the colours.
      axis_labels: names of the coordinates.

    Raises:
      InputError: there are too many components.
    """
    check_number(len(names), "components")
    figure = scatter_figure(
        codes,
        classes,
        class_names,
        legend_title=legend_title,
        axis_labels=axis_labels,
        alpha=0.35,
    )
    (axes,) = figure.axes
    palette = [*distinct_colours(len(class_names)), INK]  # the last one is for -1
    components = zip(means, covariances, component_classes, shown(names), strict=True)
    for mean, covariance, index, name in components:
        variances, directions = np.linalg.eigh(covariance)
        width, height = 2 * np.sqrt(np.maximum(variances, 0.0))
        ellipse = Ellipse(
            tuple(mean),
            width,
            height,
            angle=math.degrees(math.atan2(directions[1, 0], directions[0, 0])),
            fill=False,
            edgecolor=palette[index],
            linewidth=1.2,
        )
        axes.add_patch(ellipse)
        axes.annotate(
            name,
            tuple(mean),
            ha="center",
            va="center",
            fontsize=TEXT + 1,
            fontweight="bold",
            color=palette[index],
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )
    axes.autoscale_view()
    return figure


def mode_figure(
    data: np.ndarray,
    samples: np.ndarray,
    *,
    means: np.ndarray,
    data_modes: np.ndarray,
    sample_modes: np.ndarray,
    codes: np.ndarray | None = None,
    reconstructions: np.ndarray | None = None,
    codes_title: str = "latent codes",
) -> Figure:
    """AIM, figure 3: data, latent codes, reconstructions and samples, by mode.

    Neighbouring modes have similar colours, to show whether the codes preserve the
    arrangement of the modes. Codes and reconstructions have the colour of their *data*
    point.

    Args:
      data: [N, 2].
      samples: [M, 2].
      means: [K, 2] means of the modes, marked by small crosses.
      data_modes: [N] mode of each data point.
      sample_modes: [M] nearest mode of each sample, or -1 (grey) if the sample is not
        of high quality.
      codes: [N, 2] codes of the data, or None if the model does not infer codes.
      reconstructions: [N, 2] reconstructions of the data, or None.
      codes_title: title of the panel of codes.

    Raises:
      ValueError: data, codes, reconstructions or samples are not [N, 2].
    """
    panels = [("data", data, data_modes, True)]
    if codes is not None:
        panels.append((codes_title, codes, data_modes, False))
    if reconstructions is not None:
        panels.append(("reconstructions", reconstructions, data_modes, True))
    panels.append(("samples", samples, sample_modes, True))
    # The last colour is for mode -1.
    colours = np.concatenate([_plane_colours(means), [to_rgb("0.7")]])
    figure = Figure(
        figsize=(2.4 * len(panels), 2.65),
        dpi=DPI,
        layout="constrained",
        facecolor="white",
    )
    margin = 0.15 * np.ptp(means, axis=0).max() or 1.0  # 1 for a single mode
    limits = np.stack([means.min(axis=0) - margin, means.max(axis=0) + margin])
    for axes, panel in zip(figure.subplots(1, len(panels)), panels, strict=True):
        title, points, modes, in_data_space = panel
        _check_plane(title, points)
        _dots(axes, points, colours[modes])
        axes.set_title(title, fontsize=TEXT, color=INK)
        axes.set_aspect("equal", adjustable="box" if in_data_space else "datalim")
        if in_data_space:
            axes.plot(*means.T, "+", color="0.75", markersize=4, mew=0.6, zorder=0)
            axes.set_xlim(*limits[:, 0])
            axes.set_ylim(*limits[:, 1])
        else:
            axes.set_box_aspect(np.ptp(limits[:, 1]) / np.ptp(limits[:, 0]))
        quiet_ticks(axes)
    return figure


def _check_plane(name: str, points: np.ndarray) -> None:
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"{name} must have shape [N, 2], not {points.shape}.")


def _dot_size(total: int) -> float:
    """Area of a dot in square points, smaller for more dots."""
    return float(np.clip(6000 / max(total, 1), 1.5, 14))


def _dots(
    axes: Axes,
    points: np.ndarray,
    colour: Any,
    *,
    total: int | None = None,
    alpha: float = 0.8,
) -> PathCollection:
    size = _dot_size(len(points) if total is None else total)
    return axes.scatter(
        points[:, 0],
        points[:, 1],
        s=size,
        color=colour,
        alpha=alpha,
        linewidths=0,
    )


def _plane_colours(means: np.ndarray) -> np.ndarray:
    """A colour for each point [K, 2]: hue by first axis, lightness by the second."""
    span = np.maximum(np.ptp(means, axis=0), 1e-12)
    right, up = ((means - means.min(axis=0)) / span).T  # [K] each, in [0, 1]
    hues = matplotlib.colormaps["turbo"](0.08 + 0.82 * right)[:, :3]  # [K, 3]
    light = 0.9 * up[:, None] - 0.55  # above zero towards white, below towards black
    strength = np.abs(light)
    return (1 - strength) * hues + strength * (light > 0)
