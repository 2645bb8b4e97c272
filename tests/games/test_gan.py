"""GAN: what it is made of."""

import numpy as np
import pytest
import scipy.special

from tests.games import points

log_expit = scipy.special.log_expit


@pytest.fixture(scope="module")
def variables():
    return points.init(points.make())


def test_losses_are_those_of_eq_7(variables):
    game = points.make()
    outputs, (d_loss, scalars), (g_loss, _) = points.forward(game, variables)
    net = points.networks(game, variables)
    (x,), (x_tilde,) = outputs["real"], outputs["fake"]
    np.testing.assert_array_equal(x, points.X)
    real, fake = (net("discriminator", side)["p"][:, 0] for side in (x, x_tilde))
    np.testing.assert_allclose(
        d_loss, -log_expit(np.asarray(real)) - log_expit(-np.asarray(fake)), rtol=1e-4
    )
    np.testing.assert_allclose(g_loss, -log_expit(np.asarray(fake)), rtol=1e-4)
    np.testing.assert_allclose(
        scalars["d_fake"], scipy.special.expit(fake).mean(), rtol=1e-4
    )
    discriminator, generator = game.players
    assert discriminator.trains == ("discriminator",)
    assert generator.trains == ("generator",)


def test_a_gan_generates_but_infers_nothing(variables):
    game = points.make(data_scale=4.0)
    net = points.networks(game, variables)
    drawn = game.sample(net, 5, None)
    assert drawn["z"].shape == (5, 2)
    plain = points.make().decode(net, drawn)
    np.testing.assert_allclose(drawn["x"], 4 * plain, rtol=1e-6)
    assert game.can("sample")
    assert game.can("decode")
    assert not game.can("encode")


def test_a_setting_that_the_config_lacks():
    with pytest.raises(ValueError, match=r"config.game of 'ali' lacks 'stochastic'"):
        points.make(lambda config: config, points.JOINT, name="ali")
