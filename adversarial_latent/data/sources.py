"""Where data sets come from: a registry of names, and `load`."""

import dataclasses
import os
import re
from collections.abc import Callable, Sequence

from ml_collections import ConfigDict

from adversarial_latent.data import (
    arrays,
    captions,
    flowers,
    folder,
    splits,
    synthetic,
    tfds_source,
)
from adversarial_latent.data.examples import Dataset
from adversarial_latent.inputs import InputError


@dataclasses.dataclass(frozen=True)
class Source:
    """A loader and the keys of the config that only some loaders read."""

    load: Callable[[ConfigDict], Dataset]
    keys: tuple[str, ...] = ()


SOURCES = {
    "digits": Source(arrays.load_digits),
    "npz": Source(arrays.load_npz, ("path", "image_shape")),
    "folder": Source(
        folder.load_folder, ("path", "image_shape", "center_crop", "captions")
    ),
    "flowers": Source(flowers.load_flowers, ("image_shape", "held_out")),
    "grid25": Source(synthetic.load_grid25),
    "ring": Source(synthetic.load_ring),
    "tfds": Source(
        tfds_source.load_tfds,
        (
            "data_dir",
            "image_shape",
            "center_crop",
            "in_memory",
            "train_split",
            "captions",
        ),
    ),
}


def default_config() -> ConfigDict:
    """Returns `config.dataset` with every key that there is."""
    return ConfigDict(
        {
            "name": "digits",  # or npz, folder, flowers, grid25, ring, tfds:NAME
            "path": "",  # npz, folder: where it is
            "data_dir": "",  # tfds: '' is TFDS_DATA_DIR, or TFDS's default
            "train_split": "train",  # tfds: 'train+extra' and the like
            "in_memory": True,  # tfds: False reads images when they are needed
            # npz, folder, flowers, tfds: fit images to it: '28x28x1'
            "image_shape": "",
            # folder, tfds: of images, first, this square in the middle; 0 for all
            "center_crop": 0,
            # folder, tfds: a folder with a/b.txt, or b.txt if there is only one such
            # image, for the image a/b.png; a caption a line
            "captions": "",
            "held_out": 0.2,  # flowers: this share of all kinds is for testing only
            # Only examples of these, by the names that the source gives them: '0,1,2'.
            "classes": "",
            "test_fraction": 0.2,  # of sources without a test split of their own
            "num_validation": 0,  # this many training examples are held out
            "split_seed": 0,  # of every choice above
            "limit": 0,  # at most this many examples a split, 0 for all
        }
    )


def load(config: ConfigDict) -> Dataset:
    """Loads a data set and cuts its splits.

    Args:
        config: as `default_config`; keys left out have its values.

    Returns:
        Dataset with splits "train" and "test", and "validation" if `num_validation`
        asks for one or the source has one.

    Raises:
        MissingInputError: the data is not where the config says; names the place.
        InputError: an unknown name or key, a key that the source does not read, or
            data that is not sound; names what is wrong.
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
                f"num_validation at 0, not {config.num_validation}"
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
    sizes = ", ".join(f"{len(part)} {name}" for name, part in parts.items())
    protocol.append(f"split_seed {config.split_seed}: {sizes}")
    return dataclasses.replace(raw, splits=parts, protocol="; ".join(protocol))


def _only_classes(dataset: Dataset, wanted: str | Sequence[str]) -> Dataset:
    """Keeps the examples of some classes, in all splits.

    Args:
        dataset: a labelled one.
        wanted: names of classes, in any order; labels keep the order of the source.

    Returns:
        The rest of `dataset`, with labels from 0 on.
    """
    known = dataset.class_names
    if not known:
        raise InputError(
            f"config.dataset.classes={wanted!r}, but {dataset.name!r} has no labels to "
            "choose by: leave it empty"
        )
    listed = _listed(wanted, known) if isinstance(wanted, str) else wanted
    names = [str(name) for name in listed]
    problem = ""
    if unknown := [name for name in names if name not in known]:
        problem = f"there is no class {unknown[0]!r}; there are {', '.join(known)}"
    elif twice := [name for name in names if names.count(name) > 1]:
        problem = f"{twice[0]!r} is given twice"
    elif len(names) < 2:
        problem = "give at least two classes, or none for all"
    if problem:
        raise InputError(f"config.dataset.classes={wanted!r}: {problem}")
    chosen = sorted(map(known.index, names))
    parts = {}
    for split, examples in dataset.splits.items():
        kept = splits.only_classes(examples, chosen)
        if kept is None:
            raise InputError(
                f"config.dataset.classes={wanted!r}: no example of these in the split "
                f"{split!r} of {dataset.name!r}"
            )
        parts[split] = kept
    class_names = tuple(known[index] for index in chosen)
    return dataclasses.replace(
        dataset,
        splits=parts,
        protocol=f"{dataset.protocol}; only classes {', '.join(class_names)}",
        class_names=class_names,
    )


def _listed(text: str, known: Sequence[str]) -> list[str]:
    """Reads a list of names, of which some may have commas in them, as the ring's."""
    if text[0] in "([" and not any(map(text.startswith, known)):
        text = re.sub("['\"]", "", text[1:-1])  # a tuple or list, as Python writes it
    longest_first = sorted(map(re.escape, known), key=len, reverse=True)
    names = re.findall(rf"\s*({'|'.join(longest_first)}|[^,]*?)\s*(?:,|$)", text)
    return [name for name in names if name]


def _complete(config: ConfigDict) -> tuple[ConfigDict, Source]:
    """Fills in defaults, and refuses keys that are unknown or would be ignored."""
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
                f"config.dataset.{key} has no meaning for the data set "
                f"'{complete.name}': leave it at {defaults[key]!r}"
            )
    for key in ("path", "data_dir", "captions"):
        complete[key] = os.path.expanduser(complete[key])
    for key in ("split_seed", "num_validation", "limit", "center_crop"):
        if complete[key] < 0:
            raise InputError(f"config.dataset.{key}={complete[key]} is negative")
    return complete, SOURCES[kind]
