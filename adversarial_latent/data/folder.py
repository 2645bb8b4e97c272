"""Data sets that come as image files, and new inputs for a trained model."""

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
    """Loads a folder of images; its sub-folders, if it has any, are the classes.

    If its sub-folders are called train, test and validation (train, and any of the
    others), they are splits, and what holds for the folder holds for each of them.
    Hidden files and what systems leave behind are passed over; everything else must be
    an image.

    Raises:
        MissingInputError: no such folder.
        InputError: no images, images beside classes, deeper folders, splits beside
            classes, a file that is no image, images that differ in shape without
            `image_shape`, or one that is smaller than `center_crop`.
    """
    root = Path(config.path)
    if not root.is_dir():
        raise MissingInputError(
            f"no folder at '{printable(str(root))}' (--config.dataset.path)"
        )
    folders, passed_over = _split_folders(root)
    files: dict[str, list[Path]] = {}
    labels: dict[str, np.ndarray] = {}
    for split, folder in folders.items():
        files[split], classes, others = _images_and_classes(folder)
        passed_over += others
        if classes:
            labels[split] = np.array(classes)
    if 0 < len(labels) < len(folders):
        bare = next(split for split in folders if split not in labels)
        raise InputError(
            f"{printable(str(root))}: '{folders[bare].name}' holds images, and "
            f"'{folders[next(iter(labels))].name}' folders of classes: every split "
            "needs classes, or none"
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
    if passed_over:
        protocol += f" ({passed_over} hidden or system files passed over)"
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
        path: an image, a folder of images (searched to any depth), or an npz file
            with an array `x`.
        example_shape: what the model was trained on, (H, W, C) or (D,).
        resize: fit images of another shape instead of refusing them.
        center_crop: of images that are resized, first, this square in the middle; 0
            for all, as in training.

    Returns:
        Examples without labels, named by file (relative to the folder) or position.

    Raises:
        MissingInputError: nothing at `path`.
        InputError: no images, a file that is no image, a shape that does not fit, or
            an image that is smaller than `center_crop`.
    """
    path = Path(os.path.expanduser(path))
    if not os.path.exists(path):
        raise MissingInputError(
            f"no image, folder or npz file at '{printable(str(path))}'"
        )
    wanted = tuple(example_shape)
    crop = center_crop if resize else 0
    if path.suffix == ".npz":
        return Examples(x=_read_x(path, wanted, resize, crop))
    if len(wanted) != 3:
        raise InputError(
            f"the model wants points with {wanted[0]} coordinates: give them as an "
            "npz file with an array x [N, D]"
        )
    root, files = path.parent, [path]
    if path.is_dir():
        root = path
        files, passed_over = find_files(root)
        if passed_over:
            logging.info("%s: %d files passed over", root, passed_over)
    if not files:
        raise InputError(f"{printable(str(root))}: the folder holds no images")
    x = np.empty((len(files), *wanted), np.uint8)
    for i, file in enumerate(files):
        image = _read(file, wanted if resize else None, crop)
        _check_shape(printable(file.name), image.shape, wanted)
        x[i] = image
    return Examples(x=x, name=tuple(relative_name(file, root) for file in files))


def _split_folders(root: Path) -> tuple[dict[str, Path], int]:
    """Folders that are splits, or the whole as "train"; and what was passed over."""
    entries, passed_over = list_folder(root)
    names = {entry: printable(entry.name) for entry in entries if entry.is_dir()}
    others = [name for name in names.values() if name.lower() not in SPLITS]
    if not {"train", "test"} & {SPLITS.get(name.lower()) for name in names.values()}:
        return {"train": root}, 0  # which are counted where its images are listed
    where = printable(str(root))
    if others:
        raise InputError(
            f"{where} holds '{others[0]}' beside folders that are called as splits "
            f"are ({', '.join(set(names.values()) - set(others))}): classes belong "
            "into each of the splits; a class needs another name"
        )
    found = find_splits(names)
    if "train" not in found:
        raise InputError(
            f"{where} holds {', '.join(names.values())}, but no folder 'train'"
        )
    if files := [entry for entry in entries if entry not in names]:
        raise InputError(
            f"{where} holds splits ('{found['train'].name}') and files "
            f"('{printable(files[0].name)}'): every image belongs into a split"
        )
    return found, passed_over


def _images_and_classes(folder: Path) -> tuple[list[Path], list[str], int]:
    """Images, the class of each or nothing, and how many files were passed over."""
    where = printable(str(folder))
    entries, passed_over = list_folder(folder)
    class_folders = [entry for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if not entry.is_dir()]
    if not class_folders:
        if not files:
            raise InputError(f"{where}: the folder holds no images")
        return files, [], passed_over
    if files:
        raise InputError(
            f"{where} holds both folders ('{printable(class_folders[0].name)}') and "
            f"files ('{printable(files[0].name)}'): sub-folders are classes, and every "
            "image belongs into one"
        )
    classes: list[str] = []
    for class_folder in class_folders:
        members, others = list_folder(class_folder)
        if not members:
            raise InputError(f"{printable(str(class_folder))}: empty class folder")
        if deeper := [member for member in members if member.is_dir()]:
            raise InputError(
                f"{printable(str(deeper[0]))}: a folder inside a class; classes hold "
                "images"
            )
        files += members
        classes += [printable(class_folder.name)] * len(members)
        passed_over += others
    return files, classes, passed_over


def _read(file: Path, shape: ImageShape | None, crop: int) -> np.ndarray:
    """Reads an image, cuts the middle out and brings it to a shape, if asked."""
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
                f"{printable(file.name)} is {shape_text(x[-1].shape)}: bring all "
                "images to one shape with "
                "--config.dataset.image_shape=HEIGHTxWIDTHxCHANNELS"
            )
    return np.stack(x)


def _read_x(path: Path, wanted: tuple[int, ...], fitted: bool, crop: int) -> np.ndarray:
    arrays, name = read_npz(path), printable(str(path))
    if "x" not in arrays:
        raise InputError(f"{name} holds {sorted(arrays)}; wanted an array 'x'")
    try:
        x = check_inputs(arrays["x"])
        if x.ndim == 4:
            if crop:
                x = np.stack([center_crop(image, crop, "its images") for image in x])
            x = fit(x, wanted if fitted else None)
    except ValueError as error:
        raise InputError(f"{name}, array 'x': {error}") from error
    _check_shape(printable(path.name), x.shape[1:], wanted)
    return x


def _check_shape(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if shape == wanted:
        return
    remedy = ": pass --resize" if len(shape) == len(wanted) == 3 else ""
    raise InputError(
        f"the model wants {shape_text(wanted)}, {name} is {shape_text(shape)}{remedy}"
    )
