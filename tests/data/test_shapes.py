"""The shape to which images of many shapes are resized."""

import numpy as np
import pytest

from adversarial_latent.data.shapes import common_shape


@pytest.mark.parametrize(
    ("shapes", "max_side", "expected"),
    [
        ([(28, 28, 1)], 0, (28, 28, 1)),
        ([(5, 7, 3)], 7, (5, 7, 3)),  # one size is kept, a multiple of 4 or not
        ([(5, 7, 3), (5, 7, 1)], 0, (5, 7, 3)),
        ([(480, 640, 3)], 64, (48, 64, 3)),
        ([(640, 480, 4)], 64, (64, 48, 4)),
        ([(480, 640, 3)], 50, (36, 48, 3)),  # at most the limit
        ([(300, 10, 1)], 64, (64, 8, 1)),
        ([(20, 40, 1), (20, 40, 1), (500, 500, 3)], 0, (20, 40, 3)),
        ([(21, 40, 1), (21, 42, 1)], 0, (20, 40, 1)),
        ([(480, 640, 3), (768, 1024, 3), (1024, 768, 3)], 0, (48, 64, 3)),
        ([(480, 640, 3), (768, 1024, 3)], 256, (192, 256, 3)),
        ([(3, 4, 1), (4, 3, 1)], 0, (8, 8, 1)),
    ],
)
def test_the_common_shape(shapes, max_side, expected):
    shape, description = common_shape(np.array(shapes), max_side)
    assert shape == expected
    assert bool(description) == (set(shapes) != {expected})


def test_the_description_names_shapes_and_numbers():
    several = np.array([(768, 1024, 3), (480, 640, 3), (480, 640, 1)] * 1000)
    assert common_shape(several)[1] == (
        "3,000 images of 3 shapes, 480x640x1 to 768x1024x3, are resized to 48x64x3"
    )
    assert common_shape(several[:1], 64)[1] == (
        "1 images of 768x1024x3 are resized to 48x64x3"
    )
