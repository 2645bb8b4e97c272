"""What all evaluators have in common."""

import dataclasses
import json

import pytest

from adversarial_latent.evaluation import evaluators, figures
from tests.evaluation.fakes import (
    GridModel,
    drawn,
    grid_dataset,
    png,
    told,
)


def test_unknown_evaluator_is_named_with_the_choices():
    with pytest.raises(
        ValueError, match=r"'clusterin'; there are \['captions', 'classific"
    ):
        evaluators.get_evaluator("clusterin")


def test_registered_names_are_those_of_their_functions():
    for name, evaluator in evaluators.EVALUATORS.items():
        assert evaluators.get_evaluator(name) is evaluator
        assert evaluator.name == name


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("clustering", "grid", "'clustering' needs a model with components"),
        ("mixture", "grid", r"has no \['mixture'\]"),
        ("classification", "clusters", "needs a model that learns classes"),
        ("clustering", "told", "'clustering' compares .* this model is told the"),
        ("classification", "told", "'classification' .* this model is told the"),
        ("reconstruction", "sampler", r"has no \['encode', 'decode'\]"),
    ],
)
def test_models_that_an_evaluator_is_not_for(
    name, kind, message, digits, model, classifier
):
    models = {
        "grid": GridModel(),
        "clusters": model,
        "told": told(classifier),
        "sampler": GridModel(infers=False),
    }
    with pytest.raises(ValueError, match=message):
        evaluators.get_evaluator(name)(models[kind], digits, 0)


@pytest.mark.parametrize("name", ["reconstruction", "interpolation", "mixture"])
def test_a_conditional_model_is_told_the_labels_of_its_examples(name, digits, model):
    listener, evaluator = told(model), evaluators.get_evaluator(name)
    evaluation = evaluator(listener, digits, 0)
    drawn(evaluation)
    assert evaluation.results == evaluator(model, digits, 0).results
    test = digits.splits["test"]
    images = [image.tobytes() for image in test.as_float()]
    ((x, label),) = listener.seen
    assert [test.label[images.index(one.tobytes())] for one in x] == label.tolist()


def test_evaluators_need_a_test_split(digits, model):
    train_only = dataclasses.replace(digits, splits={"train": digits.splits["train"]})
    with pytest.raises(ValueError, match="has no test split"):
        evaluators.reconstruction(model, train_only, 0)


@pytest.mark.parametrize("name", ["samples", "interpolation", "manifold"])
def test_image_evaluators_refuse_points(name):
    with pytest.raises(ValueError, match=f"'{name}' shows images"):
        evaluators.get_evaluator(name)(GridModel(), grid_dataset(), 0)


@pytest.mark.parametrize(
    "name", ["clustering", "mixture", "reconstruction", "interpolation", "samples"]
)
def test_equal_arguments_give_equal_numbers_and_pictures(name, digits, model):
    evaluator = evaluators.get_evaluator(name)
    first, second = (evaluator(model, digits, 7) for _ in range(2))
    assert json.dumps(dict(first.results)) == json.dumps(dict(second.results))
    assert first.protocol == second.protocol
    assert first.figures.keys() == second.figures.keys()
    for key in first.figures:
        assert png(first.figures[key]()) == png(second.figures[key]()), key


def test_numbers_come_without_drawing(digits, model, monkeypatch):
    """So that a figure that cannot be drawn costs none."""

    def broken(*_, **__):
        raise RuntimeError("broken")

    for name in figures.__all__:
        if name.endswith(("_figure", "_grid", "_blocks")):
            monkeypatch.setattr(figures, name, broken)
    evaluation = evaluators.clustering(model, digits, 0)
    assert evaluation.results.keys() > {"clustering_error", "nmi"}
    for draw in evaluation.figures.values():
        with pytest.raises(RuntimeError, match="broken"):
            draw()
