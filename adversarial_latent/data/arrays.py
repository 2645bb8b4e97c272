"""Data sets stored as arrays: scikit-learn's digits and npz files."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from adversarial_latent.data.examples import Dataset, Examples
from adversarial_latent.data.lazy import LazyArray
from adversarial_latent.data.shapes import common_shape
from adversarial_latent.data.splits import find_splits
from adversarial_latent.data.stored import lazy_inputs, open_arrays
from adversarial_latent.inputs import (
    InputError,
    check_inputs,
    number_classes,
    parse_image_shape,
    printable,
    read_npz,
    resize,
    shape_text,
)


def load_digits(config: ConfigDict) -> Dataset:
    """Loads scikit-learn's 1,797 digits (UCI): 8x8 pixels, values 0 to 16."""
    # Read from its file, because importing scikit-learn takes longer.
    package = importlib.util.find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    rows = np.loadtxt(path, delimiter=",", dtype=np.int64)  # 64 pixels and the label
    # Stored unscaled, with max_value 16, because 255 is not a multiple of 16.
    x = rows[:, :-1].astype(np.uint8).reshape(-1, 8, 8, 1)
    return Dataset(
        name=config.name,
        splits={"train": Examples(x=x, label=rows[:, -1], max_value=16)},
        protocol="scikit-learn's 1,797 handwritten digits",
        class_names=tuple(map(str, range(10))),
    )


def load_npz(config: ConfigDict) -> Dataset:
    """Loads an npz file: x [and y], or x_train [y_train, x_test, y_test, x_val, y_val].

    Labels may be any whole numbers or any text; for -1, see `number_classes`. A file
    FILE.npy is the array x. Unless `in_memory`, inputs stay on disk.

    Raises:
      MissingInputError: the file does not exist.
      InputError: it is not an npz file, lacks an array, or its arrays do not form a
        data set.
    """
    path = Path(config.path)
    arrays: Mapping[str, np.ndarray | LazyArray]
    arrays = read_npz(path) if config.in_memory else open_arrays(path)
    shape = parse_image_shape(config.image_shape)
    try:
        # Both "x" and "x_train" name the training split.
        aliases = {x: x[2:] or "train" for x in arrays if x == "x" or x[:2] == "x_"}
        keys = {split: (x, f"y{x[1:]}") for split, x in find_splits(aliases).items()}
        if "train" not in keys:
            raise InputError(
                f"contains {sorted(arrays)}; expected 'x' (and 'y'), or 'x_train' (and "
                "'y_train', 'x_test', 'y_test', 'x_val', 'y_val')"
            )
        labels, class_names = number_classes(
            {y: arrays[y][...] for _, y in keys.values() if y in arrays}
        )
        protocol = f"arrays of {printable(path.name)}"
        inputs = {x: _check(x, arrays[x]) for x, _ in keys.values()}
        shapes = [part.shape[1:] for part in inputs.values() for _ in range(len(part))]
        if config.max_side and len(shapes[0]) == 3:
            shape, resized = common_shape(np.array(shapes), config.max_side)
            protocol += f"; {resized}" if resized else ""
        return Dataset(
            name=config.name,
            splits={
                split: _examples(x, fit(inputs[x], shape), y, labels.get(y))
                for split, (x, y) in keys.items()
            },
            protocol=protocol,
            class_names=class_names,
        )
    except ValueError as error:
        raise InputError(f"{printable(str(path))}: {error}") from error


def _check(name: str, x: np.ndarray | LazyArray) -> np.ndarray | LazyArray:
    try:
        return lazy_inputs(x) if isinstance(x, LazyArray) else check_inputs(x)
    except ValueError as error:
        raise InputError(f"array '{name}': {error}") from error


def _examples(
    x_name: str, x: np.ndarray | LazyArray, y_name: str, label: np.ndarray | None
) -> Examples:
    try:
        return Examples(x=x, label=label)
    except ValueError as error:
        raise InputError(f"arrays '{x_name}' and '{y_name}': {error}") from error


def fit(x: Any, shape: tuple[int, ...] | None) -> Any:
    """Resizes uint8 images to a shape; lazy images when they are read.

    Args:
      x: inputs as returned by `check_inputs` or `lazy_inputs`.
      shape: target shape of one image; None leaves the images unchanged.

    Raises:
      InputError: the inputs are floats, or their channels cannot be converted.
    """
    if shape is None or x.shape[1:] == shape:
        return x
    if x.dtype != np.uint8:
        raise InputError(
            f"image_shape={shape_text(shape)} applies to uint8 images only, but these "
            f"are float {shape_text(x.shape[1:])}"
        )
    if isinstance(x, LazyArray):
        return x.map(lambda images: fit(images, shape), shape, np.uint8)
    return np.stack([resize(image, shape) for image in x])
