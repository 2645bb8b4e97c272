"""Evaluators on a model whose numbers are known."""

import dataclasses
import io
import json

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from adversarial_latent.data import GRID_SIGMA, Dataset, Examples
from adversarial_latent.evaluation import evaluators, figures, metrics
from tests.evaluation.fakes import (
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


class _Clusters:
    """A model whose clusters are given."""

    def __init__(self, clusters: np.ndarray, num_components: int):
        self._y = np.eye(num_components)[clusters]
        self.num_components = num_components

    def encode(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return {"z": np.zeros((len(x), 2), np.float32), "y": self._y}


def _png(figure) -> bytes:
    target = io.BytesIO()
    figures.save_figure(figure, target)
    return target.getvalue()


def test_unknown_evaluator_is_named_with_the_choices():
    with pytest.raises(ValueError, match=r"'clusterin'; there are \['clustering'"):
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
    assert not evaluation.figures
    assert "5 → 2, 6 → 3, 7 → 4" in evaluation.protocol
    assert "3 → none" in evaluation.protocol


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
    assert evaluation.results == {}
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
    clusters = _Clusters(np.zeros(100, int), 3)
    clusters.sample = lambda n, seed, component: {"x": np.zeros((n, 8, 8, 1))}
    evaluation = evaluators.clustering(clusters, digits, 0)
    labels = [
        label.get_text()
        for label in evaluation.figures["clustering_components"]
        .axes[0]
        .get_yticklabels()
    ]
    assert labels[1:] == ["component 1 (empty)", "component 2 (empty)"]


def test_clustering_needs_components(digits):
    with pytest.raises(ValueError, match="needs a model with components"):
        evaluators.clustering(GridModel(), digits, 0)


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


def test_samples_draws_a_square_of_images(digits, model):
    evaluation = evaluators.samples(model, digits, 3)
    (axes,) = evaluation.figures["samples"].axes
    height, width = axes.images[0].get_array().shape[:2]
    assert height == width
    assert "seed 3" in evaluation.protocol


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
    "name", ["clustering", "reconstruction", "interpolation", "samples"]
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
