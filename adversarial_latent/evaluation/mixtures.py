"""The mixture that is the prior of the codes: AMM's "proximity of categories"."""

import functools
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
def mixture(model: Model, judged: Judged, seed: int) -> Evaluation:
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
    drawings = {}
    if size > 1:
        drawings["mixture_distances"] = functools.partial(
            _draw_distances, model, code, judged, distances
        )
    drawings["mixture_plane"] = functools.partial(
        _draw_plane, model, prior, code, judged, seed
    )
    return Evaluation(results, drawings, protocol, arrays)


def _component_classes(
    model: Model, judged: Judged, clusters: np.ndarray, size: int
) -> tuple[np.ndarray, list[str]]:
    """The class of each component [K], -1 for none, and what components are called."""
    if model.classifies:
        return np.arange(size), list(judged.class_names)
    if judged.labels is None:
        return np.arange(size), component_names(None, judged, size)
    counts = count(judged, {"": clusters}, size)[""]
    return metrics.majority_mapping(counts), component_names(counts, judged, size)


def _draw_distances(
    model: Model,
    code: Mapping[str, np.ndarray],
    judged: Judged,
    distances: np.ndarray,
) -> Figure:
    """Distances between components."""
    size = len(distances)
    figures.check_number(size, "components")  # their order takes time
    _, names = _component_classes(model, judged, code["y"].argmax(axis=1), size)
    caption = ""
    if judged.labels is not None and not model.classifies:
        caption = " Arrows name the majority class of a component's test examples."
    order = metrics.neighbour_order(distances)
    return captioned(
        figures.distance_figure(
            distances[np.ix_(order, order)], [names[k] for k in order]
        ),
        "Distances between the components of the mixture, ordered so that near "
        f"ones stand together: {_DISTANCE}.{caption}",
    )


def _draw_plane(
    model: Model,
    prior: GaussianMixture,
    code: Mapping[str, np.ndarray],
    judged: Judged,
    seed: int,
) -> Figure:
    """The plane on which components differ most."""
    size = len(prior.mean)
    clusters = code["y"].argmax(axis=1)
    component_classes, names = _component_classes(model, judged, clusters, size)
    if not model.classifies:
        names = [str(k) for k in range(size)]
    basis, shares = _principal_plane(prior.mean)
    chosen = choose(len(clusters), MAX_POINTS, seed)
    meaning, groups, group_names = colours(judged, clusters, size)
    variances = np.exp(prior.log_variance)  # [K, d]
    return captioned(
        figures.mixture_figure(
            code["z"][chosen] @ basis,
            groups[chosen],
            group_names,
            prior.mean @ basis,
            np.einsum("di,kd,dj->kij", basis, variances, basis),
            component_classes,
            names,
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
