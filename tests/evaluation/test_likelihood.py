"""Likelihoods that are known."""

import numpy as np
import pytest

from adversarial_latent.evaluation import evaluators
from adversarial_latent.evaluation.registry import METRICS
from tests.evaluation.fakes import DensityModel, GridModel, grid_dataset

NATS = 99 / 2  # the mean of 0, 1, ..., 99


@pytest.mark.parametrize("ending", ["", "_given_code"])
def test_mean_in_nats_and_in_bits_of_a_pixel(ending, digits):
    evaluation = evaluators.likelihood(DensityModel(bool(ending)), digits, 0)
    assert evaluation.numbers == {
        f"bits_per_dim{ending}": pytest.approx(NATS / np.log(2) / 64),
        f"nats_per_example{ending}": pytest.approx(NATS),
    }
    assert not evaluation.arrays
    assert "over 100 examples of the test split of digits" in evaluation.protocol
    assert "their 64 dimensions" in evaluation.protocol
    assert ("p(x|z)" in evaluation.protocol) == bool(ending)
    units = [METRICS[name].unit for name in evaluation.numbers]
    assert units == ["bits", "nats"]


def test_points_have_a_density_too():
    numbers = evaluators.likelihood(DensityModel(), grid_dataset(), 0).numbers
    assert numbers["bits_per_dim"] == pytest.approx(499 / 2 / np.log(2) / 2)


def test_not_every_model_has_a_density(digits):
    with pytest.raises(
        ValueError, match=r"'likelihood' requires .* this one cannot \['log_prob'\]"
    ):
        evaluators.likelihood(GridModel(), digits, 0)
