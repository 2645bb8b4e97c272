"""What inferred components have to do with labels: clustering and classification."""

import functools
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np
from matplotlib.figure import Figure

from adversarial_latent.data import Examples
from adversarial_latent.distributions import GaussianMixture
from adversarial_latent.evaluation import figures, metrics
from adversarial_latent.evaluation.evaluator import (
    Evaluation,
    Judged,
    Model,
    captioned,
    choose,
    evaluator,
)
from adversarial_latent.evaluation.projection import MAX_POINTS, project
from adversarial_latent.inputs import InputError

IMAGES_PER_COMPONENT = 10
"""Columns of a figure whose rows are components."""

# Compiled, it never holds all of [N, K, d].
_posterior = jax.jit(GaussianMixture.posterior)


@evaluator("encode", needs=("components", "inference"))
def clustering(model: Model, judged: Judged, seed: int) -> Evaluation:
    """Compares clusters of the test split with its labels (AMM, eq. 17, figure 2).

    Results: `clustering_error`, `clustering_accuracy`, `nmi`, `ari`; with labelled
    validation data also `clustering_error_by_exemplar` (PixelGAN, section 3.1); of a
    model with a mixture also `classifier_agreement`, and `clustering_error_from_z` and
    `clustering_accuracy_from_z` by eq. 19. Without labels only the agreement is left.
    Figures: `clustering_components` (images only), `clustering_matrix` (labels only),
    `clustering_simplex` (three clusters only) and `clustering_tsne` (codes z only).
    """
    x, labels = judged.x, judged.labels
    code = model.encode(x)
    assigned = _assign(model, code)
    clusters, num_clusters = assigned[""], code["y"].shape[1]
    protocol = (
        f"{judged.described}; an example's cluster is the most probable of "
        f"{num_clusters} components, argmax_k q(y=k|x). "
    )
    counts = count(judged, assigned, num_clusters)
    mappings = {key: metrics.majority_mapping(matrix) for key, matrix in counts.items()}
    results: dict[str, float] = {}
    scores = {}
    for key, matrix in counts.items():
        results[f"clustering_error{key}"] = metrics.clustering_error(matrix)
        results[f"clustering_accuracy{key}"] = metrics.clustering_accuracy(matrix)
        scores[key] = (
            f"error {results[f'clustering_error{key}']:.1%}, one-to-one accuracy "
            f"{results[f'clustering_accuracy{key}']:.1%}"
        )
    if labels is None:
        protocol += (
            "The data has no labels: clustering_error, clustering_accuracy, nmi and "
            "ari are not defined and were left out."
        )
    else:
        results["nmi"] = metrics.nmi(labels, clusters)
        results["ari"] = metrics.ari(labels, clusters)
        names = judged.class_names
        one_to_one = metrics.one_to_one_mapping(counts[""])
        protocol += (
            "Test labels serve only to score. clustering_error: share of examples "
            "whose class is not their cluster's under the best mapping of clusters to "
            "classes, many to one (AMM, eq. 17), here "
            f"{_describe_mapping(mappings[''], names)}. clustering_accuracy: share "
            "that is right under the best one-to-one mapping (Hungarian), here "
            f"{_describe_mapping(one_to_one, names)}. nmi: mutual information over "
            "the mean of the entropies. ari: adjusted Rand index."
        )
    if judged.validation is not None:
        exemplars = _exemplars(model, judged.validation)
        results["clustering_error_by_exemplar"] = metrics.clustering_error(
            counts[""], exemplars
        )
        protocol += (
            " clustering_error_by_exemplar: share of errors where each cluster k has "
            "the label of one validation example, of "
            f"{len(judged.validation)} the one with the highest q(y=k|x) (PixelGAN "
            "autoencoders, section 3.1), here "
            f"{_describe_mapping(exemplars, judged.class_names)}."
        )
    agreement, words = _agreement(assigned)
    results |= agreement
    protocol += words
    drawings: dict[str, Callable[[], Figure]] = {}
    names_of_components = component_names(counts.get(""), judged, num_clusters)
    if x.ndim == 4:
        drawings["clustering_components"] = functools.partial(
            _draw_components,
            model,
            judged,
            clusters,
            mappings.get(""),
            [f"component {name}" for name in names_of_components],
            seed,
        )
    if labels is not None:
        drawings["clustering_matrix"] = functools.partial(
            _draw_matrices,
            counts,
            mappings,
            scores,
            judged,
            [str(k) for k in range(num_clusters)],
            "cluster",
            "Cluster matrix of the test split: how many examples of each class (row) "
            "fell into each cluster (column; blank: none). Clusters are ordered by "
            "their majority class, which is outlined. Colour: share of the class.",
        )
    if num_clusters == 3:
        drawings["clustering_simplex"] = functools.partial(
            _draw_simplex, code["y"], judged, names_of_components
        )
    if "z" in code:
        drawings["clustering_tsne"] = functools.partial(
            _draw_tsne, code["z"], clusters, judged, num_clusters, seed
        )
    return Evaluation(results, drawings, protocol)


@evaluator("encode", needs=("components", "classes", "inference", "labels"))
def classification(model: Model, judged: Judged, seed: int) -> Evaluation:
    """Compares predicted classes of the test split with its labels (AMM, figure 4).

    Results: `classification_error`; of a model with a mixture also
    `classification_error_from_z` by eq. 19, and `classifier_agreement`. Figures:
    `classification_components` (images only), `classification_matrix`,
    `classification_simplex` (three classes only) and `classification_tsne` (codes z
    only).

    Raises:
      InputError: the model's components are not the classes of the data.
    """
    x = judged.x
    names = judged.class_names
    if len(names) != model.num_components:
        raise InputError(
            f"The model has {model.num_components} classes, but {judged.name!r} has "
            f"{len(names)}."
        )
    code = model.encode(x)
    assigned = _assign(model, code)
    counts = count(judged, assigned, len(names))
    results, scores = {}, {}
    for key, matrix in counts.items():
        error = 1.0 - float(np.trace(matrix) / matrix.sum())
        results[f"classification_error{key}"] = error
        scores[key] = f"error {error:.1%}"
    agreement, words = _agreement(assigned)
    results |= agreement
    protocol = (
        f"{judged.described}, whose labels serve only to score. classification_error: "
        "share whose most probable class, argmax_k q(y=k|x), is not their label."
        f"{words}"
    )
    drawings: dict[str, Callable[[], Figure]] = {}
    identity = np.arange(len(names))
    if x.ndim == 4:
        drawings["classification_components"] = functools.partial(
            _draw_components, model, judged, assigned[""], identity, names, seed
        )
    drawings["classification_matrix"] = functools.partial(
        _draw_matrices,
        counts,
        dict.fromkeys(counts, identity),
        scores,
        judged,
        names,
        "predicted class",
        "Confusion matrix of the test split: how many examples of each class (row) "
        "were taken for each class (column; blank: none). Colour: share of the class.",
    )
    if len(names) == 3:
        drawings["classification_simplex"] = functools.partial(
            _draw_simplex, code["y"], judged, names
        )
    if "z" in code:
        drawings["classification_tsne"] = functools.partial(
            _draw_tsne, code["z"], assigned[""], judged, len(names), seed
        )
    return Evaluation(results, drawings, protocol)


def _exemplars(model: Model, validation: Examples) -> np.ndarray:
    """The class of each cluster [K], from validation examples."""
    assert validation.label is not None
    probabilities = model.encode(validation.as_float())["y"]
    return metrics.exemplar_mapping(probabilities, validation.label)


def _assign(model: Model, code: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The component of each example [N], by the suffix of the results' names.

    "" is argmax_k q(y=k|x); "_from_z", of a model with a mixture, is eq. 19 of AMM:
    argmax_k p(z|y=k) p(y=k).
    """
    assigned = {"": code["y"].argmax(axis=1)}
    if model.can("mixture"):
        posterior = np.asarray(_posterior(model.mixture(), code["z"]))
        assigned["_from_z"] = posterior.argmax(axis=1)
    return assigned


def count(
    judged: Judged, assigned: Mapping[str, np.ndarray], num_components: int
) -> dict[str, np.ndarray]:
    """Counts [C, K] of each way to assign; none without labels."""
    if judged.labels is None:
        return {}
    classes = len(judged.class_names)
    return {
        suffix: metrics.cluster_matrix(
            judged.labels, components, classes, num_components
        )
        for suffix, components in assigned.items()
    }


def _agreement(assigned: Mapping[str, np.ndarray]) -> tuple[dict[str, float], str]:
    """How often both ways to assign agree, and the protocol of the second one."""
    if "_from_z" not in assigned:
        return {}, ""
    agreement = float(np.mean(assigned[""] == assigned["_from_z"]))
    words = (
        " Names that end in from_z: the same where the component is inferred from the "
        "code z alone by Bayes' theorem, argmax_k p(z|y=k) p(y=k) (AMM, eq. 19). "
        "classifier_agreement: share of examples on which both give the same."
    )
    return {"classifier_agreement": agreement}, words


def _describe_mapping(mapping: np.ndarray, names: tuple[str, ...]) -> str:
    words = [
        f"{cluster} → {names[label] if label >= 0 else 'none'}"
        for cluster, label in enumerate(mapping[: figures.MOST_SHOWN])
    ]
    return ", ".join(words + ["..."] * (len(mapping) > len(words)))


def component_names(
    counts: np.ndarray | None, judged: Judged, num_components: int
) -> list[str]:
    """Numbers of components, with their majority class if there are counts [C, K]."""
    names = [str(k) for k in range(num_components)]
    if counts is None:
        return names
    return [
        f"{name} → {judged.class_names[label]}" if label >= 0 else f"{name} (empty)"
        for name, label in zip(names, metrics.majority_mapping(counts), strict=True)
    ]


def _draw_matrices(
    counts: Mapping[str, np.ndarray],
    mappings: Mapping[str, np.ndarray],
    scores: Mapping[str, str],
    judged: Judged,
    column_names: Sequence[str],
    column_title: str,
    caption: str,
) -> Figure:
    """A matrix for each way to assign, with what it scores in its title."""
    ways = {"": "from the image, argmax q(y|x)", "_from_z": "from its code z, eq. 19"}
    if "_from_z" in counts:
        caption += (
            " One matrix is of what the network infers from an image, the other of "
            "what the mixture's p(y|z) infers from the image's code."
        )
    matrices = {f"{ways[key]}\n{scores[key]}": counts[key] for key in counts}
    return captioned(
        figures.matrix_figure(
            matrices,
            [mappings[key] for key in counts],
            judged.class_names,
            column_names,
            column_title,
        ),
        caption,
    )


def _draw_components(
    model: Model,
    judged: Judged,
    assigned: np.ndarray,
    mapping: np.ndarray | None,
    row_labels: Sequence[str],
    seed: int,
) -> Figure:
    """Rows of images of each component; `mapping` [K] is its class."""
    figures.check_number(len(row_labels), "rows of images")
    x, labels = judged.x, judged.labels
    columns = IMAGES_PER_COMPONENT
    shape = (len(row_labels), columns, *x.shape[1:])
    members = np.full(shape, np.nan, np.float32)
    wrong = np.zeros(shape[:2], bool)
    for k in range(len(row_labels)):
        (candidates,) = np.nonzero(assigned == k)
        chosen = candidates[choose(len(candidates), columns, seed)]
        members[k, : len(chosen)] = x[chosen]
        if labels is not None and mapping is not None:
            wrong[k, : len(chosen)] = labels[chosen] != mapping[k]
    caption = "Random test images that were assigned to each component."
    generated = None
    if model.can("sample"):
        caption = caption[:-1] + " (left) beside random samples of that one (right)."
        generated = sample_rows(model, len(row_labels), columns, seed)
    if any("→" in label for label in row_labels):
        caption += " The arrow names the majority class of its images."
    if wrong.any():
        caption += " Images of another class have a red frame."
    return captioned(
        figures.component_figure(
            members,
            generated,
            row_labels,
            wrong=wrong,
            inverted=judged.is_ink,
        ),
        caption,
    )


def sample_rows(
    model: Model, num_components: int, columns: int, seed: int
) -> np.ndarray:
    """Samples of each component in a row: [K, columns, H, W, C]."""
    component = np.repeat(np.arange(num_components), columns)
    drawn = model.sample(len(component), seed, component=component)["x"]
    return drawn.reshape(num_components, columns, *drawn.shape[1:])


def colours(
    judged: Judged, clusters: np.ndarray, num_clusters: int
) -> tuple[str, np.ndarray, Sequence[str]]:
    """What colours mean, what each example [N] is, and the names of that."""
    if judged.labels is None:
        return "cluster", clusters, [str(k) for k in range(num_clusters)]
    return "class", judged.labels, judged.class_names


def _draw_simplex(y: np.ndarray, judged: Judged, corner_names: Sequence[str]) -> Figure:
    """Probabilities y [N, 3] on their simplex."""
    meaning, groups, names = colours(judged, y.argmax(axis=1), len(corner_names))
    return captioned(
        figures.simplex_figure(y, groups, names, corner_names, legend_title=meaning),
        f"The probabilities q(y|x) of {len(y)} test examples on their simplex: at a "
        "corner the component named there is certain, in the middle all three are "
        f"equally probable. Colour: {meaning}. Points are moved a little at random, so "
        "that those at a corner do not hide each other.",
    )


def _draw_tsne(
    z: np.ndarray,
    clusters: np.ndarray,
    judged: Judged,
    num_clusters: int,
    seed: int,
) -> Figure:
    chosen = choose(len(z), MAX_POINTS, seed)
    points = project(z[chosen], seed)
    meaning, groups, names = colours(judged, clusters, num_clusters)
    return captioned(
        figures.scatter_figure(points, groups[chosen], names, legend_title=meaning),
        f"t-SNE projection of the latent codes z of {len(chosen)} test examples, "
        f"coloured by {meaning}.",
    )
