"""Parts of games: what a discriminator gives, and settings that are refused."""

import dataclasses

import numpy as np
import pytest
import scipy.special

from adversarial_latent.games.components import Adversary, Generator, logits
from tests.games import points

DISCRIMINATOR = {"loss": "non_saturating", "penalty": "gradient", "penalty_weight": 0.0}


# The logit of a discriminator.


def test_logits_are_a_vector():
    p = np.float32([[1], [-2], [0]])
    np.testing.assert_array_equal(logits({"p": p, "h": None}), p[:, 0])


@pytest.mark.parametrize("shape", [(3, 2), (3,), (3, 1, 1, 1), (3, 2, 2, 1)])
def test_a_discriminator_gives_one_logit_for_each_example(shape):
    size = ", ".join(map(str, shape))
    message = rf"'p' of a discriminator must be one logit for .*, not \({size},?\)"
    with pytest.raises(ValueError, match=message):
        logits({"p": np.zeros(shape, np.float32)})


# The adversary.


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "least_squares"}, "'least_squares'.*non_saturating"),
        ({"loss": ""}, "non_saturating"),
        ({"penalty": "r3"}, r"unknown penalty 'r3'; there are \[.*'gradient'"),
        ({"penalty": ""}, "unknown penalty ''; there are"),
    ],
)
def test_unknown_losses_and_penalties(settings, message):
    """They are refused at once; so are those of games, and without any weight."""
    with pytest.raises(ValueError, match=message):
        Adversary(**{**DISCRIMINATOR, **settings})
    with pytest.raises(ValueError, match=message):
        points.make(**settings)


@pytest.mark.parametrize("name", ["loss", "penalty"])
def test_changed_settings_are_validated_too(name):
    adversary = Adversary(**DISCRIMINATOR)
    with pytest.raises(ValueError, match="'other'"):
        dataclasses.replace(adversary, **{name: "other"})


def test_sides_are_discriminated_one_by_one():
    calls = []

    def discriminate(*side):
        calls.append(side)
        return {"p": sum(part.sum(-1, keepdims=True) for part in side)}

    real = np.float32([[1, 2], [3, 4]]), np.float32([[0.5], [0.25]])
    fake = np.float32([[-1, 0], [0, -2]]), np.float32([[0], [1]])
    adversary = Adversary(**DISCRIMINATOR)
    outputs = adversary.compare(discriminate, real, fake)
    assert calls == [real, fake]
    assert outputs["real"] is real
    assert outputs["fake"] is fake
    np.testing.assert_array_equal(outputs["real_logits"], [3.5, 7.25])
    np.testing.assert_array_equal(outputs["fake_logits"], [-1, -1])
    log_expit = scipy.special.log_expit
    loss, scalars = adversary.discriminator_loss(None, outputs, discriminate)
    expected = -log_expit(outputs["real_logits"]) - log_expit([1, 1])
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert set(scalars) == {"d_real", "d_fake"}
    losses = adversary.generator_loss(outputs)
    np.testing.assert_allclose(losses, -log_expit([-1, -1]), rtol=1e-5)
    both = adversary.generators_loss(outputs)
    expected = losses - log_expit(-np.asarray(outputs["real_logits"]))
    np.testing.assert_allclose(both, expected, rtol=1e-5)


# The generator.


def test_scale_and_shift_are_inverse_to_each_other():
    generator = Generator(latent_dim=2, data_scale=0.5, data_shift=0.25)
    x = np.float32([[0.25, 0.75, -0.25]])
    np.testing.assert_array_equal(generator.normalize(x), [[0, 1, -1]])
    made = generator.generate(lambda name, z: {"x": generator.normalize(z)}, x)
    np.testing.assert_array_equal(made, x)
