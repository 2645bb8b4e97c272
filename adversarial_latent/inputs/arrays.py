"""Arrays from users: examples, labels, and inputs of trained models."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from adversarial_latent.inputs.files import (
    InputError,
    MissingInputError,
    natural_key,
    printable,
    warnings_in_log,
)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Reads all arrays of an npz file, or the array "x" of an npy file.

    Raises:
      MissingInputError: the file does not exist.
      InputError: it is not such a file, is corrupt, or contains pickled objects.
    """
    name = printable(str(path))
    if not os.path.isfile(path):
        raise MissingInputError(f"no npz file at '{name}' (--config.dataset.path)")
    try:
        # Opened here, because np.load does not close a file after an error.
        with (
            warnings_in_log(name),
            path.open("rb") as file,
        ):
            loaded = np.load(file, allow_pickle=False)
            # An npz file is read lazily, while it is open.
            found = {"x": loaded} if path.suffix == ".npy" else dict(loaded)
        if others := [key for key, x in found.items() if not hasattr(x, "dtype")]:
            raise TypeError(f"{others[0]!r} is not an array")
    except Exception as error:  # NumPy, zipfile and zlib raise many types of errors
        reason = printable(str(error) or type(error).__name__)
        raise InputError(
            f"{name}: not an npz file of plain arrays, or corrupt ({reason}); save it "
            "again with np.savez"
        ) from error
    return found


def check_inputs(x: np.ndarray) -> np.ndarray:
    """Checks an array of inputs and converts it to the stored form.

    Args:
      x: uint8 images [N, H, W] or [N, H, W, C], float images in [0, 1] of these
        shapes, or float points [N, D].

    Returns:
      uint8 or float32 [N, H, W, C], or float32 [N, D].

    Raises:
      InputError: x has another shape or dtype, contains NaN or infinity, or is an image
        with values outside [0, 1].
    """
    check_form(x.shape, x.dtype)
    return check_values(to_stored(x))


def check_form(shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Checks the shape and dtype of inputs, see `check_inputs`.

    Raises:
      InputError: they are not those of inputs.
    """
    size = list(shape)
    is_image, is_float = len(shape) in (3, 4), dtype.kind == "f"
    if not (dtype == np.uint8 and is_image) and not (
        is_float and len(shape) in (2, 3, 4)
    ):
        raise InputError(
            f"found {dtype} {size}; expected uint8 images [N, H, W] or [N, H, W, C], "
            "float images in [0, 1], or float points [N, D]"
        )
    if 0 in shape:
        raise InputError(f"there are no examples: the array has shape {size}")
    if len(shape) == 4 and shape[-1] not in (1, 3) and shape[1] in (1, 3):
        raise InputError(
            f"found shape {size}: channels come last, [N, H, W, C]; use "
            "np.moveaxis(x, 1, -1)"
        )


def to_stored(x: np.ndarray) -> np.ndarray:
    """Converts inputs to uint8 or float32, and images to [N, H, W, C]."""
    if x.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):  # overflow gives infinity
            x = x.astype(np.float32)
    return x[..., None] if x.ndim == 3 else x


def check_values(x: np.ndarray, first: int = 0) -> np.ndarray:
    """Checks the values of inputs in the stored form, and returns them.

    Args:
      x: result of `to_stored`.
      first: index of the first of these inputs, for errors.

    Raises:
      InputError: x contains NaN or infinity, or is an image with values outside [0, 1].
    """
    if x.dtype == np.uint8:
        return x
    x = check_finite(x, first)
    if x.ndim == 4 and not 0 <= x.min() <= x.max() <= 1:
        raise InputError(
            f"float images must lie in [0, 1], but these go from {x.min():g} to "
            f"{x.max():g}; divide by the largest possible value, or use uint8"
        )
    return x


def check_model_inputs(x: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Checks inputs of a trained model.

    Args:
      x: floats [N, ...] as the networks see them, images in [0, 1].
      shape: shape of one example, if known.

    Returns:
      float32 [N, ...].

    Raises:
      InputError: x has another dtype or shape, or contains NaN or infinity.
    """
    import jax.numpy as jnp  # here, for processes that only read files

    x = np.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise InputError(
            f"x is {x.dtype}, but the model takes floats as in training, images in "
            "[0, 1]: divide by the largest possible value, x / 255 for most images"
        )
    if x.ndim < 2 or (shape is not None and x.shape[1:] != shape):
        expected = "..." if shape is None else ", ".join(map(str, shape))
        raise InputError(
            f"x has shape {list(x.shape)}, but the model takes [N, {expected}]: one "
            "row per example, of the shape that it was trained on"
        )
    return check_finite(x)


def check_finite(x: np.ndarray, first: int = 0) -> np.ndarray:
    """Converts numbers to float32 and checks that they are finite.

    Args:
      x: [N, ...].
      first: index of the first example, for errors.

    Returns:
      x as float32.

    Raises:
      InputError: x contains NaN or infinity as float32.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # overflow gives infinity
        x = x.astype(np.float32)
    bad = ~np.isfinite(x).all(axis=tuple(range(1, x.ndim)))
    if bad.any():
        raise InputError(
            f"{bad.sum()} examples contain NaN or infinity, first at "
            f"{first + bad.argmax()}"
        )
    return x


def has_unlabelled(ids: Collection[Any]) -> bool:
    """Whether -1 marks unlabelled examples, as in scikit-learn.

    It does if it is the only negative number and there are at least two classes besides
    it. In labels such as {-1, 1} it is a class.

    Args:
      ids: all numbers that occur in labels, without duplicates.
    """
    return len(ids) > 2 and min(ids) == -1 and sum(i < 0 for i in ids) == 1


def number_classes(
    labels: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Numbers all classes that occur in labels.

    The number -1 may mark unlabelled examples, see `has_unlabelled`.

    Args:
      labels: arrays of whole numbers or text, by name.

    Returns:
      `(numbers, names)`: int32 arrays of the same shapes, by name, and the names of the
      classes. Classes are numbered from 0, in numerical order or in natural order of
      text. Unlabelled examples have the number -1.

    Raises:
      InputError: labels are neither whole numbers nor text, or some are numbers and
        others text.
    """
    found = {}
    for name, label in labels.items():
        if label.dtype.kind == "S":
            try:
                label = np.char.decode(label, "utf-8")
            except UnicodeDecodeError as error:
                raise InputError(f"'{name}': text that is not UTF-8") from error
        if label.dtype.kind in "bf":
            with np.errstate(over="ignore"):
                wide = label.astype(np.float64)
            # From 2**53 on, float64 skips integers.
            if np.all((np.abs(wide) < 2**53) & (wide == np.floor(wide))):
                label = wide.astype(np.int64)
        if label.dtype.kind not in "iuU":
            raise InputError(
                f"'{name}': labels must be integers or text, not {label.dtype}"
            )
        unique, inverse = np.unique(label, return_inverse=True)
        ids = [printable(i) if isinstance(i, str) else i for i in unique.tolist()]
        found[name] = ids, inverse.reshape(label.shape)
    all_ids = {i for ids, _ in found.values() for i in ids}
    texts = {i for i in all_ids if isinstance(i, str)}
    if 0 < len(texts) < len(all_ids):
        raise InputError(
            f"{list(labels)}: labels must be either numbers or text, not both"
        )
    order = sorted(texts, key=natural_key) if texts else sorted(all_ids)
    if not texts and has_unlabelled(order):
        order = order[1:]
    number = {-1: -1} | {i: k for k, i in enumerate(order)}
    numbered = {
        name: np.array([number[i] for i in ids], np.int32)[inverse]
        for name, (ids, inverse) in found.items()
    }
    return numbered, tuple(map(str, order))
