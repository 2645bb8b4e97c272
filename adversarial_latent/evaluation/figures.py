"""The figures of the papers, as pure functions from arrays to `Figure`.

Matplotlib's object interface only: nothing here touches pyplot, so that no state
and no window is left behind. Image figures are laid out in whole pixels, because
small images shown at a fractional scale get rows of uneven height. A figure's
caption is its label (`figure.set_label`): `save_figures` stores it in the PNG.
"""

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Ellipse, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.textpath import TextPath
from matplotlib.ticker import FuncFormatter, MaxNLocator

CAPTION_KEY = "Description"
"""The PNG text field that holds a figure's caption."""

_DPI = 160
_TEXT = 8  # points
_SMALL_TEXT = 7
_INK = "0.15"
_MUTED = "0.45"
_WRONG = "#c8372d"
_TILE = 56  # pixels: what a small image is enlarged to
_MARGIN = 12  # pixels


def _text_width(text: str, size: float = _TEXT) -> float:
    """The width of `text` in pixels."""
    if not text.strip():
        return 0.0
    return float(TextPath((0, 0), text, size=size).get_extents().width) * _DPI / 72


def _mosaic(images: np.ndarray, inverted: bool) -> np.ndarray:
    """Joins images [R, C, H, W, 1 or 3] into one [R * h, C * w, 3] in [0, 1].

    Every image is enlarged by a whole factor and set on white. NaN becomes white.
    """
    rows, columns, height, width, channels = images.shape
    if channels not in (1, 3):
        raise ValueError(f"Images have 1 or 3 channels, not {channels}.")
    images = np.clip(images, 0.0, 1.0)
    images = 1.0 - images if inverted else images
    images = np.where(np.isnan(images), 1.0, images)
    scale = max(1, round(_TILE / max(height, width)))
    images = images.repeat(scale, axis=2).repeat(scale, axis=3)
    gap = 10 if inverted else 4  # without its black square, an image needs more air
    tiles = np.ones((rows, columns, height * scale + gap, width * scale + gap, 3))
    tiles[:, :, gap // 2 : -gap // 2, gap // 2 : -gap // 2] = images
    return tiles.transpose(0, 2, 1, 3, 4).reshape(
        rows * tiles.shape[2], columns * tiles.shape[3], 3
    )


def image_blocks(
    blocks: Sequence[np.ndarray],
    *,
    headers: Sequence[str] = (),
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    inverted: bool = False,
) -> Figure:
    """Grids of images side by side that share their rows.

    Args:
      blocks: each [R, C_i, H, W, channels] in [0, 1], with 1 or 3 channels; NaN is
        left white, so that a block may have gaps.
      headers: a line of text above each block, or none at all.
      row_labels: R texts left of the first block, or none.
      column_labels: C_0 texts above the columns of the first block, or none.
      inverted: show 1 - x, dark ink on white, for images of light strokes on black.

    Returns:
      A figure with one axes for each block.

    Raises:
      ValueError: blocks or texts whose shapes or numbers do not fit.
    """
    if not blocks or any(block.ndim != 5 for block in blocks):
        raise ValueError(
            f"Need blocks of images [R, C, H, W, channels], got shapes "
            f"{[block.shape for block in blocks]}."
        )
    rows = blocks[0].shape[0]
    wanted = {
        "headers": (headers, len(blocks)),
        "row_labels": (row_labels, rows),
        "column_labels": (column_labels, blocks[0].shape[1]),
    }
    for name, (texts, count) in wanted.items():
        if texts and len(texts) != count:
            raise ValueError(f"Need {count} {name}, got {len(texts)}.")
    if any(block.shape[0] != rows for block in blocks):
        raise ValueError(
            f"All blocks need {rows} rows: {[len(block) for block in blocks]}."
        )

    mosaics = [_mosaic(block, inverted) for block in blocks]
    line = round(1.9 * _TEXT * _DPI / 72)  # pixels a line of text takes
    left = _MARGIN + max((_text_width(label) + 10 for label in row_labels), default=0)
    top = _MARGIN + line * (bool(headers) + bool(column_labels))
    slots = [
        max(mosaic.shape[1], math.ceil(_text_width(header)))
        for mosaic, header in zip(mosaics, headers or [""] * len(blocks), strict=True)
    ]
    block_gap = 30
    width = math.ceil(left) + sum(slots) + block_gap * (len(blocks) - 1) + _MARGIN
    height = top + mosaics[0].shape[0] + _MARGIN
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
    start = math.ceil(left)
    for index, (mosaic, slot) in enumerate(zip(mosaics, slots, strict=True)):
        offset = start + (slot - mosaic.shape[1]) // 2
        axes = figure.add_axes(
            (
                offset / width,
                _MARGIN / height,
                mosaic.shape[1] / width,
                mosaic.shape[0] / height,
            )
        )
        axes.imshow(mosaic, interpolation="nearest", aspect="auto")
        _bare(axes)
        if headers:
            pad = 4 + (line * 72 / _DPI if column_labels else 0)
            axes.set_title(headers[index], fontsize=_TEXT, color=_INK, pad=pad)
        start += slot + block_gap
    first = figure.axes[0]
    if row_labels:
        tile = mosaics[0].shape[0] / rows
        _label_ticks(first, "y", (np.arange(rows) + 0.5) * tile - 0.5, row_labels)
    if column_labels:
        tile = mosaics[0].shape[1] / len(column_labels)
        centers = (np.arange(len(column_labels)) + 0.5) * tile - 0.5
        _label_ticks(first, "x", centers, column_labels)
        first.xaxis.tick_top()
        first.tick_params(length=0)
    return figure


def image_grid(
    images: np.ndarray,
    *,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    inverted: bool = False,
) -> Figure:
    """One grid of images [R, C, H, W, channels]; see `image_blocks`."""
    return image_blocks(
        [images],
        row_labels=row_labels,
        column_labels=column_labels,
        inverted=inverted,
    )


def component_figure(
    members: np.ndarray,
    generated: np.ndarray,
    row_labels: Sequence[str],
    *,
    wrong: np.ndarray | None = None,
    inverted: bool = False,
) -> Figure:
    """AMM, figures 2a and 4a-b: test images of each component beside its samples.

    Args:
      members: test images assigned to each component [K, C, H, W, channels]; NaN
        where a component has fewer than C.
      generated: samples of each component [K, D, H, W, channels].
      row_labels: K names of components.
      wrong: the members to frame in red [K, C], or None.
      inverted: dark ink on white.
    """
    figure = image_blocks(
        [members, generated],
        headers=["test images assigned to it", "generated by it"],
        row_labels=row_labels,
        inverted=inverted,
    )
    axes = figure.axes[0]
    pixels, _ = axes.images[0].get_size()
    tile = pixels / len(members)
    for row, column in () if wrong is None else np.argwhere(wrong):
        _frame(axes, (column * tile + 1.5, row * tile + 1.5), tile - 4, _WRONG)
    return figure


def reconstruction_figure(
    originals: np.ndarray,
    reconstructions: np.ndarray,
    *,
    pairs_per_row: int = 8,
    inverted: bool = False,
) -> Figure:
    """AMM, figure 2c: pairs of an image and, to its right, its reconstruction.

    Args:
      originals: [N, H, W, channels]; the last row is left white where N is no
        multiple of `pairs_per_row`.
      reconstructions: of the same shape.
      pairs_per_row: number of pairs side by side.
      inverted: dark ink on white.
    """
    pairs = np.stack([originals, reconstructions], axis=1)  # [N, 2, H, W, channels]
    columns = min(pairs_per_row, len(pairs))
    rows = math.ceil(len(pairs) / columns)
    grid = np.full((rows * columns, *pairs.shape[1:]), np.nan, np.float32)
    grid[: len(pairs)] = pairs
    grid = grid.reshape(rows, columns, *pairs.shape[1:])
    return image_blocks([grid[:, i] for i in range(columns)], inverted=inverted)


def interpolation_figure(
    first: np.ndarray,
    between: np.ndarray,
    last: np.ndarray,
    *,
    inverted: bool = False,
) -> Figure:
    """AMM, figure 2d: from one original to another, with decoded codes between.

    Args:
      first: originals of the first column [R, H, W, channels].
      between: decoded interpolations [R, T, H, W, channels].
      last: originals of the last column [R, H, W, channels].
      inverted: dark ink on white.
    """
    return image_blocks(
        [first[:, None], between, last[:, None]],
        headers=["original", "decoded, linear in the latent code", "original"],
        inverted=inverted,
    )


def matrix_figure(
    matrices: Mapping[str, np.ndarray],
    mappings: Sequence[np.ndarray],
    class_names: Sequence[str],
    column_names: Sequence[str],
    column_title: str,
) -> Figure:
    """AMM, figures 2b, 4e and 4f: cluster or confusion matrices with their counts.

    Columns are ordered by the class that the first mapping gives them, so that a good
    clustering is block-diagonal; each matrix has the cells of its own mapping
    outlined. Cells without an example stay blank. Colour is the share of the class.

    Args:
      matrices: counts [C, K] by title, see `metrics.cluster_matrix`.
      mappings: for each of them the class of each column [K], or -1 for none.
      class_names: C names of rows.
      column_names: K names of clusters or predicted classes.
      column_title: what the columns are.
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
                _frame(axes, (column - 0.5, row - 0.5), 1, _INK)
    return figure


def distance_figure(distances: np.ndarray, names: Sequence[str]) -> Figure:
    """Distances between the components of a mixture, as a heat map with values.

    Args:
      distances: [K, K], in the order in which they are shown.
      names: K names of components.
    """
    titles = ("component", "component")
    figure, (axes,) = _cell_panels([""], names, names, titles, right=0.85)
    apart = np.where(np.eye(len(distances), dtype=bool), np.nan, distances)
    texts = np.where(np.isnan(apart), "", np.char.mod("%.1f", distances))
    # Where all are alike, let them look alike.
    low, high = np.nanmin(apart), np.nanmax(apart) or 1.0
    limits = (min(low, 0.8 * high), high)
    image = _heat_map(axes, apart, texts, "Blues_r", limits)
    box = axes.get_position()
    unit = 1 / figure.get_figwidth()  # an inch
    bar = figure.add_axes((box.x1 + 0.12 * unit, box.y0, 0.12 * unit, box.height))
    figure.colorbar(image, cax=bar)
    bar.tick_params(labelsize=_SMALL_TEXT, labelcolor=_MUTED, color="0.75", length=2)
    bar.set_ylabel("standard deviations", fontsize=_TEXT, color=_INK)
    bar.spines[:].set_visible(False)
    return figure


def scatter_figure(
    points: np.ndarray,
    classes: np.ndarray | None = None,
    class_names: Sequence[str] = (),
    *,
    legend_title: str = "class",
    axis_labels: tuple[str, str] | None = None,
    alpha: float = 0.8,
) -> Figure:
    """Points of a plane, coloured by class, as in AMM, figures 2e and 4d.

    Args:
      points: [N, 2].
      classes: [N] integers, or None for a single colour.
      class_names: their names, by index.
      legend_title: what the colours mean.
      axis_labels: what the coordinates are, or None if they mean nothing (t-SNE's).
      alpha: opacity of the points.

    Raises:
      ValueError: points that are not [N, 2], or classes of another number.
    """
    _check_plane("points", points)
    figure = Figure(
        figsize=(5.0, 4.2), dpi=_DPI, layout="constrained", facecolor="white"
    )
    axes = figure.add_subplot()
    if classes is None:
        _dots(axes, points, "#3b6fb6", alpha=alpha)
    else:
        if len(classes) != len(points):
            raise ValueError(f"{len(points)} points but {len(classes)} classes.")
        palette = _palette(len(class_names))
        for index, name in enumerate(class_names):
            chosen = points[classes == index]
            colour = palette[index]
            _dots(axes, chosen, colour, total=len(points), label=name, alpha=alpha)
        legend = figure.legend(
            loc="outside right center",
            title=legend_title,
            title_fontsize=_TEXT,
            fontsize=_TEXT,
            frameon=False,
            ncols=math.ceil(len(class_names) / 20),
            handletextpad=0.1,
            columnspacing=0.8,
            markerscale=14 / math.sqrt(_dot_size(len(points))) / 3,
        )
        for handle in filter(None, legend.legend_handles):
            handle.set_alpha(0.8)
    axes.set_aspect("equal", adjustable="datalim")
    if axis_labels is None:
        _bare(axes)
    else:
        _quiet_ticks(axes)
        axes.set_xlabel(axis_labels[0], fontsize=_TEXT)
        axes.set_ylabel(axis_labels[1], fontsize=_TEXT)
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
      codes: projected on a plane [N, 2].
      classes: of the codes [N], integers.
      class_names: their names, by index.
      means: of the components, projected on that plane [K, 2].
      covariances: likewise [K, 2, 2].
      component_classes: the class of each component [K], or -1 for none.
      names: K names of components.
      legend_title: what the colours mean.
      axis_labels: what the coordinates are.
    """
    figure = scatter_figure(
        codes,
        classes,
        class_names,
        legend_title=legend_title,
        axis_labels=axis_labels,
        alpha=0.35,
    )
    (axes,) = figure.axes
    palette = [*_palette(len(class_names)), _INK]  # -1 is last
    components = zip(means, covariances, component_classes, names, strict=True)
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
            fontsize=_TEXT + 1,
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

    Neighbouring modes have similar colours, so that one sees whether the codes keep
    the modes' places. Codes and reconstructions wear the colour of the *data* point
    that they come from.

    Args:
      data: [N, 2].
      samples: [M, 2].
      means: of the modes [K, 2]; small crosses mark them.
      data_modes: the mode of each data point [N].
      sample_modes: the nearest mode of each sample [M], -1 (grey) where the sample
        is not of high quality.
      codes: of the data [N, 2], or None for a model that does not infer any.
      reconstructions: of the data [N, 2], or None likewise.
      codes_title: above the panel of codes.

    Raises:
      ValueError: an array that is not [N, 2].
    """
    panels = [("data", data, data_modes, True)]
    if codes is not None:
        panels.append((codes_title, codes, data_modes, False))
    if reconstructions is not None:
        panels.append(("reconstructions", reconstructions, data_modes, True))
    panels.append(("samples", samples, sample_modes, True))
    colours = np.concatenate([_plane_colours(means), [to_rgb("0.7")]])  # -1 is last
    figure = Figure(
        figsize=(2.4 * len(panels), 2.65),
        dpi=_DPI,
        layout="constrained",
        facecolor="white",
    )
    spread = 0.15 * np.ptp(means, axis=0).max()
    limits = np.stack([means.min(axis=0) - spread, means.max(axis=0) + spread])
    for axes, panel in zip(figure.subplots(1, len(panels)), panels, strict=True):
        title, points, modes, in_data_space = panel
        _check_plane(title, points)
        _dots(axes, points, colours[modes])
        axes.set_title(title, fontsize=_TEXT, color=_INK)
        axes.set_aspect("equal", adjustable="box" if in_data_space else "datalim")
        if in_data_space:
            axes.plot(*means.T, "+", color="0.75", markersize=4, mew=0.6, zorder=0)
            axes.set_xlim(*limits[:, 0])
            axes.set_ylim(*limits[:, 1])
        else:
            axes.set_box_aspect(np.ptp(limits[:, 1]) / np.ptp(limits[:, 0]))
        _quiet_ticks(axes)
    return figure


def training_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Curves of training, from the rows of metrics.jsonl.

    Scalars named `player/quantity` share a panel with the same quantity of the other
    players, `name_real` one with `name_fake`; every other scalar has its own. With
    several trials, each has a thin line; the thick one is their mean.

    Args:
      rows: what `logging.read_metrics` returns: `step`, the mean over trials of each
        scalar by name and, of several trials, `trials` with a list for each name.
        `seconds` is left out. Not every row needs every name.

    Raises:
      ValueError: there is nothing to draw.
    """
    curves: dict[str, list[tuple[int, np.ndarray]]] = {}
    for row in rows:
        for name in row.keys() - {"step", "seconds", "trials"}:
            values = row.get("trials", {}).get(name, [row[name]])  # [trials]
            curve = curves.setdefault(name, [])
            curve.append((row["step"], np.asarray(values, np.float64)))
    if not curves:
        raise ValueError("The metrics hold no row with a step and a number.")
    panels: dict[str, dict[str, list[tuple[int, np.ndarray]]]] = {}
    for name in sorted(curves):
        panel, line = _panel_and_line(name)
        panels.setdefault(panel, {})[line] = curves[name]
    ordered = sorted(panels, key=lambda panel: (panel != "loss", panel))

    columns = min(3, len(ordered))
    lines = math.ceil(len(ordered) / columns)
    figure = Figure(
        figsize=(3.2 * columns, 2.2 * lines),
        dpi=_DPI,
        layout="constrained",
        facecolor="white",
    )
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, panel in zip(grid, ordered, strict=False):
        palette = _palette(len(panels[panel]))
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
        axes.set_title(panel.replace("_", " "), fontsize=_TEXT, color=_INK)
        _quiet_ticks(axes)
        axes.xaxis.set_major_formatter(FuncFormatter(_short_number))
        axes.spines[["top", "right"]].set_visible(False)
        if len(panels[panel]) > 1:
            axes.legend(fontsize=_SMALL_TEXT, frameon=False, handlelength=1.2)
    for axes in grid[len(ordered) :]:
        axes.remove()
    figure.supxlabel("training step", fontsize=_TEXT, color=_INK)
    return figure


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
    metadata = {CAPTION_KEY: str(figure.get_label()), "Software": None}
    figure.savefig(target, format="png", metadata=metadata)


def _check_plane(name: str, points: np.ndarray) -> None:
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"{name} must have shape [N, 2], not {points.shape}.")


def _panel_and_line(name: str) -> tuple[str, str]:
    player, slash, quantity = name.rpartition("/")
    if slash:
        return quantity, player
    for ending in ("_real", "_fake"):
        if name.endswith(ending):
            return f"{name.removesuffix(ending)} (real, fake)", ending[1:]
    return name, name


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _label_ticks(
    axes: Axes, which: Literal["x", "y"], positions: np.ndarray, labels: Sequence[str]
) -> None:
    set_ticks = axes.set_xticks if which == "x" else axes.set_yticks
    set_ticks(positions, labels, fontsize=_TEXT, color=_INK)
    axes.tick_params(axis=which, length=0)


def _frame(axes: Axes, corner: tuple[float, float], size: float, colour: str) -> None:
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


def _cell_panels(
    titles: Sequence[str],
    row_names: Sequence[str],
    column_names: Sequence[str],
    axis_titles: tuple[str, str],
    right: float = 0.15,
) -> tuple[Figure, list[Axes]]:
    """A figure with one panel of square cells for each title.

    Panels stand side by side, or below each other where they are wide.

    Args:
      titles: above the panels; "" for none.
      row_names: names of the rows of each panel.
      column_names: likewise of the columns; upright where a cell is too narrow.
      axis_titles: what rows and columns are.
      right: margin in inches.
    """
    cell = min(0.36, 12.0 / max(len(row_names), len(column_names)))  # inches
    widest = max(map(_text_width, column_names)) / _DPI
    upright = widest > cell - 0.1
    left = max(map(_text_width, row_names)) / _DPI + 0.4
    bottom = 0.35 + (widest if upright else 0.15)
    lines = max((title.count("\n") + 1 if title else 0) for title in titles)
    top = 0.15 + 0.16 * lines
    matrix = (len(column_names) * cell, len(row_names) * cell)  # width, height
    title_width = max(_text_width(line) for t in titles for line in t.split("\n"))
    panel = (
        left + max(matrix[0], title_width / _DPI) + right,
        top + matrix[1] + bottom,
    )
    side_by_side = panel[0] * len(titles) < 11.0
    columns = len(titles) if side_by_side else 1
    rows = len(titles) // columns
    width, height = columns * panel[0], rows * panel[1]
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    panels = []
    for index, title in enumerate(titles):
        row, column = divmod(index, columns)
        x, y = column * panel[0] + left, (rows - 1 - row) * panel[1] + bottom
        axes = figure.add_axes(
            (x / width, y / height, matrix[0] / width, matrix[1] / height)
        )
        axes.set_title(title, fontsize=_TEXT, color=_INK, loc="left")
        _label_ticks(axes, "x", np.arange(len(column_names)), column_names)
        _label_ticks(axes, "y", np.arange(len(row_names)), row_names)
        axes.tick_params(axis="x", rotation=90 if upright else 0)
        axes.set_ylabel(axis_titles[0], fontsize=_TEXT, color=_INK)
        axes.set_xlabel(axis_titles[1], fontsize=_TEXT, color=_INK)
        panels.append(axes)
    return figure, panels


def _heat_map(
    axes: Axes,
    values: np.ndarray,
    texts: np.ndarray,
    colours: str,
    limits: tuple[float, float],
) -> AxesImage:
    """Colours cells by values [R, C] within limits, and writes texts in them."""
    low, high = limits
    image = axes.imshow(values, cmap=colours, vmin=low, vmax=high)
    axes.spines[:].set_color("0.75")
    inch = axes.get_window_extent().width / _DPI
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
            fontsize=_SMALL_TEXT - (longest > 3),
            color=_INK if light else "white",
        )
    return image


def _quiet_ticks(axes: Axes) -> None:
    axes.tick_params(labelsize=_SMALL_TEXT, labelcolor=_MUTED, color="0.75", length=2)
    axes.spines[:].set_color("0.75")
    for axis in (axes.xaxis, axes.yaxis):
        locator = MaxNLocator(5, steps=[1, 2, 5, 10], min_n_ticks=3)
        axis.set_major_locator(locator)


def _short_number(value: float, _: int) -> str:
    return f"{value / 1000:g}k" if abs(value) >= 1000 else f"{value:g}"


def _dot_size(total: int) -> float:
    """Area in square points: small where there are many."""
    return float(np.clip(6000 / max(total, 1), 1.5, 14))


def _dots(
    axes: Axes,
    points: np.ndarray,
    colour: Any,
    *,
    total: int | None = None,
    label: str | None = None,
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
        label=label,
    )


def _palette(number: int) -> list[Any]:
    """Distinct colours: the usual ten, or twenty; beyond that, around the circle."""
    if number <= 20:
        name = "tab10" if number <= 10 else "tab20"
        return list(matplotlib.colormaps[name].colors[:number])  # type: ignore[attr-defined]
    return list(matplotlib.colormaps["turbo"](np.linspace(0.02, 0.98, number)))


def _plane_colours(means: np.ndarray) -> np.ndarray:
    """A colour for each point [K, 2]: hue by the first axis, light by the second."""
    span = np.maximum(np.ptp(means, axis=0), 1e-12)
    right, up = ((means - means.min(axis=0)) / span).T  # [K] each, in [0, 1]
    hues = matplotlib.colormaps["turbo"](0.08 + 0.82 * right)[:, :3]  # [K, 3]
    light = 0.9 * up[:, None] - 0.55  # towards white above zero, towards black below
    strength = np.abs(light)
    return (1 - strength) * hues + strength * (light > 0)
