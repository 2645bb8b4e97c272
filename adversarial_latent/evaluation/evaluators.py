"""All evaluators, by name."""

from collections.abc import Mapping

from adversarial_latent.config import did_you_mean
from adversarial_latent.evaluation.classified import captions, faithfulness, inception
from adversarial_latent.evaluation.clusters import classification, clustering
from adversarial_latent.evaluation.disentangled import prior_codes, style
from adversarial_latent.evaluation.evaluator import Evaluator
from adversarial_latent.evaluation.likelihood import likelihood
from adversarial_latent.evaluation.mixtures import mixture
from adversarial_latent.evaluation.modes import modes
from adversarial_latent.evaluation.visual import (
    interpolation,
    manifold,
    reconstruction,
    samples,
    variations,
)
from adversarial_latent.inputs import InputError

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
        variations,
    )
}


def get_evaluator(name: str) -> Evaluator:
    """Returns the evaluator of that name.

    Raises:
      InputError: the name is unknown; the message lists the known names.
    """
    if name not in EVALUATORS:
        raise InputError(
            f"unknown evaluator {name!r} in config.evaluators or config.curves; there "
            f"are {sorted(EVALUATORS)}" + did_you_mean(name, EVALUATORS)
        )
    return EVALUATORS[name]
