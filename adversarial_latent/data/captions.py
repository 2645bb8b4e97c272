"""Captions of images, from text files that are named as the images are."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from adversarial_latent.data.examples import Dataset


def with_captions(dataset: Dataset, directory: str) -> Dataset:
    """Gives each example of a data set its captions.

    Args:
        dataset: one whose examples are named by their files.
        directory: holds, at any depth, a file STEM.txt for each image STEM.png (or
            whatever else it ends in), with a caption a line.

    Returns:
        the same with captions. Where images have unequally many, those of an image
        with fewer are repeated in turn.

    Raises:
        FileNotFoundError: no such directory, or no file for an image.
        ValueError: two files of one stem, or one without any caption.
    """
    files = _text_files(directory)
    read = {
        split: [_read(files, name, directory) for name in examples.name]
        for split, examples in dataset.splits.items()
    }
    number = max(len(sentences) for part in read.values() for sentences in part)
    splits = {
        split: dataclasses.replace(
            examples,
            captions=tuple(
                tuple(sentences[i % len(sentences)] for i in range(number))
                for sentences in read[split]
            ),
        )
        for split, examples in dataset.splits.items()
    }
    protocol = f"{dataset.protocol}, with the captions of '{Path(directory).name}'"
    return dataclasses.replace(dataset, splits=splits, protocol=protocol)


def _text_files(directory: str) -> dict[str, Path]:
    root = Path(directory)
    if not root.is_dir():
        raise FileNotFoundError(
            f"no folder at '{directory}' (--config.dataset.captions): it has to hold a "
            "text file for each image, with a caption a line"
        )
    files: dict[str, Path] = {}
    for path in sorted(root.rglob("*.txt")):
        if path.stem in files:
            raise ValueError(
                f"{files[path.stem]} and {path} are captions of the same image"
            )
        files[path.stem] = path
    return files


def _read(files: dict[str, Path], name: str, directory: str) -> Sequence[str]:
    stem = Path(name).stem
    if stem not in files:
        raise FileNotFoundError(
            f"{directory} has no captions for the image '{name}': no file "
            f"'{stem}.txt' at any depth"
        )
    lines = files[stem].read_text(encoding="utf-8").splitlines()
    sentences = [line.strip() for line in lines if line.strip()]
    if not sentences:
        raise ValueError(f"{files[stem]}: there is no caption in it")
    return sentences
