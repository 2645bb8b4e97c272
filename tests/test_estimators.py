"""Tests of the estimators; experiments/checks/estimators.py runs scikit-learn's own."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator

from adversarial_latent.estimators import (
    AIM,
    ESTIMATORS,
    AdversarialAutoencoder,
    AMMClustering,
    LearnedPriorAutoencoder,
    PixelGANClassifier,
    SAMMClassifier,
    load_estimator,
    saving,
)
from adversarial_latent.estimators.components import Clustering, number_labels

pytestmark = pytest.mark.usefixtures("_in_a_hurry")
SHORT = {"max_steps": 2, "random_state": 0}


@pytest.fixture(scope="module")
def blobs():
    """Three well-separated groups: X [90, 2], and their labels."""
    rng = np.random.default_rng(0)
    means = np.array([[0, 0], [10, 0], [0, 10]])
    label = np.repeat(np.arange(3), 30)
    return means[label] + rng.normal(size=(90, 2)), label


@pytest.fixture(scope="module")
def images():
    """uint8 images [24, 8, 8, 1]."""
    return np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), np.uint8)


@pytest.fixture(scope="module")
def clustering(blobs):
    return AMMClustering(3, n_init=1, max_steps=300, random_state=0).fit(blobs[0])


@pytest.fixture(scope="module")
def classifier(blobs):
    x, label = blobs
    y = np.array(["left", "right", "top"], object)[label]
    y[np.arange(90) % 10 > 0] = -1  # three labels of each class
    return SAMMClassifier(max_steps=300, random_state=0).fit(x, y)


def checks_without_fit():
    names = ("clone", "tags", "repr", "no_attributes", "default_constructible")
    for name, estimator in ESTIMATORS.items():
        if not get_tags(estimator()).input_tags.two_d_array:
            continue  # scikit-learn has no checks of estimators of images
        for checked, check in estimator_checks_generator(estimator(), mark="skip"):
            title = getattr(check, "func", check).__name__
            if any(part in title for part in names):
                yield pytest.param(checked, check, id=f"{name}-{title}")


@pytest.mark.parametrize(("estimator", "check"), list(checks_without_fit()))
def test_interface_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_clusters_of_blobs_are_found(clustering, blobs):
    x, label = blobs
    assert clustering.n_clusters_ == 3
    assert clustering.candidates_ is None
    pairs = set(zip(clustering.labels_.tolist(), label.tolist(), strict=True))
    assert len(pairs) == 3
    np.testing.assert_array_equal(clustering.predict(x), clustering.labels_)
    assert clustering.labels_.dtype == np.int64


def test_probabilities_and_mixture_sum_to_one(clustering, blobs):
    probabilities = clustering.predict_proba(blobs[0])
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(clustering.weights_.sum(), 1, rtol=1e-5)
    assert clustering.means_.shape == (3, 10)


def test_vectors_return_in_their_original_units(clustering, blobs):
    x, _ = clustering.sample(200)
    assert x.shape == (200, 2)
    # Standardised samples would have a standard deviation of about 1.
    assert 2 < x.std() < 10
    restored = clustering.inverse_transform(clustering.transform(blobs[0]))
    assert 2 < restored.std() < 10


def test_samples_depend_on_the_seed_only(clustering):
    first, _ = clustering.sample(4, random_state=1)
    np.testing.assert_array_equal(first, clustering.sample(4, random_state=1)[0])
    assert (first != clustering.sample(4, random_state=2)[0]).any()


def test_samples_of_one_cluster_or_class(clustering, classifier):
    np.testing.assert_array_equal(clustering.sample(3, y=1)[1], [1, 1, 1])
    assert classifier.sample(2, y="top")[1].tolist() == ["top", "top"]
    with pytest.raises(ValueError, match=r"y=3 must be one of \[0, 1, 2\]"):
        clustering.sample(y=3)
    with pytest.raises(ValueError, match=r"y='up' must be one of \['left', "):
        classifier.sample(y="up")


def test_one_of_several_classifiers_is_chosen_by_neighbours(blobs):
    fitted = SAMMClassifier(n_init=2, **SHORT).fit(*blobs)
    assert fitted.scores_.shape == (2,)
    assert "n_init" not in AIM().get_params()


def test_classes_are_learned_from_few_labels(classifier, blobs):
    x, label = blobs
    assert classifier.classes_.tolist() == ["left", "right", "top"]
    assert classifier.score(x, np.array(["left", "right", "top"])[label]) > 0.95
    assert set(classifier.sample(20)[1]) <= {"left", "right", "top"}


@pytest.mark.parametrize(
    ("y", "classes", "label"),
    [
        ([0, 1, -1, 5], [0, 1, 5], [0, 1, -1, 2]),
        ([-1, 1, 1], [-1, 1], [0, 1, 1]),
        ([-2, -1, 0], [-2, -1, 0], [0, 1, 2]),
        ([1.0, 2.0, -1.0], [1, 2], [0, 1, -1]),
        (["b", "a", "-1"], ["-1", "a", "b"], [2, 1, 0]),
        ([True, False], [False, True], [1, 0]),
    ],
)
def test_minus_one_marks_unlabelled_examples(y, classes, label):
    found, numbers = number_labels(np.array(y))
    assert found.tolist() == classes
    assert numbers.tolist() == label


def test_objects_may_be_unlabelled():
    found, numbers = number_labels(np.array(["b", -1, "a"], object))
    assert found.tolist() == ["a", "b"]
    assert numbers.tolist() == [1, -1, 0]


@pytest.mark.parametrize("fitted", ["clustering", "classifier"])
def test_a_copy_predicts_the_same(fitted, blobs, tmp_path, request):
    estimator, (x, _) = request.getfixturevalue(fitted), blobs
    estimator.save(tmp_path / "model.npz")
    for copied in (
        load_estimator(tmp_path / "model.npz"),
        pickle.loads(pickle.dumps(estimator)),
    ):
        np.testing.assert_array_equal(copied.predict(x), estimator.predict(x))
        np.testing.assert_array_equal(copied.transform(x), estimator.transform(x))
        assert copied.get_params() == estimator.get_params()


def test_only_plain_parameters_are_saved(clustering, tmp_path):
    copied = pickle.loads(pickle.dumps(clustering))
    copied.random_state = np.random.RandomState(0)
    with pytest.raises(ValueError, match=r"cannot be saved as JSON: .*RandomState"):
        copied.save(tmp_path / "model.npz")


def test_another_file_is_no_estimator(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros(3))
    with pytest.raises(ValueError, match=r"x\.npz is not a saved estimator"):
        load_estimator(tmp_path / "x.npz")


def test_grid_search_over_a_pipeline(blobs):
    x, label = blobs
    pipeline = make_pipeline(MinMaxScaler(), SAMMClassifier(**SHORT))
    search = GridSearchCV(pipeline, {"sammclassifier__max_steps": [2, 200]}, cv=2)
    search.fit(x, label)
    assert search.best_params_ == {"sammclassifier__max_steps": 200}
    again = clone(search.best_estimator_).fit(x, label)
    np.testing.assert_array_equal(again.predict(x), search.predict(x))


@pytest.mark.parametrize(
    "estimator",
    [AIM(4, **SHORT), AdversarialAutoencoder(4, **SHORT), LearnedPriorAutoencoder(4)],
    ids=lambda estimator: type(estimator).__name__,
)
def test_codes_of_images_can_be_decoded(estimator, images, tmp_path):
    estimator.set_params(**SHORT).fit(images)
    z = estimator.transform(images)
    assert z.shape == (24, estimator.get_feature_names_out().size)
    assert estimator.inverse_transform(z).shape == images.shape
    sample = estimator.sample(3)
    assert sample.shape == (3, 8, 8, 1)
    assert 0 <= sample.min() <= sample.max() <= 1
    # Float images in [0, 1] are the same images.
    np.testing.assert_allclose(estimator.transform(images / 255), z, rtol=1e-4)
    estimator.save(tmp_path / "model.npz")
    saved = load_estimator(tmp_path / "model.npz")
    np.testing.assert_array_equal(saved.transform(images), z)


def test_pixelgan_classifies_images(images):
    classifier = PixelGANClassifier(**SHORT).fit(images, np.arange(24) % 3)
    assert set(classifier.predict(images)) <= {0, 1, 2}
    scores = classifier.score_samples(images)
    assert scores.shape == (24,)
    assert (scores < 0).all()  # 64 discrete pixels


def test_a_run_directory_resumes(blobs, tmp_path):
    settings = {"n_init": 1, **SHORT, "workdir": str(tmp_path)}
    first = AMMClustering(2, **settings).fit(blobs[0])
    np.testing.assert_array_equal(
        AMMClustering(2, **settings).fit(blobs[0]).transform(blobs[0]),
        first.transform(blobs[0]),
    )
    with pytest.raises(ValueError, match="was trained on other data"):
        AMMClustering(2, **settings).fit(blobs[0] + 1)
    with pytest.raises(ValueError, match=r"config.game.num_components: 2 there, 3"):
        AMMClustering(3, **settings).fit(blobs[0])


def test_fields_of_the_config_can_be_set(blobs):
    settings = {"overrides": {"batch_size": 8}, "n_init": 1, **SHORT}
    assert AMMClustering(2, **settings).fit(blobs[0]).config_["batch_size"] == 8


class InformationClustering(Clustering):
    """A clustering that compiles quickly."""

    _game = "information"


def test_the_number_of_clusters_can_be_chosen(blobs, tmp_path):
    overrides = {"number_of_clusters.candidates": (3, 2)}
    fitted = InformationClustering("auto", n_init=2, overrides=overrides, **SHORT)
    fitted.fit(blobs[0])
    assert fitted.candidates_.tolist() == [2, 3]
    assert fitted.n_clusters_ == [2, 3][fitted.candidate_scores_.argmax()]
    assert fitted.predict_proba(blobs[0]).shape == (90, fitted.n_clusters_)
    fitted.save(tmp_path / "model.npz")
    _, _, saved = saving.read(tmp_path / "model.npz")
    np.testing.assert_array_equal(saved["candidate_scores_"], fitted.candidate_scores_)


def test_numbers_of_clusters_that_cannot_be_chosen(blobs):
    with pytest.raises(ValueError, match=r"k='many' must be a number .* or auto"):
        AMMClustering("many").fit(blobs[0])
    with pytest.raises(ValueError, match=r"set config\.trials \(n_init\) to 2"):
        AMMClustering("auto", n_init=1).fit(blobs[0])
    with pytest.raises(ValueError, match="has 20, but 'memory' has only 12 training"):
        AMMClustering("auto").fit(blobs[0][:12])


def test_training_is_silent_unless_verbose(blobs, capfd):
    fit = AMMClustering(2, n_init=1, **SHORT).fit
    fit(blobs[0])
    assert capfd.readouterr() == ("", "")
    AMMClustering(2, n_init=1, verbose=True, **SHORT).fit(blobs[0])
    assert "training: 2 steps" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((9, 4, 4, 3), np.int64), "expected uint8 images"),
        (np.full((9, 4, 4, 3), 2.0), r"float images must lie in \[0, 1\]"),
        (np.zeros((2, 3)), "n_samples=2 is less than n_clusters=8"),
        (np.zeros((1, 3)), "minimum of 2 is required"),
    ],
)
def test_invalid_examples_are_refused_before_training(x, message):
    with pytest.raises(ValueError, match=message):
        AMMClustering().fit(x)


def test_a_classifier_needs_two_classes(blobs):
    with pytest.raises(ValueError, match="only one class"):
        SAMMClassifier(**SHORT).fit(blobs[0], np.zeros(90, int))


def test_predictions_need_a_fit_and_the_same_shape(images):
    estimator = AdversarialAutoencoder(2, **SHORT)
    with pytest.raises(NotFittedError):
        estimator.transform(images)
    estimator.fit(images)
    with pytest.raises(ValueError, match=r"is fitted to examples of shape \(8, 8, 1\)"):
        estimator.transform(images[:, :, :4])
