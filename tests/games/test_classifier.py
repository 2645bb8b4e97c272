"""The classifier, which evaluates generated images."""

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
x  -  3    -  -  -  -  -  -
z  x  5    1  1  -  -  -  Leak0.2
y  z  {k}  1  1  -  -  -  -
"""


@pytest.fixture(scope="module")
def game():
    config = classifier.default_config()
    config.num_components = 4
    config.networks = {"classifier": toys.HEADER + TABLE}
    return make_game(ml_collections.ConfigDict(config))


def test_classes_that_are_combinations():
    """The last attribute varies fastest, and probabilities are products."""
    config = classifier.default_config()
    config.update(num_components=6, factors=(2, 3))
    table = TABLE.replace("{k}", "5")
    config.networks = {"classifier": toys.HEADER + table}
    game = make_game(config)
    x = np.float32(np.random.default_rng(0).normal(size=(6, 3)))
    batch = {"labelled_x": x, "label": np.arange(6)}
    net = Networks(game.modules, *toys.jit(game.init)(KEY, batch), KEY, train=False)
    logits = np.float64(net("classifier", x)["y"])
    first, second = (
        scipy.special.log_softmax(part, axis=1)
        for part in (logits[:, :2], logits[:, 2:])
    )
    joint = (first[:, :, None] + second[:, None]).reshape(6, 6)
    np.testing.assert_allclose(game.encode(net, x)["y"], np.exp(joint), rtol=1e-4)
    outputs = game.forward(net, batch)
    np.testing.assert_allclose(outputs["cross_entropy"], -np.diag(joint), rtol=1e-4)
    np.testing.assert_array_equal(outputs["correct"], joint.argmax(1) == np.arange(6))
    assert game.num_components == 6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"factors": (2, 3)}, r"\(2, 3\) have 6 combinations, but .* is 4"),
        ({"factors": (2, 2)}, None),
    ],
)
def test_factors_that_do_not_fit(settings, message):
    config = classifier.default_config()
    config.update(num_components=4, **settings)
    config.networks = {"classifier": toys.HEADER + TABLE.replace("{k}", "5")}
    if message:
        with pytest.raises(ValueError, match=message):
            make_game(config)
        return
    game, x = make_game(config), np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"5 channels; .* each of 2 \+ 2 values"):
        game.init(KEY, {"labelled_x": x, "label": np.zeros(2, np.int32)})


def test_loss_is_the_cross_entropy_of_labelled_examples(game):
    rng = np.random.default_rng(0)
    x = np.float32(rng.normal(size=(6, 3)))
    label = np.int32([0, 1, 2, 3, 0, 1])
    batch = {"x": x[:2], "labelled_x": x, "label": label}
    variables = toys.jit(game.init)(KEY, batch)
    (player,) = game.players
    net = Networks(game.modules, *variables, KEY, train=True)
    outputs = game.forward(net, batch)
    losses, scalars = player.loss(net, outputs)
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
