"""Limits on the contents of figures."""

from adversarial_latent.inputs import InputError

MOST_SHOWN = 200
"""Maximum number of components or classes in a figure."""
MAX_POINTS = 1500
"""Maximum number of codes in a scatter plot."""
IMAGES_PER_COMPONENT = 10
"""Number of columns in a figure whose rows are components."""


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
