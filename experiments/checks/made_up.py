"""Random images in place of TFDS data sets, so that nothing is downloaded."""

import contextlib
from collections.abc import Iterator
from unittest import mock

import ml_collections
import numpy as np

from adversarial_latent.data import Dataset, Examples, sources
from adversarial_latent.inputs import InputError
from adversarial_latent.inputs.images import parse_image_shape

_SETS = {  # shapes and numbers of classes
    "mnist": ((28, 28, 1), 10),
    "cifar10": ((32, 32, 3), 10),
    "svhn_cropped": ((32, 32, 3), 10),
    "smallnorb": ((96, 96, 1), 5),
    "celeb_a": ((218, 178, 3), 0),
}
_SIZES = {"train": 300, "test": 100}
_LARGEST = 256  # pixels a side


def load_tfds(config: ml_collections.ConfigDict) -> Dataset:
    """Replaces `tfds_source.load_tfds`: returns random images of the same shape.

    Raises:
      InputError: the data set has no replacement, or the images are too large.
    """
    name = config.name.removeprefix("tfds:")
    if name not in _SETS:
        raise InputError(f"config.dataset.name={config.name!r} has no replacement here")
    shape, classes = _SETS[name]
    shape = parse_image_shape(config.image_shape) or shape
    if max(shape) > _LARGEST:
        raise InputError(
            f"config.dataset.image_shape={config.image_shape!r} is too large; the "
            f"largest side is {_LARGEST}"
        )
    rng, splits = np.random.default_rng(0), {}
    for split, size in _SIZES.items():
        x = rng.integers(0, 256, (size, *shape), dtype=np.uint8)
        splits[split] = Examples(x, np.arange(size) % classes if classes else None)
    return Dataset(config.name, splits, "made up", tuple(map(str, range(classes))))


@contextlib.contextmanager
def tfds_is_made_up() -> Iterator[None]:
    """Within this context, TFDS data sets are replaced by random images."""
    source = sources.Source(load_tfds, sources.SOURCES["tfds"].keys)
    with mock.patch.dict(sources.SOURCES, tfds=source):
        yield
