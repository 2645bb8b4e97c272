"""ALI, and what ALICE and VEEGAN add to it, from their equations."""

import functools

import chex
import numpy as np
import pytest
import scipy.special
import scipy.stats

from adversarial_latent.games import ali, alice, veegan
from tests.games import points

softplus = functools.partial(np.logaddexp, 0)
CYCLE = {**points.JOINT, "cycle_discriminator": points.CYCLE_DISCRIMINATOR}


@pytest.fixture(scope="module")
def variables():
    return points.init(points.make(ali.extend, points.JOINT))


def _numbers(*logits):
    return (np.float64(values) for values in logits)


@pytest.mark.parametrize("stochastic", [True, False])
def test_ali(variables, stochastic):
    game = points.make(ali.extend, points.JOINT, stochastic=stochastic)
    outputs, (d_loss, _), (g_loss, _) = points.forward(game, variables)
    net = points.networks(game, variables)
    (x, z_tilde), (x_tilde, z) = outputs["real"], outputs["fake"]
    q = net("encoder", x)
    noise = (z_tilde - q["z_mu"]) / np.exp(q["z_log_variance"] / 2)
    if stochastic:  # Twelve numbers of N(0, 1).
        assert scipy.stats.kstest(np.ravel(noise), "norm").pvalue > 0.01
        assert np.abs(noise).min() > 1e-3
    else:
        np.testing.assert_allclose(noise, np.zeros_like(noise), atol=1e-6)
    np.testing.assert_allclose(x_tilde, net("generator", z)["x"], rtol=1e-5)
    real = net("discriminator", x, z_tilde)["p"][:, 0]
    fake = net("discriminator", x_tilde, z)["p"][:, 0]
    np.testing.assert_allclose(outputs["real_logits"], real, rtol=1e-4, atol=1e-6)
    real, fake = _numbers(real, fake)
    np.testing.assert_allclose(d_loss, softplus(-real) + softplus(fake), rtol=1e-4)
    np.testing.assert_allclose(g_loss, softplus(real) + softplus(-fake), rtol=1e-4)
    assert set(game.players[1].trains) == {"generator", "encoder"}
    code = game.encode(net, x)
    np.testing.assert_allclose(code["z"], q["z_mu"], rtol=1e-6)


@pytest.mark.parametrize(("cycle", "power"), [("l1", 1), ("l2", 2)])
def test_alice_with_a_norm(variables, cycle, power):
    game = points.make(alice.extend, points.JOINT, cycle=cycle, cycle_weight=3.0)
    outputs, _, (loss, scalars) = points.forward(game, variables)
    x, z_tilde = outputs["real"]
    back = points.networks(game, variables)("generator", z_tilde)["x"]
    distance = (np.abs(x - np.asarray(back)) ** power).mean(1)
    real, fake = _numbers(outputs["real_logits"], outputs["fake_logits"])
    np.testing.assert_allclose(
        loss, softplus(real) + softplus(-fake) + 3 * distance, rtol=1e-4
    )
    assert float(scalars["cycle"]) == pytest.approx(distance.mean(), rel=1e-4)


def test_alice_generates_of_both_codes_at_once():
    """The generator's batch norm is of codes of the prior and of inferred ones."""
    normed = points.GENERATOR.replace("-  -  Leak0.2", "-  yes  Leak0.2")
    game = points.make(alice.extend, points.JOINT | {"generator": normed})
    variables = points.init(game)
    net = points.networks(game, variables)
    outputs = game.forward(net, {"x": points.X})
    (_, z_tilde), (_, z) = outputs["real"], outputs["fake"]
    expected = points.networks(game, variables)
    expected("generator", np.concatenate([z, z_tilde]))
    chex.assert_trees_all_close(
        net.model_state["generator"], expected.model_state["generator"], rtol=1e-5
    )


def test_alice_with_an_adversary():
    game = points.make(alice.extend, CYCLE, cycle="adversarial", cycle_weight=3.0)
    variables = points.init(game)
    outputs, (d_loss, _), (g_loss, _) = points.forward(game, variables)
    net = points.networks(game, variables)
    x, z_tilde = outputs["real"]
    back = net("generator", z_tilde)["x"]
    same, other = _numbers(
        net("cycle_discriminator", x, x)["p"][:, 0],
        net("cycle_discriminator", x, back)["p"][:, 0],
    )
    real, fake = _numbers(outputs["real_logits"], outputs["fake_logits"])
    expected = softplus(-real) + softplus(fake) + softplus(-same) + softplus(other)
    np.testing.assert_allclose(d_loss, expected, rtol=1e-4)
    expected = softplus(real) + softplus(-fake) + 3 * softplus(-other)
    np.testing.assert_allclose(g_loss, expected, rtol=1e-4)
    discriminators, generators = (set(player.trains) for player in game.players)
    assert discriminators == {"discriminator", "cycle_discriminator"}
    assert generators == {"generator", "encoder"}


def test_scale_and_shift_of_the_data_are_undone_for_all_networks():
    """A game on data in [0, 1] whose networks see [-1, 1]."""
    games = [
        points.make(
            alice.extend, CYCLE, cycle="adversarial", data_scale=scale, data_shift=shift
        )
        for scale, shift in ((1.0, 0.0), (0.5, 0.5))
    ]
    variables = points.init(games[0])
    expected, *losses = points.forward(games[0], variables)
    outputs, *own_losses = points.forward(games[1], variables, points.X / 2 + 0.5)
    for name in ("real_logits", "fake_logits", "same_logits", "cycle_logits"):
        np.testing.assert_allclose(
            outputs[name], expected[name], rtol=1e-4, atol=1e-5, err_msg=name
        )
    for (loss, _), (own, _) in zip(losses, own_losses, strict=True):
        np.testing.assert_allclose(own, loss, rtol=1e-4)


@pytest.mark.parametrize(
    ("networks", "cycle", "message"),
    [
        (points.JOINT, "l3", "must be one of"),
        (points.JOINT, "adversarial", "'cycle_discriminator' if and only if"),
        (CYCLE, "l1", "'cycle_discriminator' if and only if"),
    ],
)
def test_cycles_that_cannot_be(networks, cycle, message):
    with pytest.raises(ValueError, match=message):
        points.make(alice.extend, networks, cycle=cycle)


def test_veegan(variables):
    game = points.make(veegan.extend, points.JOINT, code_weight=0.5)
    outputs, (d_loss, _), (g_loss, scalars) = points.forward(game, variables)
    x_tilde, z = outputs["fake"]
    q = points.networks(game, variables)("encoder", x_tilde)
    std = np.exp(np.asarray(q["z_log_variance"]) / 2)
    code_loss = -scipy.stats.norm.logpdf(z, q["z_mu"], std).sum(-1)
    real, fake = _numbers(outputs["real_logits"], outputs["fake_logits"])
    np.testing.assert_allclose(d_loss, softplus(-real) + softplus(fake), rtol=1e-4)
    np.testing.assert_allclose(g_loss, -fake + 0.5 * code_loss, rtol=1e-4)
    assert float(scalars["code_loss"]) == pytest.approx(code_loss.mean(), rel=1e-4)
