"""The mixture of a model whose numbers are known."""

import copy

import numpy as np
import pytest
from scipy import spatial, special, stats

from adversarial_latent.distributions import GaussianMixture
from adversarial_latent.evaluation import evaluators, metrics
from tests.evaluation.fakes import (
    GivenClusters,
    digits_dataset,
    draw,
    drawn,
    png,
)


def test_mixture_agrees_with_scipy(digits, classifier):
    evaluation = evaluators.mixture(classifier, digits, 0)
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
    assert evaluation.numbers == {
        "log_p_z": pytest.approx(special.logsumexp(joint, axis=0).mean(), rel=1e-5),
        "mixture_std": pytest.approx(np.sqrt(variance).mean(), rel=1e-5),
        "nearest_component_distance": pytest.approx(
            np.sort(distance, axis=1)[:, 1].mean(), rel=1e-5
        ),
    }
    arrays = evaluation.arrays["mixture"]()
    assert set(arrays) == {"probabilities", "mean", "log_variance", "distance"}
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
    drawings = ["mixture_distances", "mixture_merging", "mixture_plane"]
    assert list(evaluation.arrays) == ["mixture", *drawings]
    heat = draw(evaluation, "mixture_distances").axes[0]
    names = [label.get_text() for label in heat.get_yticklabels()]
    distances = evaluation.arrays["mixture"]()["distance"]
    order = metrics.nearest_order(distances)
    assert names[order.tolist().index(0)] == first
    written = heat.texts[0]  # first row, second column
    distance = distances[order[0], order[1]]
    assert (written.get_position(), written.get_text()) == ((1, 0), f"{distance:.1f}")
    plane = draw(evaluation, "mixture_plane")
    assert plane.legends[0].get_title().get_text() == legend
    assert {text.get_text() for text in plane.axes[0].texts} == set("0123456789")


@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (3, 2)])
def test_mixture_of_any_size_is_drawn(shape, digits):
    components, dimension = shape
    model = GivenClusters(np.zeros(100, int), components)
    prior = GaussianMixture(
        logits=np.zeros(components, np.float32),
        mean=np.ones(shape, np.float32),
        log_variance=np.zeros(shape, np.float32),
    )
    model.mixture = lambda: prior
    model.can = lambda ability: ability in ("encode", "mixture")
    model.encode = lambda x: {
        "z": np.zeros((len(x), dimension), np.float32),
        "y": np.eye(components)[np.zeros(len(x), int)],
    }
    evaluation = evaluators.mixture(model, digits, 0)
    for figure in drawn(evaluation).values():
        assert png(figure)
    assert ("mixture_distances" in evaluation.arrays) == (components > 1)
    assert evaluation.numbers.get("nearest_component_distance", 0.0) == 0.0
    density = stats.norm.logpdf(1.0) * dimension
    assert evaluation.numbers["log_p_z"] == pytest.approx(density)


def test_nearest_components_merge_until_there_are_as_many_as_classes(digits):
    """Every class has two components, 1 apart on a line, and 10 from all others."""
    labels = digits.splits["test"].label
    clusters = 2 * labels + np.arange(len(labels)) % 2
    model = GivenClusters(clusters, 20)
    mean = (np.arange(20) // 2 * 10 + np.arange(20) % 2).astype(np.float32)
    prior = GaussianMixture(
        np.zeros(20, np.float32), mean[:, None], np.zeros((20, 1), np.float32)
    )
    model.mixture = lambda: prior
    model.can = lambda ability: ability in ("encode", "mixture")
    model.encode = lambda x: {"z": mean[clusters][:, None], "y": np.eye(20)[clusters]}
    evaluation = evaluators.mixture(model, digits, 0)
    assert evaluation.numbers["merged_clustering_accuracy"] == 1
    assert evaluation.numbers["merged_nmi"] == pytest.approx(1)
    tree = evaluation.arrays["mixture_merging"]()["tree"]
    np.testing.assert_allclose(tree[:15, 2], [1] * 10 + [10] * 5)


def test_fixed_components_are_not_measured(digits, model):
    """Their distances are a setting, equal for all of them on orthogonal means."""
    fixed = copy.copy(model)
    fixed.learns_mixture = False
    evaluation = evaluators.mixture(fixed, digits, 0)
    learned = evaluators.mixture(model, digits, 0)
    assert evaluation.numbers == {"log_p_z": learned.numbers["log_p_z"]}
    assert list(evaluation.arrays) == ["mixture"]
    assert "fixed" in evaluation.protocol
    assert "fixed" not in learned.protocol


def test_plane_shows_the_axes_on_which_means_differ_most(digits):
    """Means differ by 8 along z_2, by 2 along z_0 and by nothing along z_1."""
    mean = np.array([[1, 5, 4], [-1, 5, 4], [1, 5, -4], [-1, 5, -4]], np.float32)
    variance = np.array([[1, 2, 3]] * 4, np.float32)
    model = GivenClusters(np.arange(100) % 4, 4)
    model.can = lambda ability: True
    model.mixture = lambda: GaussianMixture(
        np.zeros(4, np.float32), mean, np.log(variance)
    )
    model.encode = lambda x: {
        "z": np.zeros((100, 3), np.float32),
        "y": np.eye(4)[np.arange(100) % 4],
    }
    evaluation = evaluators.mixture(model, digits, 0)
    arrays = evaluation.arrays["mixture_plane"]()
    np.testing.assert_allclose(np.abs(arrays["means"]), [[4, 1]] * 4, atol=1e-5)
    np.testing.assert_allclose(arrays["covariances"], [np.diag([3, 1])] * 4, atol=1e-5)
    (axes,) = draw(evaluation, "mixture_plane").axes
    assert axes.get_xlabel() == "first principal component of the means (94%)"
    assert axes.get_ylabel() == "second (6%)"
