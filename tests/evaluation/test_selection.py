"""Trials are chosen without labels."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from adversarial_latent.evaluation.selection import get_criterion, modularity


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


def test_neighbours_is_cohens_kappa_of_pairs_of_neighbours():
    # Two groups of six points, far from each other: the 5 neighbours are the others.
    x = np.concatenate([np.arange(6.0), 100 + np.arange(6.0)])[:, None]
    groups, mixed = [0] * 6 + [1] * 6, [0, 0, 0, 0, 0, 1] + [1] * 6
    models = [Fixed(groups), Fixed(mixed), Fixed([2] * 12)]
    # mixed: 4 of 5 neighbours agree for five points, none for the sixth, all for the
    # other six; sizes are 5 and 7.
    a, c = (5 * 0.8 + 6) / 12, (25 + 49) / 144
    scores = get_criterion("nearest_neighbours")(models, x)
    np.testing.assert_allclose(scores, [1.0, (a - c) / (1 - c), -1.0])
    np.testing.assert_allclose(modularity(models, x), [0.5, a - c, 0], atol=1e-12)


def test_neighbours_takes_images():
    x = np.random.default_rng(0).uniform(size=(12, 2, 2, 1))
    flat = x.reshape(12, 4)
    model = Fixed([0, 1, 2] * 4)
    (image,), (vector,) = (
        get_criterion("nearest_neighbours")([model], v) for v in (x, flat)
    )
    assert image == vector


@pytest.mark.parametrize(("number", "scores"), [(2, [-1.0, -1.0]), (5, [-0.25, -1.0])])
def test_few_examples_are_all_neighbours(number, scores):
    # Of clusters of 3 and 2 of five: 0.4 of pairs agree, and 0.52 by chance.
    models = [Fixed([0, 1, 0, 1, 0][:number]), Fixed([2] * number)]
    found = get_criterion("nearest_neighbours")(
        models, np.arange(float(number))[:, None]
    )
    np.testing.assert_allclose(found, scores)


def test_unknown_criterion():
    message = (
        r"unknown criterion 'best' .*there are \['agreement', 'nearest_neighbours'\]"
    )
    with pytest.raises(ValueError, match=message):
        get_criterion("best")
