"""Data sets that come as arrays: scikit-learn's digits and npz files."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from adversarial_latent.data import images
from adversarial_latent.data.examples import Dataset, Examples


def load_digits(config: ConfigDict) -> Dataset:
    """Loads the embedded default: 1,797 real 8x8 digits, values 0 to 16 (UCI)."""
    from sklearn.datasets import load_digits as load

    digits = load()
    # Kept as they are, with 16 standing for 1.0: 255 is no multiple of 16.
    x = digits.images.astype(np.uint8)[..., None]
    return Dataset(
        name=config.name,
        splits={"train": Examples(x=x, label=digits.target, max_value=16)},
        protocol="scikit-learn's 1,797 handwritten digits",
        class_names=tuple(map(str, range(10))),
    )


def load_npz(config: ConfigDict) -> Dataset:
    """Loads an npz file: x [and y], or x_train [y_train, x_test, y_test].

    Raises:
        FileNotFoundError: no such file.
        ValueError: no npz file, missing arrays, or arrays that are no data set.
    """
    path = Path(config.path)
    arrays = read_npz(path)
    shape = images.parse_image_shape(config.image_shape)
    if "x" in arrays:
        names = {"train": ("x", "y")}
    elif "x_train" in arrays:
        names = {"train": ("x_train", "y_train")}
        if "x_test" in arrays:
            names["test"] = ("x_test", "y_test")
    else:
        raise ValueError(
            f"{path} holds {sorted(arrays)}; wanted 'x' (and 'y'), or 'x_train' (and "
            "'y_train', 'x_test', 'y_test')"
        )
    splits = {}
    for split, (x, y) in names.items():
        try:
            splits[split] = Examples(
                x=check_inputs(arrays[x], shape), label=arrays.get(y)
            )
        except ValueError as error:
            raise ValueError(f"{path}, arrays '{x}' and '{y}': {error}") from error
    label = splits["train"].label
    num_classes = 0 if label is None else max(int(label.max()) + 1, 1)
    return Dataset(
        name=config.name,
        splits=splits,
        protocol=f"arrays of {path.name}",
        class_names=tuple(map(str, range(num_classes))),
    )


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Reads all arrays of an npz file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not an npz file, a corrupt one, or one with pickled objects.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no npz file at '{path}' (--config.dataset.path)")
    try:
        # Opened here, because np.load leaves a file open in which it finds an error.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise _unreadable(path, error) from error
    except (zipfile.BadZipFile, zlib.error) as error:
        raise _unreadable(path, error) from error


def check_inputs(x: np.ndarray, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Checks an array of inputs and brings it to the stored form.

    Args:
        x: uint8 images [N, H, W] or [N, H, W, C]; float images in [0, 1] of those
            shapes; or float points [N, D].
        shape: if given, uint8 images of another shape are fitted to it.

    Returns:
        uint8 or float32 [N, H, W, C], or float32 [N, D].

    Raises:
        ValueError: any other shape or dtype, NaN or infinity, or values outside [0, 1].
    """
    is_image, is_float = x.ndim in (3, 4), x.dtype.kind == "f"
    if not (x.dtype == np.uint8 and is_image) and not (
        is_float and x.ndim in (2, 3, 4)
    ):
        raise ValueError(
            f"found {x.dtype} {list(x.shape)}; wanted uint8 images [N, H, W] or "
            "[N, H, W, C], float images in [0, 1], or float points [N, D]"
        )
    if len(x) == 0:
        raise ValueError("there are no examples: the array has length 0")
    if x.ndim == 3:
        x = x[..., None]
    if is_image and x.shape[-1] not in (1, 3) and x.shape[1] in (1, 3):
        raise ValueError(
            f"found shape {list(x.shape)}: channels come last, [N, H, W, C]; use "
            "np.moveaxis(x, 1, -1)"
        )
    if is_float:
        with np.errstate(over="ignore"):  # too large a value is infinity below
            x = x.astype(np.float32)
        bad = ~np.isfinite(x).reshape(len(x), -1).all(axis=1)
        if bad.any():
            raise ValueError(
                f"{bad.sum()} examples hold NaN or infinity, first at {bad.argmax()}"
            )
        if is_image and not 0 <= x.min() <= x.max() <= 1:
            raise ValueError(
                f"float images must lie in [0, 1], and these go from {x.min():g} to "
                f"{x.max():g}; divide by the largest possible value, or use uint8"
            )
    if shape is not None and x.shape[1:] != shape:
        if is_float:
            raise ValueError(
                f"image_shape={images.shape_text(shape)} fits uint8 images only, and "
                f"these are float {images.shape_text(x.shape[1:])}"
            )
        if x.shape[-1] not in (1, 3):
            raise ValueError(f"cannot resize images of {x.shape[-1]} channels")
        x = np.stack([images.resize(image, shape) for image in x])
    return x


def _unreadable(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: not an npz file of plain arrays, or corrupt ({error})")
