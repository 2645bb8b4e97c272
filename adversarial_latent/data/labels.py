"""Labels of images, from a file that names the images."""

import collections
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from adversarial_latent.inputs import (
    InputError,
    MissingInputError,
    number_classes,
    printable,
    read_labels,
)
from adversarial_latent.inputs.labels import listed

# How a file may name an image. The first way by which it names one counts.
_WAYS: tuple[Callable[[str], str], ...] = (
    lambda name: name,
    lambda name: str(PurePosixPath(name).with_suffix("")),
    lambda name: PurePosixPath(name).name,
    lambda name: PurePosixPath(name).stem,
)


def labels_from_file(
    names: Mapping[str, Sequence[str]], path: str
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Reads the labels of images.

    Args:
      names: names of the images of each split, relative to their folder.
      path: a CSV or text file, see `read_labels`. It names images by these names or by
        the last part of them, with or without the ending.

    Returns:
      `(labels, class names)`: int32 [N] for each split, -1 for images that the file
      does not name. Labels that are all integers are sorted as numbers.

    Raises:
      MissingInputError: the file does not exist.
      InputError: the file is invalid, a name is that of no image or of several, or an
        image has two labels.
    """
    where = printable(path)
    if not Path(path).is_file():
        raise MissingInputError(
            f"no file of labels at '{where}' (--config.dataset.labels)"
        )
    images = [name for part in names.values() for name in part]
    given: dict[int, str] = {}
    problems: dict[str, list[str]] = collections.defaultdict(list)
    tables: list[dict[str, list[int]]] = []
    for name, label in read_labels(Path(path)).items():
        found: list[int] = []
        for i, way in enumerate(_WAYS):
            if i == len(tables):  # built when it is first needed
                tables.append(collections.defaultdict(list))
                for k, image in enumerate(images):
                    tables[i][way(image)].append(k)
            if found := tables[i].get(name, []):
                break
        if len(found) != 1:
            problem = "name several images" if found else "match no image"
            problems[problem].append(name)
        elif given.setdefault(found[0], label) != label:
            problems["give an image a second label"].append(name)
    if problems:
        problem, wrong = next(iter(problems.items()))
        raise InputError(
            f"{where}: {len(wrong)} names {problem}: {listed(wrong)}; name each image "
            "once, by its path in the folder"
        )
    index = np.array(sorted(given), np.int64)
    texts = [given[i] for i in index]
    try:
        values = np.array([int(text) for text in texts], np.int64)
    except (ValueError, OverflowError):
        values = np.array(texts)
    numbered, class_names = number_classes({where: values})
    everything = np.full(len(images), -1, np.int32)
    everything[index] = numbered[where]
    ends = np.cumsum([len(part) for part in names.values()])
    return dict(zip(names, np.split(everything, ends[:-1]), strict=True)), class_names
