"""Choosing among trials without labels."""

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.metrics import adjusted_rand_score

from adversarial_latent.evaluation.evaluators import Model

Criterion = Callable[[Sequence[Model], np.ndarray], np.ndarray]


def agreement(models: Sequence[Model], x: np.ndarray) -> np.ndarray:
    """How much a trial's clustering agrees with those of the other trials.

    Args:
      models: the trials.
      x: [N, ...] training examples.

    Returns:
      [T] mean adjusted Rand index with the other trials; 0 for a trial on its own.
    """
    clusters = [model.encode(x)["y"].argmax(-1) for model in models]
    scores = np.zeros(len(models))
    for i, a in enumerate(clusters):
        others = [adjusted_rand_score(a, b) for j, b in enumerate(clusters) if j != i]
        scores[i] = np.mean(others) if others else 0.0
    return scores


CRITERIA: dict[str, Criterion] = {"agreement": agreement}


def get_criterion(name: str) -> Criterion:
    """Returns the criterion of that name; higher scores are better.

    Raises:
      ValueError: there is none; the message lists those there are.
    """
    if name not in CRITERIA:
        raise ValueError(f"unknown selection {name!r}; there are {sorted(CRITERIA)}")
    return CRITERIA[name]
