"""Loads the data of a run, and checks that they are those of its training.

`dataset.json` records a fingerprint of every split when training starts. Later steps
(resuming, evaluation, the classifier of generated images, comparison) load the same
data, or raise an error that names the difference.
"""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from typing import Any

import ml_collections
from absl import logging

from adversarial_latent import data
from adversarial_latent.checkpoints import has_checkpoint
from adversarial_latent.data import Dataset, Examples, Scaling
from adversarial_latent.inputs import InputError
from adversarial_latent.inputs import read_json as read_json_file
from adversarial_latent.workdir import read_config, read_json

_FILE = "dataset.json"
_PATHS = ("path", "data_dir", "captions", "labels")  # fields of config.dataset
# The test images of the flowers come from a random stream of their own. A classifier
# that trains on all combinations thus sees none of these images.
_OWN_FIELDS = ("held_out",)


def in_memory(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Returns a config for data in memory: of `dataset` it keeps `standardize`."""
    config = config.copy_and_resolve_references()
    settings = data.default_config()
    settings.update(name="memory", standardize=config.dataset.standardize)
    config.dataset = settings
    return config


def load(
    config: ml_collections.ConfigDict, workdir: str, given: Dataset | None = None
) -> Dataset:
    """Loads the data of a run, with caption vectors if it embeds captions.

    See `load_examples` and `with_caption_vectors`.
    """
    dataset = load_examples(config, workdir, given)
    return with_caption_vectors(dataset, config, workdir)


def load_examples(
    config: ml_collections.ConfigDict, workdir: str, given: Dataset | None = None
) -> Dataset:
    """Loads the data of a run, without caption vectors.

    Relative paths are first resolved against the directory of the first launch, so that
    a run can be resumed and evaluated from any directory.

    Args:
      config: config of the run.
      workdir: directory of the run.
      given: the data, if they are in memory; of `config.dataset` only `standardize` is
        used then.

    Raises:
      MissingInputError: the data are not at the configured path.
      InputError: the data are invalid, or not those that the run was trained on.
    """
    settings = config.dataset.copy_and_resolve_references()
    record = _read_record(workdir)
    if given is not None:
        dataset = given.standardised() if settings.standardize else given
        check_recorded(dataset, workdir)
        return dataset
    for field in _PATHS:
        path = os.path.join(record.get("root", ""), settings.get(field) or "")
        if settings.get(field) and os.path.exists(path):
            settings[field] = path
    dataset = data.load(settings)
    check_recorded(dataset, workdir)
    return dataset


def check_recorded(dataset: Dataset, workdir: str) -> None:
    """Checks that data are those of a run, if it has a checkpoint already.

    Raises:
      InputError: the run was trained on other data.
    """
    check(_read_record(workdir), dataset, workdir)


def with_caption_vectors(
    dataset: Dataset, config: ml_collections.ConfigDict, workdir: str
) -> Dataset:
    """Embeds captions, if the run does; its sentence encoder is trained if missing.

    Raises:
      InputError: there are no captions, or the encoder was trained on others.
    """
    if not config.embedding:
        return dataset
    from adversarial_latent.text import embed_captions

    return embed_captions(dataset, config, workdir)


def describe(dataset: Dataset, workdir: str) -> dict[str, Any]:
    """Returns the content of `dataset.json`: properties, fingerprints and root path.

    It has the shape of images if the examples are features of them, and the scaling if
    they are standardised. New inputs are prepared by these, see `read_inputs`.
    """
    images = dataset.splits["train"].images
    return {
        "name": dataset.name,
        "input_shape": list(dataset.example_shape),
        **({} if images is None else {"image_shape": list(images.shape[1:])}),
        **({"scaling": scaling} if (scaling := _described_scaling(dataset)) else {}),
        "num_train": len(dataset.splits["train"]),
        "class_names": list(dataset.class_names),
        "protocol": dataset.protocol,
        "splits": _fingerprints(dataset),
        "root": _read_record(workdir).get("root", os.getcwd()),
    }


def read_inputs(
    path: str | os.PathLike[str],
    workdir: str | os.PathLike[str],
    resize: bool = False,
) -> Examples:
    """Reads new inputs for a trained run, and prepares them as its training examples.

    Args:
      path: an image, a folder of images, or an npz file with an array `x`.
      workdir: directory of the run.
      resize: whether to crop and resize images as in training. Otherwise images of
        another shape are an error.

    Raises:
      MissingInputError: there is nothing at `path`, or `workdir` has no run.
      InputError: the inputs are invalid, or have another shape.
    """
    path, workdir = os.fspath(path), os.fspath(workdir)
    settings, record = read_config(workdir).dataset, read_json(workdir, _FILE)
    shape = tuple(record.get("image_shape", record["input_shape"]))
    examples = data.read_images(path, shape, resize, settings.center_crop)
    if settings.features:
        vectors = data.compute_features(examples, settings.features)
        examples = dataclasses.replace(examples, x=vectors, images=examples.x)
    if scaling := read_scaling(workdir):
        examples = dataclasses.replace(examples, x=scaling.apply(examples.x[:]))
    return examples


def read_scaling(workdir: str) -> Scaling | None:
    """Returns how the vectors of a trained run were standardised; None if not."""
    if not os.path.exists(os.path.join(workdir, _FILE)):
        return None
    scaling = read_json(workdir, _FILE).get("scaling")
    return Scaling.from_json(scaling) if scaling else None


def check(described: Mapping[str, Any], dataset: Dataset, owner: str) -> None:
    """Checks that data are the same as those recorded.

    Args:
      described: result of `describe`. Old records without fingerprints cannot be
        checked.
      dataset: the data to check.
      owner: name of the owner of the record, for the message.

    Raises:
      InputError: a split has different examples, labels or captions.
    """
    recorded = described.get("splits")
    if recorded is None:
        if described:
            logging.warning(
                "%s has no record of its training examples, because it is older than "
                "such records; they cannot be compared with the present data",
                owner,
            )
        return
    present = _fingerprints(dataset)
    problems = []
    if described.get("scaling") != _described_scaling(dataset):
        problems.append("vectors were standardised differently")
    for split in sorted(recorded.keys() | present.keys()):
        if recorded.get(split) == present.get(split):
            continue
        there, here = (
            splits.get(split, {"examples": 0})["examples"]
            for splits in (recorded, present)
        )
        problems.append(
            f"split {split!r}: {there} examples there, {here} here"
            if there != here
            else f"split {split!r}: {there} examples, but different ones, or in "
            "another order, or with other labels or captions"
        )
    if problems:
        raise InputError(
            f"{owner} was trained on other data: "
            + "; ".join(problems)
            + f"; there: {described['protocol']}; here: {dataset.protocol}. Training "
            "examples could be scored as test examples: restore the data and settings, "
            "or train in another directory"
        )


def classifier_dataset(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Returns `config.dataset` of the classifier that scores generated images.

    It equals that of the run, so that the classifier never trains on examples that the
    run is scored on. Only `held_out` is the classifier's own.

    Args:
      config: config of the run; `config.classifier` is that of the classifier, if
        given.
    """
    settings = config.dataset.copy_and_resolve_references()
    own, default = config.classifier.get("dataset", settings), data.default_config()
    for field in settings:
        if field in _OWN_FIELDS:
            settings[field] = own[field]
        elif own[field] not in (settings[field], default[field]):
            logging.warning(
                "config.classifier.dataset.%s=%r is not used: the classifier uses the "
                "data of the run, whose config.dataset.%s is %r",
                field,
                own[field],
                field,
                settings[field],
            )
    return settings


def check_classifier(
    config: ml_collections.ConfigDict, workdir: str, dataset: Dataset
) -> None:
    """Checks that a trained classifier was trained on the data of the run.

    Args:
      config: config of the run.
      workdir: directory of the classifier.
      dataset: data of the run.

    Raises:
      InputError: its training data differ from those of `classifier_dataset`.
    """
    settings = classifier_dataset(config)
    if settings.to_dict() != config.dataset.to_dict():
        dataset = data.load(settings)
    check(_read_record(workdir, required=True), dataset, f"the classifier in {workdir}")


def check_same_scored(workdirs: Iterable[str]) -> None:
    """Checks that runs on the same data set are scored on the same examples.

    Raises:
      InputError: two runs differ. The error names them and the difference.
    """
    first: dict[str, tuple[str, dict[str, Any]]] = {}
    for workdir in workdirs:
        record = _read_record(workdir, required=True)
        if "splits" not in record:
            continue
        other, other_record = first.setdefault(record["name"], (workdir, record))
        for split in {"test", "validation"} & other_record["splits"].keys():
            if record["splits"].get(split) != other_record["splits"][split]:
                raise InputError(
                    f"{other} and {workdir} cannot be compared: their {split} splits "
                    f"of {record['name']!r} differ.\n  {other}: "
                    f"{other_record['protocol']}\n  {workdir}: {record['protocol']}"
                )


def _described_scaling(dataset: Dataset) -> dict[str, list[float]] | None:
    return None if dataset.scaling is None else dataset.scaling.to_json()


def _fingerprints(dataset: Dataset) -> dict[str, dict[str, Any]]:
    return {
        name: {"examples": len(examples), "fingerprint": examples.fingerprint()}
        for name, examples in dataset.splits.items()
    }


def _read_record(workdir: str, required: bool = False) -> dict[str, Any]:
    """Reads `dataset.json`; {} if the run has not saved a checkpoint yet."""
    path = os.path.join(workdir, _FILE)
    saved = has_checkpoint(os.path.join(workdir, "checkpoints"))
    if not required and not (saved and os.path.exists(path)):
        return {}
    return read_json_file(path)
