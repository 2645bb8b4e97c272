"""Selection of a trial without labels.

A criterion scores each trial's clustering of training images, without labels.
experiments/results/amm/README.md reports the rank correlation of these and other
criteria with accuracy.
"""

from collections.abc import Callable, Sequence

import numpy as np

from adversarial_latent.data import Dataset
from adversarial_latent.evaluation.limits import bounded
from adversarial_latent.inputs import InputError
from adversarial_latent.model import Model

Criterion = Callable[[Sequence[Model], np.ndarray], np.ndarray]

_NEIGHBOURS = 5
_MAX_EXAMPLES = 5000


def examples_to_compare(dataset: Dataset) -> np.ndarray:
    """The training examples, at most 5000, by whose clusters trials are compared."""
    train = dataset.splits["train"]
    first = train.take(np.arange(min(len(train), _MAX_EXAMPLES)))
    return bounded(first).as_float()


def nearest_neighbours(models: Sequence[Model], x: np.ndarray) -> np.ndarray:
    """How often an image and its nearest neighbours share a cluster, beyond chance.

    The pairs consist of an image and one of its 5 nearest neighbours in pixel space.
    With the fraction a of pairs that share a cluster, and the fraction
    c = sum_k p_k^2 expected by chance for clusters of these sizes, the score is Cohen's
    kappa, (a - c) / (1 - c). It ranks trials of one method. It cannot compare methods,
    because it favours clusterings that are smooth in pixel space.

    Args:
      models: the trials.
      x: [N, ...] training examples, N > 1. With N <= 5, all others are neighbours.

    Returns:
      [T] scores, at most 1; -1 for a trial with a single cluster.
    """
    shared, chance = _shared_by_neighbours(models, x)
    several = chance < 1
    return np.where(several, (shared - chance) / np.where(several, 1 - chance, 1), -1.0)


def modularity(models: Sequence[Model], x: np.ndarray) -> np.ndarray:
    """Modularity of clusters in the graph of nearest neighbours (Newman 2006).

    It is a - c, in the notation of `nearest_neighbours`. Unlike kappa, it can compare
    numbers of clusters: c, which is large for few clusters, always counts in full.

    Args:
      models: the trials.
      x: [N, ...] training examples, N > 1.

    Returns:
      [T] scores, less than 1; 0 for a trial with a single cluster.
    """
    shared, chance = _shared_by_neighbours(models, x)
    return shared - chance


def _shared_by_neighbours(
    models: Sequence[Model], x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fractions [T] of neighbours in one cluster, and those expected by chance."""
    from sklearn.neighbors import NearestNeighbors

    flat = x.reshape(len(x), -1)
    index = NearestNeighbors(n_neighbors=min(_NEIGHBOURS, len(x) - 1)).fit(flat)
    nearest = index.kneighbors(return_distance=False)  # [N, 5], excluding the image
    shared, chance = [], []
    for model in models:
        clusters = model.encode(x)["y"].argmax(-1)  # [N]
        shared.append((clusters[nearest] == clusters[:, None]).mean())
        chance.append(np.square(np.bincount(clusters) / len(clusters)).sum())
    return np.array(shared), np.array(chance)


def agreement(models: Sequence[Model], x: np.ndarray) -> np.ndarray:
    """How much each trial's clustering agrees with those of the other trials.

    Args:
      models: the trials, at least two.
      x: [N, ...] training examples.

    Returns:
      [T] mean adjusted Rand index with the other trials.
    """
    from sklearn.metrics import adjusted_rand_score

    clusters = [model.encode(x)["y"].argmax(-1) for model in models]
    return np.array(
        [
            np.mean(
                [adjusted_rand_score(a, b) for j, b in enumerate(clusters) if j != i]
            )
            for i, a in enumerate(clusters)
        ]
    )


CRITERIA: dict[str, Criterion] = {
    "agreement": agreement,
    "nearest_neighbours": nearest_neighbours,
}


def get_criterion(name: str) -> Criterion:
    """Returns the criterion of that name; higher scores are better.

    Raises:
      InputError: the name is unknown; the message lists the known names.
    """
    if name not in CRITERIA:
        raise InputError(
            f"unknown criterion {name!r} in config.selection; there are "
            f"{sorted(CRITERIA)}"
        )
    return CRITERIA[name]
