"""Generated images as a classifier sees them."""

import copy
import dataclasses

import numpy as np
import pytest

from adversarial_latent import data
from adversarial_latent.evaluation import evaluators
from adversarial_latent.evaluation.scores import inception_scores
from adversarial_latent.inputs import InputError
from tests.evaluation.fakes import digits_dataset, drawn


def test_scores_of_the_data_themselves(digits, model, classifier, monkeypatch):
    """Of a model that draws test images, all scores are those of the test images."""
    x = digits.splits["test"].as_float()
    monkeypatch.setattr(
        model, "sample", lambda n, seed: {"x": np.tile(x, (n // len(x), 1, 1, 1))}
    )
    evaluation = evaluators.inception(model, digits, 0, classifier=classifier)
    numbers = evaluation.numbers
    predicted = classifier.encode(x)["y"].argmax(axis=1)
    error = np.mean(predicted != digits.splits["test"].label)
    assert numbers["classifier_error"] == pytest.approx(error)
    of_data = numbers["classifier_inception_score_of_data"]
    assert numbers["classifier_inception_score"] == pytest.approx(of_data)
    assert 5 < of_data <= 10
    assert numbers["classifier_frechet_distance"] == pytest.approx(0, abs=0.2)
    assert "10 groups of 50 of 500 samples" in evaluation.protocol


def test_a_model_of_one_image_scores_one(digits, model, classifier, monkeypatch):
    image = digits.splits["test"].as_float()[:1]
    monkeypatch.setattr(model, "sample", lambda n, seed: {"x": image.repeat(n, 0)})
    numbers = evaluators.inception(model, digits, 0, classifier=classifier).numbers
    assert numbers["classifier_inception_score"] == pytest.approx(1)
    assert numbers["classifier_frechet_distance"] > 1


def first(dataset, number):
    """Only some of the test split."""
    test = dataset.splits["test"].take(np.arange(number))
    return dataclasses.replace(dataset, splits={**dataset.splits, "test": test})


@pytest.mark.parametrize(("number", "size"), [(99, 49), (3, 1), (2, 1)])
def test_any_number_of_images_can_be_scored(number, size, digits, model, classifier):
    dataset = first(digits, number)
    evaluation = evaluators.inception(model, dataset, 0, classifier=classifier)
    assert f"10 groups of {size} of {10 * size} samples" in evaluation.protocol
    y = classifier.encode(dataset.splits["test"].as_float())["y"][: 2 * size]
    scores = inception_scores(y, 2)
    found = evaluation.numbers["classifier_inception_score_of_data"]
    assert found == scores.mean()
    assert len(evaluation.numbers) == 4
    assert np.isfinite(list(evaluation.numbers.values())).all()


def test_one_image_cannot_be_scored(digits, model, classifier):
    with pytest.raises(
        InputError, match="'inception' requires at least 2 examples, but "
    ):
        evaluators.inception(model, first(digits, 1), 0, classifier=classifier)


def test_any_extractor_will_do(digits, model):
    class Brightness:
        """Two classes, dark and light, and no features."""

        def encode(self, x):
            light = x.mean(axis=(1, 2, 3)) > 0.3
            return {"y": np.eye(2)[light.astype(int)]}

    numbers = evaluators.inception(model, digits, 0, classifier=Brightness()).numbers
    assert 1 < numbers["classifier_inception_score"] < 2
    assert "classifier_frechet_distance" not in numbers


def test_images_are_classified_as_the_label_that_they_are_generated_for(
    digits, classifier
):
    """Of a model that draws test images, one of them of another label."""
    test = digits.splits["test"]

    class Recall:
        classifies, num_components = True, 10
        conditional = uses_captions = False

        def can(self, ability):
            return ability == "sample"

        def sample(self, n, seed, component):
            assert np.array_equal(np.bincount(component), np.full(10, 10))
            x = test.as_float()
            predicted = classifier.encode(x)["y"].argmax(axis=1)
            chosen = [np.flatnonzero(predicted == k)[0] for k in component]
            chosen[-1] = chosen[0]
            return {"x": x[np.array(chosen)]}

    evaluation = evaluators.faithfulness(Recall(), digits, 0, classifier=classifier)
    assert evaluation.numbers["generated_label_accuracy"] == pytest.approx(0.99)
    predicted = classifier.encode(test.as_float())["y"].argmax(axis=1)
    error = np.mean(predicted != test.label)
    assert evaluation.numbers["classifier_error"] == pytest.approx(error)
    assert "100 generated images, 10 for each class" in evaluation.protocol


def test_clusters_are_no_labels_to_be_faithful_to(digits, model, classifier):
    with pytest.raises(
        ValueError, match="'faithfulness' requires a model that learns cl"
    ):
        evaluators.faithfulness(model, digits, 0, classifier=classifier)


def test_a_classifier_is_needed(digits, model):
    with pytest.raises(ValueError, match="needs a classifier of 'digits'"):
        evaluators.inception(model, digits, 0)
    message = "requires labels to train a classifier .*'digits' has none"
    with pytest.raises(ValueError, match=message):
        evaluators.inception(model, digits_dataset(labelled=False), 0)


class Illustrator:
    """Draws the test image that a caption is of; for some captions, another one."""

    classifies = conditional = False
    uses_captions, num_components = True, None

    def __init__(self, images, instead):
        self._images, self._instead = images, instead

    def can(self, ability):
        return ability in ("sample", "styles")

    def _image(self, caption):
        return self._images[self._instead.get(caption, caption)]

    def sample(self, n, seed, *, caption):
        assert len(caption) == n
        return {"x": np.stack([self._image(words) for words in caption])}

    def styles(self, n, seed, *, captions):
        return np.stack([np.repeat(self._image(w)[None], n, 0) for w in captions])


class ByBrightness:
    """Classifies the images of `described` by their brightness."""

    def encode(self, x):
        levels = (x.mean(axis=(1, 2)) * 4).round().astype(int)  # [N, 2]: two attributes
        return {"y": np.eye(6)[3 * levels[:, 0] + levels[:, 1]]}


@pytest.fixture
def described():
    """Twelve images, whose two channels are two attributes, and a caption of each."""
    label = np.arange(12) % 6
    levels = np.stack([label // 3, label % 3], axis=1)
    x = np.zeros((12, 4, 4, 2), np.float32) + np.float32(levels[:, None, None] / 4)
    captions = tuple((f"number {i}", f"{i} again") for i in range(12))
    test = data.Examples(x=x, label=label, captions=captions)
    kinds = tuple(f"{a} {b}" for a in ("red", "blue") for b in ("one", "two", "three"))
    return data.Dataset(
        "drawn", {"train": test, "test": test}, "", kinds, ("colour", "number")
    )


def test_images_are_classified_as_what_their_captions_say(described):
    x = described.splits["test"].x
    images = {f"number {i}": x[i] for i in range(12)}
    images |= {f"{i} again": x[i] for i in range(12)}
    instead = {name: name.replace("3", "0") for name in ("number 3", "3 again")}
    instead |= {name: name.replace("5", "0") for name in ("number 5", "5 again")}
    model = Illustrator(images, instead)
    found = evaluators.captions(model, described, 0, classifier=ByBrightness())
    # 3 is a blue one and 5 a blue three, and both come out as a red one.
    assert found.numbers == {
        "caption_accuracy": pytest.approx(10 / 12),
        "caption_accuracy_colour": pytest.approx(10 / 12),
        "caption_accuracy_number": pytest.approx(11 / 12),
        "classifier_error": 0.0,
    }
    assert "share of 12 images" in found.protocol


def test_captions_and_sentences_are_shown(described):
    grey = np.full((4, 4, 1), 0.5, np.float32)
    images = dict.fromkeys(
        [name for several in described.splits["test"].captions for name in several],
        grey,
    )
    sentences = ("a red flower with red leaves", "a blue flower with red leaves")
    images |= dict.fromkeys(sentences, grey)

    class Grey(ByBrightness):
        def encode(self, x):
            return {"y": np.eye(6)[np.zeros(len(x), int)]}

    found = evaluators.captions(
        Illustrator(images, {}),
        described,
        0,
        classifier=Grey(),
        sentences=sentences,
    )
    shown = drawn(found)
    assert set(shown) == {"captions", "sentences"}
    labels = [text.get_text() for text in shown["sentences"].axes[0].get_xticklabels()]
    assert labels == ["red", "blue"]
    assert "'a red flower with red leaves'" in shown["sentences"].get_label()
    rows = shown["captions"].axes[0].get_yticklabels()
    assert len(rows) == 8
    assert found.numbers["caption_accuracy"] == pytest.approx(2 / 12)


def test_models_that_use_captions_and_others(digits, model, classifier, described):
    with pytest.raises(
        ValueError, match="'captions' requires a model that uses captions"
    ):
        evaluators.captions(
            model_that_can(model, "styles"), described, 0, classifier=classifier
        )
    illustrator = Illustrator({}, {})
    with pytest.raises(ValueError, match="requires captions, but 'digits' has none"):
        evaluators.captions(illustrator, digits, 0, classifier=classifier)
    with pytest.raises(ValueError, match="'samples' samples without captions"):
        evaluators.samples(illustrator, described, 0)


def model_that_can(model, ability):
    able = copy.copy(model)
    able.can = lambda name: name == ability or model.can(name)
    return able
