"""Choices of examples: random ones are pure functions of a recorded seed."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from adversarial_latent.data.examples import Examples
from adversarial_latent.inputs import InputError, printable

T = TypeVar("T")


# What people call splits, in folders and arrays.
SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}


def find_splits(names: Mapping[T, str]) -> dict[str, T]:
    """Finds out which of some things are splits, by their names.

    Args:
        names: of each thing.

    Returns:
        What is "train", "test" and "validation", in this order.

    Raises:
        InputError: two are the same split.
    """
    found: dict[str, T] = {}
    for thing, name in names.items():
        if (split := SPLITS.get(name.lower())) is None:
            continue
        if split in found:
            raise InputError(
                f"'{printable(str(found[split]))}' and '{printable(str(thing))}' are "
                f"both the {split} split: keep one"
            )
        found[split] = thing
    return {split: found[split] for split in SPLITS.values() if split in found}


def split_rng(seed: int, purpose: str) -> np.random.Generator:
    """Returns the generator of one purpose: streams of different names never meet."""
    return np.random.default_rng([seed, *purpose.encode()])


def draw(size: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draws `count` of `size` indices without replacement.

    Returns:
        Sorted int64 [count]: examples keep the order of their source.
    """
    return np.sort(rng.permutation(size)[:count])


def draw_stratified(
    label: np.ndarray, counts: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draws `counts[c]` indices of every class c.

    Args:
        label: int32 [N], classes 0 to C - 1.
        counts: [C], how many of each class.
        rng: generator of the choice.

    Returns:
        Sorted int64 [sum(counts)].
    """
    chosen = [
        rng.permutation(np.flatnonzero(label == c))[:count]
        for c, count in enumerate(counts)
    ]
    return np.sort(np.concatenate(chosen))


def apportion(sizes: np.ndarray, total: int) -> np.ndarray:
    """Shares `total` among classes in proportion to their sizes (largest remainder).

    Args:
        sizes: int [C].
        total: at most `sizes.sum()`.

    Returns:
        int64 [C], none above its size, with sum `total`.
    """
    quota = sizes * (total / sizes.sum())
    counts = np.floor(quota).astype(np.int64)
    largest = np.argsort(counts - quota, kind="stable")
    counts[largest[: total - counts.sum()]] += 1
    return counts


def split(examples: Examples, chosen: np.ndarray) -> tuple[Examples, Examples]:
    """Returns (the examples not chosen, the chosen ones)."""
    rest = np.setdiff1d(np.arange(len(examples)), chosen)
    return examples.take(rest), examples.take(chosen)


def only_classes(examples: Examples, classes: Sequence[int]) -> Examples | None:
    """Keeps the examples of some classes; lazy ones stay lazy.

    Args:
        examples: labelled ones.
        classes: those to keep; the i-th gets the label i.

    Returns:
        What is left, or None if nothing is.
    """
    assert examples.label is not None
    kept = np.flatnonzero(np.isin(examples.label, classes))
    if not len(kept):
        return None
    renumbered = np.zeros(max(classes) + 1, np.int32)
    renumbered[list(classes)] = np.arange(len(classes))
    part = examples.take(kept)
    return dataclasses.replace(part, label=renumbered[examples.label[kept]])


def hold_out_test(
    examples: Examples, fraction: float, seed: int
) -> tuple[Examples, Examples]:
    """Holds out a test set, with the proportions of the classes if there are any.

    Args:
        examples: all examples of a source that has no test split of its own.
        fraction: share of every class that is held out.
        seed: the split is a pure function of it.

    Returns:
        (train, test).

    Raises:
        ValueError: a fraction outside (0, 1), or one that leaves a side empty.
    """
    if not 0 < fraction < 1:
        raise ValueError(
            f"test_fraction must lie strictly between 0 and 1, not {fraction}: this "
            "data set has no test split of its own"
        )
    rng = split_rng(seed, "test")
    total = math.ceil(round(fraction * len(examples), 6))  # 0.1 * 30 is above 3
    if examples.label is None:
        chosen = draw(len(examples), total, rng)
    else:
        counts = apportion(np.bincount(examples.label), total)
        chosen = draw_stratified(examples.label, counts, rng)
    if not 0 < len(chosen) < len(examples):
        raise ValueError(
            f"test_fraction={fraction} of {len(examples)} examples leaves "
            f"{len(chosen)} for testing and {len(examples) - len(chosen)} for training"
        )
    return split(examples, chosen)


def hold_out_validation(
    examples: Examples, count: int, seed: int
) -> tuple[Examples, Examples]:
    """Holds out `count` random examples (AMM, section 4: 5,000 of MNIST's).

    Returns:
        (train, validation).

    Raises:
        ValueError: a count that leaves nothing to train on.
    """
    if not 0 < count < len(examples):
        raise ValueError(
            f"num_validation={count} must be between 1 and {len(examples) - 1}: "
            f"there are {len(examples)} training examples"
        )
    return split(examples, draw(len(examples), count, split_rng(seed, "validation")))


def label_subset(
    examples: Examples, num_labels: int, seed: int, balanced: bool = True
) -> np.ndarray:
    """Draws the examples whose labels semi-supervised learning may see.

    Args:
        examples: labelled training examples.
        num_labels: size of the subset, 0 for all; a multiple of the number of classes
            if `balanced`.
        seed: the subset is a pure function of it.
        balanced: whether there are equally many of each class, or they are drawn
            whatever their class.

    Returns:
        Sorted int64 [num_labels] indices.

    Raises:
        ValueError: no labels, a size that is too large or does not divide by the
            classes, or a class with too few examples.
    """
    if examples.label is None:
        raise ValueError("a label subset needs labels, and these examples have none")
    if num_labels == 0:
        return np.arange(len(examples))
    if not 0 < num_labels <= len(examples):
        raise ValueError(
            f"num_labels={num_labels} must be between 0 (all) and {len(examples)}, the "
            "number of training examples"
        )
    rng = split_rng(seed, "label")
    if not balanced:
        return draw(len(examples), num_labels, rng)
    available = np.bincount(examples.label)
    num_classes = len(available)
    if num_labels % num_classes:
        raise ValueError(
            f"num_labels={num_labels} must be a multiple of the {num_classes} classes, "
            "unless they are drawn unbalanced"
        )
    counts = np.full(num_classes, num_labels // num_classes)
    if (available < counts).any():
        poorest = int(available.argmin())
        raise ValueError(
            f"num_labels={num_labels} takes {counts[0]} examples of every class, but "
            f"class {poorest} has only {available[poorest]}"
        )
    return draw_stratified(examples.label, counts, rng)
