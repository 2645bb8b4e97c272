"""Modes of samplers whose modes are known."""

import dataclasses

import numpy as np
import pytest
from ml_collections import ConfigDict

from adversarial_latent import data
from adversarial_latent.data import GRID_SIGMA
from adversarial_latent.evaluation import evaluators, metrics
from adversarial_latent.inputs import InputError
from tests.evaluation.fakes import (
    GridModel,
    draw,
    grid_dataset,
)


def test_modes_of_an_exact_sampler():
    numbers = evaluators.modes(GridModel(), grid_dataset(), 0).numbers
    fraction, std = metrics.exact_sampler_reference(2)
    assert numbers["modes_captured"] == 25
    assert numbers["high_quality_fraction"] == pytest.approx(fraction, abs=0.008)
    assert numbers["per_mode_std"] == pytest.approx(std * GRID_SIGMA, rel=0.03)
    assert numbers["kl_to_uniform"] == pytest.approx(24 / 5000, abs=0.006)


def test_modes_of_a_collapsed_and_sharpened_sampler():
    sharpened = GridModel(num_modes=5, sigma=GRID_SIGMA / 5)
    evaluation = evaluators.modes(sharpened, grid_dataset(), 0)
    numbers = evaluation.numbers
    assert numbers["modes_captured"] == 5
    assert numbers["high_quality_fraction"] == 1.0
    assert numbers["per_mode_std"] == pytest.approx(GRID_SIGMA / 5, rel=0.03)
    assert numbers["kl_to_uniform"] == pytest.approx(np.log(5), abs=0.01)
    assert "0.989" in evaluation.protocol
    assert len(draw(evaluation, "modes").axes) == 4


def test_modes_of_a_model_without_inference():
    evaluation = evaluators.modes(GridModel(infers=False), grid_dataset(), 0)
    assert len(draw(evaluation, "modes").axes) == 2


@pytest.mark.parametrize(("dimension", "titles"), [(1, "codes"), (3, "3-d")])
def test_modes_shows_codes_of_any_dimension(dimension, titles, monkeypatch):
    model = GridModel()
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(500, dimension)).astype(np.float32)
    monkeypatch.setattr(model, "encode", lambda x: {"z": codes})
    monkeypatch.setattr(model, "decode", lambda code: np.zeros((500, 2)))
    evaluation = evaluators.modes(model, grid_dataset(), 0)
    panel = draw(evaluation, "modes").axes[1]
    assert titles in panel.get_title()
    assert panel.collections[0].get_offsets().shape == (500, 2)


def test_codes_of_components_alone_have_no_panel(monkeypatch):
    model = GridModel()
    monkeypatch.setattr(model, "encode", lambda x: {"y": np.eye(25)[:500]})
    monkeypatch.setattr(model, "decode", lambda code: np.zeros((500, 2)))
    figure = draw(evaluators.modes(model, grid_dataset(), 0), "modes")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["data", "reconstructions", "samples"]
    assert "mode. Reconstructions have the colour of their" in figure.get_label()


def test_only_modes_that_the_data_hold_are_counted():
    dataset = data.load(
        ConfigDict({"name": "grid25", "classes": "(-4.00, -4.00),(-4.00, -2.00)"})
    )
    evaluation = evaluators.modes(GridModel(num_modes=4), dataset, 0)
    numbers = evaluation.numbers
    assert numbers["modes_captured"] == 2
    assert numbers["high_quality_fraction"] == pytest.approx(0.989 / 2, abs=0.03)
    assert "of 2 means" in evaluation.protocol


def test_modes_needs_a_known_mixture(digits, model):
    with pytest.raises(ValueError, match=r"\['grid25', 'ring'\], not 'digits'"):
        evaluators.modes(model, digits, 0)


def test_one_code_has_no_principal_components(monkeypatch):
    model, grid = GridModel(), grid_dataset()
    one = grid.splits["test"].take(np.arange(1))
    dataset = dataclasses.replace(grid, splits={"train": one, "test": one})
    monkeypatch.setattr(model, "encode", lambda x: {"z": np.zeros((len(x), 3))})
    evaluation = evaluators.modes(model, dataset, 0)
    assert evaluation.numbers["modes_captured"] == 25
    with pytest.raises(InputError, match="need at least two examples; there is one"):
        evaluation.arrays["modes"]()
