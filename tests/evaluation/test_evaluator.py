"""What the decorator makes of a function: an evaluator that checks and passes on."""

import dataclasses
import inspect

import numpy as np
import pytest

from adversarial_latent.data import Dataset, Examples
from adversarial_latent.evaluation.evaluator import (
    ABILITIES,
    RECEIVED,
    Evaluation,
    EvaluationData,
    Evaluator,
    evaluator,
)
from adversarial_latent.evaluation.evaluators import EVALUATORS
from adversarial_latent.evaluation.figures import FIGURES
from adversarial_latent.inputs import InputError
from tests.evaluation.fakes import AnyModel, Case, conditional, make

SHAPE = (4, 4, 1)


def split(size, start=0, labels=True):
    x = np.full((size, *SHAPE), 51 * start, np.uint8)
    label = np.arange(size) % 2 if labels else None
    captions = tuple((f"number {start + k}",) for k in range(size))
    return Examples(x=x, label=label, captions=captions)


def dataset(**splits):
    """Examples with all that an evaluator can receive."""
    splits = {"train": split(3), "test": split(4, 1), **splits}
    return Dataset("drawn", splits, "", ("red one", "blue two"), ("colour", "number"))


def unlabelled_dataset():
    splits = dict.fromkeys(("train", "validation", "test"), split(3, labels=False))
    return Dataset("drawn", splits, "")


MODEL = AnyModel(SHAPE, 2)


def called(*parameters, requires=(), **options):
    """An evaluator `fake` of these parameters, and what it received at each call."""
    calls = []

    def fake(**received):
        calls.append(received)
        return Evaluation({}, "")

    fake.__signature__ = inspect.Signature(
        [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in parameters]
    )
    return evaluator(*requires, **options)(fake), calls


@pytest.mark.parametrize(
    "parameters", [(), *((name,) for name in RECEIVED), RECEIVED, RECEIVED[::-1]]
)
def test_an_evaluator_receives_what_its_parameters_declare(parameters):
    made, calls = called(*parameters)
    validation = split(2, 2)
    examples = dataset(validation=validation)
    classifier = AnyModel(SHAPE, 2)
    found = made(MODEL, examples, 7, classifier=classifier, sentences=("a", "b"))
    assert found == Evaluation({}, "")
    (received,) = calls
    assert made.receives == parameters == tuple(received)
    test = examples.splits["test"]
    expected = {
        "model": MODEL,
        "seed": 7,
        "classifier": classifier,
        "validation": validation,
        "captions": test.captions,
        "attributes": ("colour", "number"),
        "sentences": ("a", "b"),
    }
    for name, value in received.items():
        if name == "data":
            assert isinstance(value, EvaluationData)
            assert (value.name, value.split) == ("drawn", "test")
            np.testing.assert_array_equal(value.x, test.as_float())
            assert value.x.dtype == np.float32
            np.testing.assert_array_equal(value.labels, test.label)
            assert value.class_names == ("red one", "blue two")
        else:
            assert value is expected[name] or value == expected[name], name


def test_examples_of_another_split():
    made, calls = called("data", "captions")
    examples = dataset(validation=split(2, 3))
    made(MODEL, examples, 0, split="validation")
    (received,) = calls
    assert received["data"].split == "validation"
    assert received["data"].description == (
        "2 examples of the validation split of drawn"
    )
    assert received["captions"] == (("number 3",), ("number 4",))


def test_validation_examples_are_labelled_and_not_the_evaluated_ones():
    made, calls = called("validation")
    made(MODEL, dataset(), 0)
    made(MODEL, unlabelled_dataset(), 0)
    made(MODEL, dataset(validation=split(2)), 0, split="validation")
    assert calls == [{"validation": None}] * 3


def test_only_labelled_examples_are_compared_with_labels():
    """Others are evaluated without labels; a split of unlabelled ones has none."""
    some = split(4, 1)
    some = dataclasses.replace(some, label=[1, -1, 0, -1])
    bare = dataclasses.replace(split(3, 2), label=[-1, -1, -1])
    examples = dataset(test=some, validation=bare)
    for options in ({"compares_labels": True}, {"requires": ("labels",)}):
        made, calls = called("data", "captions", "validation", **options)
        made(MODEL, examples, 0)
        assert calls[0]["data"].labels.tolist() == [1, 0]
        assert len(calls[0]["data"].x) == 2
        assert calls[0]["captions"] == (("number 1",), ("number 3",))
        assert calls[0]["validation"] is None
    made, calls = called("data", "captions")
    made(MODEL, examples, 0)
    made(conditional(MODEL), examples, 0)
    assert calls[0]["data"].labels is None
    assert len(calls[0]["data"].x) == len(calls[0]["captions"]) == 4
    assert calls[1]["data"].labels.tolist() == [1, 0]
    made, calls = called("data", compares_labels=True)
    made(MODEL, examples, 0, split="validation")
    assert calls[0]["data"].labels is None
    assert len(calls[0]["data"].x) == 3
    made, _ = called("data", requires=("labels",))
    with pytest.raises(InputError, match="no example of the validation split of"):
        made(MODEL, examples, 0, split="validation")
    made, calls = called("validation")
    made(MODEL, dataset(validation=some), 0)
    assert calls[0]["validation"].label.tolist() == [1, 0]
    made, _ = called("data", min_examples=3, compares_labels=True)
    with pytest.raises(InputError, match=r"at least 3 examples, .* has 2"):
        made(MODEL, examples, 0)


def test_an_evaluator_has_the_name_and_the_words_of_its_function():
    @evaluator("encode", "images", min_examples=3)
    def brightness(model, data):
        """Measures brightness."""
        return Evaluation({"brightness": float(data.x.mean())}, "mean")

    assert isinstance(brightness, Evaluator)
    assert brightness.name == "brightness"
    assert brightness.__doc__ == "Measures brightness."
    assert brightness.requires == ("encode", "images")
    assert brightness.min_examples == 3
    numbers = brightness(MODEL, dataset(), 0).numbers
    assert numbers == {"brightness": pytest.approx(51 / 255)}
    with pytest.raises(dataclasses.FrozenInstanceError):
        brightness.name = "other"


@pytest.mark.parametrize("parameter", ["examples", "x", "dataset", "kwargs"])
def test_unknown_parameters(parameter):
    with pytest.raises(TypeError, match=rf"fake: unknown parameter \['{parameter}'\]"):
        called("model", parameter)


def test_parameters_without_names_are_unknown():
    with pytest.raises(TypeError, match=r"unknown parameter \['options', 'values'\]"):
        evaluator()(lambda model, *values, **options: None)


@pytest.mark.parametrize(
    "requirement", ["inference", "neighbours", "means", "classifier", ""]
)
def test_unknown_requirements(requirement):
    message = rf"fake: unknown requirement \['{requirement}'\]"
    with pytest.raises(TypeError, match=message):
        called("model", requires=("encode", requirement))


def test_evaluators_that_need_a_classifier():
    with_classifier, calls = called("model", "classifier")
    without, _ = called("model", "data")
    assert with_classifier.needs_classifier
    assert not without.needs_classifier
    with pytest.raises(InputError, match="'fake' needs a classifier of 'drawn'"):
        with_classifier(MODEL, dataset(), 0)
    assert not calls
    with pytest.raises(InputError, match=r"to train a .*'drawn' has none"):
        with_classifier.check_data(unlabelled_dataset())
    without.check_data(unlabelled_dataset())
    need = {name for name, one in EVALUATORS.items() if one.needs_classifier}
    assert need == {"inception", "faithfulness", "captions"}


class Able(AnyModel):
    """Has the given abilities only."""

    def __init__(self, *abilities):
        super().__init__(SHAPE, 2)
        self.abilities = abilities

    def can(self, ability):
        return ability in self.abilities


@pytest.mark.parametrize("ability", ABILITIES)
def test_required_abilities(ability):
    made, calls = called("model", requires=(ability,))
    made(Able(ability), dataset(), 0)
    others = Able(*(name for name in ABILITIES if name != ability))
    message = rf"'fake' requires models that can .* this one cannot \['{ability}'\]"
    with pytest.raises(InputError, match=message):
        made(others, dataset(), 0)
    assert len(calls) == 1


def with_captions(model):
    model.uses_captions = True
    return model


def learning_classes(model):
    model.classifies = True
    return model


@pytest.mark.parametrize(
    ("requirement", "model", "other", "message"),
    [
        ("components", MODEL, AnyModel(SHAPE, None), "a model with components"),
        ("classes", learning_classes(AnyModel(SHAPE, 2)), MODEL, "learns classes"),
        ("captions", with_captions(AnyModel(SHAPE, 2)), MODEL, "uses captions"),
        ("unconditional", MODEL, conditional(MODEL), "is given the labels"),
    ],
)
def test_required_models(requirement, model, other, message):
    made, _ = called("model", requires=(requirement,))
    made.check_model(model)
    with pytest.raises(InputError, match=f"'fake' .*{message}"):
        made.check_model(other)
    with pytest.raises(InputError, match=f"'fake' .*{message}"):
        made(other, dataset(), 0)


def other_dataset(**changes):
    examples = Examples(**{"x": split(2).x} | changes)
    return Dataset("other", {"train": examples, "test": examples}, "")


@pytest.mark.parametrize(
    ("requirement", "other", "message"),
    [
        (
            "images",
            other_dataset(x=np.zeros((2, 3), np.float32)),
            r"images \[N, H, W, C\], but examples of 'other' have shape \(3,\)",
        ),
        ("labels", other_dataset(), "requires labels, but 'other' has no"),
        ("captions", other_dataset(), "requires captions, but 'other' has none"),
        ("known_means", dataset(), r"one of \['grid25', 'ring'\], not 'drawn'"),
    ],
)
def test_required_data(requirement, other, message):
    made, _ = called("model", requires=(requirement,))
    made.check_data(dataclasses.replace(dataset(), name="ring"))
    with pytest.raises(InputError, match=f"'fake' .*{message}"):
        made.check_data(other)


@pytest.mark.parametrize(
    ("requirement", "shapes", "message"),
    [
        ("z", {"y": (5, 3)}, r"'fake' requires codes z, .* parts \['y'\]"),
        ("z_in_plane", {"z": (5, 3)}, r"requires codes z \[N, 2\].*'z': \(5, 3\)"),
        ("z_in_plane", {"z": (5, 2), "y": (5, 3)}, "without a component y"),
    ],
)
def test_required_codes(requirement, shapes, message):
    made, _ = called("model", requires=(requirement,))
    assert made.requires_codes
    made.check_codes({"z": (5, 2)})
    with pytest.raises(InputError, match=message):
        made.check_codes(shapes)
    without, _ = called("model", requires=("encode", "images"))
    assert not without.requires_codes
    without.check_codes(shapes)


def test_required_examples():
    made, _ = called("model", min_examples=4)
    made.check_data(dataset())
    message = "'fake' requires at least 4 examples, but the test split of 'drawn' has 3"
    with pytest.raises(InputError, match=rf"{message}: raise dataset\.test_fraction"):
        made.check_data(dataset(test=split(3)))
    with pytest.raises(InputError, match=r"has 2: raise dataset\.num_validation"):
        made.check_data(dataset(validation=split(2)), "validation")
    with pytest.raises(InputError, match="'drawn' has no validation split"):
        made.check_data(dataset(), "validation")


FIGURES_OF = {
    "clustering": {
        "clustering_components",
        "clustering_matrix",
        "clustering_simplex",
        "clustering_tsne",
    },
    "classification": {
        "classification_components",
        "classification_matrix",
        "classification_simplex",
        "classification_tsne",
    },
    "mixture": {"mixture_distances", "mixture_merging", "mixture_plane"},
    "reconstruction": {"reconstruction"},
    "interpolation": {"interpolation"},
    "samples": {"samples"},
    "inception": set(),
    "faithfulness": set(),
    "captions": {"captions", "sentences"},
    "style": set(),
    "prior_codes": {"prior_codes", "inferred_codes"},
    "likelihood": set(),
    "modes": {"modes"},
    "manifold": {"manifold_codes", "manifold_traversal"},
    "variations": {"variations"},
}
ARRAYS_WITHOUT_A_FIGURE = {"mixture"}


@pytest.mark.parametrize("name", EVALUATORS)
def test_every_array_has_a_figure_of_its_name(name):
    model, classifier, examples = make(name, Case())
    found = EVALUATORS[name](
        model, examples, 0, classifier=classifier, sentences=("a red one", "a blue one")
    )
    figures = found.arrays.keys() - ARRAYS_WITHOUT_A_FIGURE
    assert figures == FIGURES_OF[name]
    assert figures <= FIGURES.keys()
    assert ARRAYS_WITHOUT_A_FIGURE.isdisjoint(FIGURES)


def test_every_figure_is_one_of_an_evaluator():
    assert FIGURES_OF.keys() == EVALUATORS.keys()
    of_runs = {"number_of_clusters"}  # see evaluation/candidates.py
    assert set().union(of_runs, *FIGURES_OF.values()) == FIGURES.keys()
