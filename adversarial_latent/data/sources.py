"""The registry of data sources, and `load`."""

import dataclasses
import os
import re
from collections.abc import Callable, Sequence

from ml_collections import ConfigDict

from adversarial_latent.data import (
    arrays,
    captions,
    features,
    flowers,
    folder,
    splits,
    synthetic,
    tfds_source,
)
from adversarial_latent.data.examples import Dataset
from adversarial_latent.data.shapes import SMALLEST_SIDE
from adversarial_latent.inputs import InputError

_MAX_LISTED = 10  # names of classes in a protocol


@dataclasses.dataclass(frozen=True)
class Source:
    """A loader, and those optional keys of the config that it reads."""

    load: Callable[[ConfigDict], Dataset]
    keys: tuple[str, ...] = ()


def _not_stored(config: ConfigDict) -> Dataset:
    raise InputError(
        f"config.dataset.name={config.name!r}: the examples of this run were given in "
        "Python and are not stored; give the same ones again"
    )


_FEATURES = ("features", "standardize", "cache")  # keys for all sources of images
SOURCES = {
    "digits": Source(arrays.load_digits, ("max_side", *_FEATURES)),
    "npz": Source(
        arrays.load_npz, ("path", "image_shape", "max_side", "in_memory", *_FEATURES)
    ),
    "folder": Source(
        folder.load_folder,
        (
            *("path", "labels", "image_shape", "max_side", "center_crop", "captions"),
            *("in_memory", "skip_unreadable", *_FEATURES),
        ),
    ),
    "flowers": Source(flowers.load_flowers, ("image_shape", "held_out", *_FEATURES)),
    "memory": Source(_not_stored, ("standardize",)),
    "grid25": Source(synthetic.load_grid25, ("max_side",)),
    "ring": Source(synthetic.load_ring, ("max_side",)),
    "tfds": Source(
        tfds_source.load_tfds,
        (
            *("data_dir", "image_shape", "max_side", "center_crop", "in_memory"),
            *("train_split", "captions", *_FEATURES),
        ),
    ),
}


def default_config() -> ConfigDict:
    """Returns `config.dataset` with all keys."""
    return ConfigDict(
        {
            # Or npz, folder, flowers, grid25, ring, tfds:NAME; memory for examples
            # that are given in Python.
            "name": "digits",
            "path": "",  # npz, folder: path of the file or folder
            "data_dir": "",  # tfds: '' for TFDS_DATA_DIR, or TFDS's default
            "train_split": "train",  # tfds: for example 'train+extra'
            "in_memory": True,  # npz, folder, tfds: False reads examples on demand
            # Store features, and 1,000 or more decoded images of a folder, in the
            # directory ADVERSARIAL_LATENT_CACHE.
            "cache": True,
            "skip_unreadable": False,  # folder: skip files that cannot be decoded
            # npz, folder, flowers, tfds: resize images to this shape, '28x28x1'.
            "image_shape": "",
            # digits, npz, folder, tfds: limit of the longer side in pixels, without
            # image_shape; 0 for none. Images of several sizes are resized to one.
            "max_side": 0,
            # folder, tfds: crop images to a central square of this size before
            # resizing; 0 for no crop.
            "center_crop": 0,
            # folder, tfds: folder with a file a/b.txt for each image a/b.png, one
            # caption per line. If b is unique, b.txt works, too.
            "captions": "",
            # folder: CSV or text file with the columns name,label. Then folders are not
            # classes, and images that it does not name are unlabelled.
            "labels": "",
            # Import path of a function from images, uint8 [B, H, W, C], to features
            # [B, D], 'package.module:function'. Models then see the features.
            "features": "",
            # Standardise vectors by mean and standard deviation of the training split.
            "standardize": False,
            "held_out": 0.2,  # flowers: fraction of combinations for testing only
            # Use only these classes, by their names in the source: '0,1,2'.
            "classes": "",
            "test_fraction": 0.2,  # for sources without a test split
            "num_validation": 0,  # number of training examples to hold out
            "split_seed": 0,  # seed of all random choices of examples
            "limit": 0,  # maximum number of examples per split, 0 for all
        }
    )


def load(config: ConfigDict) -> Dataset:
    """Loads a data set and makes its splits.

    Args:
      config: like `default_config`; missing keys take its values.

    Returns:
      Data set with splits "train" and "test". It has "validation", too, if
      `num_validation` is set or the source provides one.

    Raises:
      MissingInputError: the data are not at the configured path.
      InputError: a name or key is unknown, the source does not read a key that is set,
        or the data are invalid.
    """
    config, source = _complete(config)
    raw = source.load(config)
    if config.captions:
        raw = captions.with_captions(raw, config.captions)
    if config.classes:
        raw = _only_classes(raw, config.classes)
    parts, protocol = dict(raw.splits), [raw.protocol]
    if "test" not in parts:
        parts["train"], parts["test"] = splits.hold_out_test(
            parts["train"], config.test_fraction, config.split_seed
        )
        kind = "random" if raw.num_classes is None else "stratified"
        protocol.append(f"a {kind} {config.test_fraction:.0%} held out for testing")
    if config.num_validation:
        if "validation" in parts:
            raise InputError(
                f"{config.name} has a validation split of its own: leave "
                f"num_validation at 0 instead of {config.num_validation}"
            )
        parts["train"], parts["validation"] = splits.hold_out_validation(
            parts["train"], config.num_validation, config.split_seed
        )
        protocol.append(
            f"{config.num_validation} random training examples held out for validation"
        )
    if config.limit:
        for name, part in parts.items():
            rng = splits.split_rng(config.split_seed, f"limit/{name}")
            count = min(config.limit, len(part))
            parts[name] = part.take(splits.draw(len(part), count, rng))
        protocol.append(f"every split cut to {config.limit} random examples")
    if unlabelled := {
        name: count
        for name, part in parts.items()
        if part.label is not None and (count := len(part) - len(part.labelled))
    }:
        counts = ", ".join(f"{count} in {name}" for name, count in unlabelled.items())
        protocol.append(f"unlabelled examples: {counts}")
    sizes = ", ".join(f"{len(part)} {name}" for name, part in parts.items())
    protocol.append(f"split_seed {config.split_seed}: {sizes}")
    dataset = dataclasses.replace(raw, splits=parts, protocol="; ".join(protocol))
    if config.features:
        dataset = features.with_features(
            dataset, config.features, config.cache, config.in_memory
        )
    elif config.in_memory:
        parts = {name: part.in_memory() for name, part in parts.items()}
        dataset = dataclasses.replace(dataset, splits=parts)
    return dataset.standardised() if config.standardize else dataset


def _only_classes(dataset: Dataset, classes: str | Sequence[str]) -> Dataset:
    """Keeps only the examples of some classes, in all splits.

    Unlabelled examples stay in the training split, where they may be of these classes.
    The other splits are for scoring.

    Args:
      dataset: a labelled data set.
      classes: names of classes, in any order; labels keep the order of the source.

    Returns:
      The data set of these classes, with labels renumbered from 0.
    """
    known = dataset.class_names
    if not known:
        raise InputError(
            f"config.dataset.classes={classes!r}, but {dataset.name!r} has no labels: "
            "leave it empty"
        )
    given = _parse_names(classes, known) if isinstance(classes, str) else classes
    names = [str(name) for name in given]
    problem = ""
    if unknown := [name for name in names if name not in known]:
        problem = f"there is no class {unknown[0]!r}; there are {', '.join(known)}"
    elif twice := [name for name in names if names.count(name) > 1]:
        problem = f"{twice[0]!r} is listed twice"
    elif len(names) < 2:
        problem = "give at least two classes, or none for all"
    if problem:
        raise InputError(f"config.dataset.classes={classes!r}: {problem}")
    chosen = sorted(map(known.index, names))
    parts = {}
    for split, examples in dataset.splits.items():
        kept = splits.only_classes(examples, chosen, split == "train")
        if kept is None:
            raise InputError(
                f"config.dataset.classes={classes!r}: the split {split!r} of "
                f"{dataset.name!r} has no examples of these classes"
            )
        parts[split] = kept
    class_names = tuple(known[index] for index in chosen)
    listed = ", ".join(class_names[:_MAX_LISTED])
    if len(chosen) > _MAX_LISTED:
        listed += f" and {len(chosen) - _MAX_LISTED} others"
    return dataclasses.replace(
        dataset,
        splits=parts,
        protocol=f"{dataset.protocol}; only classes {listed}",
        class_names=class_names,
    )


def _parse_names(text: str, known: Sequence[str]) -> list[str]:
    """Parses a list of names, which may contain commas, as the ring's do."""
    if text[0] in "([" and not any(map(text.startswith, known)):
        text = re.sub("['\"]", "", text[1:-1])  # a Python tuple or list
    longest_first = sorted(map(re.escape, known), key=len, reverse=True)
    names = re.findall(rf"\s*({'|'.join(longest_first)}|[^,]*?)\s*(?:,|$)", text)
    return [name for name in names if name]


def _complete(config: ConfigDict) -> tuple[ConfigDict, Source]:
    """Fills in defaults; raises for keys that are unknown or would be ignored."""
    defaults = default_config()
    unknown = sorted(set(config.keys()) - set(defaults.keys()))
    if unknown:
        raise InputError(
            f"unknown keys in config.dataset: {unknown}; known: {sorted(defaults)}"
        )
    complete = ConfigDict({**defaults.to_dict(), **config.to_dict()})
    kind, colon, name = complete.name.partition(":")
    if kind not in SOURCES or bool(colon and name) != (kind == "tfds"):
        known = [f"{key}:NAME" if key == "tfds" else key for key in SOURCES]
        raise InputError(
            f"unknown data set '{complete.name}' (--config.dataset.name); known: "
            + ", ".join(known)
        )
    for key in sorted({key for source in SOURCES.values() for key in source.keys}):
        if key not in SOURCES[kind].keys and complete[key] != defaults[key]:
            raise InputError(
                f"config.dataset.{key} does not apply to the data set "
                f"'{complete.name}': leave it at {defaults[key]!r}"
            )
    for key in ("path", "data_dir", "captions", "labels"):
        complete[key] = os.path.expanduser(complete[key])
    if 0 < complete.max_side < SMALLEST_SIDE:
        raise InputError(
            f"config.dataset.max_side={complete.max_side}: images are resized to sides "
            f"of at least {SMALLEST_SIDE} pixels; use 0 for no limit"
        )
    for key in ("split_seed", "num_validation", "limit", "center_crop", "max_side"):
        if complete[key] < 0:
            raise InputError(f"config.dataset.{key}={complete[key]} is negative")
    return complete, SOURCES[kind]
