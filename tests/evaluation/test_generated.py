"""Generated images as a classifier sees them."""

import numpy as np
import pytest

from adversarial_latent.evaluation import evaluators
from tests.evaluation.fakes import digits_dataset


def test_scores_of_the_data_themselves(digits, model, classifier, monkeypatch):
    """Of a model that draws test images, all scores are those of the test images."""
    x = digits.splits["test"].as_float()
    monkeypatch.setattr(
        model, "sample", lambda n, seed: {"x": np.tile(x, (n // len(x), 1, 1, 1))}
    )
    evaluation = evaluators.inception(model, digits, 0, classifier=classifier)
    results = evaluation.results
    predicted = classifier.encode(x)["y"].argmax(axis=1)
    error = np.mean(predicted != digits.splits["test"].label)
    assert results["classifier_error"] == pytest.approx(error)
    of_data = results["classifier_inception_score_of_data"]
    assert results["classifier_inception_score"] == pytest.approx(of_data)
    assert 5 < of_data <= 10
    assert results["classifier_frechet_distance"] == pytest.approx(0, abs=0.2)
    assert "10 groups of 50 of 500 samples" in evaluation.protocol


def test_a_model_of_one_image_scores_one(digits, model, classifier, monkeypatch):
    image = digits.splits["test"].as_float()[:1]
    monkeypatch.setattr(model, "sample", lambda n, seed: {"x": image.repeat(n, 0)})
    results = evaluators.inception(model, digits, 0, classifier=classifier).results
    assert results["classifier_inception_score"] == pytest.approx(1)
    assert results["classifier_frechet_distance"] > 1


def test_any_extractor_will_do(digits, model):
    class Brightness:
        """Two classes, dark and light, and no features."""

        def encode(self, x):
            light = x.mean(axis=(1, 2, 3)) > 0.3
            return {"y": np.eye(2)[light.astype(int)]}

    results = evaluators.inception(model, digits, 0, classifier=Brightness()).results
    assert 1 < results["classifier_inception_score"] < 2
    assert "classifier_frechet_distance" not in results


def test_images_are_read_as_the_label_they_are_made_for(digits, classifier):
    """Of a model that draws test images, and is wrong about the label of one."""
    test = digits.splits["test"]

    class Recall:
        classifies, conditional, num_components = True, False, 10

        def can(self, question):
            return question == "sample"

        def sample(self, n, seed, component):
            assert np.array_equal(np.bincount(component), np.full(10, 10))
            x = test.as_float()
            seen = classifier.encode(x)["y"].argmax(axis=1)
            chosen = [np.flatnonzero(seen == k)[0] for k in component]
            chosen[-1] = chosen[0]
            return {"x": x[np.array(chosen)]}

    evaluation = evaluators.faithfulness(Recall(), digits, 0, classifier=classifier)
    assert evaluation.results["generated_label_accuracy"] == pytest.approx(0.99)
    predicted = classifier.encode(test.as_float())["y"].argmax(axis=1)
    error = np.mean(predicted != test.label)
    assert evaluation.results["classifier_error"] == pytest.approx(error)
    assert "100 generated images, 10 for each class" in evaluation.protocol


def test_clusters_are_no_labels_to_be_faithful_to(digits, model, classifier):
    with pytest.raises(ValueError, match="'faithfulness' needs a model that learns cl"):
        evaluators.faithfulness(model, digits, 0, classifier=classifier)


def test_a_classifier_is_needed(digits, model):
    with pytest.raises(ValueError, match="needs a classifier of 'digits'"):
        evaluators.inception(model, digits, 0)
    with pytest.raises(ValueError, match="which learns from labels, and 'digits' has"):
        evaluators.inception(model, digits_dataset(labelled=False), 0)
