"""Likelihood of held-out examples."""

import numpy as np

from adversarial_latent.evaluation.evaluator import (
    Evaluation,
    EvaluationData,
    evaluator,
)
from adversarial_latent.model import Model


@evaluator("log_prob")
def likelihood(model: Model, data: EvaluationData) -> Evaluation:
    """Measures the likelihood of the test split.

    Numbers: `nats_per_example` and `bits_per_dim`. For a model with only log p(x|z),
    where z is the code inferred from x, `nats_per_example_given_code` and
    `bits_per_dim_given_code` instead. These are not likelihoods of x, because the
    information in the code is not counted.
    """
    x = data.x
    dimensions = x[0].size
    nats = -float(model.log_prob(x).mean(dtype=np.float64))
    given = "_given_code" if model.log_prob_given_code else ""
    density = "p(x|z), z inferred from x," if given else "p(x)"
    numbers = {
        f"bits_per_dim{given}": nats / (dimensions * np.log(2)),
        f"nats_per_example{given}": nats,
    }
    protocol = (
        f"nats_per_example{given}: mean of -log {density} over {data.description}, as "
        f"the model sees them. bits_per_dim{given}: the same in bits, divided by their "
        f"{dimensions} dimensions."
    )
    if given:
        protocol += (
            " The information in z itself is not counted, so neither can be compared "
            "with a likelihood of x."
        )
    return Evaluation(numbers, protocol)
