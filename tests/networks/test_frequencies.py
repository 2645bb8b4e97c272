"""Class frequencies against counting."""

import jax
import numpy as np

from adversarial_latent.networks.frequencies import Frequencies

MODULE = Frequencies(num_classes=3)


def one_hot(*labels):
    return np.eye(3, dtype=np.float32)[list(labels)]


def test_frequencies_of_all_labels_seen():
    variables = MODULE.init({}, one_hot(2, 2), train=True)
    assert "params" not in variables
    np.testing.assert_allclose(MODULE.apply(variables, train=False), [1 / 3] * 3)
    for labels in ([0, 0, 1, 2], [1, 1, 1, 1], [2, 0, 0, 0]):
        counted, variables = MODULE.apply(
            variables, one_hot(*labels), train=True, mutable=["batch_stats"]
        )
    np.testing.assert_allclose(counted, np.array([5, 5, 2]) / 12, rtol=1e-6)
    np.testing.assert_array_equal(MODULE.apply(variables, train=False), counted)


def test_asking_and_evaluating_count_nothing():
    variables = MODULE.init({}, one_hot(2), train=True)
    for train, y in ((True, None), (False, one_hot(0, 0))):
        _, after = MODULE.apply(variables, y, train=train, mutable=["batch_stats"])
        jax.tree.map(np.testing.assert_array_equal, after, variables)
