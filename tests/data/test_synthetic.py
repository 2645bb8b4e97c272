"""Mixtures of Gaussians in the plane."""

import numpy as np
import pytest
from ml_collections import ConfigDict

from adversarial_latent import data


@pytest.mark.parametrize(
    ("name", "means", "sigma"),
    [
        ("grid25", data.grid_means(), data.GRID_SIGMA),
        ("ring", data.ring_means(), data.RING_SIGMA),
    ],
)
def test_mixture_has_its_means_and_sigma(name, means, sigma):
    dataset = data.load(ConfigDict({"name": name}))
    train = dataset.splits["train"]
    assert train.x.shape == (100_000, 2)
    assert train.x.dtype == np.float32
    assert dataset.num_classes == len(means)
    counts = np.bincount(train.label)
    expected = len(train) / len(means)
    np.testing.assert_allclose(counts, expected, atol=5 * np.sqrt(expected))
    for mode, mean in enumerate(means):
        points = train.x[train.label == mode]
        error = sigma / np.sqrt(len(points))  # of the estimated mean
        np.testing.assert_allclose(points.mean(axis=0), mean, atol=5 * error)
        np.testing.assert_allclose(points.std(axis=0), sigma, rtol=0.1)


def test_grid_means_are_the_papers():
    assert {tuple(mean) for mean in data.grid_means().tolist()} == {
        (a, b) for a in (-4, -2, 0, 2, 4) for b in (-4, -2, 0, 2, 4)
    }


def test_ring_has_eight_distinct_modes_on_the_unit_circle():
    means = data.ring_means()
    np.testing.assert_allclose(np.linalg.norm(means, axis=1), 1, rtol=1e-6)
    distance = np.linalg.norm(means[:, None, :] - means[None, :, :], axis=-1)
    nearest = distance[~np.eye(8, dtype=bool)].min()
    np.testing.assert_allclose(nearest, 2 * np.sin(np.pi / 8), rtol=1e-5)


def test_points_are_fixed_by_the_seed_and_test_points_are_others():
    first = data.load(ConfigDict({"name": "ring"}))
    again = data.load(ConfigDict({"name": "ring"}))
    other = data.load(ConfigDict({"name": "ring", "split_seed": 1}))
    x = first.splits["train"].x
    np.testing.assert_array_equal(x, again.splits["train"].x)
    assert not np.array_equal(x, other.splits["train"].x)
    assert not np.array_equal(x[:10_000], first.splits["test"].x)
