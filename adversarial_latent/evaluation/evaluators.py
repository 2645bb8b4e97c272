"""What a trained model is judged by: one function for each question, by name.

An evaluator takes a model, a data set and a seed, and returns numbers, figures and
the protocol that they follow. It is a pure function: equal arguments give equal
numbers, bit for bit. Models are judged on the test split; its labels score what a
model infers, and are never shown to it, unless it is a conditional one.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import jax
import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from adversarial_latent.data import (
    GRID_SIGMA,
    RING_SIGMA,
    Dataset,
    grid_means,
    ring_means,
)
from adversarial_latent.distributions import GaussianMixture
from adversarial_latent.evaluation import figures, metrics

MIXTURES: Mapping[str, tuple[Callable[[], np.ndarray], float]] = {
    "grid25": (grid_means, GRID_SIGMA),
    "ring": (ring_means, RING_SIGMA),
}
"""Data sets that are mixtures of points: their means and standard deviation."""

NUM_MODE_SAMPLES = 2500
"""Samples on which modes are counted (Srivastava et al. 2017)."""

_QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "clustering": ("encode", "sample"),
    "classification": ("encode", "sample"),
    "mixture": ("encode", "mixture"),
    "reconstruction": ("encode", "decode"),
    "interpolation": ("encode", "decode"),
    "samples": ("sample",),
    "modes": ("sample",),
    "manifold": ("encode", "decode"),
}
"""What each evaluator asks a model."""

_DISTANCE = (
    "the distance of components j and k is sqrt(sum_i (mu_ji - mu_ki)^2 / "
    "((sigma^2_ji + sigma^2_ki) / 2)), in standard deviations"
)
_FOR_IMAGES = ("interpolation", "samples", "manifold")
_IMAGES_PER_COMPONENT = 10
_NUM_RECONSTRUCTIONS = 40
_NUM_INTERPOLATIONS = 8
_INTERPOLATION_STEPS = 9
_SAMPLE_ROWS = 8
_MAX_POINTS = 1500
_TRAVERSAL = np.linspace(-2.0, 2.0, 11)


class Model(Protocol):
    """A trained model as evaluators see it: `adversarial_latent.model.Model`."""

    @property
    def num_components(self) -> int | None:
        """Number of clusters or classes, K, or None."""

    @property
    def classifies(self) -> bool:
        """Whether components are classes."""

    @property
    def conditional(self) -> bool:
        """Whether `encode` has to be told the labels."""

    def can(self, question: str) -> bool:
        """Whether the model answers "encode", "decode", "sample" or "mixture"."""

    def encode(
        self, x: np.ndarray, label: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Codes of x: "z" [N, d] and, with components, "y" [N, K] probabilities."""

    def decode(self, code: dict[str, np.ndarray]) -> np.ndarray:
        """Generates x [N, ...] from codes."""

    def sample(
        self, n: int, seed: int = 0, component: int | np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Draws "x" [n, ...] and the codes that it was made from."""

    def mixture(self) -> GaussianMixture:
        """The prior p(z) = sum_k p(y=k) p(z|y=k)."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What an evaluator found.

    Attributes:
      results: numbers by name.
      figures: by name; a figure's label is its caption.
      protocol: how the numbers were made, in words.
      arrays: by name, for those who want to go on from there.
    """

    results: Mapping[str, float]
    figures: Mapping[str, Figure]
    protocol: str
    arrays: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)


Evaluator = Callable[..., Evaluation]
"""(model, dataset, seed, draw=True) -> Evaluation; draw=False leaves out figures."""


def get_evaluator(name: str) -> Evaluator:
    """Returns the evaluator of that name.

    Raises:
      ValueError: there is none; the message lists those there are.
    """
    if name not in EVALUATORS:
        raise ValueError(f"unknown evaluator {name!r}; there are {sorted(EVALUATORS)}")
    return EVALUATORS[name]


def check_model(name: str, model: Model) -> None:
    """Refuses a model that an evaluator has no question for.

    Args:
      name: of the evaluator.
      model: what it would be given; need not be trained.

    Raises:
      ValueError: the model does not answer, or has no components, or no classes.
    """
    missing = [question for question in _QUESTIONS[name] if not model.can(question)]
    if missing:
        raise ValueError(
            f"The evaluator {name!r} asks models to answer {list(_QUESTIONS[name])}, "
            f"but this one has no {missing}."
        )
    if name in ("clustering", "mixture") and model.num_components is None:
        raise ValueError(
            f"The evaluator {name!r} needs a model with components; this one infers "
            "no y."
        )
    if name == "classification" and not model.classifies:
        raise ValueError(
            "The evaluator 'classification' needs a model that learns classes from "
            "labels; for one without labels there is 'clustering'."
        )
    if name in ("clustering", "classification") and model.conditional:
        raise ValueError(
            f"The evaluator {name!r} compares inferred components with labels, but "
            "this model is told the labels."
        )


def check_data(name: str, dataset: Dataset) -> None:
    """Refuses data that an evaluator cannot judge a model on.

    Args:
      name: of the evaluator.
      dataset: what it would be given.

    Raises:
      ValueError: no test split, or data that are not what the evaluator is for.
    """
    if "test" not in dataset.splits:
        raise ValueError(
            f"The data set {dataset.name!r} has no test split to evaluate on; set "
            "dataset.test_fraction."
        )
    if name in _FOR_IMAGES and len(dataset.example_shape) != 3:
        raise ValueError(
            f"The evaluator {name!r} shows images [N, H, W, C], but {dataset.name!r} "
            f"holds examples of shape {dataset.example_shape}."
        )
    if name == "modes" and dataset.name not in MIXTURES:
        raise ValueError(
            f"The evaluator 'modes' needs a mixture of points with known means, "
            f"one of {sorted(MIXTURES)}, not {dataset.name!r}."
        )
    if name == "classification" and not dataset.class_names:
        raise ValueError(
            f"The evaluator 'classification' compares classes with labels, and "
            f"{dataset.name!r} has none."
        )


def clustering(
    model: Model, dataset: Dataset, seed: int, draw: bool = True
) -> Evaluation:
    """Compares clusters of the test split with its labels (AMM, eq. 17, figure 2).

    Results: `clustering_error`, `clustering_accuracy`, `nmi`, `ari`; of a model with
    a mixture also `classifier_agreement`, and `clustering_error_from_z` and
    `clustering_accuracy_from_z` by eq. 19. Without labels only the agreement is left.
    Figures: `clustering_components` (images only), `clustering_matrix` (labels only)
    and `clustering_tsne`.

    Raises:
      ValueError: the model has no components, or the data no test split.
    """
    x, labels = _test_split("clustering", model, dataset)
    code = model.encode(x)
    assigned = _assign(model, code)
    clusters, num_clusters = assigned[""], code["y"].shape[1]
    protocol = (
        f"{len(x)} examples of the test split of {dataset.name}; an example's cluster "
        f"is the most probable of {num_clusters} components, argmax_k q(y=k|x). "
    )
    counts = _count(labels, assigned, dataset, num_clusters)
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
        names = dataset.class_names
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
    agreement, words = _agreement(assigned)
    results |= agreement
    protocol += words
    drawn: dict[str, Figure] = {}
    if draw and x.ndim == 4:
        component_names = _component_names(counts.get(""), dataset, num_clusters)
        drawn["clustering_components"] = _draw_components(
            model,
            x,
            labels,
            clusters,
            mappings.get(""),
            [f"component {name}" for name in component_names],
            seed,
        )
    if draw and labels is not None:
        drawn["clustering_matrix"] = _draw_matrices(
            counts,
            mappings,
            scores,
            dataset,
            [str(k) for k in range(num_clusters)],
            "cluster",
            "Cluster matrix of the test split: how many examples of each class (row) "
            "fell into each cluster (column; blank: none). Clusters are ordered by "
            "their majority class, which is outlined. Colour: share of the class.",
        )
    if draw:
        drawn["clustering_tsne"] = _draw_tsne(
            code["z"], labels, clusters, dataset, num_clusters, seed
        )
    return Evaluation(results, drawn, protocol)


def classification(
    model: Model, dataset: Dataset, seed: int, draw: bool = True
) -> Evaluation:
    """Compares predicted classes of the test split with its labels (AMM, figure 4).

    Results: `classification_error`; of a model with a mixture also
    `classification_error_from_z` by eq. 19, and `classifier_agreement`. Figures:
    `classification_components` (images only), `classification_matrix` and
    `classification_tsne`.

    Raises:
      ValueError: the model's components are not the classes of the data, or the data
        has no labels or no test split.
    """
    x, labels = _test_split("classification", model, dataset)
    names = dataset.class_names
    if len(names) != model.num_components:
        raise ValueError(
            f"The model has {model.num_components} classes, but {dataset.name!r} has "
            f"{len(names)}."
        )
    code = model.encode(x)
    assigned = _assign(model, code)
    counts = _count(labels, assigned, dataset, len(names))
    results, scores = {}, {}
    for key, matrix in counts.items():
        error = 1.0 - float(np.trace(matrix) / matrix.sum())
        results[f"classification_error{key}"] = error
        scores[key] = f"error {error:.1%}"
    agreement, words = _agreement(assigned)
    results |= agreement
    protocol = (
        f"{len(x)} examples of the test split of {dataset.name}, whose labels serve "
        "only to score. classification_error: share whose most probable class, "
        f"argmax_k q(y=k|x), is not their label.{words}"
    )
    if not draw:
        return Evaluation(results, {}, protocol)
    drawn = {}
    identity = np.arange(len(names))
    if x.ndim == 4:
        drawn["classification_components"] = _draw_components(
            model, x, labels, assigned[""], identity, names, seed
        )
    drawn["classification_matrix"] = _draw_matrices(
        counts,
        dict.fromkeys(counts, identity),
        scores,
        dataset,
        names,
        "predicted class",
        "Confusion matrix of the test split: how many examples of each class (row) "
        "were taken for each class (column; blank: none). Colour: share of the class.",
    )
    drawn["classification_tsne"] = _draw_tsne(
        code["z"], labels, assigned[""], dataset, len(names), seed
    )
    return Evaluation(results, drawn, protocol)


def mixture(model: Model, dataset: Dataset, seed: int, draw: bool = True) -> Evaluation:
    """Describes the mixture that is the prior of z: AMM's "proximity of categories".

    Results: `log_p_z`, `mixture_std` and, of several components,
    `nearest_component_distance`. Figures: `mixture_distances` and `mixture_plane`.
    Arrays: `probabilities` [K], `mean` and `log_variance` [K, d], `distance` [K, K].

    Raises:
      ValueError: the model has no components, or the data no test split.
    """
    x, labels = _test_split("mixture", model, dataset)
    code = _encode(model, x, labels)
    prior = model.mixture()
    distances = metrics.component_distances(prior.mean, prior.log_variance)
    size, dimension = prior.mean.shape
    results = {
        "log_p_z": float(np.asarray(_log_prob(prior, code["z"]), np.float64).mean()),
        "mixture_std": float(np.mean(np.exp(prior.log_variance / 2))),
    }
    protocol = (
        f"log_p_z: mean over {len(x)} examples of the test split of {dataset.name} of "
        "log p(z) in nats, where z is the inferred code and p(z) = sum_k p(y=k) "
        f"p(z|y=k) the mixture of {size} components in {dimension} dimensions. "
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
        drawn = _draw_mixture(model, prior, code, labels, dataset, distances, seed)
    return Evaluation(results, drawn, protocol, arrays)


def reconstruction(
    model: Model, dataset: Dataset, seed: int, draw: bool = True
) -> Evaluation:
    """Decodes the codes of the test split (AMM, figure 2c; AIM, table 1).

    Results: `reconstruction_mse`. Figures: `reconstruction` (images only).

    Raises:
      ValueError: the model cannot encode and decode, or the data has no test split.
    """
    x, labels = _test_split("reconstruction", model, dataset)
    decoded = model.decode(_encode(model, x, labels))
    is_images = x.ndim == 4
    protocol = (
        "reconstruction_mse: mean of (x - decode(encode(x)))^2 over "
        f"{len(x)} examples of the test split of {dataset.name} and all their "
        + ("pixels and channels, in [0, 1]." if is_images else "coordinates.")
    )
    drawn = {}
    if draw and is_images:
        chosen = _choose(len(x), _NUM_RECONSTRUCTIONS, seed)
        drawn["reconstruction"] = _captioned(
            figures.reconstruction_figure(
                x[chosen], decoded[chosen], inverted=_is_ink(x)
            ),
            "Reconstructions of random test images. In each pair the original is on "
            "the left, its reconstruction on the right.",
        )
    return Evaluation(
        {"reconstruction_mse": metrics.reconstruction_mse(x, decoded)}, drawn, protocol
    )


def interpolation(
    model: Model, dataset: Dataset, seed: int, draw: bool = True
) -> Evaluation:
    """Decodes lines between the codes of two test images (AMM, figure 2d).

    Results: none. Figures: `interpolation`.

    Raises:
      ValueError: the data are not images or have no test split, or the model cannot
        encode and decode.
    """
    x, labels = _test_split("interpolation", model, dataset)
    rows = min(_NUM_INTERPOLATIONS, len(x) // 2)
    chosen = _choose(len(x), 2 * rows, seed)
    ends = x[chosen]  # [2 R, H, W, C]
    protocol = (
        f"interpolation: {rows} random pairs of test images; all parts of the latent "
        f"code are interpolated linearly in {_INTERPOLATION_STEPS} points, both ends "
        "included, and decoded."
    )
    if not draw:
        return Evaluation({}, {}, protocol)
    weight = np.linspace(0, 1, _INTERPOLATION_STEPS, dtype=np.float32)[:, None]
    line = {
        name: ((1 - weight) * part[:rows, None] + weight * part[rows:, None]).reshape(
            rows * _INTERPOLATION_STEPS, -1
        )  # [R, T, d] as [R T, d]
        for name, part in _encode(
            model, ends, None if labels is None else labels[chosen]
        ).items()
    }
    between = model.decode(line).reshape(rows, _INTERPOLATION_STEPS, *x.shape[1:])
    figure = figures.interpolation_figure(
        ends[:rows], between, ends[rows:], inverted=_is_ink(x)
    )
    caption = (
        "Interpolation between random test images, which stand in the first and last "
        "columns; between them, decoded points of the straight line from one latent "
        "code to the other, ends included."
    )
    return Evaluation({}, {"interpolation": _captioned(figure, caption)}, protocol)


def samples(model: Model, dataset: Dataset, seed: int, draw: bool = True) -> Evaluation:
    """Draws images from the model, with codes from its prior (AMM, figure 3a).

    Results: none. Figures: `samples`, in which a row is a component if there are any.

    Raises:
      ValueError: the data are not images, or the model cannot sample.
    """
    x, _ = _test_split("samples", model, dataset)
    components = model.num_components
    rows = components or _SAMPLE_ROWS
    columns = _IMAGES_PER_COMPONENT if components else _SAMPLE_ROWS
    protocol = f"samples: {rows * columns} draws from the model's prior, seed {seed}."
    if not draw:
        return Evaluation({}, {}, protocol)
    caption = "Samples of the model, with codes drawn from its prior; not selected."
    if components:
        drawn = _sample_rows(model, components, columns, seed)
        caption += " A row is a component of the prior."
    else:
        drawn = model.sample(rows * columns, seed)["x"]
    figure = figures.image_grid(
        drawn.reshape(rows, columns, *x.shape[1:]),
        row_labels=[str(k) for k in range(components or 0)],
        inverted=_is_ink(x),
    )
    return Evaluation({}, {"samples": _captioned(figure, caption)}, protocol)


def modes(model: Model, dataset: Dataset, seed: int, draw: bool = True) -> Evaluation:
    """Counts the modes of a mixture of points that samples reach (AIM, section 5.3).

    Results: `modes_captured`, `high_quality_fraction`, `per_mode_std` and
    `kl_to_uniform`. Figures: `modes`, AIM's figure 3.

    Raises:
      ValueError: the data set is no mixture of points, or the model cannot sample.
    """
    x, labels = _test_split("modes", model, dataset)
    make_means, sigma = MIXTURES[dataset.name]
    means = make_means()
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
    if not draw:
        return Evaluation(results, {}, protocol)
    infers = model.can("encode") and model.can("decode")
    code = _encode(model, x, labels) if infers else None
    panel, codes_title = (None, "") if code is None else _plane(code["z"])
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
    inferred = (
        " Codes and reconstructions have the colour of their data point."
        if infers
        else ""
    )
    caption = (
        f"{len(x)} test points and {NUM_MODE_SAMPLES} samples of the model, coloured "
        f"by mode.{inferred} Samples further than 3 sigma from every mean are grey; "
        "small crosses mark the means. Points far outside the data are cut off."
    )
    return Evaluation(results, {"modes": _captioned(figure, caption)}, protocol)


def manifold(
    model: Model, dataset: Dataset, seed: int, draw: bool = True
) -> Evaluation:
    """Shows two-dimensional codes of images, and what they decode to (AIM, figure 4).

    Results: none. Figures: `manifold_codes` and `manifold_traversal`.

    Raises:
      ValueError: the data are not images, or codes are more than a z of 2 dimensions.
    """
    del seed  # nothing is drawn at random
    x, labels = _test_split("manifold", model, dataset)
    code = _encode(model, x, labels)
    if set(code) != {"z"} or code["z"].shape[1] != 2:
        shapes = {name: part.shape for name, part in code.items()}
        raise ValueError(
            f"The evaluator 'manifold' needs codes that are z [N, 2] only, not "
            f"{shapes}."
        )
    values = _TRAVERSAL.astype(np.float32)
    protocol = (
        f"manifold: z of {len(x)} test images; decoded on a grid of {len(values)} x "
        f"{len(values)} values of z from {values[0]:g} to {values[-1]:g}."
    )
    if not draw:
        return Evaluation({}, {}, protocol)
    first, second = np.meshgrid(values, values[::-1])  # z_2 grows upwards
    grid = np.stack([first, second], axis=-1).reshape(-1, 2)
    decoded = model.decode({"z": grid})
    traversal = figures.image_grid(
        decoded.reshape(len(values), len(values), *x.shape[1:]),
        row_labels=[f"{value:.1f}" for value in values[::-1]],
        column_labels=[f"{value:.1f}" for value in values],
        inverted=_is_ink(x),
    )
    codes = figures.scatter_figure(
        code["z"], labels, dataset.class_names, axis_labels=("$z_1$", "$z_2$")
    )
    coloured = "" if labels is None else ", coloured by class"
    drawn = {
        "manifold_codes": _captioned(
            codes, f"Latent codes of the test split{coloured}."
        ),
        "manifold_traversal": _captioned(
            traversal, "What the model decodes on a grid of latent codes."
        ),
    }
    return Evaluation({}, drawn, protocol)


EVALUATORS: Mapping[str, Evaluator] = {
    "clustering": clustering,
    "classification": classification,
    "mixture": mixture,
    "reconstruction": reconstruction,
    "interpolation": interpolation,
    "samples": samples,
    "modes": modes,
    "manifold": manifold,
}


# Compiled, they never hold all of [N, K, d].
_posterior = jax.jit(GaussianMixture.posterior)
_log_prob = jax.jit(GaussianMixture.log_prob)


def _test_split(
    evaluator: str, model: Model, dataset: Dataset
) -> tuple[np.ndarray, np.ndarray | None]:
    """Inputs as models see them, float32 [N, ...], and labels [N] or None."""
    check_model(evaluator, model)
    check_data(evaluator, dataset)
    examples = dataset.splits["test"]
    return examples.as_float(), examples.label


def _encode(
    model: Model, x: np.ndarray, labels: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Codes of x; only a conditional model is told the labels."""
    return model.encode(x, labels) if model.conditional else model.encode(x)


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


def _count(
    labels: np.ndarray | None,
    assigned: Mapping[str, np.ndarray],
    dataset: Dataset,
    num_components: int,
) -> dict[str, np.ndarray]:
    """Counts [C, K] of each way to assign; none without labels."""
    if labels is None:
        return {}
    classes = len(dataset.class_names)
    return {
        suffix: metrics.cluster_matrix(labels, components, classes, num_components)
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


def _choose(total: int, number: int, seed: int) -> np.ndarray:
    """At most `number` different indices below `total`, in random order."""
    return np.random.default_rng(seed).permutation(total)[:number]


def _is_ink(x: np.ndarray) -> bool:
    """Whether images are light strokes on black: they are printed dark on white."""
    return x.shape[-1] == 1 and float(x.mean()) < 0.5


def _captioned(figure: Figure, caption: str) -> Figure:
    figure.set_label(caption)
    return figure


def _describe_mapping(mapping: np.ndarray, names: tuple[str, ...]) -> str:
    return ", ".join(
        f"{cluster} → {names[label] if label >= 0 else 'none'}"
        for cluster, label in enumerate(mapping)
    )


def _component_names(
    counts: np.ndarray | None, dataset: Dataset, num_components: int
) -> list[str]:
    """Numbers of components, with their majority class if there are counts [C, K]."""
    names = [str(k) for k in range(num_components)]
    if counts is None:
        return names
    return [
        f"{name} → {dataset.class_names[label]}" if label >= 0 else f"{name} (empty)"
        for name, label in zip(names, metrics.majority_mapping(counts), strict=True)
    ]


def _draw_matrices(
    counts: Mapping[str, np.ndarray],
    mappings: Mapping[str, np.ndarray],
    scores: Mapping[str, str],
    dataset: Dataset,
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
    return _captioned(
        figures.matrix_figure(
            matrices,
            [mappings[key] for key in counts],
            dataset.class_names,
            column_names,
            column_title,
        ),
        caption,
    )


def _draw_components(
    model: Model,
    x: np.ndarray,
    labels: np.ndarray | None,
    assigned: np.ndarray,
    mapping: np.ndarray | None,
    row_labels: Sequence[str],
    seed: int,
) -> Figure:
    """Rows of images of each component; `mapping` [K] is its class."""
    columns = _IMAGES_PER_COMPONENT
    shape = (len(row_labels), columns, *x.shape[1:])
    members = np.full(shape, np.nan, np.float32)
    wrong = np.zeros(shape[:2], bool)
    for k in range(len(row_labels)):
        (candidates,) = np.nonzero(assigned == k)
        chosen = candidates[_choose(len(candidates), columns, seed)]
        members[k, : len(chosen)] = x[chosen]
        if labels is not None and mapping is not None:
            wrong[k, : len(chosen)] = labels[chosen] != mapping[k]
    caption = (
        "Random test images that were assigned to each mixture component (left) "
        "beside random samples of that component (right)."
    )
    if any("→" in label for label in row_labels):
        caption += " The arrow names the majority class of its images."
    if wrong.any():
        caption += " Images of another class have a red frame."
    return _captioned(
        figures.component_figure(
            members,
            _sample_rows(model, len(row_labels), columns, seed),
            row_labels,
            wrong=wrong,
            inverted=_is_ink(x),
        ),
        caption,
    )


def _sample_rows(
    model: Model, num_components: int, columns: int, seed: int
) -> np.ndarray:
    """Samples of each component in a row: [K, columns, H, W, C]."""
    component = np.repeat(np.arange(num_components), columns)
    drawn = model.sample(len(component), seed, component=component)["x"]
    return drawn.reshape(num_components, columns, *drawn.shape[1:])


def _colours(
    labels: np.ndarray | None,
    clusters: np.ndarray,
    dataset: Dataset,
    num_clusters: int,
) -> tuple[str, np.ndarray, Sequence[str]]:
    """What colours mean, what each example [N] is, and the names of that."""
    if labels is None:
        return "cluster", clusters, [str(k) for k in range(num_clusters)]
    return "class", labels, dataset.class_names


def _draw_mixture(
    model: Model,
    prior: GaussianMixture,
    code: Mapping[str, np.ndarray],
    labels: np.ndarray | None,
    dataset: Dataset,
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
        short = names = list(dataset.class_names)
    elif labels is not None:
        counts = _count(labels, {"": clusters}, dataset, size)[""]
        component_classes = metrics.majority_mapping(counts)
        names = _component_names(counts, dataset, size)
        caption = " Arrows name the majority class of a component's test examples."
    drawn = {}
    if size > 1:
        order = metrics.neighbour_order(distances)
        drawn["mixture_distances"] = _captioned(
            figures.distance_figure(
                distances[np.ix_(order, order)], [names[k] for k in order]
            ),
            "Distances between the components of the mixture, ordered so that near "
            f"ones stand together: {_DISTANCE}.{caption}",
        )
    basis, shares = _principal_plane(prior.mean)
    chosen = _choose(len(clusters), _MAX_POINTS, seed)
    meaning, colours, colour_names = _colours(labels, clusters, dataset, size)
    variances = np.exp(prior.log_variance)  # [K, d]
    drawn["mixture_plane"] = _captioned(
        figures.mixture_figure(
            code["z"][chosen] @ basis,
            colours[chosen],
            colour_names,
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


def _draw_tsne(
    z: np.ndarray,
    labels: np.ndarray | None,
    clusters: np.ndarray,
    dataset: Dataset,
    num_clusters: int,
    seed: int,
) -> Figure:
    chosen = _choose(len(z), _MAX_POINTS, seed)
    z = z[chosen]
    # Codes that collapsed to a point or a line have no two principal components.
    spans_plane = np.linalg.matrix_rank(z - z.mean(axis=0)) >= 2
    tsne = TSNE(
        init="pca" if spans_plane else "random",
        perplexity=min(30.0, (len(chosen) - 1) / 3),
        random_state=seed,
    )
    # Threads would add up forces in varying order, and so change the picture.
    with threadpool_limits(limits=1):
        points = tsne.fit_transform(z)
    meaning, colours, names = _colours(labels, clusters, dataset, num_clusters)
    return _captioned(
        figures.scatter_figure(points, colours[chosen], names, legend_title=meaning),
        f"t-SNE projection of the latent codes z of {len(chosen)} test examples, "
        f"coloured by {meaning}.",
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


def _plane(z: np.ndarray) -> tuple[np.ndarray, str]:
    """Codes [N, d] as points of a plane [N, 2], and what they are called."""
    if z.shape[1] == 2:
        return z, "latent codes"
    if z.shape[1] == 1:
        return np.concatenate([z, np.zeros_like(z)], axis=1), "latent codes"
    points = PCA(2, svd_solver="full").fit_transform(z)
    return points, f"latent codes ({z.shape[1]}-d, first two PCs)"
