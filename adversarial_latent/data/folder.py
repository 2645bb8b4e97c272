"""Data sets stored as image files, and new inputs for a trained model."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from absl import logging
from ml_collections import ConfigDict

from adversarial_latent.data.arrays import fit
from adversarial_latent.data.examples import Dataset, Examples
from adversarial_latent.data.splits import SPLITS, find_splits
from adversarial_latent.inputs import (
    ImageShape,
    InputError,
    MissingInputError,
    center_crop,
    check_inputs,
    find_files,
    list_folder,
    number_classes,
    parse_image_shape,
    printable,
    read_image,
    read_npz,
    relative_name,
    resize,
    shape_text,
)


def load_folder(config: ConfigDict) -> Dataset:
    """Loads a folder of images; sub-folders, if there are any, are classes.

    Sub-folders called train, test and validation are splits instead, and each of them
    may contain classes. Train is required, the others are optional. Hidden files and
    system files are ignored; all other files must be images.

    Raises:
      MissingInputError: the folder does not exist.
      InputError: there are no images, images next to classes, folders inside classes,
        classes next to splits, or files that are not images; images differ in shape and
        `image_shape` is not set; or an image is smaller than `center_crop`.
    """
    root = Path(config.path)
    if not root.is_dir():
        raise MissingInputError(
            f"no folder at '{printable(str(root))}' (--config.dataset.path)"
        )
    folders, ignored = _split_folders(root)
    files: dict[str, list[Path]] = {}
    labels: dict[str, np.ndarray] = {}
    for split, folder in folders.items():
        files[split], classes, others = _images_and_classes(folder)
        ignored += others
        if classes:
            labels[split] = np.array(classes)
    if 0 < len(labels) < len(folders):
        bare = next(split for split in folders if split not in labels)
        raise InputError(
            f"{printable(str(root))}: '{folders[bare].name}' contains images, but "
            f"'{folders[next(iter(labels))].name}' contains class folders: give all "
            "splits classes, or none"
        )
    label, class_names = number_classes(labels)
    everything = [file for part in files.values() for file in part]
    x = _read_same_shape(
        everything, parse_image_shape(config.image_shape), config.center_crop
    )
    splits, start = {}, 0
    for split, part in files.items():
        splits[split] = Examples(
            x=x[start : start + len(part)],
            label=label.get(split),
            name=tuple(relative_name(file, root) for file in part),
        )
        start += len(part)
    protocol = f"{len(everything)} image files of the folder '{printable(root.name)}'"
    if len(folders) > 1 or folders.get("train") != root:
        names = [f"'{printable(folder.name)}'" for folder in folders.values()]
        protocol += f", whose sub-folders {', '.join(names)} are its splits"
    if ignored:
        protocol += f" ({ignored} hidden or system files ignored)"
    return Dataset(
        name=config.name, splits=splits, protocol=protocol, class_names=class_names
    )


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
    root, files = path.parent, [path]
    if path.is_dir():
        root = path
        files, ignored = find_files(root)
        if ignored:
            logging.info("%s: %d hidden or system files ignored", root, ignored)
    if not files:
        raise InputError(f"{printable(str(root))}: the folder contains no images")
    x = np.empty((len(files), *expected), np.uint8)
    for i, file in enumerate(files):
        image = _read(file, expected if resize else None, crop)
        _check_shape(printable(file.name), image.shape, expected)
        x[i] = image
    return Examples(x=x, name=tuple(relative_name(file, root) for file in files))


def _split_folders(root: Path) -> tuple[dict[str, Path], int]:
    """Returns the folders of the splits, and the number of ignored files.

    A folder without splits is all "train". Its files are counted later, when its images
    are listed.
    """
    entries, ignored = list_folder(root)
    names = {entry: printable(entry.name) for entry in entries if entry.is_dir()}
    others = [name for name in names.values() if name.lower() not in SPLITS]
    if not {"train", "test"} & {SPLITS.get(name.lower()) for name in names.values()}:
        return {"train": root}, 0
    where = printable(str(root))
    if others:
        raise InputError(
            f"{where} contains '{others[0]}' next to folders named like splits "
            f"({', '.join(set(names.values()) - set(others))}): move classes into each "
            "split, or rename a class that has the name of a split"
        )
    found = find_splits(names)
    if "train" not in found:
        raise InputError(
            f"{where} contains {', '.join(names.values())}, but no folder 'train'"
        )
    if files := [entry for entry in entries if entry not in names]:
        raise InputError(
            f"{where} contains splits ('{found['train'].name}') and files "
            f"('{printable(files[0].name)}'): move every image into a split"
        )
    return found, ignored


def _images_and_classes(folder: Path) -> tuple[list[Path], list[str], int]:
    """Returns images, their classes (may be []) and the number of ignored files."""
    where = printable(str(folder))
    entries, ignored = list_folder(folder)
    class_folders = [entry for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if not entry.is_dir()]
    if not class_folders:
        if not files:
            raise InputError(f"{where}: the folder contains no images")
        return files, [], ignored
    if files:
        raise InputError(
            f"{where} contains both folders ('{printable(class_folders[0].name)}') and "
            f"files ('{printable(files[0].name)}'): sub-folders are classes, so move "
            "every image into one"
        )
    classes: list[str] = []
    for class_folder in class_folders:
        members, others = list_folder(class_folder)
        if not members:
            raise InputError(f"{printable(str(class_folder))}: empty class folder")
        if deeper := [member for member in members if member.is_dir()]:
            raise InputError(
                f"{printable(str(deeper[0]))}: a folder inside a class; class folders "
                "may contain only images"
            )
        files += members
        classes += [printable(class_folder.name)] * len(members)
        ignored += others
    return files, classes, ignored


def _read(file: Path, shape: ImageShape | None, crop: int) -> np.ndarray:
    """Reads an image, and crops and resizes it if requested."""
    image = read_image(file)
    if crop:
        image = center_crop(image, crop, printable(str(file)))
    return image if shape is None else resize(image, shape)


def _read_same_shape(
    files: Sequence[Path], shape: ImageShape | None, crop: int
) -> np.ndarray:
    x = []
    for file in files:
        x.append(_read(file, shape, crop))
        if x[-1].shape != x[0].shape:
            raise InputError(
                f"{printable(files[0].name)} is {shape_text(x[0].shape)}, but "
                f"{printable(file.name)} is {shape_text(x[-1].shape)}: resize all "
                "images to one shape with "
                "--config.dataset.image_shape=HEIGHTxWIDTHxCHANNELS"
            )
    return np.stack(x)


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
                x = np.stack([center_crop(image, crop, "its images") for image in x])
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
