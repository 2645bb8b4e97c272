"""What all evaluators have in common."""

import dataclasses
import json

import pytest

from adversarial_latent.evaluation import clusters, evaluators, figures
from tests.evaluation.fakes import (
    GridModel,
    conditional,
    drawn,
    grid_dataset,
    png,
    saved,
)


def test_unknown_evaluator_is_named_with_the_choices():
    message = r"'clusterin' .*; there are \['captions', .*; did you mean 'clustering'"
    with pytest.raises(ValueError, match=message):
        evaluators.get_evaluator("clusterin")


def test_registered_names_are_those_of_their_functions():
    for name, evaluator in evaluators.EVALUATORS.items():
        assert evaluators.get_evaluator(name) is evaluator
        assert evaluator.name == name


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("clustering", "grid", "'clustering' requires a model with components"),
        ("mixture", "grid", r"requires models that can .* cannot \['mixture'\]"),
        ("classification", "clusters", "requires a model that learns classes"),
        (
            "clustering",
            "conditional",
            "'clustering' compares .* this model is given the",
        ),
        ("classification", "conditional", "'classification' .* model is given the"),
        ("reconstruction", "sampler", r"this one cannot \['encode', 'decode'\]"),
    ],
)
def test_models_that_an_evaluator_is_not_for(
    name, kind, message, digits, model, classifier
):
    models = {
        "grid": GridModel(),
        "clusters": model,
        "conditional": conditional(classifier),
        "sampler": GridModel(infers=False),
    }
    with pytest.raises(ValueError, match=message):
        evaluators.get_evaluator(name)(models[kind], digits, 0)


@pytest.mark.parametrize("name", ["reconstruction", "interpolation", "mixture"])
def test_a_conditional_model_gets_the_labels_of_its_examples(name, digits, model):
    given, evaluator = conditional(model), evaluators.get_evaluator(name)
    evaluation = evaluator(given, digits, 0)
    drawn(evaluation)
    assert evaluation.numbers == evaluator(model, digits, 0).numbers
    test = digits.splits["test"]
    images = [image.tobytes() for image in test.as_float()]
    ((x, label),) = given.received
    assert [test.label[images.index(one.tobytes())] for one in x] == label.tolist()


def test_evaluators_need_a_test_split(digits, model):
    train_only = dataclasses.replace(digits, splits={"train": digits.splits["train"]})
    with pytest.raises(ValueError, match="has no test split"):
        evaluators.reconstruction(model, train_only, 0)


@pytest.mark.parametrize("name", ["samples", "interpolation", "manifold"])
def test_image_evaluators_refuse_points(name):
    with pytest.raises(ValueError, match=f"'{name}' requires images"):
        evaluators.get_evaluator(name)(GridModel(), grid_dataset(), 0)


@pytest.mark.parametrize(
    "name", ["clustering", "mixture", "reconstruction", "interpolation", "samples"]
)
def test_equal_arguments_give_equal_numbers_and_pictures(name, digits, model):
    evaluator = evaluators.get_evaluator(name)
    first, second = (evaluator(model, digits, 7) for _ in range(2))
    assert json.dumps(dict(first.numbers)) == json.dumps(dict(second.numbers))
    assert first.protocol == second.protocol
    assert list(first.arrays) == list(second.arrays)
    for key in first.arrays:
        arrays, again = (saved(one.arrays[key]()) for one in (first, second))
        assert list(arrays) == list(again)
        for part, array in arrays.items():
            assert array.tobytes() == again[part].tobytes(), (key, part)
        if key in figures.FIGURES:
            pictures = [png(figures.draw(key, found)) for found in (arrays, again)]
            assert pictures[0] == pictures[1], key


def test_numbers_come_without_arrays_and_arrays_without_drawing(
    digits, model, monkeypatch
):
    """So that a figure that cannot be drawn costs none."""

    def broken(*_, **__):
        raise RuntimeError("broken")

    for name in figures.FIGURES:
        monkeypatch.setitem(figures.FIGURES, name, broken)
    evaluation = evaluators.clustering(model, digits, 0)
    assert evaluation.numbers.keys() > {"clustering_error", "nmi"}
    for name, compute in evaluation.arrays.items():
        arrays = compute()
        with pytest.raises(RuntimeError, match="broken"):
            figures.draw(name, arrays)
    for name in ("_component_images", "_matrices", "_tsne"):
        monkeypatch.setattr(clusters, name, broken)
    again = evaluators.clustering(model, digits, 0)
    assert again.numbers == evaluation.numbers
    for compute in again.arrays.values():
        with pytest.raises(RuntimeError, match="broken"):
            compute()
