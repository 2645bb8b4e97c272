"""Draws of priors, against their moments and shapes."""

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from adversarial_latent.priors import make_prior

KEY = jax.random.key(0)
N = 20_000


def draw(dim, n=N, **config):
    x = make_prior(dim, ConfigDict(config)).sample(KEY, n)
    assert x.shape == (n, dim)
    assert x.dtype == np.float32
    return np.asarray(x)


def test_gaussian():
    x = draw(3, name="gaussian", std=5.0)
    np.testing.assert_allclose(x.mean(0), 0, atol=0.15)
    np.testing.assert_allclose(np.cov(x.T), 25 * np.eye(3), atol=0.8)


def test_categorical():
    x = draw(4, name="categorical")
    assert set(map(tuple, x)) == set(map(tuple, np.eye(4)))
    np.testing.assert_allclose(x.mean(0), 0.25, atol=0.015)


def test_pinwheel_has_petals_that_point_outwards():
    x = draw(2, name="pinwheel", petals=4, radial_std=0.3, tangential_std=0.05)
    petal = np.round(np.arctan2(x[:, 1], x[:, 0]) / (np.pi / 2)).astype(int) % 4
    np.testing.assert_allclose(np.bincount(petal) / N, 0.25, atol=0.015)
    for k, (across, along) in enumerate([(1, 0), (0, 1), (1, 0), (0, 1)]):
        part = x[petal == k]
        sign = 1 if k < 2 else -1
        assert part[:, along].mean() == pytest.approx(2.0 * sign, abs=0.02)
        assert part[:, along].std() == pytest.approx(0.3, rel=0.05)
        assert part[:, across].std() == pytest.approx(0.05, rel=0.05)


def test_swiss_roll_lies_on_its_spiral():
    x = draw(2, name="swiss_roll", turns=2.0, std=0.0)
    radius = np.linalg.norm(x, axis=1)
    angle = np.arctan2(x[:, 1], x[:, 0])
    expected = 4 * np.pi * radius / 3.0
    np.testing.assert_allclose(np.cos(angle), np.cos(expected), atol=1e-3)
    assert radius.max() == pytest.approx(3.0, abs=0.01)
    # Its length up to a radius grows as the square of that.
    assert np.mean(radius < 1.5) == pytest.approx(0.25, abs=0.01)


def test_samples_are_training_examples_of_a_data_set(tmp_path):
    x = np.arange(24, dtype=np.uint8).reshape(6, 2, 2)
    path = str(tmp_path / "x.npz")
    np.savez(path, x_train=x[:4], y_train=[0, 1, 1, 0], x_test=x[4:], y_test=[0, 1])
    drawn = draw(4, 3000, name="samples", dataset="npz", path=path)
    rows, counts = np.unique(drawn, axis=0, return_counts=True)
    np.testing.assert_allclose(rows, x[:4].reshape(4, 4) / 255, rtol=1e-6)
    assert counts.min() > 600
    one, three = "(1.00, 0.00)", "(0.00, 1.00)"
    points = draw(2, 3000, name="samples", dataset="ring", classes=f"{one},{three}")
    nearest = np.linalg.norm(points[:, None] - np.eye(2), axis=-1).min(1)
    assert nearest.max() < 0.1


def test_what_cannot_be():
    for dim, config, message in (
        (2, {"name": "flat"}, "unknown prior 'flat'"),
        (3, {"name": "pinwheel"}, "'pinwheel' has 2 dimensions, not 3"),
        (3, {"name": "swiss_roll"}, "'swiss_roll' has 2 dimensions, not 3"),
        (2, {"name": "gaussian", "variance": 1.0}, "'gaussian': .*'variance'"),
        (3, {"name": "samples", "dataset": "ring"}, "have 2 values.* code has 3"),
        (2, {"name": "samples", "dataset": "circle"}, "unknown data set 'circle'"),
    ):
        with pytest.raises(ValueError, match=message):
            make_prior(dim, ConfigDict(config))
    missing = {"name": "samples", "dataset": "npz", "path": "nowhere.npz"}
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz"):
        make_prior(2, ConfigDict(missing))
