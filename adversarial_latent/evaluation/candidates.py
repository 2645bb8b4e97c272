"""Scores numbers of clusters without labels, and shows the scores of a run.

experiments/results/number_of_clusters/ reports which numbers are chosen on data whose
number of classes is known, and where the criterion fails.
"""

import os
from collections.abc import Mapping, Sequence

import numpy as np

from adversarial_latent.data import Dataset
from adversarial_latent.evaluation.evaluator import Arrays, Evaluation
from adversarial_latent.evaluation.selection import agreement, nearest_neighbours
from adversarial_latent.model import Model
from adversarial_latent.workdir import read_json

FILE = "number_of_clusters.json"
Score = Mapping[str, float]
"""The `score` of a candidate, and its two factors."""

_PROTOCOL = (
    "{chosen} clusters were chosen of {numbers}, by the highest score on at most 5000 "
    "training examples, without labels. The score is a product. agreement: mean "
    "adjusted Rand index of two trials, 1 if they find the same clusters. "
    "nearest_neighbours: how often an example and its 5 nearest neighbours share a "
    "cluster, beyond chance (Cohen's kappa; mean over trials)."
)


def score(models: Sequence[Model], x: np.ndarray) -> Score:
    """Scores a number of clusters by the clusters that its trials find.

    Args:
      models: the trials, at least two.
      x: [N, ...] training examples.

    Returns:
      the product `score` of `agreement` and `nearest_neighbours`, and both factors;
      at most 1.
    """
    factors = {
        "agreement": float(agreement(models, x).mean()),
        "nearest_neighbours": float(nearest_neighbours(models, x).mean()),
    }
    # A product of two negative numbers would be positive.
    return {"score": float(np.prod([max(0.0, f) for f in factors.values()])), **factors}


def best(scores: Mapping[int, Score]) -> int:
    """Returns the number of clusters with the highest score; of equal ones, the least.

    Args:
      scores: the scores by number of clusters.
    """
    return max(sorted(scores), key=lambda k: scores[k]["score"])


def read_choice(workdir: str) -> dict[int, Score]:
    """Returns the scores of a run's candidates; {} if the number was given."""
    if not os.path.exists(os.path.join(workdir, FILE)):
        return {}
    scores = read_json(workdir, FILE)["scores"]
    return {int(k): found for k, found in scores.items()}


def choice(workdir: str, dataset: Dataset) -> dict[str, Evaluation]:
    """Shows how a run's number of clusters was chosen; {} if it was given.

    Args:
      workdir: directory of the run.
      dataset: its data, whose number of classes is shown beside the chosen number.
    """
    scores = read_choice(workdir)
    if not scores:
        return {}
    chosen = best(scores)
    numbers = ", ".join(map(str, scores))
    protocol = _PROTOCOL.format(chosen=chosen, numbers=numbers)
    if dataset.num_classes:
        protocol += f" The data have {dataset.num_classes} classes: not used."

    def arrays() -> Arrays:
        names = list(next(iter(scores.values())))
        return {
            "candidates": np.array(list(scores)),
            "scores": np.array([[s[name] for name in names] for s in scores.values()]),
            "names": np.array(names),
            "chosen": np.array(chosen),
            "num_classes": np.array(dataset.num_classes or 0),
        }

    name = "number_of_clusters"
    return {name: Evaluation({}, protocol, {name: arrays})}
