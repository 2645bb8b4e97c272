"""Trials are chosen without labels."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from adversarial_latent.evaluation.selection import get_criterion


class Fixed:
    """A model that puts examples into given clusters."""

    def __init__(self, clusters):
        self.clusters = np.array(clusters)

    def encode(self, x):
        assert len(x) == len(self.clusters)
        return {"y": 0.1 + 0.7 * np.eye(4)[self.clusters], "z": x}


X = np.zeros((6, 2), np.float32)
A, B = [0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1]
RENAMED = [3, 3, 0, 0, 1, 1]


def test_agreement_is_the_mean_ari_with_the_other_trials():
    scores = get_criterion("agreement")([Fixed(A), Fixed(B), Fixed(RENAMED)], X)
    ab = adjusted_rand_score(A, B)
    assert ab < 0.1
    np.testing.assert_allclose(scores, [(ab + 1) / 2, ab, (1 + ab) / 2])


def test_a_trial_on_its_own_agrees_with_nobody():
    np.testing.assert_array_equal(get_criterion("agreement")([Fixed(A)], X), [0.0])


def test_unknown_criterion():
    with pytest.raises(ValueError, match=r"unknown selection 'best'.*\['agreement'\]"):
        get_criterion("best")
