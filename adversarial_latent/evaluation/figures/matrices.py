"""Matrices as heat maps with a value in each cell, and the trees of distances."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from adversarial_latent.evaluation.figures.style import (
    DPI,
    INK,
    MUTED,
    SMALL_TEXT,
    TEXT,
    frame,
    label_ticks,
    shown,
    text_width,
)
from adversarial_latent.evaluation.limits import check_number


def matrix_figure(
    matrices: Mapping[str, np.ndarray],
    mappings: Sequence[np.ndarray],
    class_names: Sequence[str],
    column_names: Sequence[str],
    column_title: str,
) -> Figure:
    """AMM, figures 2b, 4e and 4f: cluster or confusion matrices with their counts.

    Columns are ordered by their class in the first mapping, so that a good clustering
    is block-diagonal. In each matrix the cells of its own mapping are outlined. Cells
    without examples are blank. The colour is the fraction of the class.

    Args:
      matrices: counts [C, K] by title, see `metrics.cluster_matrix`.
      mappings: for each matrix, the class of each column [K], or -1 for none.
      class_names: C names of rows.
      column_names: K names of clusters or predicted classes.
      column_title: title of the column axis.
    """
    first = mappings[0]
    number = np.arange(len(first))
    order = np.lexsort((number, np.where(first < 0, len(class_names), first)))
    columns = [column_names[k] for k in order]
    figure, panels = _cell_panels(
        list(matrices), class_names, columns, ("true class", column_title)
    )
    for axes, counts, mapping in zip(panels, matrices.values(), mappings, strict=True):
        totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
        texts = np.where(counts > 0, counts.astype(str), "")
        _heat_map(axes, (counts / totals)[:, order], texts[:, order], "Blues", (0, 1))
        for column, row in enumerate(mapping[order]):
            if row >= 0:
                frame(axes, (column - 0.5, row - 0.5), 1, INK)
    return figure


def distance_figure(distances: np.ndarray, names: Sequence[str]) -> Figure:
    """Distances between the components of a mixture, as a heat map with values.

    Args:
      distances: [K, K], in the order in which they are shown.
      names: K names of components.
    """
    titles = ("component", "component")
    figure, (axes,) = _cell_panels([""], names, names, titles, right=0.85)
    off_diagonal = np.where(np.eye(len(distances), dtype=bool), np.nan, distances)
    texts = np.where(np.isnan(off_diagonal), "", np.char.mod("%.1f", distances))
    # Similar distances get similar colours.
    low, high = np.nanmin(off_diagonal), np.nanmax(off_diagonal) or 1.0
    limits = (min(low, 0.8 * high), high)
    image = _heat_map(axes, off_diagonal, texts, "Blues_r", limits)
    box = axes.get_position()
    inch = 1 / figure.get_figwidth()
    bar = figure.add_axes((box.x1 + 0.12 * inch, box.y0, 0.12 * inch, box.height))
    figure.colorbar(image, cax=bar)
    bar.tick_params(labelsize=SMALL_TEXT, labelcolor=MUTED, color="0.75", length=2)
    bar.set_ylabel("standard deviations", fontsize=TEXT, color=INK)
    bar.spines[:].set_visible(False)
    return figure


def tree_figure(tree: np.ndarray, names: Sequence[str]) -> Figure:
    """The order in which items merge, as a dendrogram with a row for each item.

    Args:
      tree: [K - 1, 4], a linkage matrix of `scipy.cluster.hierarchy`.
      names: K names of the items.
    """
    from scipy.cluster import hierarchy

    names = shown(names)
    widest = max(map(text_width, names)) / DPI  # inches
    figure = Figure(
        figsize=(3.6 + widest, 0.8 + 0.18 * len(names)),
        dpi=DPI,
        layout="constrained",
        facecolor="white",
    )
    axes = figure.add_subplot()
    drawn = hierarchy.dendrogram(tree, no_plot=True)
    for distances, rows in zip(drawn["dcoord"], drawn["icoord"], strict=True):
        axes.plot(distances, (np.array(rows) - 5) / 10, color="#3b6fb6", linewidth=1)
    leaves = [names[k] for k in drawn["leaves"]]
    label_ticks(axes, "y", np.arange(len(leaves)), leaves)
    axes.set_ylim(len(leaves) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("standard deviations", fontsize=TEXT, color=INK)
    axes.tick_params(axis="x", labelsize=SMALL_TEXT, labelcolor=MUTED, color="0.75")
    axes.spines[["top", "right", "left"]].set_visible(False)
    return figure


def _cell_panels(
    titles: Sequence[str],
    row_names: Sequence[str],
    column_names: Sequence[str],
    axis_titles: tuple[str, str],
    right: float = 0.15,
) -> tuple[Figure, list[Axes]]:
    """A figure with one panel of square cells for each title.

    Panels are side by side, or below each other if they are wide.

    Args:
      titles: titles of the panels; "" for none.
      row_names: names of the rows in each panel.
      column_names: names of the columns; vertical if cells are too narrow.
      axis_titles: titles of the row axis and the column axis.
      right: right margin of a panel in inches.

    Returns:
      The figure and the panels.

    Raises:
      InputError: there are too many rows or columns.
    """
    check_number(max(len(row_names), len(column_names)), "rows or columns")
    row_names, column_names = shown(row_names), shown(column_names)
    cell = min(0.36, 12.0 / max(len(row_names), len(column_names)))  # inches
    widest = max(map(text_width, column_names)) / DPI
    upright = widest > cell - 0.1
    left = max(map(text_width, row_names)) / DPI + 0.4
    bottom = 0.35 + (widest if upright else 0.15)
    lines = max((title.count("\n") + 1 if title else 0) for title in titles)
    top = 0.15 + 0.16 * lines
    matrix = (len(column_names) * cell, len(row_names) * cell)  # width, height
    title_width = max(text_width(line) for t in titles for line in t.split("\n"))
    panel = (
        left + max(matrix[0], title_width / DPI) + right,
        top + matrix[1] + bottom,
    )
    side_by_side = panel[0] * len(titles) < 11.0
    columns = len(titles) if side_by_side else 1
    rows = len(titles) // columns
    width, height = columns * panel[0], rows * panel[1]
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    panels = []
    for index, title in enumerate(titles):
        row, column = divmod(index, columns)
        x, y = column * panel[0] + left, (rows - 1 - row) * panel[1] + bottom
        axes = figure.add_axes(
            (x / width, y / height, matrix[0] / width, matrix[1] / height)
        )
        axes.set_title(title, fontsize=TEXT, color=INK, loc="left")
        label_ticks(axes, "x", np.arange(len(column_names)), column_names)
        label_ticks(axes, "y", np.arange(len(row_names)), row_names)
        axes.tick_params(axis="x", rotation=90 if upright else 0)
        axes.set_ylabel(axis_titles[0], fontsize=TEXT, color=INK)
        axes.set_xlabel(axis_titles[1], fontsize=TEXT, color=INK)
        panels.append(axes)
    return figure, panels


def _heat_map(
    axes: Axes,
    values: np.ndarray,
    texts: np.ndarray,
    colours: str,
    limits: tuple[float, float],
) -> AxesImage:
    """Colours cells by values [R, C] within limits, and writes texts into them."""
    low, high = limits
    image = axes.imshow(values, cmap=colours, vmin=low, vmax=high)
    axes.spines[:].set_color("0.75")
    inch = axes.get_window_extent().width / DPI
    if inch / values.shape[1] < 0.2:
        return image  # no room for a text
    longest = max(map(len, texts.flat))
    for row, column in np.argwhere(texts != ""):
        *rgb, _ = image.cmap(image.norm(values[row, column]))
        light = np.dot(rgb, (0.299, 0.587, 0.114)) > 0.55
        axes.text(
            column,
            row,
            texts[row, column],
            ha="center",
            va="center",
            fontsize=SMALL_TEXT - (longest > 3),
            color=INK if light else "white",
        )
    return image
