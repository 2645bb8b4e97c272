"""New inputs for a trained model."""

import os
from pathlib import Path

import numpy as np
from absl import logging

from adversarial_latent.data.arrays import fit
from adversarial_latent.data.decoding import decode_files, read_shapes
from adversarial_latent.data.examples import Examples
from adversarial_latent.inputs import (
    InputError,
    MissingInputError,
    check_inputs,
    find_files,
    printable,
    read_npz,
    relative_name,
    shape_text,
)
from adversarial_latent.inputs import (
    center_crop as crop_to_center,
)
from adversarial_latent.inputs.decoder import Decoder


def read_images(
    path: str | Path,
    example_shape: tuple[int, ...],
    resize: bool = False,
    center_crop: int = 0,
) -> Examples:
    """Reads new inputs for a trained model.

    Args:
      path: an image, a folder of images (searched recursively), or an npz file with an
        array `x`.
      example_shape: shape of the training examples, (H, W, C) or (D,).
      resize: whether to resize images of another shape. Otherwise they are an error.
      center_crop: size of the central square that is cut out before resizing, as in
        training; 0 for the whole image.

    Returns:
      Examples without labels, named by file (relative to the folder) or position.

    Raises:
      MissingInputError: `path` does not exist.
      InputError: there are no images, a file is not an image, a shape does not match,
        or an image is smaller than `center_crop`.
    """
    path = Path(os.path.expanduser(path))
    if not os.path.exists(path):
        raise MissingInputError(
            f"no image, folder or npz file at '{printable(str(path))}'"
        )
    expected = tuple(example_shape)
    crop = center_crop if resize else 0
    if path.suffix == ".npz":
        return Examples(x=_read_x(path, expected, resize, crop))
    if len(expected) != 3:
        raise InputError(
            f"the model takes points with {expected[0]} coordinates: provide an npz "
            "file with an array x [N, D]"
        )
    root, files = path.parent, [str(path)]
    if path.is_dir():
        root = path
        files, ignored = find_files(root)
        if ignored:
            logging.info("%s: %d hidden or system files ignored", root, ignored)
    if not files:
        raise InputError(f"{printable(str(root))}: the folder contains no images")
    if not resize:
        for file, shape in zip(files, read_shapes(root, files), strict=True):
            _check_shape(printable(os.path.basename(file)), shape, expected)
    decoder = Decoder(shape=expected, crop=crop)
    return Examples(
        x=decode_files(root, files, decoder, use_cache=False).x,
        name=tuple(relative_name(file, root) for file in files),
    )


def _read_x(
    path: Path, expected: tuple[int, ...], resize: bool, crop: int
) -> np.ndarray:
    arrays, name = read_npz(path), printable(str(path))
    if "x" not in arrays:
        raise InputError(f"{name} contains {sorted(arrays)}; expected an array 'x'")
    try:
        x = check_inputs(arrays["x"])
        if x.ndim == 4:
            if crop:
                x = np.stack([crop_to_center(image, crop, "its images") for image in x])
            x = fit(x, expected if resize else None)
    except ValueError as error:
        raise InputError(f"{name}, array 'x': {error}") from error
    _check_shape(printable(path.name), x.shape[1:], expected)
    return x


def _check_shape(name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape == expected:
        return
    remedy = ": pass --resize" if len(shape) == len(expected) == 3 else ""
    raise InputError(
        f"the model takes {shape_text(expected)}, but {name} is {shape_text(shape)}"
        f"{remedy}"
    )
