"""Captions of images, from text files that are named as the images are."""

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
    """Gives each example of a data set its captions.

    Args:
        dataset: one whose examples are named by their files.
        directory: holds a file PATH.txt for each image PATH.png (or whatever else it
            ends in), with a caption a line; or, at any depth, a file STEM.txt where
            only one image and one file have this stem.

    Returns:
        the same with captions. Where images have unequally many, those of an image
        with fewer are repeated in turn.

    Raises:
        MissingInputError: no such directory, or no file for an image.
        InputError: a file that could belong to several images, several for one, or
            one without any caption, or in another encoding than UTF-8.
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
    """The file of each image's captions: of its path, or else of its stem."""
    root, where = Path(directory), printable(directory)
    if not root.is_dir():
        raise MissingInputError(
            f"no folder at '{where}' (--config.dataset.captions): it has to hold a "
            "text file for each image, with a caption a line"
        )
    by_path, by_stem = {}, collections.defaultdict(list)
    for file in find_files(root)[0]:
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
                else f"{printable(str(same[0]))} could be of {stems[path.name]} images"
            )
            raise InputError(
                f"{problem}, '{name}': call the file of each image as its path is, "
                f"'{path}.txt'"
            )
        else:
            found[name] = same[0]
    return found


def _read(file: Path) -> list[str]:
    lines = read_text(file).splitlines()
    sentences = [line.strip() for line in lines if line.strip()]
    if not sentences:
        raise InputError(f"{printable(str(file))}: there is no caption in it")
    return sentences
