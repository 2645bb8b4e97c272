"""Arrays that people give: examples, labels, what a trained model is asked about."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from adversarial_latent.inputs.files import (
    InputError,
    MissingInputError,
    natural_key,
    printable,
    warnings_in_log,
)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Reads all arrays of an npz file.

    Raises:
        MissingInputError: no such file.
        InputError: not an npz file, a corrupt one, or one with pickled objects.
    """
    name = printable(str(path))
    if not os.path.isfile(path):
        raise MissingInputError(f"no npz file at '{name}' (--config.dataset.path)")
    try:
        # Opened here, because np.load leaves a file open in which it finds an error.
        with (
            warnings_in_log(name),
            path.open("rb") as file,
            np.load(file, allow_pickle=False) as arrays,
        ):
            found = dict(arrays)
        if others := [key for key, x in found.items() if not hasattr(x, "dtype")]:
            raise TypeError(f"{others[0]!r} is no array")
    except Exception as error:  # NumPy, zipfile and zlib raise whatever comes to them
        reason = printable(str(error) or type(error).__name__)
        raise InputError(
            f"{name}: not an npz file of plain arrays, or corrupt ({reason}); write it "
            "again with np.savez"
        ) from error
    return found


def check_inputs(x: np.ndarray) -> np.ndarray:
    """Checks an array of inputs and brings it to the stored form.

    Args:
        x: uint8 images [N, H, W] or [N, H, W, C]; float images in [0, 1] of those
            shapes; or float points [N, D].

    Returns:
        uint8 or float32 [N, H, W, C], or float32 [N, D].

    Raises:
        InputError: any other shape or dtype, NaN or infinity, or values outside [0, 1].
    """
    is_image, is_float = x.ndim in (3, 4), x.dtype.kind == "f"
    if not (x.dtype == np.uint8 and is_image) and not (
        is_float and x.ndim in (2, 3, 4)
    ):
        raise InputError(
            f"found {x.dtype} {list(x.shape)}; wanted uint8 images [N, H, W] or "
            "[N, H, W, C], float images in [0, 1], or float points [N, D]"
        )
    if x.size == 0:
        raise InputError(f"there are no examples: the array has shape {list(x.shape)}")
    if x.ndim == 3:
        x = x[..., None]
    if is_image and x.shape[-1] not in (1, 3) and x.shape[1] in (1, 3):
        raise InputError(
            f"found shape {list(x.shape)}: channels come last, [N, H, W, C]; use "
            "np.moveaxis(x, 1, -1)"
        )
    if is_float:
        x = check_finite(x)
        if is_image and not 0 <= x.min() <= x.max() <= 1:
            raise InputError(
                f"float images must lie in [0, 1], and these go from {x.min():g} to "
                f"{x.max():g}; divide by the largest possible value, or use uint8"
            )
    return x


def check_model_inputs(x: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Checks what a trained model is given.

    Args:
        x: floats [N, ...] as the networks see them, images in [0, 1].
        shape: of one example, if it is known.

    Returns:
        float32 [N, ...].

    Raises:
        InputError: another dtype or shape, or values that are not finite.
    """
    x = np.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise InputError(
            f"x is {x.dtype}, and the model takes floats as it was trained on, images "
            "in [0, 1]: divide by the largest possible value, x / 255 for most images"
        )
    if x.ndim < 2 or (shape is not None and x.shape[1:] != shape):
        wanted = "..." if shape is None else ", ".join(map(str, shape))
        raise InputError(
            f"x has shape {list(x.shape)}, and the model takes [N, {wanted}]: one row "
            "an example, of the size that it was trained on"
        )
    return check_finite(x)


def check_finite(x: np.ndarray) -> np.ndarray:
    """Checks that numbers are finite as float32.

    Args:
        x: [N, ...].

    Returns:
        The same as float32.

    Raises:
        InputError: NaN or infinity.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is infinite
        x = x.astype(np.float32)
    bad = ~np.isfinite(x).all(axis=tuple(range(1, x.ndim)))
    if bad.any():
        raise InputError(
            f"{bad.sum()} examples hold NaN or infinity, first at {bad.argmax()}"
        )
    return x


def number_classes(
    labels: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Numbers the classes that occur, whatever they are called.

    Args:
        labels: arrays of ids (integers, or floats that are whole) or text, by name.

    Returns:
        int32 arrays of the same shapes, with classes from 0 on in the order of ids or
        natural order of text; and the names of the classes.

    Raises:
        InputError: anything else than whole numbers or text, or both of them.
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
            # From 2**53 on, floats skip integers.
            if np.all((np.abs(wide) < 2**53) & (wide == np.floor(wide))):
                label = wide.astype(np.int64)
        if label.dtype.kind not in "iuU":
            raise InputError(
                f"'{name}': labels must be integers or text, not {label.dtype}"
            )
        ids, place = np.unique(label, return_inverse=True)
        listed = [printable(i) if isinstance(i, str) else i for i in ids.tolist()]
        found[name] = listed, place.reshape(label.shape)
    occurring = {i for ids, _ in found.values() for i in ids}
    texts = {i for i in occurring if isinstance(i, str)}
    if 0 < len(texts) < len(occurring):
        raise InputError(f"{list(labels)}: labels are either numbers or text, not both")
    order = sorted(texts, key=natural_key) if texts else sorted(occurring)
    number = {i: k for k, i in enumerate(order)}
    numbered = {
        name: np.array([number[i] for i in ids], np.int32)[place]
        for name, (ids, place) in found.items()
    }
    return numbered, tuple(map(str, order))
