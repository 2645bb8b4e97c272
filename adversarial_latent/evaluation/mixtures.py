"""The mixture that is the prior of the codes: AMM's "proximity of categories"."""

from collections.abc import Mapping

import jax
import numpy as np
from matplotlib.figure import Figure

from adversarial_latent.distributions import GaussianMixture
from adversarial_latent.evaluation import figures, metrics
from adversarial_latent.evaluation.clusters import (
    colours,
    component_names,
    count,
)
from adversarial_latent.evaluation.evaluator import (
    Evaluation,
    Judged,
    Model,
    captioned,
    choose,
    evaluator,
)
from adversarial_latent.evaluation.projection import MAX_POINTS

_DISTANCE = (
    "the distance of components j and k is sqrt(sum_i (mu_ji - mu_ki)^2 / "
    "((sigma^2_ji + sigma^2_ki) / 2)), in standard deviations"
)
# Compiled, it never holds all of [N, K, d].
_log_prob = jax.jit(GaussianMixture.log_prob)


@evaluator("encode", "mixture", needs=("components",))
def mixture(model: Model, judged: Judged, seed: int, draw: bool) -> Evaluation:
    """Describes the mixture that is the prior of z: AMM's "proximity of categories".

    Results: `log_p_z`, `mixture_std` and, of several components,
    `nearest_component_distance`. Figures: `mixture_distances` and `mixture_plane`.
    Arrays: `probabilities` [K], `mean` and `log_variance` [K, d], `distance` [K, K].
    """
    code = judged.encode(model)
    prior = model.mixture()
    distances = metrics.component_distances(prior.mean, prior.log_variance)
    size, dimension = prior.mean.shape
    results = {
        "log_p_z": float(np.asarray(_log_prob(prior, code["z"]), np.float64).mean()),
        "mixture_std": float(np.mean(np.exp(prior.log_variance / 2))),
    }
    protocol = (
        f"log_p_z: mean over {judged.described} of log p(z) in nats, where z is the "
        "inferred code and p(z) = sum_k p(y=k) p(z|y=k) the mixture of "
        f"{size} components in {dimension} dimensions. "
        "mixture_std: mean standard deviation of the components. "
    )
    if size > 1:
        others = distances + np.diag(np.full(size, np.inf))
        results["nearest_component_distance"] = float(others.min(axis=1).mean())
        protocol += (
            "nearest_component_distance: mean over components j of the distance to the "
            f"nearest other one k; {_DISTANCE}."
        )
    arrays = {
        "probabilities": np.asarray(prior.probabilities),
        "mean": prior.mean,
        "log_variance": prior.log_variance,
        "distance": distances,
    }
    drawn = {}
    if draw:
        drawn = _draw_mixture(model, prior, code, judged, distances, seed)
    return Evaluation(results, drawn, protocol, arrays)


def _draw_mixture(
    model: Model,
    prior: GaussianMixture,
    code: Mapping[str, np.ndarray],
    judged: Judged,
    distances: np.ndarray,
    seed: int,
) -> dict[str, Figure]:
    """Distances between components, and the plane on which they differ most."""
    size = len(prior.mean)
    clusters = code["y"].argmax(axis=1)
    component_classes = np.arange(size)
    short = names = [str(k) for k in range(size)]
    caption = ""
    if model.classifies:
        short = names = list(judged.class_names)
    elif judged.labels is not None:
        counts = count(judged, {"": clusters}, size)[""]
        component_classes = metrics.majority_mapping(counts)
        names = component_names(counts, judged, size)
        caption = " Arrows name the majority class of a component's test examples."
    drawn = {}
    if size > 1:
        order = metrics.neighbour_order(distances)
        drawn["mixture_distances"] = captioned(
            figures.distance_figure(
                distances[np.ix_(order, order)], [names[k] for k in order]
            ),
            "Distances between the components of the mixture, ordered so that near "
            f"ones stand together: {_DISTANCE}.{caption}",
        )
    basis, shares = _principal_plane(prior.mean)
    chosen = choose(len(clusters), MAX_POINTS, seed)
    meaning, groups, group_names = colours(judged, clusters, size)
    variances = np.exp(prior.log_variance)  # [K, d]
    drawn["mixture_plane"] = captioned(
        figures.mixture_figure(
            code["z"][chosen] @ basis,
            groups[chosen],
            group_names,
            prior.mean @ basis,
            np.einsum("di,kd,dj->kij", basis, variances, basis),
            component_classes,
            short,
            legend_title=meaning,
            axis_labels=(
                f"first principal component of the means ({shares[0]:.0%})",
                f"second ({shares[1]:.0%})",
            ),
        ),
        "The mixture on the plane of the first two principal components of its means, "
        "with the share of the means' variance that each has: ellipses of one standard "
        "deviation about the means, with the number or class of the component, over "
        f"the codes of {len(chosen)} test examples. Colour: {meaning}, of a component "
        "that of most of its examples.",
    )
    return drawn


def _principal_plane(mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Basis [d, 2] of the first two principal components of means [K, d].

    Returns:
      the basis (its second column is zero if d = 1), and both shares of the variance.
    """
    centred = mean - mean.mean(axis=0)
    _, scales, directions = np.linalg.svd(centred)  # directions [d, d]
    variances = np.pad(scales**2, (0, 2))
    basis = np.pad(directions, [(0, 1), (0, 0)])[:2].T
    return basis, variances[:2] / max(variances.sum(), 1e-12)
