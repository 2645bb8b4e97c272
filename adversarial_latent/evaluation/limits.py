"""Limits on the examples of an evaluation and on the contents of figures."""

import math

from adversarial_latent.data import Examples, LazyArray
from adversarial_latent.data.splits import draw, split_rng
from adversarial_latent.inputs import InputError

MOST_BYTES = 1 << 28
"""Maximum size in float32 of examples that are read from disk for an evaluation."""

MOST_SHOWN = 200
"""Maximum number of components or classes in a figure."""
MAX_POINTS = 1500
"""Maximum number of codes in a scatter plot."""
IMAGES_PER_COMPONENT = 10
"""Number of columns in a figure whose rows are components."""


def bounded(examples: Examples) -> Examples:
    """Returns examples that fit in memory as floats.

    These are all of them, or, of examples that stay on disk, at most as many random
    ones as `MOST_BYTES` hold. They are the same at every call.
    """
    most = max(1, MOST_BYTES // (4 * math.prod(examples.example_shape)))
    if not isinstance(examples.x, LazyArray) or len(examples) <= most:
        return examples
    rng = split_rng(0, "evaluation")
    return examples.take(draw(len(examples), most, rng))


def check_number(number: int, what: str) -> None:
    """Rejects a figure that would be too large.

    Args:
      number: number of elements in the figure.
      what: name of the elements, in the plural.

    Raises:
      InputError: the number exceeds `MOST_SHOWN`.
    """
    if number > MOST_SHOWN:
        raise InputError(
            f"{number} {what} are too many: a figure shows at most {MOST_SHOWN}"
        )
