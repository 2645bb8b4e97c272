"""Splits and subsets of examples. Random ones are pure functions of a recorded seed."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from adversarial_latent.data.examples import Examples
from adversarial_latent.inputs import InputError, printable

T = TypeVar("T")


# Common names of splits in folders and arrays.
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
    """Finds the folders or arrays that are splits, by their names.

    Args:
      names: `{item: name}`.

    Returns:
      `{split: item}` for "train", "test" and "validation", in this order.

    Raises:
      InputError: two items are the same split.
    """
    found: dict[str, T] = {}
    for item, name in names.items():
        if (split := SPLITS.get(name.lower())) is None:
            continue
        if split in found:
            raise InputError(
                f"'{printable(str(found[split]))}' and '{printable(str(item))}' are "
                f"both the {split} split: keep one"
            )
        found[split] = item
    return {split: found[split] for split in SPLITS.values() if split in found}


def split_rng(seed: int, purpose: str) -> np.random.Generator:
    """Returns the generator for one purpose, independent of those for others."""
    return np.random.default_rng([seed, *purpose.encode()])


def draw(size: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Samples `count` of `size` indices without replacement.

    Returns:
      int64 [count], sorted, so that examples keep the order of their source.
    """
    return np.sort(rng.permutation(size)[:count])


def draw_stratified(
    label: np.ndarray, counts: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Samples `counts[c]` indices of every class c without replacement.

    Args:
      label: int32 [N], classes 0 to C - 1.
      counts: [C], number of indices per class.
      rng: random generator.

    Returns:
      int64 [sum(counts)], sorted.
    """
    chosen = [
        rng.permutation(np.flatnonzero(label == c))[:count]
        for c, count in enumerate(counts)
    ]
    return np.sort(np.concatenate(chosen))


def apportion(sizes: np.ndarray, total: int) -> np.ndarray:
    """Divides `total` among classes in proportion to their sizes (largest remainder).

    Args:
      sizes: int [C].
      total: at most `sizes.sum()`.

    Returns:
      int64 [C] with sum `total`, each at most the size of its class.
    """
    quota = sizes * (total / sizes.sum())
    counts = np.floor(quota).astype(np.int64)
    largest = np.argsort(counts - quota, kind="stable")
    counts[largest[: total - counts.sum()]] += 1
    return counts


def split(examples: Examples, chosen: np.ndarray) -> tuple[Examples, Examples]:
    """Returns (other examples, chosen examples)."""
    rest = np.setdiff1d(np.arange(len(examples)), chosen)
    return examples.take(rest), examples.take(chosen)


def only_classes(
    examples: Examples, classes: Sequence[int], unlabelled: bool = False
) -> Examples | None:
    """Keeps only the examples of some classes; lazy images stay lazy.

    Args:
      examples: examples with labels.
      classes: classes to keep; the i-th gets the label i.
      unlabelled: whether to keep the unlabelled examples, too.

    Returns:
      These examples, or None if there are none of these classes.
    """
    assert examples.label is not None
    of_classes = np.isin(examples.label, classes)
    if not of_classes.any():
        return None
    renumbered = np.full(max(classes) + 2, -1, np.int32)  # the last one is that of -1
    renumbered[list(classes)] = np.arange(len(classes))
    kept = np.flatnonzero(of_classes | (unlabelled & (examples.label < 0)))
    part = examples.take(kept)
    return dataclasses.replace(part, label=renumbered[examples.label[kept]])


def hold_out_test(
    examples: Examples, fraction: float, seed: int
) -> tuple[Examples, Examples]:
    """Holds out a test set, stratified if there are labels.

    The unlabelled examples are a stratum of their own.

    Args:
      examples: all examples of a source without a test split.
      fraction: fraction of the examples that is held out.
      seed: seed of the split.

    Returns:
      (train, test).

    Raises:
      ValueError: the fraction is outside (0, 1), or leaves a split empty.
    """
    if not 0 < fraction < 1:
        raise ValueError(
            f"test_fraction={fraction} must be strictly between 0 and 1: this data "
            "set has no test split of its own"
        )
    rng = split_rng(seed, "test")
    # Rounded first, because 0.1 * 30 > 3 in floating point.
    total = math.ceil(round(fraction * len(examples), 6))
    if examples.label is None:
        chosen = draw(len(examples), total, rng)
    else:
        stratum = examples.label + (examples.label < 0).any()
        counts = apportion(np.bincount(stratum), total)
        chosen = draw_stratified(stratum, counts, rng)
    if not 0 < len(chosen) < len(examples):
        raise ValueError(
            f"test_fraction={fraction} of {len(examples)} examples leaves "
            f"{len(chosen)} for testing and {len(examples) - len(chosen)} for training"
        )
    return split(examples, chosen)


def hold_out_validation(
    examples: Examples, count: int, seed: int
) -> tuple[Examples, Examples]:
    """Holds out `count` random examples (AMM, section 4: 5,000 of MNIST).

    Returns:
      (train, validation).

    Raises:
      ValueError: `count` leaves a split empty.
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
    """Samples the examples whose labels semi-supervised learning may use.

    Args:
      examples: training examples with labels; unlabelled ones are never sampled.
      num_labels: size of the subset, 0 for all; a multiple of the number of classes
        if `balanced`.
      seed: seed of the subset.
      balanced: whether all classes have the same number of examples. Otherwise
        examples are sampled regardless of their class.

    Returns:
      Indices, int64 [num_labels], sorted.

    Raises:
      ValueError: there are no labels, `num_labels` is too large or not a multiple of
        the number of classes, or a class has too few examples.
    """
    labelled = examples.labelled
    if examples.label is None or not len(labelled):
        raise ValueError("a label subset needs labels, but these examples have none")
    if num_labels == 0:
        return labelled
    if not 0 < num_labels <= len(labelled):
        raise ValueError(
            f"num_labels={num_labels} must be between 0 (all) and {len(labelled)}, the "
            "number of labelled training examples"
        )
    rng = split_rng(seed, "label")
    if not balanced:
        return labelled[draw(len(labelled), num_labels, rng)]
    available = np.bincount(examples.label[labelled])
    num_classes = len(available)
    if num_labels % num_classes:
        raise ValueError(
            f"num_labels={num_labels} must be a multiple of the {num_classes} classes, "
            "unless the subset is unbalanced"
        )
    counts = np.full(num_classes, num_labels // num_classes)
    if (available < counts).any():
        poorest = int(available.argmin())
        raise ValueError(
            f"num_labels={num_labels} takes {counts[0]} examples of every class, but "
            f"class {poorest} has only {available[poorest]}"
        )
    return draw_stratified(examples.label, counts, rng)
