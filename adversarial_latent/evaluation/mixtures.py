"""The mixture prior of the codes: AMM's "proximity of categories"."""

import functools
from collections.abc import Mapping

import jax
import numpy as np

from adversarial_latent.distributions import GaussianMixture
from adversarial_latent.evaluation import metrics
from adversarial_latent.evaluation.clusters import component_names, count, groups
from adversarial_latent.evaluation.evaluator import (
    Arrays,
    Evaluation,
    EvaluationData,
    choose,
    evaluator,
)
from adversarial_latent.evaluation.limits import MAX_POINTS, check_number
from adversarial_latent.model import Model

DISTANCE = (
    "the distance between components j and k is sqrt(sum_i (mu_ji - mu_ki)^2 / "
    "((sigma^2_ji + sigma^2_ki) / 2)), in standard deviations"
)
# Compiled, it does not allocate [N, K, d].
_log_prob = jax.jit(GaussianMixture.log_prob)


@evaluator("encode", "mixture", "components")
def mixture(model: Model, data: EvaluationData, seed: int) -> Evaluation:
    """Describes the mixture prior of z: AMM's "proximity of categories".

    Numbers: `log_p_z` and, of a learned mixture, `mixture_std` and, with several
    components, `nearest_component_distance`. With more clusters than classes, also
    `merged_clustering_accuracy` and `merged_nmi`: the nearest components are merged
    until there are as many as classes.

    Figures, of a learned mixture: `mixture_distances`, `mixture_merging` and
    `mixture_plane`. The distances between fixed components are a setting, and say
    nothing about categories.

    Arrays: `mixture`, with `probabilities` [K], `mean` and `log_variance` [K, d], and
    `distance` [K, K].
    """
    code = data.encode(model)
    prior = model.mixture()
    distances = metrics.component_distances(prior.mean, prior.log_variance)
    size, dimension = prior.mean.shape
    log_p_z = np.asarray(_log_prob(prior, code["z"]), np.float64).mean()
    numbers = {"log_p_z": float(log_p_z)}
    protocol = (
        f"log_p_z: mean over {data.description} of log p(z) in nats, where z is the "
        "inferred code and p(z) = sum_k p(y=k) p(z|y=k) the mixture of "
        f"{size} components in {dimension} dimensions. "
    )

    def parameters() -> Arrays:
        return {
            "probabilities": np.asarray(prior.probabilities),
            "mean": prior.mean,
            "log_variance": prior.log_variance,
            "distance": distances,
        }

    arrays = {"mixture": parameters}
    if not model.learns_mixture:
        protocol += "Its means and variances are fixed, and were not measured."
        return Evaluation(numbers, protocol, arrays)
    numbers["mixture_std"] = float(np.mean(np.exp(prior.log_variance / 2)))
    protocol += "mixture_std: mean standard deviation of the components. "
    if size > 1:
        others = distances + np.diag(np.full(size, np.inf))
        numbers["nearest_component_distance"] = float(others.min(axis=1).mean())
        protocol += (
            "nearest_component_distance: mean over components j of the distance to the "
            f"nearest other component k; {DISTANCE}."
        )
        tree = metrics.merge_tree(distances)
        if data.labels is not None and not model.classifies:
            merged, description = _merged(tree, code["y"].argmax(axis=1), data)
            numbers |= merged
            protocol += description
        arrays["mixture_distances"] = functools.partial(
            _distances, model, code, data, distances
        )
        arrays["mixture_merging"] = functools.partial(_merging, model, code, data, tree)
    arrays["mixture_plane"] = functools.partial(_plane, model, prior, code, data, seed)
    return Evaluation(numbers, protocol, arrays)


def _component_classes(
    model: Model, data: EvaluationData, clusters: np.ndarray, size: int
) -> tuple[np.ndarray, list[str]]:
    """The class of each component [K], -1 for none, and the components' names."""
    if model.classifies:
        return np.arange(size), list(data.class_names)
    if data.labels is None:
        return np.arange(size), component_names(None, data, size)
    counts = count(data, {"": clusters}, size)[""]
    return metrics.majority_mapping(counts), component_names(counts, data, size)


def _named(
    model: Model, data: EvaluationData, clusters: np.ndarray, size: int
) -> Arrays:
    """Names of the components [K], and whether they state a majority class."""
    _, names = _component_classes(model, data, clusters, size)
    by_majority = data.labels is not None and not model.classifies
    return {"names": np.array(names), "named_by_majority": np.array(by_majority)}


def _distances(
    model: Model,
    code: Mapping[str, np.ndarray],
    data: EvaluationData,
    distances: np.ndarray,
) -> Arrays:
    """Distances between components, in an order where near ones are adjacent."""
    size = len(distances)
    check_number(size, "components")  # before they are ordered, which takes time
    named = _named(model, data, code["y"].argmax(axis=1), size)
    order = metrics.nearest_order(distances)
    ordered = distances[np.ix_(order, order)]
    return {**named, "distances": ordered, "names": named["names"][order]}


def _merged(
    tree: np.ndarray, clusters: np.ndarray, data: EvaluationData
) -> tuple[dict[str, float], str]:
    """Agreement with the labels of as many groups of components as there are classes.

    Returns:
      The numbers and their protocol; both empty if there are no more components.
    """
    assert data.labels is not None
    classes = len(data.class_names)
    if len(tree) + 1 <= classes:
        return {}, ""
    groups = metrics.merged_groups(tree, classes)[clusters]
    counts = metrics.cluster_matrix(data.labels, groups, classes, classes)
    return {
        "merged_clustering_accuracy": metrics.clustering_accuracy(counts),
        "merged_nmi": metrics.nmi(data.labels, groups),
    }, (
        " merged_clustering_accuracy and merged_nmi: of the clusters that are left "
        "when the two components with the smallest mean distance are merged, again "
        f"and again, until there are as many as classes, {classes}."
    )


def _merging(
    model: Model,
    code: Mapping[str, np.ndarray],
    data: EvaluationData,
    tree: np.ndarray,
) -> Arrays:
    """The tree in which components are merged."""
    size = len(tree) + 1
    check_number(size, "components")
    return {"tree": tree, **_named(model, data, code["y"].argmax(axis=1), size)}


def _plane(
    model: Model,
    prior: GaussianMixture,
    code: Mapping[str, np.ndarray],
    data: EvaluationData,
    seed: int,
) -> Arrays:
    """Projection on the plane of the largest variance between component means."""
    size = len(prior.mean)
    clusters = code["y"].argmax(axis=1)
    component_classes, names = _component_classes(model, data, clusters, size)
    if not model.classifies:
        names = [str(k) for k in range(size)]
    basis, explained = _principal_plane(prior.mean)
    chosen = choose(len(clusters), MAX_POINTS, seed)
    colours = groups(data, clusters, size)
    colours["groups"] = colours["groups"][chosen]
    variances = np.exp(prior.log_variance)  # [K, d]
    return {
        "codes": code["z"][chosen] @ basis,
        "means": prior.mean @ basis,
        "covariances": np.einsum("di,kd,dj->kij", basis, variances, basis),
        "component_classes": component_classes,
        "names": np.array(names),
        "shares": explained,
        **colours,
    }


def _principal_plane(mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Computes the first two principal components of means [K, d].

    Returns:
      The components [d, 2], whose second column is zero if d = 1, and the fraction of
      the variance that each explains [2].
    """
    centred = mean - mean.mean(axis=0)
    _, scales, directions = np.linalg.svd(centred)  # directions [d, d]
    variances = np.pad(scales**2, (0, 2))
    basis = np.pad(directions, [(0, 1), (0, 0)])[:2].T
    return basis, variances[:2] / max(variances.sum(), 1e-12)
