"""The mixture of a model whose numbers are known."""

import numpy as np
import pytest
from scipy import spatial, special, stats

from adversarial_latent.distributions import GaussianMixture
from adversarial_latent.evaluation import evaluators, figures, metrics
from tests.evaluation.fakes import (
    GivenClusters,
    digits_dataset,
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
    heat = evaluation.figures["mixture_distances"]().axes[0]
    names = [label.get_text() for label in heat.get_yticklabels()]
    order = metrics.neighbour_order(evaluation.arrays["distance"])
    assert names[order.tolist().index(0)] == first
    written = heat.texts[0]  # first row, second column
    distance = evaluation.arrays["distance"][order[0], order[1]]
    assert (written.get_position(), written.get_text()) == ((1, 0), f"{distance:.1f}")
    plane = evaluation.figures["mixture_plane"]()
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
    model.can = lambda question: question in ("encode", "mixture")
    model.encode = lambda x: {
        "z": np.zeros((len(x), dimension), np.float32),
        "y": np.eye(components)[np.zeros(len(x), int)],
    }
    evaluation = evaluators.mixture(model, digits, 0)
    for figure in drawn(evaluation).values():
        assert png(figure)
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
    model = GivenClusters(np.arange(100) % 4, 4)
    model.can = lambda question: True
    model.mixture = lambda: GaussianMixture(
        np.zeros(4, np.float32), mean, np.log(variance)
    )
    model.encode = lambda x: {
        "z": np.zeros((100, 3), np.float32),
        "y": np.eye(4)[np.arange(100) % 4],
    }
    drawn(evaluators.mixture(model, digits, 0))
    np.testing.assert_allclose(np.abs(seen["means"]), [[4, 1]] * 4, atol=1e-5)
    np.testing.assert_allclose(seen["covariances"], [np.diag([3, 1])] * 4, atol=1e-5)
    assert seen["options"]["axis_labels"] == (
        "first principal component of the means (94%)",
        "second (6%)",
    )
