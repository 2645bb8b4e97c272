"""Data sets stored as image files."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from adversarial_latent.data.decoding import decode_files
from adversarial_latent.data.examples import Dataset, Examples, part_of
from adversarial_latent.data.labels import labels_from_file
from adversarial_latent.data.splits import SPLITS, find_splits
from adversarial_latent.inputs import (
    InputError,
    MissingInputError,
    find_files,
    is_folder,
    list_folder,
    number_classes,
    parse_image_shape,
    printable,
    relative_name,
)
from adversarial_latent.inputs.decoder import Decoder


def load_folder(config: ConfigDict) -> Dataset:
    """Loads a folder of images; sub-folders, if there are any, are classes.

    The class of an image is its top-level folder; deeper folders have no meaning.
    Sub-folders called train, test and validation are splits instead, and each of them
    may contain classes. Train is required, the others are optional. With a file of
    labels, folders are not classes. Hidden files and system files are ignored; all
    other files must be images.

    Without `image_shape`, a shape is chosen, see `common_shape`. Images of 1,000 files
    or more are decoded once, into the cache.

    Raises:
      MissingInputError: the folder does not exist.
      InputError: there are no images, images next to classes, classes next to splits,
        or an invalid file of labels; a file is not an image, and `skip_unreadable` is
        not set; or an image is smaller than `center_crop`.
    """
    root = Path(config.path)
    if not root.is_dir():
        raise MissingInputError(
            f"no folder at '{printable(str(root))}' (--config.dataset.path)"
        )
    listing = list_folder(root)
    folders = _split_folders(root, listing[0], config.labels)
    ignored = 0 if root in folders.values() else listing[1]
    files: dict[str, list[str]] = {}
    labels: dict[str, np.ndarray] = {}
    for split, folder in folders.items():
        if config.labels:
            files[split], others = _images(folder, config.labels)
            classes: list[str] = []
        else:
            files[split], classes, others = _images_and_classes(
                folder, *(listing if folder == root else list_folder(folder))
            )
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
    decoded = decode_files(
        root, everything, _decoder(config), config.cache, config.in_memory
    )
    splits, start = {}, 0
    for split, part in files.items():
        low, high = np.searchsorted(decoded.readable, (start, start + len(part)))
        if low == high:
            raise InputError(
                f"{printable(str(folders[split]))}: none of its files is a readable "
                "image"
            )
        kept = decoded.readable[low:high] - start
        splits[split] = Examples(
            x=part_of(decoded.x, slice(low, high)),
            label=label[split][kept] if split in label else None,
            name=tuple(names[split][k] for k in kept),
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
    protocol = "; ".join((protocol, *decoded.notes))
    return Dataset(
        name=config.name, splits=splits, protocol=protocol, class_names=class_names
    )


def _decoder(config: ConfigDict) -> Decoder:
    return Decoder(
        shape=parse_image_shape(config.image_shape, (1, 3)),
        max_side=config.max_side,
        crop=config.center_crop,
        skip_unreadable=config.skip_unreadable,
        remedy="; or skip such files with --config.dataset.skip_unreadable=True",
    )


def _split_folders(
    root: Path, entries: Sequence[os.DirEntry[str]], labels: str
) -> dict[str, Path]:
    """Returns the folders of the splits. A folder without splits is all "train"."""
    names = {
        Path(entry.path): printable(entry.name) for entry in entries if is_folder(entry)
    }
    others = [name for name in names.values() if name.lower() not in SPLITS]
    if not {"train", "test"} & {SPLITS.get(name.lower()) for name in names.values()}:
        return {"train": root}
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
    if files := [
        entry
        for entry in entries
        if not is_folder(entry) and not _is_same(entry.path, labels)
    ]:
        raise InputError(
            f"{where} contains splits ('{found['train'].name}') and files "
            f"('{printable(files[0].name)}'): move every image into a split"
        )
    return found


def _images_and_classes(
    folder: Path, entries: Sequence[os.DirEntry[str]], ignored: int
) -> tuple[list[str], list[str], int]:
    """Returns images, their classes (may be []) and the number of ignored files."""
    where = printable(str(folder))
    class_folders = [entry for entry in entries if is_folder(entry)]
    files = [entry.path for entry in entries if not is_folder(entry)]
    if not class_folders:
        if not files:
            raise InputError(f"{where}: the folder contains no images")
        return files, [], ignored
    if files:
        first = printable(os.path.basename(files[0]))
        raise InputError(
            f"{where} contains both folders ('{printable(class_folders[0].name)}') and "
            f"files ('{first}'): sub-folders are classes, so move every image into "
            "one, or give labels in a file (--config.dataset.labels)"
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


def _images(folder: Path, labels: str) -> tuple[list[str], int]:
    """Returns the images at any depth, and the number of ignored files."""
    files, ignored = find_files(folder)
    files = [file for file in files if not _is_same(file, labels)]
    if not files:
        raise InputError(f"{printable(str(folder))}: the folder contains no images")
    return files, ignored


def _is_same(file: str, labels: str) -> bool:
    """Whether a file is the file of labels, which may lie among the images."""
    same_name = os.path.basename(file) == os.path.basename(labels)
    return same_name and os.path.exists(labels) and os.path.samefile(file, labels)
