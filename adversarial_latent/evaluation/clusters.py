"""Agreement of inferred components with labels: clustering and classification."""

import functools
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from adversarial_latent.data import Examples
from adversarial_latent.distributions import GaussianMixture
from adversarial_latent.evaluation import metrics
from adversarial_latent.evaluation.evaluator import (
    Arrays,
    Evaluation,
    EvaluationData,
    choose,
    evaluator,
)
from adversarial_latent.evaluation.limits import (
    IMAGES_PER_COMPONENT,
    MAX_POINTS,
    MOST_SHOWN,
    check_number,
)
from adversarial_latent.evaluation.projection import project
from adversarial_latent.inputs import InputError
from adversarial_latent.model import Model

# Compiled, it does not allocate [N, K, d].
_posterior = jax.jit(GaussianMixture.posterior)


@evaluator("encode", "components", "unconditional", compares_labels=True)
def clustering(
    model: Model, data: EvaluationData, seed: int, validation: Examples | None
) -> Evaluation:
    """Compares clusters of the test split with its labels (AMM, eq. 17, figure 2).

    Numbers: `clustering_error`, `clustering_accuracy`, `nmi` and `ari`. With labelled
    validation data, also `clustering_error_by_exemplar` (PixelGAN, section 3.1). For a
    model with a mixture, also `classifier_agreement`, and by eq. 19
    `clustering_error_from_z` and `clustering_accuracy_from_z`. A model that samples
    codes has these three from a sampled z, too, as `NAME_from_sampled_z`. Without
    labels, only the agreement is available.

    Figures: `clustering_components` (with images), `clustering_matrix` (with labels),
    `clustering_simplex` (with three clusters) and `clustering_tsne` (with codes z).
    """
    labels = data.labels
    code = model.encode(data.x)
    assigned = _assign(model, data.x, code, seed)
    clusters, num_clusters = assigned[""], code["y"].shape[1]
    protocol = (
        f"{data.description}; an example's cluster is the most probable of "
        f"{num_clusters} components, argmax_k q(y=k|x). "
    )
    counts = count(data, assigned, num_clusters)
    mappings = {key: metrics.majority_mapping(matrix) for key, matrix in counts.items()}
    numbers: dict[str, float] = {}
    scores = {}
    for key, matrix in counts.items():
        error = numbers[f"clustering_error{key}"] = metrics.clustering_error(matrix)
        accuracy = metrics.clustering_accuracy(matrix)
        numbers[f"clustering_accuracy{key}"] = accuracy
        scores[key] = f"error {error:.1%}, one-to-one accuracy {accuracy:.1%}"
    if labels is None:
        protocol += (
            "The data has no labels: clustering_error, clustering_accuracy, nmi and "
            "ari are undefined and were left out."
        )
    else:
        numbers["nmi"] = metrics.nmi(labels, clusters)
        numbers["ari"] = metrics.ari(labels, clusters)
        names = data.class_names
        one_to_one = metrics.one_to_one_mapping(counts[""])
        protocol += (
            "Test labels are used only for scoring. clustering_error: share of "
            "examples whose class is not their cluster's under the best mapping of "
            "clusters to classes, many to one (AMM, eq. 17), here "
            f"{_describe_mapping(mappings[''], names)}. clustering_accuracy: share "
            "that is correct under the best one-to-one mapping (Hungarian), here "
            f"{_describe_mapping(one_to_one, names)}. nmi: mutual information over "
            "the mean of the entropies. ari: adjusted Rand index."
        )
    if validation is not None:
        exemplars = _exemplars(model, validation)
        numbers["clustering_error_by_exemplar"] = metrics.clustering_error(
            counts[""], exemplars
        )
        protocol += (
            " clustering_error_by_exemplar: share of errors where each cluster k has "
            "the label of one validation example, the one of "
            f"{len(validation)} with the highest q(y=k|x) (PixelGAN autoencoders, "
            f"section 3.1), here {_describe_mapping(exemplars, data.class_names)}."
        )
    agreement, description = _agreement(assigned)
    numbers |= agreement
    protocol += description
    arrays = {}
    names_of_components = component_names(counts.get(""), data, num_clusters)
    if data.show:
        arrays["clustering_components"] = functools.partial(
            _component_images,
            model,
            data,
            clusters,
            mappings.get(""),
            [f"component {name}" for name in names_of_components],
            seed,
        )
    if labels is not None:
        columns = [str(k) for k in range(num_clusters)]
        arrays["clustering_matrix"] = functools.partial(
            _matrices, counts, mappings, scores, data, columns
        )
    if num_clusters == 3:
        arrays["clustering_simplex"] = functools.partial(
            _simplex, code["y"], data, names_of_components
        )
    if "z" in code:
        arrays["clustering_tsne"] = functools.partial(
            _tsne, code["z"], clusters, data, num_clusters, seed
        )
    return Evaluation(numbers, protocol, arrays)


@evaluator("encode", "components", "classes", "unconditional", "labels")
def classification(model: Model, data: EvaluationData, seed: int) -> Evaluation:
    """Compares predicted classes of the test split with its labels (AMM, figure 4).

    Numbers: `classification_error`. For a model with a mixture, also
    `classification_error_from_z` by eq. 19, and `classifier_agreement`; both also from
    a sampled z, as `NAME_from_sampled_z`.

    Figures: `classification_components` (with images), `classification_matrix`,
    `classification_simplex` (with three classes) and `classification_tsne` (with codes
    z).

    Raises:
      InputError: the model's components are not the classes of the data.
    """
    names = data.class_names
    if len(names) != model.num_components:
        raise InputError(
            f"The model has {model.num_components} classes, but {data.name!r} has "
            f"{len(names)}."
        )
    code = model.encode(data.x)
    assigned = _assign(model, data.x, code, seed)
    counts = count(data, assigned, len(names))
    numbers, scores = {}, {}
    for key, matrix in counts.items():
        error = 1.0 - float(np.trace(matrix) / matrix.sum())
        numbers[f"classification_error{key}"] = error
        scores[key] = f"error {error:.1%}"
    agreement, description = _agreement(assigned)
    numbers |= agreement
    protocol = (
        f"{data.description}, whose labels are used only for scoring. "
        "classification_error: share of examples whose most probable class, "
        f"argmax_k q(y=k|x), is not their label.{description}"
    )
    identity = np.arange(len(names))
    arrays = {}
    if data.show:
        arrays["classification_components"] = functools.partial(
            _component_images, model, data, assigned[""], identity, names, seed
        )
    arrays["classification_matrix"] = functools.partial(
        _matrices, counts, dict.fromkeys(counts, identity), scores, data, names
    )
    if len(names) == 3:
        arrays["classification_simplex"] = functools.partial(
            _simplex, code["y"], data, names
        )
    if "z" in code:
        arrays["classification_tsne"] = functools.partial(
            _tsne, code["z"], assigned[""], data, len(names), seed
        )
    return Evaluation(numbers, protocol, arrays)


def _exemplars(model: Model, validation: Examples) -> np.ndarray:
    """The class of each cluster [K], from labelled validation examples."""
    assert validation.label is not None
    probabilities = model.encode(validation.as_float())["y"]
    return metrics.exemplar_mapping(probabilities, validation.label)


def _assign(
    model: Model, x: np.ndarray, code: Mapping[str, np.ndarray], seed: int
) -> dict[str, np.ndarray]:
    """The component of each example [N], keyed by the suffix of the numbers' names.

    "" is argmax_k q(y=k|x). The others, for models with a mixture, are eq. 19 of AMM,
    argmax_k p(z|y=k) p(y=k). The z of "_from_z" is that of the code. In AMM it depends
    on the most probable y (eq. 6), so that agreement with it is partly circular. That
    of "_from_sampled_z" is sampled as in training, and depends on a sampled y.
    """
    assigned = {"": code["y"].argmax(axis=1)}
    if model.can("mixture"):
        mixture = model.mixture()
        codes = {"_from_z": code["z"]}
        if model.can("sample_code"):
            codes["_from_sampled_z"] = model.sample_code(x, seed)["z"]
        for suffix, z in codes.items():
            assigned[suffix] = np.asarray(_posterior(mixture, z)).argmax(axis=1)
    return assigned


def count(
    data: EvaluationData, assigned: Mapping[str, np.ndarray], num_components: int
) -> dict[str, np.ndarray]:
    """Cluster matrices [C, K] by suffix, see `_assign`; empty without labels."""
    if data.labels is None:
        return {}
    classes = len(data.class_names)
    return {
        suffix: metrics.cluster_matrix(data.labels, components, classes, num_components)
        for suffix, components in assigned.items()
    }


def _agreement(assigned: Mapping[str, np.ndarray]) -> tuple[dict[str, float], str]:
    """How often assignments agree with the first, and the protocol of the others."""
    descriptions = {
        "_from_z": " Names that end in from_z: the same, with the component inferred "
        "from the code z alone by Bayes' theorem, argmax_k p(z|y=k) p(y=k) (AMM, eq. "
        "19). Where z is inferred from x and y, it is the z of the most probable y.",
        "_from_sampled_z": " Names that end in from_sampled_z: likewise, with y and z "
        "sampled from q(y, z|x), as in training.",
    }
    numbers, protocol = {}, ""
    for suffix, description in descriptions.items():
        if suffix in assigned:
            name = f"classifier_agreement{suffix.removeprefix('_from_z')}"
            numbers[name] = float(np.mean(assigned[""] == assigned[suffix]))
            protocol += description
    if numbers:
        protocol += (
            " classifier_agreement: share of examples for which image and code give "
            "the same component."
        )
    return numbers, protocol


def _describe_mapping(mapping: np.ndarray, names: tuple[str, ...]) -> str:
    pairs = [
        f"{cluster} → {names[label] if label >= 0 else 'none'}"
        for cluster, label in enumerate(mapping[:MOST_SHOWN])
    ]
    return ", ".join(pairs + ["..."] * (len(mapping) > len(pairs)))


def component_names(
    counts: np.ndarray | None, data: EvaluationData, num_components: int
) -> list[str]:
    """Names of components, with their majority class if there are counts [C, K]."""
    names = [str(k) for k in range(num_components)]
    if counts is None:
        return names
    return [
        f"{name} → {data.class_names[label]}" if label >= 0 else f"{name} (empty)"
        for name, label in zip(names, metrics.majority_mapping(counts), strict=True)
    ]


def _matrices(
    counts: Mapping[str, np.ndarray],
    mappings: Mapping[str, np.ndarray],
    scores: Mapping[str, str],
    data: EvaluationData,
    column_names: Sequence[str],
) -> Arrays:
    """A matrix for each assignment, with its scores in its title."""
    sources = {
        "": "from the image, argmax q(y|x)",
        "_from_z": "from its code z, eq. 19",
        "_from_sampled_z": "from a sampled z, eq. 19",
    }
    return {
        "counts": np.stack(list(counts.values())),
        "mappings": np.stack([mappings[key] for key in counts]),
        "titles": np.array([f"{sources[key]}\n{scores[key]}" for key in counts]),
        "class_names": np.array(data.class_names),
        "column_names": np.array(column_names),
    }


def _component_images(
    model: Model,
    data: EvaluationData,
    assigned: np.ndarray,
    mapping: np.ndarray | None,
    names: Sequence[str],
    seed: int,
) -> Arrays:
    """Images of each component; `mapping` [K] contains the components' classes."""
    check_number(len(names), "rows of images")
    assert data.show is not None
    labels = data.labels
    image_shape = data.show(np.arange(1)).shape[1:]
    shape = (len(names), IMAGES_PER_COMPONENT, *image_shape)
    members = np.full(shape, np.nan, np.float32)
    wrong = np.zeros(shape[:2], bool)
    for k in range(len(names)):
        (candidates,) = np.nonzero(assigned == k)
        chosen = candidates[choose(len(candidates), IMAGES_PER_COMPONENT, seed)]
        members[k, : len(chosen)] = data.show(chosen)
        if labels is not None and mapping is not None:
            wrong[k, : len(chosen)] = labels[chosen] != mapping[k]
    arrays = {
        "members": members,
        "wrong": wrong,
        "names": np.array(names),
        "ink": data.is_ink,
    }
    if data.is_image and model.can("sample"):
        arrays["generated"] = sample_components(
            model, len(names), IMAGES_PER_COMPONENT, seed
        )
    return arrays


def sample_components(
    model: Model, num_components: int, columns: int, seed: int
) -> np.ndarray:
    """Samples [K, columns, H, W, C], with one row for each component."""
    component = np.repeat(np.arange(num_components), columns)
    sampled = model.sample(len(component), seed, component=component)["x"]
    return sampled.reshape(num_components, columns, *sampled.shape[1:])


def groups(
    data: EvaluationData, clusters: np.ndarray, num_clusters: int
) -> dict[str, np.ndarray]:
    """The group of each example [N] (class, or else cluster), and the groups' names."""
    meaning, group = "class", data.labels
    names: Sequence[str] = data.class_names
    if group is None:
        meaning, group = "cluster", clusters
        names = [str(k) for k in range(num_clusters)]
    return {
        "meaning": np.array(meaning),
        "groups": group,
        "group_names": np.array(names),
    }


def _simplex(
    y: np.ndarray, data: EvaluationData, corner_names: Sequence[str]
) -> Arrays:
    """Probabilities y [N, 3], as points on the simplex."""
    return {
        "y": y,
        "corner_names": np.array(corner_names),
        **groups(data, y.argmax(axis=1), len(corner_names)),
    }


def _tsne(
    z: np.ndarray,
    clusters: np.ndarray,
    data: EvaluationData,
    num_clusters: int,
    seed: int,
) -> Arrays:
    chosen = choose(len(z), MAX_POINTS, seed)
    colours = groups(data, clusters, num_clusters)
    colours["groups"] = colours["groups"][chosen]
    return {"points": project(z[chosen], seed), **colours}
