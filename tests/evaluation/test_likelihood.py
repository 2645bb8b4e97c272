"""Likelihoods that are known."""

import numpy as np
import pytest

from adversarial_latent.evaluation import evaluators
from adversarial_latent.evaluation.names import METRICS
from experiments.results_table import NUMBERS
from tests.evaluation.fakes import DensityModel, GridModel, grid_dataset

NATS = 99 / 2  # the mean of 0, 1, ..., 99


@pytest.mark.parametrize("ending", ["", "_given_code"])
def test_mean_in_nats_and_in_bits_of_a_pixel(ending, digits):
    evaluation = evaluators.likelihood(DensityModel(bool(ending)), digits, 0)
    assert evaluation.results == {
        f"bits_per_dim{ending}": pytest.approx(NATS / np.log(2) / 64),
        f"nats_per_example{ending}": pytest.approx(NATS),
    }
    assert not evaluation.figures
    assert "over 100 examples of the test split of digits" in evaluation.protocol
    assert "their 64 dimensions" in evaluation.protocol
    assert ("p(x|z)" in evaluation.protocol) == bool(ending)
    assert all(name in METRICS and name in NUMBERS for name in evaluation.results)


def test_points_have_a_density_too():
    results = evaluators.likelihood(DensityModel(), grid_dataset(), 0).results
    assert results["bits_per_dim"] == pytest.approx(499 / 2 / np.log(2) / 2)


def test_not_every_model_has_a_density(digits):
    with pytest.raises(ValueError, match=r"'likelihood' asks .* has no \['log_prob'\]"):
        evaluators.likelihood(GridModel(), digits, 0)
