"""Scores of images from what a network sees in them, where they can be worked out."""

import numpy as np
import pytest
from scipy import linalg, stats

from adversarial_latent.evaluation.scores import frechet_distance, inception_scores


def test_inception_scores_of_known_images():
    same = np.full((12, 4), 0.25)
    np.testing.assert_allclose(inception_scores(same, 3), [1, 1, 1])
    every = np.tile(np.eye(4), (3, 1))
    np.testing.assert_allclose(inception_scores(every, 3), [4, 4, 4])
    one = np.tile(np.eye(4)[:1], (12, 1))
    np.testing.assert_allclose(inception_scores(one, 2), [1, 1])


def test_inception_scores_are_those_of_a_loop():
    rows = np.random.default_rng(0).dirichlet(np.ones(5) / 5, size=20)
    expected = []
    for group in (rows[:10], rows[10:]):
        divergences = [stats.entropy(row, group.mean(0)) for row in group]
        expected.append(np.exp(np.mean(divergences)))
    np.testing.assert_allclose(inception_scores(rows, 2), expected)


@pytest.mark.parametrize(
    ("probabilities", "groups", "message"),
    [
        (np.full((4, 2), 0.5), 3, "Cannot split 4 images into 3 equal groups"),
        (np.full((4, 2), 0.4), 2, "must be non-negative and sum to one"),
        (np.tile([[-1.0, 2.0]], (4, 1)), 2, "must be non-negative and sum to one"),
        (np.full(4, 0.5), 2, r"\[N, K\], got \(4,\)"),
    ],
)
def test_what_has_no_inception_score(probabilities, groups, message):
    with pytest.raises(ValueError, match=message):
        inception_scores(probabilities, groups)


@pytest.mark.parametrize("number", [40, 4])  # fewer than features: singular
def test_frechet_distance_is_that_of_its_formula(number):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(number, 6)) @ rng.normal(size=(6, 6))
    b = rng.normal(size=(50, 6)) + 2
    covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(
        sum(covariances) - 2 * linalg.sqrtm(covariances[0] @ covariances[1]).real
    )
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-8)
    assert frechet_distance(a, a + 3) == pytest.approx(6 * 9)


def test_frechet_distance_of_what_has_none():
    with pytest.raises(ValueError, match=r"\[N, F\] and \[M, F\], got"):
        frechet_distance(np.zeros((3, 2)), np.zeros((3, 4)))
    with pytest.raises(ValueError, match="at least two images"):
        frechet_distance(np.zeros((1, 2)), np.zeros((3, 2)))
