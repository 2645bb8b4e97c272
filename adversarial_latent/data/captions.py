"""Captions of images, from text files with the same names as the images."""

import collections
import dataclasses
from pathlib import Path, PurePosixPath

from adversarial_latent.data.examples import Dataset
from adversarial_latent.inputs import (
    InputError,
    MissingInputError,
    find_files,
    printable,
    read_text,
    relative_name,
)


def with_captions(dataset: Dataset, directory: str) -> Dataset:
    """Adds captions to the examples of a data set.

    Args:
      dataset: a data set whose examples are named by their files.
      directory: contains a file PATH.txt for each image PATH.png (or with another
        suffix), with one caption per line. A file STEM.txt at any depth also works
        if only one image and one text file have this stem.

    Returns:
      The data set with captions. If the number of captions differs between images,
      the captions of an image that has fewer are repeated in turn.

    Raises:
      MissingInputError: the directory does not exist, or an image has no file.
      InputError: a file could belong to several images, an image has several files,
        or a file contains no caption or is not UTF-8.
    """
    names = [name for part in dataset.splits.values() for name in part.name]
    files = _files_of_images(names, directory)
    sentences = {name: _read(file) for name, file in files.items()}
    number = max(map(len, sentences.values()))
    splits = {
        split: dataclasses.replace(
            examples,
            captions=tuple(
                tuple(sentences[name][i % len(sentences[name])] for i in range(number))
                for name in examples.name
            ),
        )
        for split, examples in dataset.splits.items()
    }
    folder = printable(Path(directory).name)
    protocol = f"{dataset.protocol}, with the captions of '{folder}'"
    return dataclasses.replace(dataset, splits=splits, protocol=protocol)


def _files_of_images(names: list[str], directory: str) -> dict[str, Path]:
    """Finds the caption file of each image by its path, or else by its stem."""
    root, where = Path(directory), printable(directory)
    if not root.is_dir():
        raise MissingInputError(
            f"no folder at '{where}' (--config.dataset.captions): it must contain a "
            "text file for each image, with one caption per line"
        )
    by_path, by_stem = {}, collections.defaultdict(list)
    for file in map(Path, find_files(root)[0]):
        if file.suffix.lower() == ".txt":
            path = PurePosixPath(relative_name(file, root)).with_suffix("")
            by_path[path] = file
            by_stem[path.name].append(file)
    stems = collections.Counter(PurePosixPath(name).stem for name in set(names))
    found = {}
    for name in names:
        path = PurePosixPath(name).with_suffix("")
        same = by_stem[path.name]
        if path in by_path:
            found[name] = by_path[path]
        elif not same:
            raise MissingInputError(
                f"{where} has no captions for the image '{name}': no file "
                f"'{path.name}.txt' at any depth"
            )
        elif len(same) > 1 or stems[path.name] > 1:
            problem = (
                f"{printable(str(same[0]))} and {printable(str(same[1]))} are captions "
                "of the same image"
                if len(same) > 1
                else f"{printable(str(same[0]))} could belong to "
                f"{stems[path.name]} images"
            )
            raise InputError(
                f"{problem}, '{name}': name the file of each image after its path, "
                f"'{path}.txt'"
            )
        else:
            found[name] = same[0]
    return found


def _read(file: Path) -> list[str]:
    lines = read_text(file).splitlines()
    sentences = [line.strip() for line in lines if line.strip()]
    if not sentences:
        raise InputError(f"{printable(str(file))}: the file contains no caption")
    return sentences
