"""Choosing among trials without labels.

A criterion looks at the trials' clusterings of training images, never at labels.
experiments/results/amm/README.md has the rank correlation of these, and of others
that were tried, with accuracy.
"""

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors

from adversarial_latent.evaluation.evaluator import Model

Criterion = Callable[[Sequence[Model], np.ndarray], np.ndarray]

_NEIGHBOURS = 5


def neighbours(models: Sequence[Model], x: np.ndarray) -> np.ndarray:
    """How often an image and its nearest neighbours share a cluster, beyond chance.

    With a the part of pairs (image, one of its 5 nearest neighbours in pixel space)
    that share a cluster, and c = sum_k p_k^2 what clusters of these sizes would give
    by chance, the score is Cohen's kappa, (a - c) / (1 - c). It ranks trials of one
    method; it cannot compare methods, since it favours what is smooth in pixel space.

    Args:
      models: the trials.
      x: [N, ...] training examples, N > 1; of up to 5, all others are neighbours.

    Returns:
      [T] scores, at most 1; -1 for a trial that puts everything in one cluster.
    """
    flat = x.reshape(len(x), -1)
    index = NearestNeighbors(n_neighbors=min(_NEIGHBOURS, len(x) - 1)).fit(flat)
    nearest = index.kneighbors(return_distance=False)  # [N, 5], without the image
    scores = []
    for model in models:
        clusters = model.encode(x)["y"].argmax(-1)  # [N]
        agreement = (clusters[nearest] == clusters[:, None]).mean()
        chance = np.square(np.bincount(clusters) / len(clusters)).sum()
        used = len(np.unique(clusters)) > 1
        scores.append((agreement - chance) / (1 - chance) if used else -1.0)
    return np.array(scores)


def agreement(models: Sequence[Model], x: np.ndarray) -> np.ndarray:
    """How much a trial's clustering agrees with those of the other trials.

    Args:
      models: the trials, at least two.
      x: [N, ...] training examples.

    Returns:
      [T] mean adjusted Rand index with the other trials.
    """
    clusters = [model.encode(x)["y"].argmax(-1) for model in models]
    return np.array(
        [
            np.mean(
                [adjusted_rand_score(a, b) for j, b in enumerate(clusters) if j != i]
            )
            for i, a in enumerate(clusters)
        ]
    )


CRITERIA: dict[str, Criterion] = {"agreement": agreement, "neighbours": neighbours}


def get_criterion(name: str) -> Criterion:
    """Returns the criterion of that name; higher scores are better.

    Raises:
      ValueError: there is none; the message lists those there are.
    """
    if name not in CRITERIA:
        raise ValueError(f"unknown selection {name!r}; there are {sorted(CRITERIA)}")
    return CRITERIA[name]
