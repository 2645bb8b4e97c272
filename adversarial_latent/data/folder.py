"""Data sets stored as image files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from adversarial_latent.data.examples import Dataset, Examples
from adversarial_latent.data.labels import labels_from_file
from adversarial_latent.data.splits import SPLITS, find_splits
from adversarial_latent.inputs import (
    ImageShape,
    InputError,
    MissingInputError,
    center_crop,
    find_files,
    is_folder,
    list_folder,
    number_classes,
    parse_image_shape,
    printable,
    read_image,
    relative_name,
    resize,
    shape_text,
)


def load_folder(config: ConfigDict) -> Dataset:
    """Loads a folder of images; sub-folders, if there are any, are classes.

    The class of an image is its top-level folder; deeper folders have no meaning.
    Sub-folders called train, test and validation are splits instead, and each of them
    may contain classes. Train is required, the others are optional. With a file of
    labels, folders are not classes. Hidden files and system files are ignored; all
    other files must be images.

    Raises:
      MissingInputError: the folder does not exist.
      InputError: there are no images, images next to classes, classes next to splits,
        an invalid file of labels, or files that are not images; images differ in
        shape and `image_shape` is not set; or an image is smaller than `center_crop`.
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
        find = _images if config.labels else _images_and_classes
        files[split], classes, others = find(folder)
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
    names = {
        split: [relative_name(file, root) for file in part]
        for split, part in files.items()
    }
    if config.labels:
        label, class_names = labels_from_file(names, config.labels)
    else:
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
            name=tuple(names[split]),
        )
        start += len(part)
    protocol = f"{len(everything)} image files of the folder '{printable(root.name)}'"
    if len(folders) > 1 or folders.get("train") != root:
        quoted = [f"'{printable(folder.name)}'" for folder in folders.values()]
        protocol += f", whose sub-folders {', '.join(quoted)} are its splits"
    if config.labels:
        protocol += (
            f"; labels from the file '{printable(Path(config.labels).name)}', so that "
            "folders are not classes"
        )
    if ignored:
        protocol += f" ({ignored} hidden or system files ignored)"
    return Dataset(
        name=config.name, splits=splits, protocol=protocol, class_names=class_names
    )


def _split_folders(root: Path) -> tuple[dict[str, Path], int]:
    """Returns the folders of the splits, and the number of ignored files.

    A folder without splits is all "train". Its files are counted later, when its images
    are listed.
    """
    entries, ignored = list_folder(root)
    names = {
        Path(entry.path): printable(entry.name) for entry in entries if is_folder(entry)
    }
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
    if files := [entry for entry in entries if not is_folder(entry)]:
        raise InputError(
            f"{where} contains splits ('{found['train'].name}') and files "
            f"('{printable(files[0].name)}'): move every image into a split"
        )
    return found, ignored


def _images_and_classes(folder: Path) -> tuple[list[Path], list[str], int]:
    """Returns images, their classes (may be []) and the number of ignored files."""
    where = printable(str(folder))
    entries, ignored = list_folder(folder)
    class_folders = [entry for entry in entries if is_folder(entry)]
    files = [Path(entry.path) for entry in entries if not is_folder(entry)]
    if not class_folders:
        if not files:
            raise InputError(f"{where}: the folder contains no images")
        return files, [], ignored
    if files:
        raise InputError(
            f"{where} contains both folders ('{printable(class_folders[0].name)}') and "
            f"files ('{printable(files[0].name)}'): sub-folders are classes, so move "
            "every image into one, or give labels in a file (--config.dataset.labels)"
        )
    classes: list[str] = []
    for class_folder in class_folders:
        members, others = find_files(Path(class_folder.path))
        if not members:
            raise InputError(f"{printable(class_folder.path)}: empty class folder")
        files += members
        classes += [printable(class_folder.name)] * len(members)
        ignored += others
    return files, classes, ignored


def _images(folder: Path) -> tuple[list[Path], list[str], int]:
    """Returns all images at any depth, like `_images_and_classes` without classes."""
    files, ignored = find_files(folder)
    if not files:
        raise InputError(f"{printable(str(folder))}: the folder contains no images")
    return files, [], ignored


def read_file(file: Path, shape: ImageShape | None, crop: int) -> np.ndarray:
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
        x.append(read_file(file, shape, crop))
        if x[-1].shape != x[0].shape:
            raise InputError(
                f"{printable(files[0].name)} is {shape_text(x[0].shape)}, but "
                f"{printable(file.name)} is {shape_text(x[-1].shape)}: resize all "
                "images to one shape with "
                "--config.dataset.image_shape=HEIGHTxWIDTHxCHANNELS"
            )
    return np.stack(x)
