"""The classifier that judges generated images."""

import jax
import ml_collections
import numpy as np
import pytest
import scipy.special

from adversarial_latent.game import Networks
from adversarial_latent.games import classifier, make_game
from tests import toys

KEY = jax.random.key(0)
TABLE = """
x  -  3    -  -  -  -  -
z  x  5    1  1  -  -  Leak0.2
y  z  {k}  1  1  -  -  -
"""


@pytest.fixture(scope="module")
def game():
    config = classifier.default_config()
    config.num_components = 4
    config.tables = {"classifier": toys.HEADER + TABLE}
    return make_game(ml_collections.ConfigDict(config))


def test_loss_is_the_cross_entropy_of_labelled_examples(game):
    rng = np.random.default_rng(0)
    x = np.float32(rng.normal(size=(6, 3)))
    label = np.int32([0, 1, 2, 3, 0, 1])
    batch = {"x": x[:2], "labelled_x": x, "label": label}
    variables = toys.jit(game.init)(KEY, batch)
    (player,) = game.players
    net = Networks(game.networks, *variables, KEY, train=True)
    outcome = game.play(net, batch)
    losses, scalars = player.loss(net, outcome)
    logits = np.float64(net("classifier", x)["y"])  # [6, 4]
    log_probabilities = scipy.special.log_softmax(logits, axis=1)
    np.testing.assert_allclose(losses, -log_probabilities[np.arange(6), label], 1e-5)
    assert scalars["accuracy"] == pytest.approx((logits.argmax(1) == label).mean())
    assert player.trains == ("classifier",)
    assert game.uses_labels
    assert game.num_components == 4
    code = game.encode(net, x)
    np.testing.assert_allclose(code["y"], np.exp(log_probabilities), rtol=1e-5)
    np.testing.assert_array_equal(code["z"], net("classifier", x)["z"])
