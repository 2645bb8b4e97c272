"""The modes of a mixture of points that samples of a model reach."""

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from adversarial_latent.data import mode_names
from adversarial_latent.evaluation import figures, metrics
from adversarial_latent.evaluation.evaluator import (
    MIXTURES,
    Evaluation,
    Judged,
    Model,
    captioned,
    evaluator,
)
from adversarial_latent.inputs import InputError

NUM_MODE_SAMPLES = 2500
"""Samples on which modes are counted (Srivastava et al. 2017)."""


@evaluator("sample", needs=("means",))
def modes(model: Model, judged: Judged, seed: int) -> Evaluation:
    """Counts the modes of a mixture of points that samples reach (AIM, section 5.3).

    Results: `modes_captured`, `high_quality_fraction`, `per_mode_std` and
    `kl_to_uniform`. Figures: `modes`, AIM's figure 3.
    """
    x = judged.x
    make_means, sigma = MIXTURES[judged.name]
    means = make_means()
    # The data may hold some of the modes only.
    means = means[np.isin(mode_names(means), judged.class_names)]
    drawn = model.sample(NUM_MODE_SAMPLES, seed)["x"]
    assignment = metrics.assign_modes(drawn, means, sigma)
    counts = metrics.mode_counts(assignment, len(means))
    results = {
        "modes_captured": float(metrics.modes_captured(counts)),
        "high_quality_fraction": metrics.high_quality_fraction(assignment),
        "per_mode_std": metrics.per_mode_std(drawn, assignment),
        "kl_to_uniform": metrics.kl_to_uniform(counts),
    }
    fraction, std = metrics.exact_sampler_reference(means.shape[1])
    protocol = (
        f"{NUM_MODE_SAMPLES} samples of the model with seed {seed}. A sample is of "
        f"high quality within 3 sigma (sigma = {sigma}) of the nearest of "
        f"{len(means)} means; a mode is captured by at least one such sample. "
        f"per_mode_std: spread per dimension of the high-quality samples about their "
        "own centre, averaged over captured modes. kl_to_uniform: KL divergence in "
        "nats of the high-quality samples' share of each mode from uniform (log K = "
        f"{np.log(len(means)):.2f} if there are none). An exact sampler is expected "
        f"to reach high_quality_fraction {fraction:.3f}, per_mode_std "
        f"{std * sigma:.4f} (cut at 3 sigma) and kl_to_uniform "
        f"{(len(means) - 1) / (2 * NUM_MODE_SAMPLES):.4f}."
    )

    def draw() -> Figure:
        infers = model.can("encode") and model.can("decode")
        code = judged.encode(model) if infers else None
        z = None if code is None else code.get("z")
        panel, codes_title = (None, "") if z is None else _plane(z)
        figure = figures.mode_figure(
            x,
            drawn,
            means=means,
            data_modes=metrics.assign_modes(x, means, sigma).mode,
            sample_modes=np.where(assignment.high_quality, assignment.mode, -1),
            codes=panel,
            reconstructions=None if code is None else model.decode(code),
            codes_title=codes_title,
        )
        inferred = ""
        if infers:
            shown = "Reconstructions" if z is None else "Codes and reconstructions"
            inferred = f" {shown} have the colour of their data point."
        return captioned(
            figure,
            f"{len(x)} test points and {NUM_MODE_SAMPLES} samples of the model, "
            f"coloured by mode.{inferred} Samples further than 3 sigma from every mean "
            "are grey; small crosses mark the means. Points far outside the data are "
            "cut off.",
        )

    return Evaluation(results, {"modes": draw}, protocol)


def _plane(z: np.ndarray) -> tuple[np.ndarray, str]:
    """Codes [N, d] as points of a plane [N, 2], and what they are called."""
    if z.shape[1] == 2:
        return z, "latent codes"
    if z.shape[1] == 1:
        return np.concatenate([z, np.zeros_like(z)], axis=1), "latent codes"
    if len(z) < 2:
        raise InputError(
            "principal components need at least two examples; there is one"
        )
    points = PCA(2, svd_solver="full").fit_transform(z)
    return points, f"latent codes ({z.shape[1]}-d, first two PCs)"
