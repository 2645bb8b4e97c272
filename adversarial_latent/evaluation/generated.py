"""How a classifier sees the images that a model generates.

Inception score and Frechet distance are usually taken with an ImageNet network. Here it
is a classifier of the data themselves, which a run trains beforehand
(`config.classifier`): numbers can be compared under the same classifier only.
"""

import itertools
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from adversarial_latent.evaluation import figures, scores
from adversarial_latent.evaluation.evaluator import (
    Evaluation,
    Judged,
    Model,
    captioned,
    choose,
    evaluator,
)

_SAMPLES_PER_EXAMPLE = 5  # 50,000 samples for MNIST, as in AIM, section 5.1
_GROUPS_OF_DATA = 2  # of 5,000 images, as samples are scored in ten such groups
_STYLES = 8
_CAPTIONS_SHOWN = 8


@evaluator("sample", needs=("images", "classifier"), at_least=_GROUPS_OF_DATA)
def inception(model: Model, judged: Judged, seed: int) -> Evaluation:
    """Scores generated images by a classifier of the data (AIM, table 1).

    `judged.classifier` is whatever has an `encode(x)` that gives "y" [N, K], class
    probabilities, and perhaps "z" [N, F], features: a `Model` of the game "classifier",
    or any other extractor.

    Results: `classifier_inception_score` and, for comparison, the same of the test
    images, `classifier_inception_score_of_data`; `classifier_error` on them; with
    features, `classifier_frechet_distance`.
    """
    assert judged.classifier is not None
    # The score depends on the size of groups: it is one for data and samples.
    size = len(judged.x) // _GROUPS_OF_DATA
    groups = _SAMPLES_PER_EXAMPLE * _GROUPS_OF_DATA
    number = groups * size
    seen = judged.classifier.encode(model.sample(number, seed)["x"])
    real = judged.classifier.encode(judged.x)
    results = {
        "classifier_inception_score": float(
            scores.inception_scores(seen["y"], groups).mean()
        ),
        "classifier_inception_score_of_data": float(
            scores.inception_scores(
                real["y"][: _GROUPS_OF_DATA * size], _GROUPS_OF_DATA
            ).mean()
        ),
        "classifier_error": float(np.mean(real["y"].argmax(axis=1) != judged.labels)),
    }
    protocol = (
        "classifier_inception_score: exp of the mean KL divergence of p(y|x) from "
        f"p(y), mean over {groups} groups of {size} of {number} samples "
        f"(seed {seed}), where p(y|x) is a classifier of {judged.name} that was "
        "trained for this purpose, not a network of ImageNet; "
        "classifier_inception_score_of_data is the score of the "
        f"{judged.split} split in groups of the same size, and classifier_error the "
        "classifier's error on it."
    )
    if "z" in seen:
        results["classifier_frechet_distance"] = scores.frechet_distance(
            seen["z"], real["z"]
        )
        protocol += (
            " classifier_frechet_distance: of Gaussians fitted to the classifier's "
            f"features of the samples and of {judged.described}."
        )
    return Evaluation(results, {}, protocol)


@evaluator("sample", needs=("images", "classifier", "components", "classes"))
def faithfulness(model: Model, judged: Judged, seed: int) -> Evaluation:
    """Asks a classifier of the data whether images are of the class they are made for.

    Results: `generated_label_accuracy`; and `classifier_error`, of that classifier on
    real test images.
    """
    assert judged.classifier is not None
    assert model.num_components is not None
    classes = model.num_components
    number = -(-len(judged.x) // classes)
    label = np.repeat(np.arange(classes), number)
    seen = judged.classifier.encode(
        model.sample(len(label), seed, component=label)["x"]
    )
    real = judged.classifier.encode(judged.x)
    results = {
        "generated_label_accuracy": float(np.mean(seen["y"].argmax(axis=1) == label)),
        "classifier_error": float(np.mean(real["y"].argmax(axis=1) != judged.labels)),
    }
    protocol = (
        f"generated_label_accuracy: share of {len(label)} generated images, {number} "
        f"for each class (seed {seed}), that a classifier of {judged.name} takes for "
        "that class; it was trained for this purpose. classifier_error: its error on "
        f"{judged.described}."
    )
    return Evaluation(results, {}, protocol)


@evaluator("sample", "styles", needs=("images", "captions", "classifier"))
def captions(model: Model, judged: Judged, seed: int) -> Evaluation:
    """Asks a classifier of the data whether images show what their captions say.

    Results: `caption_accuracy`, of whole classes; where classes are combinations of
    attributes also of each, `caption_accuracy_ATTRIBUTE`; and `classifier_error`, of
    that classifier on real test images. Figures: `captions` (learned prior, figure 13)
    and, if there are sentences to illustrate, `sentences` (figure 14).
    """
    assert judged.classifier is not None
    assert judged.captions is not None
    assert judged.labels is not None
    rng = np.random.default_rng(seed)
    told = [several[int(rng.integers(len(several)))] for several in judged.captions]
    drawn = model.sample(len(told), seed, caption=told)["x"]
    seen = judged.classifier.encode(drawn)["y"].argmax(axis=1)
    real = judged.classifier.encode(judged.x)["y"].argmax(axis=1)
    results = {"caption_accuracy": float(np.mean(seen == judged.labels))}
    if judged.attributes:
        words = np.array([name.split() for name in judged.class_names])
        right = (words[seen] == words[judged.labels]).mean(axis=0)
        for attribute, share in zip(judged.attributes, right, strict=True):
            results[f"caption_accuracy_{attribute}"] = float(share)
    results["classifier_error"] = float(np.mean(real != judged.labels))
    protocol = (
        f"caption_accuracy: share of {len(told)} images, each generated for a random "
        f"caption of one of {judged.described} (seed {seed}), that a classifier of "
        f"{judged.name} takes for the class of the image that was described; it was "
        "trained for this purpose, and classifier_error is its error on those images."
    )

    def draw_captions() -> Figure:
        shown = [told[i] for i in choose(len(told), _CAPTIONS_SHOWN, seed)]
        return captioned(
            figures.image_grid(
                model.styles(_STYLES, seed, captions=shown),
                row_labels=["\n".join(textwrap.wrap(text, 45)) for text in shown],
            ),
            f"Images generated for random captions of the {judged.split} split. A "
            "column is a style: noise that is the same for all captions.",
        )

    def draw_sentences() -> Figure:
        images = model.styles(_STYLES, seed, captions=judged.sentences)
        return captioned(
            figures.image_grid(
                images.swapaxes(0, 1), column_labels=_differences(judged.sentences)
            ),
            f"Images generated for '{judged.sentences[0]}' and for the same with other "
            "words. A row is a style.",
        )

    drawings = {"captions": draw_captions}
    if judged.sentences:
        drawings["sentences"] = draw_sentences
    return Evaluation(results, drawings, protocol)


def _differences(sentences: Sequence[str]) -> list[str]:
    """What each of the sentences has that others have not, in the same place if any."""
    split = [sentence.split() for sentence in sentences]
    if len({len(words) for words in split}) == 1:
        changing = [len(set(column)) > 1 for column in zip(*split, strict=True)]
        return [" ".join(itertools.compress(words, changing)) for words in split]
    common = set.intersection(*map(set, split))
    return [" ".join(word for word in words if word not in common) for words in split]
