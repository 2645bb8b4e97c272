"""Every evaluator on few, equal and very many: numbers, or the reason why not."""

import logging

import numpy as np
import pytest

from adversarial_latent.evaluation.evaluators import EVALUATORS
from adversarial_latent.evaluation.figures import FIGURES
from adversarial_latent.evaluation.run import evaluate_models
from adversarial_latent.inputs import InputError
from tests.evaluation.fakes import Case, draw, make, png, saved

ONE = {"clustering_tsne", "classification_tsne", "interpolation", "inception"}
LARGE = {"samples", "mixture_distances", "mixture_merging", "mixture_plane"}
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


LABELS = {
    name
    for name, one in EVALUATORS.items()
    if "labels" in one.requires or one.needs_classifier
}


@pytest.mark.parametrize("name", EVALUATORS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_numbers_or_a_reason(name, case, caplog):
    if name in LABELS and not case.labelled:
        pytest.skip("the evaluator is refused before training")
    model, classifier, dataset = make(name, case)
    numbers, evaluations, left_out = evaluate_models(
        [name],
        [model],
        dataset,
        2**31 - 1,
        classifier=classifier,
        sentences=("a red one", "a blue one"),
        shown=0,
    )
    assert all(np.isfinite(values).all() for values in numbers.values())
    arrays = evaluations[name].arrays if name in evaluations else {}
    for figure, compute in arrays.items():
        try:
            if figure in FIGURES:
                shown = draw(evaluations[name], figure)
                shown.set_dpi(20)  # is faster
                assert png(shown)
            else:
                assert saved(compute())
        except InputError as error:
            left_out[figure] = str(error)
    expected = {figure for figure in case.left_out if figure.startswith(name)}
    assert left_out.keys() == expected, left_out
    assert all(len(reason) > 20 for reason in left_out.values())
    assert numbers or arrays or name in left_out
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]
