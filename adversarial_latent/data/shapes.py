"""One shape for images of many."""

import numpy as np

from adversarial_latent.inputs import ImageShape, shape_text

_STEP = 4  # sides are multiples of it, so that strided convolutions fit
SMALLEST_SIDE = 8
_LARGEST_SIDE = 64  # of images of several sizes, if the config sets no limit


def common_shape(shapes: np.ndarray, max_side: int = 0) -> tuple[ImageShape, str]:
    """Chooses the shape to which all images are resized.

    Images of one size keep it, unless a side exceeds `max_side`. Otherwise the aspect
    ratio is the median of theirs. The longer side is the median of theirs, or the
    limit if that is smaller. Sides are rounded to multiples of 4, and are at least 8.

    Args:
      shapes: height, width and channels of all images, int [N, 3].
      max_side: limit of the longer side in pixels, at least 8; 0 for none. Without
        one, images of several sizes are at most 64 pixels long.

    Returns:
      `(shape, description)`. The description says what is resized, and is empty if
      nothing is.
    """
    sides, channels = shapes[:, :2], int(shapes[:, 2].max())
    height, width = (int(side) for side in sides[0])
    same = bool((sides == sides[0]).all())
    if not same or (max_side and max(height, width) > max_side):
        limit = max_side or _LARGEST_SIDE
        longer = min(limit, float(np.median(sides.max(axis=1))))
        ratio = float(np.median(sides[:, 0] / sides[:, 1]))  # height / width
        height, width = (
            max(SMALLEST_SIDE, min(_round(longer * part), limit // _STEP * _STEP))
            for part in (min(1.0, ratio), min(1.0, 1 / ratio))
        )
    shape = (height, width, channels)
    distinct = np.unique(shapes, axis=0)
    if len(distinct) == 1 and tuple(distinct[0]) == shape:
        return shape, ""
    smallest, *_, largest = sorted(distinct.tolist() * 2, key=np.prod)
    kinds = (
        shape_text(smallest)
        if len(distinct) == 1
        else f"{len(distinct):,} shapes, {shape_text(smallest)} to "
        f"{shape_text(largest)},"
    )
    return shape, (
        f"{len(shapes):,} images of {kinds} are resized to {shape_text(shape)}"
    )


def _round(side: float) -> int:
    return _STEP * round(side / _STEP)
