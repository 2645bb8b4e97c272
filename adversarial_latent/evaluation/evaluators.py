"""What a trained model is judged by: one function for each question, by name.

An evaluator takes a model, a data set and a seed, and returns numbers, figures and
the protocol that they follow. It is a pure function: equal arguments give equal
numbers, bit for bit. Models are judged on the test split; its labels score a
clustering, and are never shown to the model.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Protocol

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
from adversarial_latent.evaluation import figures, metrics

MIXTURES: Mapping[str, tuple[Callable[[], np.ndarray], float]] = {
    "grid25": (grid_means, GRID_SIGMA),
    "ring": (ring_means, RING_SIGMA),
}
"""Data sets that are mixtures of points: their means and standard deviation."""

NUM_MODE_SAMPLES = 2500
"""Samples on which modes are counted (Srivastava et al. 2017)."""

_FOR_IMAGES = ("interpolation", "samples", "manifold")
_IMAGES_PER_COMPONENT = 10
_NUM_RECONSTRUCTIONS = 40
_NUM_INTERPOLATIONS = 8
_INTERPOLATION_STEPS = 9
_SAMPLE_ROWS = 8
_MAX_TSNE_POINTS = 1500
_TRAVERSAL = np.linspace(-2.0, 2.0, 11)


class Model(Protocol):
    """A trained model as evaluators see it: `adversarial_latent.model.Model`."""

    @property
    def num_components(self) -> int | None:
        """Number of clusters, K, or None."""

    def can(self, question: str) -> bool:
        """Whether the model answers "encode", "decode" or "sample"."""

    def encode(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Codes of x: "z" [N, d] and, with components, "y" [N, K] probabilities."""

    def decode(self, code: dict[str, np.ndarray]) -> np.ndarray:
        """Generates x [N, ...] from codes."""

    def sample(
        self, n: int, seed: int = 0, component: int | None = None
    ) -> dict[str, np.ndarray]:
        """Draws "x" [n, ...] and the codes that it was made from."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What an evaluator found.

    Attributes:
      results: numbers by name.
      figures: by name; a figure's label is its caption.
      protocol: how the numbers were made, in words.
    """

    results: Mapping[str, float]
    figures: Mapping[str, Figure]
    protocol: str


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


def clustering(
    model: Model, dataset: Dataset, seed: int, draw: bool = True
) -> Evaluation:
    """Compares clusters of the test split with its labels (AMM, eq. 17, figure 2).

    Results: `clustering_error`, `clustering_accuracy`, `nmi`, `ari`; none of them if
    the data has no labels. Figures: `clustering_components` (images only),
    `clustering_matrix` (labels only) and `clustering_tsne`.

    Raises:
      ValueError: the model has no components, or the data no test split.
    """
    x, labels = _test_split("clustering", dataset)
    if model.num_components is None:
        raise ValueError(
            "The evaluator 'clustering' needs a model with components; this one "
            "infers no y."
        )
    code = model.encode(x)
    clusters = code["y"].argmax(axis=1)  # [N]
    num_clusters = code["y"].shape[1]
    protocol = (
        f"{len(x)} examples of the test split of {dataset.name}; an example's cluster "
        f"is the most probable of {num_clusters} components, argmax_k q(y=k|x). "
    )
    results: dict[str, float] = {}
    drawn: dict[str, Figure] = {}
    row_labels = [f"component {k}" for k in range(num_clusters)]
    if labels is None:
        protocol += (
            "The data has no labels: clustering_error, clustering_accuracy, nmi and "
            "ari are not defined and were left out."
        )
    else:
        names = dataset.class_names
        counts = metrics.cluster_matrix(labels, clusters, len(names), num_clusters)
        majority = metrics.majority_mapping(counts)
        one_to_one = metrics.one_to_one_mapping(counts)
        results = {
            "clustering_error": metrics.clustering_error(counts),
            "clustering_accuracy": metrics.clustering_accuracy(counts),
            "nmi": metrics.nmi(labels, clusters),
            "ari": metrics.ari(labels, clusters),
        }
        protocol += (
            "Test labels serve only to score. clustering_error: share of examples "
            "whose class is not their cluster's under the best mapping of clusters to "
            "classes, many to one (AMM, eq. 17), here "
            f"{_describe_mapping(majority, names)}. clustering_accuracy: share that "
            "is right under the best one-to-one mapping (Hungarian), here "
            f"{_describe_mapping(one_to_one, names)}. nmi: mutual information over "
            "the mean of the entropies. ari: adjusted Rand index."
        )
        row_labels = [
            f"{label} → {names[c]}" if c >= 0 else f"{label} (empty)"
            for label, c in zip(row_labels, majority, strict=True)
        ]
        if draw:
            drawn["clustering_matrix"] = _captioned(
                figures.cluster_matrix_figure(
                    counts,
                    majority,
                    names,
                    f"error {results['clustering_error']:.1%}, one-to-one accuracy "
                    f"{results['clustering_accuracy']:.1%}",
                ),
                "Cluster matrix of the test split: how many examples of each class "
                "(row) fell into each cluster (column; blank: none). Clusters are "
                "ordered by their majority class, which is outlined. Colour: share of "
                "the class.",
            )
    if draw and x.ndim == 4:
        drawn = {
            "clustering_components": _draw_components(
                model, x, clusters, row_labels, seed
            ),
            **drawn,
        }
    if draw:
        drawn["clustering_tsne"] = _draw_tsne(
            code["z"], labels, clusters, dataset, num_clusters, seed
        )
    return Evaluation(results, drawn, protocol)


def reconstruction(
    model: Model, dataset: Dataset, seed: int, draw: bool = True
) -> Evaluation:
    """Decodes the codes of the test split (AMM, figure 2c; AIM, table 1).

    Results: `reconstruction_mse`. Figures: `reconstruction` (images only).

    Raises:
      ValueError: the model cannot encode and decode, or the data has no test split.
    """
    x, _ = _test_split("reconstruction", dataset)
    decoded = model.decode(model.encode(x))
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
    x, _ = _test_split("interpolation", dataset)
    rows = min(_NUM_INTERPOLATIONS, len(x) // 2)
    ends = x[_choose(len(x), 2 * rows, seed)]  # [2 R, H, W, C]
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
        for name, part in model.encode(ends).items()
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
    """Draws images from the model, with codes from its prior.

    Results: none. Figures: `samples`.

    Raises:
      ValueError: the data are not images, or the model cannot sample.
    """
    x, _ = _test_split("samples", dataset)
    number = _SAMPLE_ROWS**2
    protocol = f"samples: {number} draws from the model's prior with seed {seed}."
    if not draw:
        return Evaluation({}, {}, protocol)
    drawn = model.sample(number, seed)["x"]
    figure = figures.image_grid(
        drawn.reshape(_SAMPLE_ROWS, _SAMPLE_ROWS, *drawn.shape[1:]),
        inverted=_is_ink(x),
    )
    caption = "Samples of the model, with codes drawn from its prior; not selected."
    return Evaluation({}, {"samples": _captioned(figure, caption)}, protocol)


def modes(model: Model, dataset: Dataset, seed: int, draw: bool = True) -> Evaluation:
    """Counts the modes of a mixture of points that samples reach (AIM, section 5.3).

    Results: `modes_captured`, `high_quality_fraction`, `per_mode_std` and
    `kl_to_uniform`. Figures: `modes`, AIM's figure 3.

    Raises:
      ValueError: the data set is no mixture of points, or the model cannot sample.
    """
    check_data("modes", dataset)
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
    x, _ = _test_split("modes", dataset)
    infers = model.can("encode") and model.can("decode")
    code = model.encode(x) if infers else None
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
    x, labels = _test_split("manifold", dataset)
    code = model.encode(x)
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
    codes = figures.scatter_figure(code["z"], labels, dataset.class_names, ticks=True)
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
    "reconstruction": reconstruction,
    "interpolation": interpolation,
    "samples": samples,
    "modes": modes,
    "manifold": manifold,
}


def _test_split(
    evaluator: str, dataset: Dataset
) -> tuple[np.ndarray, np.ndarray | None]:
    """Inputs as models see them, float32 [N, ...], and labels [N] or None."""
    check_data(evaluator, dataset)
    examples = dataset.splits["test"]
    return examples.as_float(), examples.label


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


def _draw_components(
    model: Model,
    x: np.ndarray,
    clusters: np.ndarray,
    row_labels: list[str],
    seed: int,
) -> Figure:
    columns = _IMAGES_PER_COMPONENT
    shape = (len(row_labels), columns, *x.shape[1:])
    members = np.full(shape, np.nan, np.float32)
    generated = np.empty(shape, np.float32)
    for k in range(len(row_labels)):
        (assigned,) = np.nonzero(clusters == k)
        chosen = assigned[_choose(len(assigned), columns, seed)]
        members[k, : len(chosen)] = x[chosen]
        generated[k] = model.sample(columns, seed, component=k)["x"]
    mapped = any("→" in label for label in row_labels)
    return _captioned(
        figures.component_figure(members, generated, row_labels, inverted=_is_ink(x)),
        "Random test images that were assigned to each mixture component (left) "
        "beside random samples of that component (right)."
        + (" The arrow names the majority class of its images." if mapped else ""),
    )


def _draw_tsne(
    z: np.ndarray,
    labels: np.ndarray | None,
    clusters: np.ndarray,
    dataset: Dataset,
    num_clusters: int,
    seed: int,
) -> Figure:
    chosen = _choose(len(z), _MAX_TSNE_POINTS, seed)
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
    if labels is None:
        meaning, names = "cluster", tuple(map(str, range(num_clusters)))
        colours = clusters
    else:
        meaning, names, colours = "class", dataset.class_names, labels
    return _captioned(
        figures.scatter_figure(points, colours[chosen], names, legend_title=meaning),
        f"t-SNE projection of the latent codes z of {len(chosen)} test examples, "
        f"coloured by {meaning}.",
    )


def _plane(z: np.ndarray) -> tuple[np.ndarray, str]:
    """Codes [N, d] as points of a plane [N, 2], and what they are called."""
    if z.shape[1] == 2:
        return z, "latent codes"
    if z.shape[1] == 1:
        return np.concatenate([z, np.zeros_like(z)], axis=1), "latent codes"
    points = PCA(2, svd_solver="full").fit_transform(z)
    return points, f"latent codes ({z.shape[1]}-d, first two PCs)"
