"""Grids of images, enlarged by whole factors.

At a fractional scale, the pixel rows of small images would have uneven heights.
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from adversarial_latent.evaluation.figures.style import (
    DPI,
    INK,
    TEXT,
    bare,
    frame,
    label_ticks,
    shown,
    text_width,
)
from adversarial_latent.evaluation.limits import check_number

_WRONG = "#c8372d"
_TILE = 56  # pixels, the approximate size of an enlarged image
_MARGIN = 12  # pixels


def _mosaic(images: np.ndarray, inverted: bool) -> np.ndarray:
    """Joins images [R, C, H, W, 1 or 3] into one [R * h, C * w, 3] in [0, 1].

    Each image is enlarged by a whole factor and has a white margin. NaN becomes white.
    """
    rows, columns, height, width, channels = images.shape
    if channels not in (1, 3):
        raise ValueError(f"Images must have 1 or 3 channels, not {channels}.")
    images = np.clip(images, 0.0, 1.0)
    images = 1.0 - images if inverted else images
    images = np.where(np.isnan(images), 1.0, images)
    scale = max(1, round(_TILE / max(height, width)))
    images = images.repeat(scale, axis=2).repeat(scale, axis=3)
    gap = 10 if inverted else 4  # images without black background need more space
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
    """Grids of images side by side, with common rows.

    Args:
      blocks: images [R, C_i, H, W, channels] in [0, 1], with 1 or 3 channels. NaN is
        shown as white, so a block may have gaps.
      headers: a line of text above each block, or empty.
      row_labels: R texts to the left of the first block, or empty.
      column_labels: C_0 texts above the columns of the first block, or empty.
      inverted: whether to show 1 - x, for images of light strokes on black.

    Returns:
      A figure with one `Axes` per block.

    Raises:
      ValueError: shapes of blocks or numbers of texts do not match.
      InputError: there are too many rows.
    """
    if not blocks or any(block.ndim != 5 for block in blocks):
        raise ValueError(
            f"Need blocks of images [R, C, H, W, channels], got shapes "
            f"{[block.shape for block in blocks]}."
        )
    rows = blocks[0].shape[0]
    expected = {
        "headers": (headers, len(blocks)),
        "row_labels": (row_labels, rows),
        "column_labels": (column_labels, blocks[0].shape[1]),
    }
    for name, (texts, count) in expected.items():
        if texts and len(texts) != count:
            raise ValueError(f"Need {count} {name}, got {len(texts)}.")
    if any(block.shape[0] != rows for block in blocks):
        raise ValueError(
            f"All blocks need {rows} rows, got {[len(block) for block in blocks]}."
        )

    row_labels, column_labels = shown(row_labels), shown(column_labels)
    check_number(rows, "rows of images")
    mosaics = [_mosaic(block, inverted) for block in blocks]
    line = round(1.9 * TEXT * DPI / 72)  # height of a line of text in pixels
    left = _MARGIN + max((text_width(label) + 10 for label in row_labels), default=0)
    top = _MARGIN + line * (bool(headers) + bool(column_labels))
    slots = [
        max(mosaic.shape[1], math.ceil(text_width(header)))
        for mosaic, header in zip(mosaics, headers or [""] * len(blocks), strict=True)
    ]
    block_gap = 30
    width = math.ceil(left) + sum(slots) + block_gap * (len(blocks) - 1) + _MARGIN
    height = top + mosaics[0].shape[0] + _MARGIN
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
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
        bare(axes)
        if headers:
            pad = 4 + (line * 72 / DPI if column_labels else 0)
            axes.set_title(headers[index], fontsize=TEXT, color=INK, pad=pad)
        start += slot + block_gap
    first = figure.axes[0]
    if row_labels:
        tile = mosaics[0].shape[0] / rows
        label_ticks(first, "y", (np.arange(rows) + 0.5) * tile - 0.5, row_labels)
    if column_labels:
        tile = mosaics[0].shape[1] / len(column_labels)
        centers = (np.arange(len(column_labels)) + 0.5) * tile - 0.5
        label_ticks(first, "x", centers, column_labels)
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
    """A single grid of images [R, C, H, W, channels], see `image_blocks`."""
    return image_blocks(
        [images],
        row_labels=row_labels,
        column_labels=column_labels,
        inverted=inverted,
    )


def component_figure(
    members: np.ndarray,
    generated: np.ndarray | None,
    row_labels: Sequence[str],
    *,
    wrong: np.ndarray | None = None,
    inverted: bool = False,
) -> Figure:
    """AMM, figures 2a and 4a-b: test images of each component beside its samples.

    Args:
      members: test images assigned to each component [K, C, H, W, channels]; NaN where
        a component has fewer than C images.
      generated: samples of each component [K, D, H, W, channels], or None.
      row_labels: K names of components.
      wrong: whether to frame a member in red [K, C], or None.
      inverted: see `image_blocks`.
    """
    blocks = {"test images assigned to it": members}
    if generated is not None:
        blocks["generated by it"] = generated
    figure = image_blocks(
        list(blocks.values()),
        headers=list(blocks),
        row_labels=row_labels,
        inverted=inverted,
    )
    axes = figure.axes[0]
    pixels, _ = axes.images[0].get_size()
    tile = pixels / len(members)
    for row, column in () if wrong is None else np.argwhere(wrong):
        frame(axes, (column * tile + 1.5, row * tile + 1.5), tile - 4, _WRONG)
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
      originals: [N, H, W, channels]. If N is not a multiple of `pairs_per_row`, the
        rest of the last row is white.
      reconstructions: [N, H, W, channels].
      pairs_per_row: number of pairs side by side.
      inverted: see `image_blocks`.
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
    """AMM, figure 2d: pairs of originals, with decoded codes between them.

    Args:
      first: originals in the first column [R, H, W, channels].
      between: decoded interpolations [R, T, H, W, channels].
      last: originals in the last column [R, H, W, channels].
      inverted: see `image_blocks`.
    """
    return image_blocks(
        [first[:, None], between, last[:, None]],
        headers=["original", "decoded, linear in the latent code", "original"],
        inverted=inverted,
    )
