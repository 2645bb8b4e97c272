"""All evaluators, by name."""

from collections.abc import Mapping

from adversarial_latent.evaluation.clusters import classification, clustering
from adversarial_latent.evaluation.disentangled import prior_codes, style
from adversarial_latent.evaluation.evaluator import Evaluator
from adversarial_latent.evaluation.generated import captions, faithfulness, inception
from adversarial_latent.evaluation.images import (
    interpolation,
    manifold,
    neighbours,
    reconstruction,
    samples,
)
from adversarial_latent.evaluation.likelihood import likelihood
from adversarial_latent.evaluation.mixtures import mixture
from adversarial_latent.evaluation.modes import modes

EVALUATORS: Mapping[str, Evaluator] = {
    evaluator.name: evaluator
    for evaluator in (
        clustering,
        classification,
        mixture,
        reconstruction,
        interpolation,
        samples,
        inception,
        faithfulness,
        captions,
        style,
        prior_codes,
        likelihood,
        modes,
        manifold,
        neighbours,
    )
}


def get_evaluator(name: str) -> Evaluator:
    """Returns the evaluator of that name.

    Raises:
      ValueError: there is none; the message lists those there are.
    """
    if name not in EVALUATORS:
        raise ValueError(f"unknown evaluator {name!r}; there are {sorted(EVALUATORS)}")
    return EVALUATORS[name]
