"""InfoGAN: its losses against NumPy, and what it infers and samples."""

import jax
import numpy as np
import scipy.special

from adversarial_latent.games import infogan
from tests import toys
from tests.games import points

GENERATOR = """
y   -    3  -  -  -  -  -  -
z   -    2  -  -  -  -  -  -
yz  y|z  5  -  -  -  -  -  -
h   yz   5  1  1  -  -  -  Leak0.2
x   h    3  1  1  -  -  -  -
"""
ENCODER = """
x     -  3  -  -  -  -  -  -
e     x  6  1  1  -  -  -  Leak0.2
y_mu  e  3  1  1  -  -  -  -
"""
TABLES = {"generator": GENERATOR, "encoder": ENCODER}


def _infogan(**settings):
    fields = {"num_components": 3, "information_weight": 0.5, "data_scale": 2.0}
    return points.make(infogan.extend, TABLES, **fields | settings)


def test_losses_are_those_of_equation_6():
    game = _infogan()
    variables = points.init(game)
    outputs, (of_d, _), (of_g, scalars) = points.forward(game, variables)
    net = points.networks(game, variables)
    drawn = game.sample(net, len(points.X))
    np.testing.assert_array_equal(drawn["y"].sum(1), np.ones(len(points.X)))
    np.testing.assert_allclose(outputs["fake"][0], drawn["x"], rtol=1e-5)
    # Networks see x / 2, and generate it.
    logits = net("encoder", drawn["x"] / 2)["y_mu"]
    log_q = scipy.special.log_softmax(np.float64(logits), axis=1)
    code_loss = -(log_q * drawn["y"]).sum(1)
    real = net("discriminator", points.X / 2)["p"][:, 0]
    fake = net("discriminator", drawn["x"] / 2)["p"][:, 0]
    log_expit = scipy.special.log_expit
    np.testing.assert_allclose(of_d, -log_expit(real) - log_expit(-fake), rtol=1e-4)
    expected = -log_expit(fake) + 0.5 * code_loss
    np.testing.assert_allclose(of_g, expected, rtol=1e-4)
    np.testing.assert_allclose(scalars["code_loss"], code_loss.mean(), rtol=1e-4)
    discriminator, generator = game.players
    assert discriminator.trains == ("discriminator",)
    assert set(generator.trains) == {"generator", "encoder"}


def test_samples_of_a_category_and_inference():
    game = _infogan()
    variables = points.init(game)

    @toys.jit
    def infer(params, model_state):
        net = game.bind(params, model_state, jax.random.key(1), train=False)
        code = game.sample(net, 4, np.array([2, 0, 1, 2]))
        x = net("generator", code["y"], code["z"])["x"] * 2
        return code, x, game.encode(net, code["x"])

    code, x, inferred = infer(*variables)
    np.testing.assert_array_equal(code["y"].argmax(1), [2, 0, 1, 2])
    np.testing.assert_allclose(code["x"], x, rtol=1e-6)
    assert code["z"].shape == (4, 2)
    assert set(inferred) == {"y"}
    np.testing.assert_allclose(inferred["y"].sum(1), np.ones(4), rtol=1e-5)
    assert not game.can("decode")
