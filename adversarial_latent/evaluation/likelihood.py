"""How probable a model finds examples that it has not seen."""

import numpy as np

from adversarial_latent.evaluation.evaluator import (
    Evaluation,
    Judged,
    Model,
    evaluator,
)


@evaluator("log_prob")
def likelihood(model: Model, judged: Judged, seed: int) -> Evaluation:
    """Measures the likelihood of the test split.

    Results: `nats_per_example` and `bits_per_dim`. A model that knows log p(x|z) only,
    of the code z that it infers from x, has `nats_per_example_given_code` and
    `bits_per_dim_given_code` instead: no likelihood of x, since the code's share is
    missing.
    """
    del seed  # nothing is random
    x = judged.x
    dimensions = x[0].size
    nats = -float(model.log_prob(x).mean(dtype=np.float64))
    given = "_given_code" if model.log_prob_given_code else ""
    density = "p(x|z), z inferred from x," if given else "p(x)"
    results = {
        f"bits_per_dim{given}": nats / (dimensions * np.log(2)),
        f"nats_per_example{given}": nats,
    }
    protocol = (
        f"nats_per_example{given}: mean of -log {density} over {judged.described}, as "
        f"the model sees them. bits_per_dim{given}: the same in bits, divided by their "
        f"{dimensions} dimensions."
    )
    if given:
        protocol += (
            " What it takes to say which z is not counted, so that neither can be "
            "compared with a likelihood of x."
        )
    return Evaluation(results, {}, protocol)
