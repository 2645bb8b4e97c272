"""The data of a run: found again, and the same as those that it was trained on.

What a run trained on is part of its identity. `dataset.json` records a fingerprint of
every split when training starts. Whatever comes later (resuming, evaluation, the
classifier of generated images, comparison) loads the same data, or refuses and names
the difference.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

import ml_collections
import numpy as np
from absl import logging

from adversarial_latent import data
from adversarial_latent.checkpoints import has_checkpoint
from adversarial_latent.data import Dataset, Examples, LazyImages
from adversarial_latent.inputs import InputError, read_json

_FILE = "dataset.json"
_PATHS = ("path", "data_dir", "captions")  # fields of config.dataset
# The flowers that are held out are drawn from a random stream of their own, so that a
# classifier which has to know all combinations still sees none of them.
_OWN_FIELDS = ("held_out",)


def load(config: ml_collections.ConfigDict, workdir: str) -> Dataset:
    """Loads the data of a run.

    Relative paths are first looked for where the run was launched for the first time,
    so that it can be resumed and evaluated from any directory.

    Args:
      config: of the run.
      workdir: its directory.

    Raises:
      MissingInputError: the data are not where the config says.
      InputError: data that are not sound, or not those that the run was trained on.
    """
    settings = config.dataset.copy_and_resolve_references()
    described = _described(workdir)
    for field in _PATHS:
        place = os.path.join(described.get("root", ""), settings.get(field) or "")
        if settings.get(field) and os.path.exists(place):
            settings[field] = place
    dataset = data.load(settings)
    check(described, dataset, workdir)
    return dataset


def describe(dataset: Dataset, workdir: str) -> dict[str, Any]:
    """What `dataset.json` holds: the data, their identity, where they were found."""
    return {
        "name": dataset.name,
        "input_shape": list(dataset.example_shape),
        "num_train": len(dataset.splits["train"]),
        "class_names": list(dataset.class_names),
        "protocol": dataset.protocol,
        "splits": _splits(dataset),
        "root": _described(workdir).get("root", os.getcwd()),
    }


def check(described: Mapping[str, Any], dataset: Dataset, owner: str) -> None:
    """Refuses data other than those that were described.

    Args:
      described: what `describe` gave; data described before splits had fingerprints
        cannot be checked.
      dataset: what is to be used now.
      owner: whose data these are, for the message.

    Raises:
      InputError: a split has other examples, or other labels or captions.
    """
    theirs = described.get("splits")
    if theirs is None:
        if described:
            logging.warning(
                "%s does not say which examples it was trained on (it is older than "
                "that record); they cannot be compared with those of now",
                owner,
            )
        return
    ours = _splits(dataset)
    found = []
    for split in sorted(theirs.keys() | ours.keys()):
        if theirs.get(split) == ours.get(split):
            continue
        numbers = [s.get(split, {"examples": 0})["examples"] for s in (theirs, ours)]
        found.append(
            f"split {split!r}: {numbers[0]} examples there, {numbers[1]} here"
            if numbers[0] != numbers[1]
            else f"split {split!r}: {numbers[0]} examples, but others, or in another "
            "order, or with other labels or captions"
        )
    if found:
        raise InputError(
            f"{owner} was trained on other data: "
            + "; ".join(found)
            + f"; there: {described['protocol']}; here: {dataset.protocol}. Examples "
            "that were trained on could be scored as new ones: bring back those "
            "data and settings, or train in another directory"
        )


def classifier_dataset(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """`config.dataset` of the classifier that scores what a run generates.

    It is the run's own, so that the classifier trains on no example that the run is
    scored on. Only `held_out` remains the classifier's.

    Args:
      config: of the run; `config.classifier` is that of the classifier, if given.
    """
    settings = config.dataset.copy_and_resolve_references()
    theirs, default = config.classifier.get("dataset", settings), data.default_config()
    for field in settings:
        if field in _OWN_FIELDS:
            settings[field] = theirs[field]
        elif theirs[field] not in (settings[field], default[field]):
            logging.warning(
                "config.classifier.dataset.%s=%r is not used: the classifier sees the "
                "data of the run, whose config.dataset.%s is %r",
                field,
                theirs[field],
                field,
                settings[field],
            )
    return settings


def check_classifier(
    config: ml_collections.ConfigDict, workdir: str, dataset: Dataset
) -> None:
    """Refuses a trained classifier that saw other data than it should have.

    Args:
      config: of the run.
      workdir: directory of the classifier.
      dataset: of the run.

    Raises:
      InputError: it was trained on other examples than `classifier_dataset` gives.
    """
    settings = classifier_dataset(config)
    if settings.to_dict() != config.dataset.to_dict():
        dataset = data.load(settings)
    check(_described(workdir, required=True), dataset, f"the classifier in {workdir}")


def check_same_scored(workdirs: Iterable[str]) -> None:
    """Refuses to compare runs of one data set that are scored on different examples.

    Raises:
      InputError: naming two runs and what differs.
    """
    first: dict[str, tuple[str, dict[str, Any]]] = {}
    for workdir in workdirs:
        described = _described(workdir, required=True)
        if "splits" not in described:
            continue
        other, theirs = first.setdefault(described["name"], (workdir, described))
        for split in {"test", "validation"} & theirs["splits"].keys():
            if described["splits"].get(split) != theirs["splits"][split]:
                raise InputError(
                    f"{other} and {workdir} cannot be compared: their {split} splits "
                    f"of {described['name']!r} differ.\n  {other}: "
                    f"{theirs['protocol']}\n  {workdir}: {described['protocol']}"
                )


def fingerprint(examples: Examples) -> str:
    """A hash of all examples of a split, in order, with their labels and captions.

    Images that are read only when they are needed are hashed by their position in the
    source, not by their pixels.
    """
    digest = hashlib.blake2b(digest_size=16)

    def add(array: np.ndarray) -> None:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array))

    x = examples.x
    add(x.positions if isinstance(x, LazyImages) else x)
    digest.update(f"{x.shape} of {examples.max_value}".encode())
    if examples.label is not None:
        add(examples.label)
    for sentences in examples.captions or ():
        digest.update("\n".join(sentences).encode())
    return digest.hexdigest()


def _splits(dataset: Dataset) -> dict[str, dict[str, Any]]:
    return {
        name: {"examples": len(examples), "fingerprint": fingerprint(examples)}
        for name, examples in dataset.splits.items()
    }


def _described(workdir: str, required: bool = False) -> dict[str, Any]:
    """What is recorded of a run's data; nothing before it has saved anything."""
    path = os.path.join(workdir, _FILE)
    saved = has_checkpoint(os.path.join(workdir, "checkpoints"))
    if not required and not (saved and os.path.exists(path)):
        return {}
    return read_json(path)
