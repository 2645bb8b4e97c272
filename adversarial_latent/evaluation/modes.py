"""Coverage of the modes of a mixture of points."""

import numpy as np

from adversarial_latent.data import mode_names
from adversarial_latent.evaluation import metrics
from adversarial_latent.evaluation.evaluator import (
    MIXTURES,
    Arrays,
    Evaluation,
    EvaluationData,
    evaluator,
)
from adversarial_latent.inputs import InputError
from adversarial_latent.model import Model

NUM_MODE_SAMPLES = 2500
"""Number of samples in which modes are counted (Srivastava et al. 2017)."""


@evaluator("sample", "known_means")
def modes(model: Model, data: EvaluationData, seed: int) -> Evaluation:
    """Counts the modes of a mixture of points that samples reach (AIM, section 5.3).

    Numbers: `modes_captured`, `high_quality_fraction`, `per_mode_std` and
    `kl_to_uniform`. Figures: `modes`, AIM's figure 3.
    """
    x = data.x
    make_means, sigma = MIXTURES[data.name]
    means = make_means()
    # The data may contain only some of the modes.
    means = means[np.isin(mode_names(means), data.class_names)]
    samples = model.sample(NUM_MODE_SAMPLES, seed)["x"]
    assignment = metrics.assign_modes(samples, means, sigma)
    counts = metrics.mode_counts(assignment, len(means))
    numbers = {
        "modes_captured": float(metrics.modes_captured(counts)),
        "high_quality_fraction": metrics.high_quality_fraction(assignment),
        "per_mode_std": metrics.per_mode_std(samples, assignment),
        "kl_to_uniform": metrics.kl_to_uniform(counts),
    }
    fraction, std = metrics.exact_sampler_reference(means.shape[1])
    protocol = (
        f"{NUM_MODE_SAMPLES} samples of the model with seed {seed}. A sample is of "
        f"high quality within 3 sigma (sigma = {sigma}) of the nearest of "
        f"{len(means)} means; a mode is captured by at least one such sample. "
        f"per_mode_std: spread per dimension of the high-quality samples about their "
        "own centre, averaged over captured modes. kl_to_uniform: KL divergence in "
        "nats from the modes' shares of the high-quality samples to uniform (log K = "
        f"{np.log(len(means)):.2f} if there are none). An exact sampler is expected "
        f"to reach high_quality_fraction {fraction:.3f}, per_mode_std "
        f"{std * sigma:.4f} (cut at 3 sigma) and kl_to_uniform "
        f"{(len(means) - 1) / (2 * NUM_MODE_SAMPLES):.4f}."
    )

    def points() -> Arrays:
        arrays = {
            "data": x,
            "samples": samples,
            "means": means,
            "data_modes": metrics.assign_modes(x, means, sigma).mode,
            "sample_modes": np.where(assignment.high_quality, assignment.mode, -1),
        }
        if model.can("encode") and model.can("decode"):
            code = data.encode(model)
            arrays["reconstructions"] = model.decode(code)
            if "z" in code:
                arrays["codes"], arrays["codes_title"] = _plane(code["z"])
        return arrays

    return Evaluation(numbers, protocol, {"modes": points})


def _plane(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes [N, d] as points [N, 2] in a plane, and a title for them."""
    if z.shape[1] == 2:
        return z, np.array("latent codes")
    if z.shape[1] == 1:
        points = np.concatenate([z, np.zeros_like(z)], axis=1)
        return points, np.array("latent codes")
    if len(z) < 2:
        raise InputError(
            "principal components need at least two examples; there is one"
        )
    from sklearn.decomposition import PCA

    points = PCA(2, svd_solver="full").fit_transform(z)
    return points, np.array(f"latent codes ({z.shape[1]}-d, first two PCs)")
