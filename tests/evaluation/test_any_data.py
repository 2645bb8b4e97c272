"""Every evaluator on few, equal and very many: numbers, or the reason why not."""

import dataclasses
import logging

import numpy as np
import pytest

from adversarial_latent.data import Dataset, Examples, grid_means, mode_names
from adversarial_latent.evaluation.evaluate import judge
from adversarial_latent.evaluation.evaluators import EVALUATORS
from adversarial_latent.inputs import InputError
from tests.evaluation.fakes import AnyModel, png

SHAPE = (4, 4, 1)


@dataclasses.dataclass(frozen=True)
class Case:
    """What models are evaluated on, and what cannot be made of that.

    Attributes:
      left_out: names of figures and, of an evaluator that gives nothing, its own.
    """

    examples: int = 20
    classes: int = 3
    components: int = 3
    equal: bool = False
    constant: bool = False
    labelled: bool = True
    left_out: frozenset[str] = frozenset()


ONE = {"clustering_tsne", "classification_tsne", "interpolation", "inception"}
LARGE = {"samples", "mixture_distances", "mixture_plane"}
LARGE |= {f"clustering_{figure}" for figure in ("components", "matrix")}
LARGE |= {f"classification_{figure}" for figure in ("components", "matrix")}
CASES = {
    "one example": Case(1, left_out=frozenset(ONE)),
    "two examples": Case(2),
    "three examples": Case(3),
    "five examples": Case(5),
    "one class": Case(classes=1),
    "one component": Case(components=1),
    "one of all": Case(1, 1, 1, left_out=frozenset(ONE)),
    "equal examples": Case(equal=True),
    "constant codes": Case(constant=True),
    "empty clusters": Case(4, components=12),
    "no labels": Case(labelled=False),
    "1500 classes": Case(60, 1500, 1500, left_out=frozenset(LARGE)),
}


def make(name: str, case: Case) -> tuple[AnyModel, AnyModel, Dataset]:
    """A model, a classifier and data that the evaluator is for."""
    rng = np.random.default_rng(0)
    label = np.arange(case.examples) % case.classes if case.labelled else None
    class_names = tuple(map(str, range(case.classes))) if case.labelled else ()
    shape, data = SHAPE, "images"
    if name == "modes":
        names = mode_names(grid_means())
        shape, data, class_names = (2,), "grid25", names[: min(case.classes, 25)]
        label = np.arange(case.examples) % len(class_names)
    x = rng.uniform(size=(case.examples, *shape)).astype(np.float32)
    captions = tuple((f"number {k}",) for k in range(case.examples))
    examples = Examples(x=x[:1] + 0 * x if case.equal else x, label=label)
    if name == "captions":
        examples = dataclasses.replace(examples, captions=captions)
    dataset = Dataset(data, {"train": examples, "test": examples}, "", class_names)
    components = case.classes if name in CLASSES else case.components
    if name in ("manifold", "modes"):
        components = None
    model = AnyModel(shape, components, constant=case.constant)
    model.classifies = name in CLASSES
    model.captioned = name == "captions"
    return model, AnyModel(shape, case.classes, constant=case.constant), dataset


CLASSES = {name for name, one in EVALUATORS.items() if "classes" in one.needs}
LABELS = {
    name for name, one in EVALUATORS.items() if {"labels", "classifier"} & {*one.needs}
}


@pytest.mark.parametrize("name", EVALUATORS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_numbers_or_a_reason(name, case, caplog):
    if name in LABELS and not case.labelled:
        pytest.skip("the evaluator is refused before training")
    model, classifier, dataset = make(name, case)
    numbers, evaluations, left_out = judge(
        [name],
        [model],
        dataset,
        2**31 - 1,
        classifier=classifier,
        sentences=("a red one", "a blue one"),
        shown=0,
    )
    assert all(np.isfinite(values).all() for values in numbers.values())
    figures = evaluations[name].figures if name in evaluations else {}
    for figure, draw in figures.items():
        try:
            shown = draw()
            shown.set_dpi(20)  # is faster
            assert png(shown)
        except InputError as error:
            left_out[figure] = str(error)
    expected = {figure for figure in case.left_out if figure.startswith(name)}
    assert left_out.keys() == expected, left_out
    assert all(len(reason) > 20 for reason in left_out.values())
    assert numbers or figures or name in left_out
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]
