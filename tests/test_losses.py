"""Adversarial losses against their equations written with NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from adversarial_latent.losses import adversarial_loss

SIDES = ("real", "fake", "generator_real", "generator_fake")


def _log_d(logits):
    return np.log(1 / (1 + np.exp(-logits)))


def _log_not_d(logits):
    return np.log(1 - 1 / (1 + np.exp(-logits)))


# Written as in the papers, with probabilities and logarithms, where they are safe.
EQUATIONS = {
    "non_saturating": (
        lambda d: -_log_d(d),
        lambda d: -_log_not_d(d),
        lambda d: -_log_not_d(d),
        lambda d: -_log_d(d),
    ),
    "saturating": (
        lambda d: -_log_d(d),
        lambda d: -_log_not_d(d),
        _log_d,
        _log_not_d,
    ),
    "wasserstein": (lambda d: -d, lambda d: d, lambda d: d, lambda d: -d),
    "hinge": (
        lambda d: np.maximum(0, 1 - d),
        lambda d: np.maximum(0, 1 + d),
        lambda d: d,
        lambda d: -d,
    ),
    "kl": (
        lambda d: -d,
        lambda d: np.exp(d - 1),
        lambda d: d,
        lambda d: -np.exp(d - 1),
    ),
    "kl_non_saturating": (
        lambda d: -d,
        lambda d: np.exp(d - 1),
        lambda d: d,
        lambda d: -d,
    ),
}
CASES = [(name, side) for name in EQUATIONS for side in SIDES]


@pytest.mark.parametrize(("name", "side"), CASES)
def test_loss_is_its_equation_per_example(name, side):
    logits = np.array([-5.3, -1.7, -0.4, 0.0, 0.6, 2.1, 5.9])  # [B]
    expected = EQUATIONS[name][SIDES.index(side)](logits)
    loss = getattr(adversarial_loss(name), side)
    np.testing.assert_allclose(
        loss(jnp.asarray(logits, jnp.float32)), expected, rtol=2e-5, atol=1e-6
    )


def _all_sides(name):
    """A jitted function from logits [B] to the four losses [4, B]."""
    loss = adversarial_loss(name)
    return jax.jit(lambda logits: jnp.stack([getattr(loss, s)(logits) for s in SIDES]))


@pytest.mark.parametrize("name", list(EQUATIONS))
def test_gradient_is_the_derivative(name):
    logits = jnp.array([-3.0, -0.7, 0.2, 1.9])
    check_grads(
        _all_sides(name), (logits,), order=2, modes=("rev",), atol=1e-2, rtol=1e-2
    )


@pytest.mark.parametrize("name", list(EQUATIONS))
def test_finite_at_confident_logits(name):
    losses = _all_sides(name)
    for logit in (-100.0, 100.0):
        logits = jnp.array([logit])
        assert np.all(np.isfinite(losses(logits)))
        slopes = jax.jit(jax.jacrev(losses))(logits)
        # Squares, as an optimiser's second moments hold them, are finite too.
        assert np.all(np.isfinite(np.square(slopes)))


def test_confident_and_wrong_players_keep_their_gradient():
    right, wrong = jnp.array([100.0]), jnp.array([-100.0])
    loss = adversarial_loss("non_saturating")

    def slope(function, logits):
        return float(jax.grad(lambda v: function(v).sum())(logits)[0])

    assert slope(loss.real, wrong) == pytest.approx(-1.0)
    assert slope(loss.real, right) == pytest.approx(0.0)
    assert slope(loss.fake, right) == pytest.approx(1.0)
    # The generator whose samples are recognised: full slope, or none if it saturates.
    assert slope(loss.generator_fake, wrong) == pytest.approx(-1.0)
    assert slope(loss.generator_real, right) == pytest.approx(1.0)
    saturating = adversarial_loss("saturating")
    assert slope(saturating.generator_fake, wrong) == pytest.approx(0.0)
    assert slope(saturating.generator_real, right) == pytest.approx(0.0)


@pytest.mark.parametrize("name", ["non_saturating", "saturating", "wasserstein"])
def test_encoder_is_the_mirror_image_of_the_generator(name):
    loss = adversarial_loss(name)
    logits = jnp.linspace(-4.0, 4.0, 9)
    np.testing.assert_allclose(
        loss.generator_real(logits), loss.generator_fake(-logits), rtol=1e-6
    )


P_REAL = np.array([0.5, 0.3, 0.15, 0.05])
P_FAKE = np.array([0.1, 0.2, 0.3, 0.4])


def _value_and_gradient(loss, logits):
    """The game's value at a discriminator over four points, and its gradient."""

    def value(logits):
        real = jnp.vdot(jnp.float32(P_REAL), loss.real(logits))
        return -real - jnp.vdot(jnp.float32(P_FAKE), loss.fake(logits))

    return jax.jit(jax.value_and_grad(value))(logits)


def test_best_kl_discriminator_attains_the_divergence():
    loss = adversarial_loss("kl")
    best = jnp.float32(1 + np.log(P_REAL / P_FAKE))
    value, gradient = _value_and_gradient(loss, best)
    divergence = np.sum(P_REAL * np.log(P_REAL / P_FAKE))
    assert float(value) == pytest.approx(divergence, rel=1e-5)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


def test_best_sigmoid_discriminator_attains_jensen_shannon():
    loss = adversarial_loss("non_saturating")
    best = jnp.float32(np.log(P_REAL / P_FAKE))
    value, gradient = _value_and_gradient(loss, best)
    middle = (P_REAL + P_FAKE) / 2
    jensen_shannon = 0.5 * np.sum(
        P_REAL * np.log(P_REAL / middle) + P_FAKE * np.log(P_FAKE / middle)
    )
    assert float(value) == pytest.approx(2 * jensen_shannon - np.log(4), rel=1e-5)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


def test_kl_exponential_continues_as_its_tangent():
    fake = adversarial_loss("kl").fake
    logits = jnp.array([20.0, 21.0, 22.0, 31.0])  # exp's argument is one less
    slopes = jax.grad(lambda d: fake(d).sum())(logits)
    np.testing.assert_allclose(slopes, np.exp([19.0, 20.0, 20.0, 20.0]), rtol=1e-5)
    np.testing.assert_allclose(
        fake(logits), np.exp([19.0, 20.0, 20.0, 20.0]) * [1, 1, 2, 11], rtol=1e-5
    )


@pytest.mark.parametrize("name", list(EQUATIONS))
def test_players_sum_both_sides(name):
    loss = adversarial_loss(name)
    real, fake = jnp.array([0.3, -2.0]), jnp.array([1.1, 0.4])
    np.testing.assert_array_equal(
        loss.discriminator(real, fake), loss.real(real) + loss.fake(fake)
    )
    np.testing.assert_array_equal(
        loss.generators(real, fake),
        loss.generator_real(real) + loss.generator_fake(fake),
    )


@pytest.mark.parametrize(("name", "side"), CASES)
def test_column_of_logits_is_refused(name, side):
    with pytest.raises(AssertionError, match="rank"):
        getattr(adversarial_loss(name), side)(jnp.zeros((3, 1)))


@pytest.mark.parametrize("player", ["discriminator", "generators"])
def test_players_refuse_logits_that_do_not_pair(player):
    loss = getattr(adversarial_loss("hinge"), player)
    with pytest.raises(AssertionError, match="shape"):
        loss(jnp.zeros(3), jnp.zeros((3, 1)))
    with pytest.raises(AssertionError, match="rank"):
        loss(jnp.zeros((3, 1)), jnp.zeros((3, 1)))


def test_unknown_name_lists_the_choices():
    with pytest.raises(ValueError, match=r"'relativistic'.*non_saturating.*kl"):
        adversarial_loss("relativistic")


def test_losses_are_stable_static_values():
    assert adversarial_loss("kl") is adversarial_loss("kl")
    assert hash(adversarial_loss("kl")) != hash(adversarial_loss("hinge"))
