"""Models and data that several tests evaluate."""

import pytest

from adversarial_latent.data import Dataset
from tests.evaluation.fakes import ClassModel, KMeansModel, digits_dataset


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return digits_dataset()


@pytest.fixture(scope="session")
def model(digits) -> KMeansModel:
    return KMeansModel(digits)


@pytest.fixture(scope="session")
def classifier(digits) -> ClassModel:
    return ClassModel(digits)
