"""Clusterings and classifications whose numbers are known."""

import dataclasses

import numpy as np
import pytest
from scipy import optimize, spatial
from sklearn import metrics as sklearn_metrics
from sklearn.naive_bayes import GaussianNB

from adversarial_latent.evaluation import evaluators
from tests.evaluation.fakes import (
    GivenClusters,
    KMeansModel,
    OpenModel,
    SoftKMeansModel,
    digits_dataset,
    draw,
    drawn,
    open_dataset,
)


def _counts(axes, column_names: int) -> np.ndarray:
    """The matrix that is written into a panel, its columns in order of their name."""
    names = [int(label.get_text()) for label in axes.get_xticklabels()]
    counts = np.zeros((len(axes.get_yticklabels()), column_names), int)
    for text in axes.texts:
        column, row = text.get_position()
        counts[int(row), names[int(column)]] = int(text.get_text())
    return counts


def test_clustering_of_known_clusters(digits):
    labels = digits.splits["test"].label
    # Clusters are the labels renamed, but all of class 0 sits with class 1.
    clusters = (np.where(labels == 0, 1, labels) + 3) % 10
    evaluation = evaluators.clustering(GivenClusters(clusters, 10), digits, 0)
    zeros, ones = np.mean(labels == 0), np.mean(labels == 1)
    expected = min(zeros, ones)
    assert evaluation.numbers["clustering_error"] == pytest.approx(expected)
    assert evaluation.numbers["clustering_accuracy"] == pytest.approx(1 - expected)
    assert list(evaluation.numbers) == [
        "clustering_error",
        "clustering_accuracy",
        "nmi",
        "ari",
    ]  # nothing of eq. 19, for want of a mixture
    assert "5 → 2, 6 → 3, 7 → 4" in evaluation.protocol
    assert "3 → none" in evaluation.protocol
    assert "from_z" not in evaluation.protocol


def test_clustering_agrees_with_scikit_learn(digits, model):
    evaluation = evaluators.clustering(model, digits, 0)
    test = digits.splits["test"]
    clusters = model.encode(test.as_float())["y"].argmax(axis=1)
    counts = sklearn_metrics.confusion_matrix(test.label, clusters, labels=range(10))
    numbers = evaluation.numbers
    assert numbers["clustering_error"] == pytest.approx(
        1 - counts.max(axis=0).sum() / len(clusters)
    )
    assert numbers["nmi"] == sklearn_metrics.normalized_mutual_info_score(
        test.label, clusters
    )
    assert numbers["ari"] == sklearn_metrics.adjusted_rand_score(test.label, clusters)
    assert 0 < 1 - numbers["clustering_error"] < 1


def test_clustering_from_codes_is_the_nearest_component(digits, model):
    """Eq. 19 with equal variances and frequencies is the nearest mean."""
    evaluation = evaluators.clustering(model, digits, 0)
    labels = digits.splits["test"].label
    code = model.encode(digits.splits["test"].as_float())
    nearest = spatial.distance.cdist(code["z"], model.mixture().mean).argmin(axis=1)
    counts = sklearn_metrics.confusion_matrix(labels, nearest, labels=range(10))
    numbers = evaluation.numbers
    assert numbers["clustering_error_from_z"] == pytest.approx(
        1 - counts.max(axis=0).sum() / 100
    )
    best = counts[optimize.linear_sum_assignment(-counts)].sum() / 100
    assert numbers["clustering_accuracy_from_z"] == pytest.approx(best)
    agreement = np.mean(nearest == code["y"].argmax(axis=1))
    assert numbers["classifier_agreement"] == agreement
    assert 0.5 < agreement < 1
    panels = draw(evaluation, "clustering_matrix").axes
    np.testing.assert_array_equal(_counts(panels[1], 10), counts)
    assert f"error {numbers['clustering_error_from_z']:.1%}" in panels[1].get_title(
        loc="left"
    )


def test_codes_that_were_told_the_cluster_agree_with_it(digits):
    """Under eq. 6, z may repeat the y it was given; then a sampled z shows it."""

    class Told(KMeansModel):
        def can(self, ability):
            return ability == "sample_code" or super().can(ability)

        def encode(self, x):
            y = super().encode(x)["y"]
            return {"y": y, "z": self.mixture().mean[y.argmax(axis=1)]}

        def sample_code(self, x, seed):
            component = np.random.default_rng(seed).integers(10, size=len(x))
            return {"z": self.mixture().mean[component]}

    model = Told(digits)
    evaluation = evaluators.clustering(model, digits, 3)
    numbers = evaluation.numbers
    assert numbers["classifier_agreement"] == 1
    assert numbers["clustering_error_from_z"] == numbers["clustering_error"]
    x = digits.splits["test"].as_float()
    sampled = np.random.default_rng(3).integers(10, size=len(x))
    agreement = np.mean(sampled == model.encode(x)["y"].argmax(axis=1))
    assert numbers["classifier_agreement_from_sampled_z"] == agreement < 0.3
    counts = sklearn_metrics.confusion_matrix(digits.splits["test"].label, sampled)
    error = 1 - counts.max(axis=0).sum() / len(x)
    assert numbers["clustering_error_from_sampled_z"] == pytest.approx(error)
    titles = evaluation.arrays["clustering_matrix"]()["titles"]
    assert "from a sampled z, eq. 19" in titles[2]
    assert "from_sampled_z" in evaluation.protocol


def test_clustering_draws_its_figures(digits, model):
    evaluation = evaluators.clustering(model, digits, 0)
    assert list(evaluation.arrays) == [
        "clustering_components",
        "clustering_matrix",
        "clustering_tsne",
    ]
    assert all(figure.get_label() for figure in drawn(evaluation).values())
    components = draw(evaluation, "clustering_components").axes[0]
    names = [label.get_text() for label in components.get_yticklabels()]
    assert len(names) == 10
    assert all(name.startswith(f"component {k} → ") for k, name in enumerate(names))
    error = evaluation.numbers["clustering_error"]
    title = draw(evaluation, "clustering_matrix").axes[0].get_title(loc="left")
    assert f"error {error:.1%}" in title
    projection = draw(evaluation, "clustering_tsne").axes[0].collections
    points = np.concatenate([dots.get_offsets() for dots in projection])
    assert points.shape == (100, 2)
    assert np.isfinite(points).all()


TEST = ([[0.8, 0.2, 0], [0.6, 0.1, 0.3], [0, 1, 0], [0.1, 0.6, 0.3]], [0, 1, 2, 2])
VALIDATION = ([[0.9, 0.1, 0], [0.6, 0.4, 0], [0.1, 0.9, 0], [0.2, 0.3, 0.5]], None)


def test_clusters_take_the_label_of_one_validation_example():
    # Examples of cluster 0 are 0 and 1; its exemplar says 1, its majority 0 (a tie).
    validation = VALIDATION[0], [1, 0, 2, 0]
    dataset = open_dataset(train=TEST, test=TEST, validation=validation)
    evaluation = evaluators.clustering(OpenModel(), dataset, 0)
    assert evaluation.numbers["clustering_error_by_exemplar"] == 1 / 4
    assert "here 0 → b, 1 → c, 2 → a." in evaluation.protocol
    assert "of one validation example, the one of 4 with" in evaluation.protocol
    other = VALIDATION[0], [2, 0, 1, 0]
    dataset = open_dataset(train=TEST, test=TEST, validation=other)
    numbers = evaluators.clustering(OpenModel(), dataset, 0).numbers
    assert numbers["clustering_error_by_exemplar"] == 1
    assert numbers["clustering_error"] == 1 / 4  # which has nothing to do with it


def test_exemplars_are_not_among_the_evaluated_examples():
    dataset = open_dataset(train=TEST, test=TEST, validation=TEST)
    itself = evaluators.clustering(OpenModel(), dataset, 0, split="validation")
    plain = evaluators.clustering(OpenModel(), open_dataset(train=TEST, test=TEST), 0)
    unlabelled = dict.fromkeys(("train", "test", "validation"), VALIDATION)
    bare = evaluators.clustering(OpenModel(), open_dataset(**unlabelled), 0)
    for evaluation in (itself, plain, bare):
        assert "clustering_error_by_exemplar" not in evaluation.numbers
        assert "exemplar" not in evaluation.protocol


def test_only_the_evaluator_that_receives_the_validation_split_reads_it(
    digits, monkeypatch
):
    train = digits.splits["train"]
    splits = {**digits.splits, "validation": train.take(np.arange(50))}
    dataset = dataclasses.replace(digits, splits=splits)
    read = []
    as_float = type(train).as_float

    def remember(self, *key):
        read.append(len(self))
        return as_float(self, *key)

    monkeypatch.setattr(type(train), "as_float", remember)
    model = SoftKMeansModel(digits)
    read.clear()
    evaluators.reconstruction(model, dataset, 0)
    assert read == [100]
    numbers = evaluators.clustering(model, dataset, 0).numbers
    assert read == [100, 100, 50]
    assert numbers["clustering_error"] <= numbers["clustering_error_by_exemplar"] < 0.8


def test_a_code_of_components_alone_is_drawn_on_their_simplex():
    dataset = open_dataset(train=TEST, test=TEST)
    evaluation = evaluators.clustering(OpenModel(), dataset, 0)
    assert list(evaluation.arrays) == ["clustering_matrix", "clustering_simplex"]
    simplex = draw(evaluation, "clustering_simplex")
    (axes,) = simplex.axes
    names = [text.get_text() for text in axes.texts]
    assert names == ["0 → a", "1 → c", "2 (empty)"]
    assert [len(dots.get_offsets()) for dots in axes.collections] == [1, 1, 2]
    assert "Colour: class" in simplex.get_label()
    bare = open_dataset(train=VALIDATION, test=VALIDATION)
    (simplex,) = drawn(evaluators.clustering(OpenModel(), bare, 0)).values()
    assert [len(dots.get_offsets()) for dots in simplex.axes[0].collections] == [
        2,
        1,
        1,
    ]
    (legend,) = simplex.legends
    assert legend.get_title().get_text() == "cluster"


def test_classes_on_their_simplex(monkeypatch):
    monkeypatch.setattr(OpenModel, "classifies", True)
    dataset = open_dataset(train=TEST, test=TEST)
    evaluation = evaluators.classification(OpenModel(), dataset, 0)
    assert evaluation.numbers == {"classification_error": 3 / 4}
    assert list(evaluation.arrays) == [
        "classification_matrix",
        "classification_simplex",
    ]
    (axes,) = draw(evaluation, "classification_simplex").axes
    assert [text.get_text() for text in axes.texts] == ["a", "b", "c"]


def test_clustering_without_labels_skips_the_numbers_and_says_so(model):
    evaluation = evaluators.clustering(model, digits_dataset(labelled=False), 0)
    assert list(evaluation.numbers) == ["classifier_agreement"]
    assert "no labels" in evaluation.protocol
    assert list(evaluation.arrays) == ["clustering_components", "clustering_tsne"]
    components = draw(evaluation, "clustering_components").axes[0]
    assert components.get_yticklabels()[0].get_text() == "component 0"
    (legend,) = draw(evaluation, "clustering_tsne").legends
    assert legend.get_title().get_text() == "cluster"


def test_component_rows_hold_their_own_test_images(digits, model):
    evaluation = evaluators.clustering(model, digits, 0)
    arrays = evaluation.arrays["clustering_components"]()
    for k in range(10):
        for block in ("members", "generated"):
            images = arrays[block][k]
            images = images[np.isfinite(images).all(axis=(1, 2, 3))]
            clusters = model.encode(images)["y"].argmax(axis=1) if len(images) else []
            assert all(cluster == k for cluster in clusters), (block, k)


def test_clustering_of_collapsed_codes_still_draws(digits):
    evaluation = evaluators.clustering(GivenClusters(np.zeros(100, int), 3), digits, 0)
    labels = [
        label.get_text()
        for label in draw(evaluation, "clustering_components").axes[0].get_yticklabels()
    ]
    assert labels[1:] == ["component 1 (empty)", "component 2 (empty)"]


def test_images_of_another_class_are_framed(digits):
    test = digits.splits["test"]
    # Everything is in its own class, but a 3 and a 5 that changed places.
    clusters = test.label.copy()
    three, five = np.argmax(test.label == 3), np.argmax(test.label == 5)
    clusters[[three, five]] = 5, 3
    evaluation = evaluators.clustering(GivenClusters(clusters, 10), digits, 0)
    x = test.as_float()
    arrays = evaluation.arrays["clustering_components"]()
    members, wrong = arrays["members"], arrays["wrong"]
    framed = [(k, members[k, column]) for k, column in np.argwhere(wrong)]
    assert 1 <= len(framed) <= 2, "10 of each row are shown"
    for k, image in framed:
        np.testing.assert_array_equal(image, x[three if k == 5 else five])
    figure = draw(evaluation, "clustering_components")
    assert "red frame" in figure.get_label()
    assert len(figure.axes[0].patches) == len(framed)


def test_classification_agrees_with_naive_bayes(digits, classifier):
    """Eq. 19 with each class's mean, variance and frequency is naive Bayes."""
    evaluation = evaluators.classification(classifier, digits, 0)
    train, test = digits.splits["train"], digits.splits["test"]
    code = classifier.encode(test.as_float())
    bayes = GaussianNB(var_smoothing=0.0)
    bayes.fit(classifier.encode(train.as_float())["z"], train.label)
    from_z, from_x = bayes.predict(code["z"]), code["y"].argmax(axis=1)
    numbers = evaluation.numbers
    assert numbers == {
        "classification_error": pytest.approx(np.mean(from_x != test.label)),
        "classification_error_from_z": pytest.approx(np.mean(from_z != test.label)),
        "classifier_agreement": np.mean(from_x == from_z),
    }
    assert len({0.0, 1.0, *numbers.values()}) == 5
    panels = draw(evaluation, "classification_matrix").axes
    for axes, predicted, suffix in zip(
        panels, (from_x, from_z), ("", "_from_z"), strict=True
    ):
        expected = sklearn_metrics.confusion_matrix(test.label, predicted)
        np.testing.assert_array_equal(_counts(axes, 10), expected)
        error = numbers[f"classification_error{suffix}"]
        assert f"error {error:.1%}" in axes.get_title(loc="left")


def test_classification_draws_its_figures(digits, classifier):
    shown = drawn(evaluators.classification(classifier, digits, 0))
    assert list(shown) == [
        "classification_components",
        "classification_matrix",
        "classification_tsne",
    ]
    assert all(figure.get_label() for figure in shown.values())
    rows = shown["classification_components"].axes[0].get_yticklabels()
    assert [row.get_text() for row in rows] == list(digits.class_names)
    (legend,) = shown["classification_tsne"].legends
    assert [text.get_text() for text in legend.get_texts()] == list(digits.class_names)


def test_classification_needs_labels_of_the_same_classes(digits, classifier):
    with pytest.raises(ValueError, match="'digits' has none"):
        evaluators.classification(classifier, digits_dataset(labelled=False), 0)
    more = dataclasses.replace(digits, class_names=(*digits.class_names, "ten"))
    with pytest.raises(ValueError, match="has 10 classes, but 'digits' has 11"):
        evaluators.classification(classifier, more, 0)
