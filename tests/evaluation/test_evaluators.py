"""Evaluators on a model whose numbers are known."""

import copy
import dataclasses
import io
import json
import types

import numpy as np
import pytest
from scipy import optimize, spatial, special, stats
from sklearn import metrics as sklearn_metrics
from sklearn.naive_bayes import GaussianNB

from adversarial_latent.data import GRID_SIGMA, Dataset, Examples
from adversarial_latent.distributions import GaussianMixture
from adversarial_latent.evaluation import evaluators, figures, metrics
from tests.evaluation.fakes import (
    ClassModel,
    GridModel,
    KMeansModel,
    digits_dataset,
    grid_dataset,
)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return digits_dataset()


@pytest.fixture(scope="module")
def model(digits) -> KMeansModel:
    return KMeansModel(digits)


@pytest.fixture(scope="module")
def classifier(digits) -> ClassModel:
    return ClassModel(digits)


class _Clusters:
    """A model whose clusters are given."""

    classifies = conditional = False

    def __init__(self, clusters: np.ndarray, num_components: int):
        self._y = np.eye(num_components)[clusters]
        self.num_components = num_components

    def can(self, question: str) -> bool:
        return question in ("encode", "sample")

    def encode(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return {"z": np.zeros((len(x), 2), np.float32), "y": self._y}

    def sample(self, n: int, seed: int, component: int) -> dict[str, np.ndarray]:
        return {"x": np.zeros((n, 8, 8, 1))}


def _counts(axes, column_names: int) -> np.ndarray:
    """The matrix that is written into a panel, its columns in order of their name."""
    names = [int(label.get_text()) for label in axes.get_xticklabels()]
    counts = np.zeros((len(axes.get_yticklabels()), column_names), int)
    for text in axes.texts:
        column, row = text.get_position()
        counts[int(row), names[int(column)]] = int(text.get_text())
    return counts


def _png(figure) -> bytes:
    target = io.BytesIO()
    figures.save_figure(figure, target)
    return target.getvalue()


def test_unknown_evaluator_is_named_with_the_choices():
    with pytest.raises(ValueError, match=r"'clusterin'; there are \['classific"):
        evaluators.get_evaluator("clusterin")


def test_registered_names_are_those_of_their_functions():
    for name, evaluator in evaluators.EVALUATORS.items():
        assert evaluators.get_evaluator(name) is evaluator
        assert evaluator.__name__ == name


def test_clustering_of_known_clusters(digits):
    labels = digits.splits["test"].label
    # Clusters are the labels renamed, but all of class 0 sits with class 1.
    clusters = (np.where(labels == 0, 1, labels) + 3) % 10
    evaluation = evaluators.clustering(_Clusters(clusters, 10), digits, 0, draw=False)
    zeros, ones = np.mean(labels == 0), np.mean(labels == 1)
    expected = min(zeros, ones)
    assert evaluation.results["clustering_error"] == pytest.approx(expected)
    assert evaluation.results["clustering_accuracy"] == pytest.approx(1 - expected)
    assert list(evaluation.results) == [
        "clustering_error",
        "clustering_accuracy",
        "nmi",
        "ari",
    ]  # nothing of eq. 19, for want of a mixture
    assert not evaluation.figures
    assert "5 → 2, 6 → 3, 7 → 4" in evaluation.protocol
    assert "3 → none" in evaluation.protocol
    assert "from_z" not in evaluation.protocol


def test_clustering_agrees_with_scikit_learn(digits, model):
    evaluation = evaluators.clustering(model, digits, 0, draw=False)
    test = digits.splits["test"]
    clusters = model.encode(test.as_float())["y"].argmax(axis=1)
    counts = sklearn_metrics.confusion_matrix(test.label, clusters, labels=range(10))
    results = evaluation.results
    assert results["clustering_error"] == pytest.approx(
        1 - counts.max(axis=0).sum() / len(clusters)
    )
    assert results["nmi"] == sklearn_metrics.normalized_mutual_info_score(
        test.label, clusters
    )
    assert results["ari"] == sklearn_metrics.adjusted_rand_score(test.label, clusters)
    assert 0 < 1 - results["clustering_error"] < 1


def test_clustering_from_codes_is_the_nearest_component(digits, model):
    """Eq. 19 with equal variances and frequencies is the nearest mean."""
    evaluation = evaluators.clustering(model, digits, 0)
    labels = digits.splits["test"].label
    code = model.encode(digits.splits["test"].as_float())
    nearest = spatial.distance.cdist(code["z"], model.mixture().mean).argmin(axis=1)
    counts = sklearn_metrics.confusion_matrix(labels, nearest, labels=range(10))
    results = evaluation.results
    assert results["clustering_error_from_z"] == pytest.approx(
        1 - counts.max(axis=0).sum() / 100
    )
    best = counts[optimize.linear_sum_assignment(-counts)].sum() / 100
    assert results["clustering_accuracy_from_z"] == pytest.approx(best)
    agreement = np.mean(nearest == code["y"].argmax(axis=1))
    assert results["classifier_agreement"] == agreement
    assert 0.5 < agreement < 1
    panels = evaluation.figures["clustering_matrix"].axes
    np.testing.assert_array_equal(_counts(panels[1], 10), counts)
    assert f"error {results['clustering_error_from_z']:.1%}" in panels[1].get_title(
        loc="left"
    )


def test_clustering_draws_its_figures(digits, model):
    evaluation = evaluators.clustering(model, digits, 0)
    assert list(evaluation.figures) == [
        "clustering_components",
        "clustering_matrix",
        "clustering_tsne",
    ]
    assert all(figure.get_label() for figure in evaluation.figures.values())
    components = evaluation.figures["clustering_components"].axes[0]
    names = [label.get_text() for label in components.get_yticklabels()]
    assert len(names) == 10
    assert all(name.startswith(f"component {k} → ") for k, name in enumerate(names))
    error = evaluation.results["clustering_error"]
    title = evaluation.figures["clustering_matrix"].axes[0].get_title(loc="left")
    assert f"error {error:.1%}" in title
    projection = evaluation.figures["clustering_tsne"].axes[0].collections
    points = np.concatenate([dots.get_offsets() for dots in projection])
    assert points.shape == (100, 2)
    assert np.isfinite(points).all()


def test_clustering_without_labels_skips_the_numbers_and_says_so(model):
    evaluation = evaluators.clustering(model, digits_dataset(labelled=False), 0)
    assert list(evaluation.results) == ["classifier_agreement"]
    assert "no labels" in evaluation.protocol
    assert list(evaluation.figures) == ["clustering_components", "clustering_tsne"]
    components = evaluation.figures["clustering_components"].axes[0]
    assert components.get_yticklabels()[0].get_text() == "component 0"
    (legend,) = evaluation.figures["clustering_tsne"].legends
    assert legend.get_title().get_text() == "cluster"


def test_component_rows_hold_their_own_test_images(digits, model, monkeypatch):
    seen = {}

    def remember(members, generated, row_labels, **_):
        seen.update(members=members, generated=generated)
        return figures.image_grid(generated)

    monkeypatch.setattr(figures, "component_figure", remember)
    evaluators.clustering(model, digits, 0)
    for k in range(10):
        for block in ("members", "generated"):
            images = seen[block][k]
            images = images[np.isfinite(images).all(axis=(1, 2, 3))]
            clusters = model.encode(images)["y"].argmax(axis=1) if len(images) else []
            assert all(cluster == k for cluster in clusters), (block, k)


def test_clustering_of_collapsed_codes_still_draws(digits):
    evaluation = evaluators.clustering(_Clusters(np.zeros(100, int), 3), digits, 0)
    labels = [
        label.get_text()
        for label in evaluation.figures["clustering_components"]
        .axes[0]
        .get_yticklabels()
    ]
    assert labels[1:] == ["component 1 (empty)", "component 2 (empty)"]


def test_images_of_another_class_are_framed(digits, monkeypatch):
    seen = {}

    def remember(members, generated, row_labels, *, wrong, **_):
        seen.update(members=members, wrong=wrong)
        return figures.image_grid(generated)

    monkeypatch.setattr(figures, "component_figure", remember)
    test = digits.splits["test"]
    # Everything is in its own class, but a 3 and a 5 that changed places.
    clusters = test.label.copy()
    three, five = np.argmax(test.label == 3), np.argmax(test.label == 5)
    clusters[[three, five]] = 5, 3
    evaluation = evaluators.clustering(_Clusters(clusters, 10), digits, 0)
    x = test.as_float()
    framed = [
        (k, seen["members"][k, column]) for k, column in np.argwhere(seen["wrong"])
    ]
    assert 1 <= len(framed) <= 2, "10 of each row are shown"
    for k, image in framed:
        np.testing.assert_array_equal(image, x[three if k == 5 else five])
    assert "red frame" in evaluation.figures["clustering_components"].get_label()


def _told(model):
    """A model that has to be told the labels, and remembers what it was told."""
    told = copy.copy(model)
    told.conditional, told.seen = True, []

    def encode(x, label):
        told.seen.append((x, label))
        return model.encode(x)

    told.encode = encode
    return told


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("clustering", "grid", "'clustering' needs a model with components"),
        ("mixture", "grid", r"has no \['mixture'\]"),
        ("classification", "clusters", "needs a model that learns classes"),
        ("clustering", "told", "'clustering' compares .* this model is told the"),
        ("classification", "told", "'classification' .* this model is told the"),
        ("reconstruction", "sampler", r"has no \['encode', 'decode'\]"),
    ],
)
def test_models_that_an_evaluator_is_not_for(
    name, kind, message, digits, model, classifier
):
    models = {
        "grid": GridModel(),
        "clusters": model,
        "told": _told(classifier),
        "sampler": GridModel(infers=False),
    }
    with pytest.raises(ValueError, match=message):
        evaluators.get_evaluator(name)(models[kind], digits, 0)


@pytest.mark.parametrize("name", ["reconstruction", "interpolation", "mixture"])
def test_a_conditional_model_is_told_the_labels_of_its_examples(name, digits, model):
    told, evaluator = _told(model), evaluators.get_evaluator(name)
    evaluation = evaluator(told, digits, 0)
    assert evaluation.results == evaluator(model, digits, 0).results
    test = digits.splits["test"]
    images = [image.tobytes() for image in test.as_float()]
    ((x, label),) = told.seen
    assert [test.label[images.index(one.tobytes())] for one in x] == label.tolist()


def test_classification_agrees_with_naive_bayes(digits, classifier):
    """Eq. 19 with each class's mean, variance and frequency is naive Bayes."""
    evaluation = evaluators.classification(classifier, digits, 0)
    train, test = digits.splits["train"], digits.splits["test"]
    code = classifier.encode(test.as_float())
    bayes = GaussianNB(var_smoothing=0.0)
    bayes.fit(classifier.encode(train.as_float())["z"], train.label)
    from_z, from_x = bayes.predict(code["z"]), code["y"].argmax(axis=1)
    results = evaluation.results
    assert results == {
        "classification_error": pytest.approx(np.mean(from_x != test.label)),
        "classification_error_from_z": pytest.approx(np.mean(from_z != test.label)),
        "classifier_agreement": np.mean(from_x == from_z),
    }
    assert len({0.0, 1.0, *results.values()}) == 5
    panels = evaluation.figures["classification_matrix"].axes
    for axes, predicted, suffix in zip(
        panels, (from_x, from_z), ("", "_from_z"), strict=True
    ):
        expected = sklearn_metrics.confusion_matrix(test.label, predicted)
        np.testing.assert_array_equal(_counts(axes, 10), expected)
        error = results[f"classification_error{suffix}"]
        assert f"error {error:.1%}" in axes.get_title(loc="left")


def test_classification_draws_its_figures(digits, classifier):
    drawn = evaluators.classification(classifier, digits, 0).figures
    assert list(drawn) == [
        "classification_components",
        "classification_matrix",
        "classification_tsne",
    ]
    assert all(figure.get_label() for figure in drawn.values())
    rows = drawn["classification_components"].axes[0].get_yticklabels()
    assert [row.get_text() for row in rows] == list(digits.class_names)
    (legend,) = drawn["classification_tsne"].legends
    assert [text.get_text() for text in legend.get_texts()] == list(digits.class_names)


def test_classification_needs_labels_of_the_same_classes(digits, classifier):
    with pytest.raises(ValueError, match="'digits' has none"):
        evaluators.classification(classifier, digits_dataset(labelled=False), 0)
    more = dataclasses.replace(digits, class_names=(*digits.class_names, "ten"))
    with pytest.raises(ValueError, match="has 10 classes, but 'digits' has 11"):
        evaluators.classification(classifier, more, 0)


def test_mixture_agrees_with_scipy(digits, classifier):
    evaluation = evaluators.mixture(classifier, digits, 0, draw=False)
    z = classifier.encode(digits.splits["test"].as_float())["z"].astype(np.float64)
    prior = classifier.mixture()
    mean, variance = np.float64(prior.mean), np.exp(np.float64(prior.log_variance))
    frequencies = np.exp(prior.logits) / 200
    joint = [
        np.log(frequencies[k])
        + stats.multivariate_normal(mean[k], np.diag(variance[k])).logpdf(z)
        for k in range(10)
    ]
    distance = np.array(
        [
            [
                spatial.distance.mahalanobis(
                    mean[j], mean[k], np.diag(2 / (variance[j] + variance[k]))
                )
                for k in range(10)
            ]
            for j in range(10)
        ]
    )
    assert evaluation.results == {
        "log_p_z": pytest.approx(special.logsumexp(joint, axis=0).mean(), rel=1e-5),
        "mixture_std": pytest.approx(np.sqrt(variance).mean(), rel=1e-5),
        "nearest_component_distance": pytest.approx(
            np.sort(distance, axis=1)[:, 1].mean(), rel=1e-5
        ),
    }
    arrays = evaluation.arrays
    np.testing.assert_allclose(arrays["distance"], distance, rtol=1e-5)
    np.testing.assert_allclose(arrays["probabilities"], frequencies, rtol=1e-5)
    np.testing.assert_array_equal(arrays["mean"], prior.mean)
    np.testing.assert_array_equal(arrays["log_variance"], prior.log_variance)


@pytest.mark.parametrize("kind", ["classes", "clusters", "bare"])
def test_mixture_names_its_components(kind, digits, model, classifier):
    dataset = digits_dataset(labelled=False) if kind == "bare" else digits
    evaluation = evaluators.mixture(
        classifier if kind == "classes" else model, dataset, 0
    )
    test = digits.splits["test"]
    members = model.encode(test.as_float())["y"].argmax(axis=1) == 0
    majority = np.bincount(test.label[members]).argmax()
    first = f"0 → {majority}" if kind == "clusters" else "0"
    legend = "cluster" if kind == "bare" else "class"
    assert list(evaluation.figures) == ["mixture_distances", "mixture_plane"]
    heat = evaluation.figures["mixture_distances"].axes[0]
    names = [label.get_text() for label in heat.get_yticklabels()]
    order = metrics.neighbour_order(evaluation.arrays["distance"])
    assert names[order.tolist().index(0)] == first
    written = heat.texts[0]  # first row, second column
    distance = evaluation.arrays["distance"][order[0], order[1]]
    assert (written.get_position(), written.get_text()) == ((1, 0), f"{distance:.1f}")
    plane = evaluation.figures["mixture_plane"]
    assert plane.legends[0].get_title().get_text() == legend
    assert {text.get_text() for text in plane.axes[0].texts} == set("0123456789")


@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (3, 2)])
def test_mixture_of_any_size_is_drawn(shape, digits):
    components, dimension = shape
    model = _Clusters(np.zeros(100, int), components)
    prior = GaussianMixture(
        logits=np.zeros(components, np.float32),
        mean=np.ones(shape, np.float32),
        log_variance=np.zeros(shape, np.float32),
    )
    model.mixture = lambda: prior
    model.can = lambda question: question in ("encode", "mixture")
    model.encode = lambda x: {
        "z": np.zeros((len(x), dimension), np.float32),
        "y": np.eye(components)[np.zeros(len(x), int)],
    }
    evaluation = evaluators.mixture(model, digits, 0)
    for figure in evaluation.figures.values():
        assert _png(figure)
    assert ("mixture_distances" in evaluation.figures) == (components > 1)
    assert evaluation.results.get("nearest_component_distance", 0.0) == 0.0
    density = stats.norm.logpdf(1.0) * dimension
    assert evaluation.results["log_p_z"] == pytest.approx(density)


def test_plane_shows_the_axes_on_which_means_differ_most(digits, monkeypatch):
    """Means differ by 8 along z_2, by 2 along z_0 and by nothing along z_1."""
    seen = {}

    def remember(codes, classes, names, means, covariances, *rest, **options):
        seen.update(means=means, covariances=covariances, options=options)
        return figures.scatter_figure(codes)

    monkeypatch.setattr(figures, "mixture_figure", remember)
    mean = np.array([[1, 5, 4], [-1, 5, 4], [1, 5, -4], [-1, 5, -4]], np.float32)
    variance = np.array([[1, 2, 3]] * 4, np.float32)
    model = _Clusters(np.arange(100) % 4, 4)
    model.can = lambda question: True
    model.mixture = lambda: GaussianMixture(
        np.zeros(4, np.float32), mean, np.log(variance)
    )
    model.encode = lambda x: {
        "z": np.zeros((100, 3), np.float32),
        "y": np.eye(4)[np.arange(100) % 4],
    }
    evaluators.mixture(model, digits, 0)
    np.testing.assert_allclose(np.abs(seen["means"]), [[4, 1]] * 4, atol=1e-5)
    np.testing.assert_allclose(seen["covariances"], [np.diag([3, 1])] * 4, atol=1e-5)
    assert seen["options"]["axis_labels"] == (
        "first principal component of the means (94%)",
        "second (6%)",
    )


def test_evaluators_need_a_test_split(digits, model):
    train_only = dataclasses.replace(digits, splits={"train": digits.splits["train"]})
    with pytest.raises(ValueError, match="has no test split"):
        evaluators.reconstruction(model, train_only, 0)


def test_reconstruction_mse_is_that_of_pca(digits, model):
    evaluation = evaluators.reconstruction(model, digits, 0)
    x = digits.splits["test"].as_float()
    decoded = model.decode(model.encode(x))
    expected = np.mean((x - decoded) ** 2, dtype=np.float64)
    assert evaluation.results == {"reconstruction_mse": pytest.approx(expected)}
    assert "in [0, 1]" in evaluation.protocol
    assert len(evaluation.figures["reconstruction"].axes) == 8


def test_reconstruction_of_points_has_a_number_but_no_figure():
    evaluation = evaluators.reconstruction(GridModel(), grid_dataset(), 0)
    assert evaluation.results == {"reconstruction_mse": 0.0}
    assert not evaluation.figures
    assert "coordinates" in evaluation.protocol


def test_interpolation_decodes_straight_lines(digits, model, monkeypatch):
    seen = {}

    def remember(first, between, last, **_):
        seen.update(first=first, between=between, last=last)
        return figures.image_grid(between)

    monkeypatch.setattr(figures, "interpolation_figure", remember)
    evaluators.interpolation(model, digits, 0)
    between = seen["between"]
    first = model.decode(model.encode(seen["first"]))
    last = model.decode(model.encode(seen["last"]))
    assert between.shape == (8, 9, 8, 8, 1)
    np.testing.assert_allclose(between[:, 0], first, atol=1e-5)
    np.testing.assert_allclose(between[:, -1], last, atol=1e-5)
    # PCA decodes linearly, so that the middle is the mean of the ends.
    np.testing.assert_allclose(between[:, 4], (first + last) / 2, atol=1e-5)


def test_samples_draws_a_row_for_each_component(digits, model, monkeypatch):
    shown = []
    draw = figures.image_grid

    def remember(images, **options):
        shown.append(images)
        return draw(images, **options)

    monkeypatch.setattr(figures, "image_grid", remember)
    evaluation = evaluators.samples(model, digits, 3)
    rows = shown[0]
    assert rows.shape == (model.num_components, 10, 8, 8, 1)
    for k, row in enumerate(rows):
        assert (model.encode(row)["y"].argmax(-1) == k).all()
    (axes,) = evaluation.figures["samples"].axes
    assert len(axes.get_yticklabels()) == model.num_components
    assert "seed 3" in evaluation.protocol
    plain = types.SimpleNamespace(
        num_components=None, can=model.can, sample=model.sample
    )
    evaluators.samples(plain, digits, 3)
    assert shown[1].shape == (8, 8, 8, 8, 1), "a square without components"


@pytest.mark.parametrize("name", ["samples", "interpolation", "manifold"])
def test_image_evaluators_refuse_points(name):
    with pytest.raises(ValueError, match=f"'{name}' shows images"):
        evaluators.get_evaluator(name)(GridModel(), grid_dataset(), 0)


def test_modes_of_an_exact_sampler():
    results = evaluators.modes(GridModel(), grid_dataset(), 0, draw=False).results
    fraction, std = metrics.exact_sampler_reference(2)
    assert results["modes_captured"] == 25
    assert results["high_quality_fraction"] == pytest.approx(fraction, abs=0.008)
    assert results["per_mode_std"] == pytest.approx(std * GRID_SIGMA, rel=0.03)
    assert results["kl_to_uniform"] == pytest.approx(24 / 5000, abs=0.006)


def test_modes_of_a_collapsed_and_sharpened_sampler():
    sharpened = GridModel(num_modes=5, sigma=GRID_SIGMA / 5)
    evaluation = evaluators.modes(sharpened, grid_dataset(), 0)
    results = evaluation.results
    assert results["modes_captured"] == 5
    assert results["high_quality_fraction"] == 1.0
    assert results["per_mode_std"] == pytest.approx(GRID_SIGMA / 5, rel=0.03)
    assert results["kl_to_uniform"] == pytest.approx(np.log(5), abs=0.01)
    assert "0.989" in evaluation.protocol
    assert len(evaluation.figures["modes"].axes) == 4


def test_modes_of_a_model_without_inference():
    evaluation = evaluators.modes(GridModel(infers=False), grid_dataset(), 0)
    assert len(evaluation.figures["modes"].axes) == 2


@pytest.mark.parametrize(("dimension", "titles"), [(1, "codes"), (3, "3-d")])
def test_modes_shows_codes_of_any_dimension(dimension, titles, monkeypatch):
    model = GridModel()
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(500, dimension)).astype(np.float32)
    monkeypatch.setattr(model, "encode", lambda x: {"z": codes})
    monkeypatch.setattr(model, "decode", lambda code: np.zeros((500, 2)))
    evaluation = evaluators.modes(model, grid_dataset(), 0)
    panel = evaluation.figures["modes"].axes[1]
    assert titles in panel.get_title()
    assert panel.collections[0].get_offsets().shape == (500, 2)


def test_modes_needs_a_known_mixture(digits, model):
    with pytest.raises(ValueError, match=r"\['grid25', 'ring'\], not 'digits'"):
        evaluators.modes(model, digits, 0)


def test_manifold_walks_over_two_dimensional_codes(digits, monkeypatch):
    model = KMeansModel(digits, latent_dim=2)
    monkeypatch.setattr(model, "encode", lambda x: {"z": np.zeros((len(x), 2))})
    asked = []

    def decode(code):
        asked.append(code["z"])
        return np.zeros((len(code["z"]), 8, 8, 1), np.float32)

    monkeypatch.setattr(model, "decode", decode)
    evaluation = evaluators.manifold(model, digits, 0)
    (grid,) = asked
    np.testing.assert_allclose(grid[0], [-2, 2])  # upper left
    np.testing.assert_allclose(grid[-1], [2, -2])
    assert list(evaluation.figures) == ["manifold_codes", "manifold_traversal"]
    assert len(evaluation.figures["manifold_codes"].legends) == 1


def test_manifold_refuses_other_codes(digits, model):
    with pytest.raises(ValueError, match=r"z \[N, 2\] only"):
        evaluators.manifold(model, digits, 0)


@pytest.mark.parametrize(
    "name", ["clustering", "mixture", "reconstruction", "interpolation", "samples"]
)
def test_equal_arguments_give_equal_numbers_and_pictures(name, digits, model):
    evaluator = evaluators.get_evaluator(name)
    first, second = (evaluator(model, digits, 7) for _ in range(2))
    assert json.dumps(dict(first.results)) == json.dumps(dict(second.results))
    assert first.protocol == second.protocol
    assert first.figures.keys() == second.figures.keys()
    for key in first.figures:
        assert _png(first.figures[key]) == _png(second.figures[key]), key


def test_numbers_do_not_depend_on_drawing(digits, model):
    drawn = evaluators.clustering(model, digits, 0)
    bare = evaluators.clustering(model, digits, 0, draw=False)
    assert drawn.results == bare.results
    assert drawn.protocol == bare.protocol


def test_seeds_change_what_is_shown(digits, model):
    first, second = (evaluators.samples(model, digits, seed) for seed in (0, 1))
    assert _png(first.figures["samples"]) != _png(second.figures["samples"])


def test_light_strokes_are_printed_dark_but_photographs_are_not():
    dark = np.zeros((4, 8, 8, 1), np.float32)
    for x, corner in ((dark, 1.0), (dark + 0.9, 0.9), (np.tile(dark, 3), 0.0)):
        examples = Examples(x=x)
        dataset = Dataset("images", {"train": examples, "test": examples}, "")
        model = GridModel()
        model.encode = lambda x: {"z": x.reshape(len(x), -1)}
        model.decode = lambda code, shape=x.shape: code["z"].reshape(shape)
        evaluation = evaluators.reconstruction(model, dataset, 0)
        mosaic = evaluation.figures["reconstruction"].axes[0].images[0].get_array()
        assert mosaic[20, 20, 0] == pytest.approx(corner)
