"""Evaluation of generated images by a classifier.

The inception score and the Frechet distance usually use an ImageNet network. Here they
use a classifier of the same data, which a run trains beforehand (`config.classifier`).
Numbers are only comparable if they are from the same classifier.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from adversarial_latent.evaluation import scores
from adversarial_latent.evaluation.evaluator import (
    Arrays,
    Evaluation,
    EvaluationData,
    choose,
    evaluator,
)
from adversarial_latent.model import Model

_SAMPLES_PER_EXAMPLE = 5  # 50,000 samples for MNIST, as in AIM, section 5.1
_DATA_GROUPS = 2  # 5,000 images each for MNIST; samples then have ten such groups
_STYLES = 8
_CAPTIONS_SHOWN = 8


@evaluator("sample", "images", min_examples=_DATA_GROUPS)
def inception(
    model: Model, data: EvaluationData, seed: int, classifier: Model
) -> Evaluation:
    """Scores generated images by a classifier of the data (AIM, table 1).

    `classifier` can be any object with a method `encode(x)` that returns class
    probabilities "y" [N, K], and optionally features "z" [N, F], such as a `Model` of
    the game "classifier".

    Numbers: `classifier_inception_score`, and for comparison
    `classifier_inception_score_of_data`, the score of the test images;
    `classifier_error`, the error on them; with features, also
    `classifier_frechet_distance`.
    """
    # The score depends on the size of groups, so data and samples have the same.
    size = len(data.x) // _DATA_GROUPS
    groups = _SAMPLES_PER_EXAMPLE * _DATA_GROUPS
    number = groups * size
    generated = classifier.encode(model.sample(number, seed)["x"])
    real = classifier.encode(data.x)
    numbers = {
        "classifier_inception_score": float(
            scores.inception_scores(generated["y"], groups).mean()
        ),
        "classifier_inception_score_of_data": float(
            scores.inception_scores(
                real["y"][: _DATA_GROUPS * size], _DATA_GROUPS
            ).mean()
        ),
        "classifier_error": _error(real["y"], data.labels),
    }
    protocol = (
        "classifier_inception_score: exp of the mean KL divergence of p(y|x) from "
        f"p(y), mean over {groups} groups of {size} of {number} samples "
        f"(seed {seed}), where p(y|x) is a classifier of {data.name} that was "
        "trained for this purpose, not an ImageNet network; "
        "classifier_inception_score_of_data is the score of the "
        f"{data.split} split in groups of the same size, and classifier_error is the "
        "classifier's error on it."
    )
    if "z" in generated:
        numbers["classifier_frechet_distance"] = scores.frechet_distance(
            generated["z"], real["z"]
        )
        protocol += (
            " classifier_frechet_distance: distance between Gaussians fitted to the "
            f"classifier's features of the samples and of {data.description}."
        )
    return Evaluation(numbers, protocol)


@evaluator("sample", "images", "components", "classes")
def faithfulness(
    model: Model, data: EvaluationData, seed: int, classifier: Model
) -> Evaluation:
    """Measures how often images generated for a class are classified as that class.

    Numbers: `generated_label_accuracy`, and `classifier_error`, the error of the
    classifier on real test images.
    """
    assert model.num_components is not None
    classes = model.num_components
    number = -(-len(data.x) // classes)
    label = np.repeat(np.arange(classes), number)
    generated = classifier.encode(model.sample(len(label), seed, component=label)["x"])
    real = classifier.encode(data.x)
    numbers = {
        "generated_label_accuracy": float(
            np.mean(generated["y"].argmax(axis=1) == label)
        ),
        "classifier_error": _error(real["y"], data.labels),
    }
    protocol = (
        f"generated_label_accuracy: share of {len(label)} generated images, {number} "
        f"for each class (seed {seed}), that a classifier of {data.name} assigns to "
        "that class; it was trained for this purpose. classifier_error: its error on "
        f"{data.description}."
    )
    return Evaluation(numbers, protocol)


@evaluator("sample", "styles", "images", "captions")
def captions(
    model: Model,
    data: EvaluationData,
    seed: int,
    classifier: Model,
    captions: Sequence[Sequence[str]],
    attributes: tuple[str, ...],
    sentences: Sequence[str],
) -> Evaluation:
    """Measures how often images generated for a caption have the described class.

    Numbers: `caption_accuracy`; if classes are combinations of attributes, also
    `caption_accuracy_ATTRIBUTE` for each of them; and `classifier_error`, the error of
    the classifier on real test images.

    Figures: `captions` (learned prior, figure 13) and, if there are sentences to
    illustrate, `sentences` (figure 14).
    """
    assert data.labels is not None
    rng = np.random.default_rng(seed)
    chosen = [group[int(rng.integers(len(group)))] for group in captions]
    images = model.sample(len(chosen), seed, caption=chosen)["x"]
    predicted = classifier.encode(images)["y"].argmax(axis=1)
    numbers = {"caption_accuracy": float(np.mean(predicted == data.labels))}
    if attributes:
        words = np.array([name.split() for name in data.class_names])
        correct = (words[predicted] == words[data.labels]).mean(axis=0)
        for attribute, share in zip(attributes, correct, strict=True):
            numbers[f"caption_accuracy_{attribute}"] = float(share)
    numbers["classifier_error"] = _error(classifier.encode(data.x)["y"], data.labels)
    protocol = (
        f"caption_accuracy: share of {len(chosen)} images, each generated for a random "
        f"caption of one of {data.description} (seed {seed}), that a classifier of "
        f"{data.name} assigns to the class of the described image; it was trained for "
        "this purpose, and classifier_error is its error on those images."
    )

    def of_captions() -> Arrays:
        shown = [chosen[i] for i in choose(len(chosen), _CAPTIONS_SHOWN, seed)]
        return {
            "images": model.styles(_STYLES, seed, captions=shown),
            "captions": np.array(shown),
            "split": np.array(data.split),
        }

    def of_sentences() -> Arrays:
        return {
            "images": model.styles(_STYLES, seed, captions=sentences),
            "first": np.array(sentences[0]),
            "differences": np.array(_differences(sentences)),
        }

    arrays = {"captions": of_captions}
    if sentences:
        arrays["sentences"] = of_sentences
    return Evaluation(numbers, protocol, arrays)


def _error(probabilities: np.ndarray, labels: np.ndarray | None) -> float:
    return float(np.mean(probabilities.argmax(axis=1) != labels))


def _differences(sentences: Sequence[str]) -> list[str]:
    """The words of each sentence that differ from those of the other sentences.

    Sentences of equal length are compared by position, others as sets of words.
    """
    split = [sentence.split() for sentence in sentences]
    if len({len(words) for words in split}) == 1:
        changing = [len(set(column)) > 1 for column in zip(*split, strict=True)]
        return [" ".join(itertools.compress(words, changing)) for words in split]
    common = set.intersection(*map(set, split))
    return [" ".join(word for word in words if word not in common) for words in split]
