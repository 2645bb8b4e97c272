"""How a classifier sees the images that a model generates.

Inception score and Frechet distance are usually taken with an ImageNet network. Here it
is a classifier of the data themselves, which a run trains beforehand
(`config.classifier`): numbers can be compared under the same classifier only.
"""

import numpy as np

from adversarial_latent.evaluation import scores
from adversarial_latent.evaluation.evaluator import (
    Evaluation,
    Judged,
    Model,
    evaluator,
)

_SAMPLES_PER_EXAMPLE = 5  # 50,000 samples for MNIST, as in AIM, section 5.1
_GROUPS_OF_DATA = 2  # of 5,000 images, as samples are scored in ten such groups


@evaluator("sample", needs=("images", "classifier"))
def inception(model: Model, judged: Judged, seed: int, draw: bool) -> Evaluation:
    """Scores generated images by a classifier of the data (AIM, table 1).

    `judged.classifier` is whatever has an `encode(x)` that gives "y" [N, K], class
    probabilities, and perhaps "z" [N, F], features: a `Model` of the game "classifier",
    or any other extractor.

    Results: `classifier_inception_score` and, for comparison, the same of the test
    images, `classifier_inception_score_of_data`; `classifier_error` on them; with
    features, `classifier_frechet_distance`.
    """
    del draw  # there is nothing to see but samples
    assert judged.classifier is not None
    number = _SAMPLES_PER_EXAMPLE * len(judged.x)
    seen = judged.classifier.encode(model.sample(number, seed)["x"])
    real = judged.classifier.encode(judged.x)
    groups = _SAMPLES_PER_EXAMPLE * _GROUPS_OF_DATA
    results = {
        "classifier_inception_score": float(
            scores.inception_scores(seen["y"], groups).mean()
        ),
        "classifier_inception_score_of_data": float(
            scores.inception_scores(real["y"], _GROUPS_OF_DATA).mean()
        ),
        "classifier_error": float(np.mean(real["y"].argmax(axis=1) != judged.labels)),
    }
    protocol = (
        "classifier_inception_score: exp of the mean KL divergence of p(y|x) from "
        f"p(y), mean over {groups} groups of {number // groups} of {number} samples "
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
def faithfulness(model: Model, judged: Judged, seed: int, draw: bool) -> Evaluation:
    """Asks a classifier of the data whether images are of the class they are made for.

    Results: `generated_label_accuracy`; and `classifier_error`, of that classifier on
    real test images.
    """
    del draw  # the evaluator "samples" shows them
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
