"""Scores numbers of clusters without labels, and shows the scores of a run.

experiments/results/number_of_clusters/ reports which numbers are chosen on data whose
number of classes is known, and the limits of the criterion.
"""

import os
from collections.abc import Mapping, Sequence

import numpy as np

from adversarial_latent.data import Dataset
from adversarial_latent.evaluation.evaluator import Arrays, Evaluation
from adversarial_latent.evaluation.selection import agreement, modularity
from adversarial_latent.model import Model
from adversarial_latent.workdir import read_config, read_json

FILE = "number_of_clusters.json"
Score = Mapping[str, float]
"""The `score` of a candidate, and its two factors."""

_PROTOCOL = (
    "{chosen} clusters were chosen of {numbers}, by the highest score on at most 5000 "
    "training examples, without labels. The score is a product. agreement: mean "
    "adjusted Rand index of two trials, 1 if they find the same clusters. modularity: "
    "share of pairs of an example and one of its 5 nearest neighbours that are in one "
    "cluster, less what is expected by chance (mean over trials)."
)
_DECIMALS = 6  # equal clusterings have equal scores, however they are numbered


def score(models: Sequence[Model], x: np.ndarray) -> Score:
    """Scores a number of clusters by the clusters that its trials find.

    Trials agree on clusters that the data have (Lange et al. 2004), but may also agree
    on unions of such clusters. Those have a lower modularity.

    Args:
      models: the trials, at least two.
      x: [N, ...] training examples.

    Returns:
      the product `score` of `agreement` and `modularity`, and both factors; less than
      1.
    """
    factors = {
        "agreement": float(agreement(models, x).mean()),
        "modularity": float(modularity(models, x).mean()),
    }
    # A product of two negative numbers would be positive.
    product = np.prod([max(0.0, factor) for factor in factors.values()])
    return {"score": float(product), **factors}


def best(scores: Mapping[int, Score]) -> int:
    """Returns the number of clusters with the highest score; of equal ones, the least.

    Args:
      scores: the scores by number of clusters.
    """
    return max(sorted(scores), key=lambda k: round(scores[k]["score"], _DECIMALS))


def read_choice(workdir: str) -> dict[int, Score]:
    """Returns the scores of a run's candidates; {} if the number was given."""
    if not os.path.exists(os.path.join(workdir, FILE)):
        return {}
    record, config = read_json(workdir, FILE), read_config(workdir)
    if record["chosen"] != config.game.num_components:
        return {}  # of another run, which was not trained
    return {int(k): found for k, found in record["scores"].items()}


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
