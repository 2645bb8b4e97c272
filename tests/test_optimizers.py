"""Optimisers: what they add to a parameter, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from adversarial_latent.optimizers import make_optimizer, player


def test_player_settings_replace_the_defaults():
    fields = player(2e-4, b1=0.9, clip_norm=5, optimizer="sgd")
    assert (fields.learning_rate, fields.b1, fields.clip_norm) == (2e-4, 0.9, 5.0)
    assert (fields.optimizer, fields.b2, fields.repeats) == ("sgd", 0.999, 1)
    with pytest.raises(ValueError, match=r"a player has no \['beta'\], only"):
        player(2e-4, beta=0.5)


def _updates(fields, gradients, params=None, num_steps=10, steps_per_epoch=2):
    """What `fields`' optimiser adds to one parameter for each gradient in turn."""
    optimizer = make_optimizer(fields, num_steps, steps_per_epoch)
    params = jnp.zeros(()) if params is None else params
    state = optimizer.init(params)
    updates = []
    for gradient in gradients:
        # As in `steps.py`: Optax relies on implicit promotion.
        with jax.numpy_dtype_promotion("standard"):
            update, state = optimizer.update(jnp.float32(gradient), state, params)
        updates.append(float(update))
    return updates


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", np.full(10, 0.5)),
        ("linear", 0.5 * (1 - np.arange(10) / 10)),
        ("cosine", 0.25 * (1 + np.cos(np.pi * np.arange(10) / 10))),
        ("tenth", np.full(10, 0.05)),
        ("inverse_sqrt_epoch", 0.5 / np.sqrt(np.arange(10) // 2 + 1)),
    ],
)
def test_schedules(schedule, rates):
    fields = player(0.5, optimizer="sgd", schedule=schedule)
    np.testing.assert_allclose(_updates(fields, np.ones(10)), -rates, rtol=1e-5)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "tenth"])
def test_decay_begins_late(schedule):
    late = player(0.5, optimizer="sgd", schedule=schedule, decay_from=0.4)
    whole = player(0.5, optimizer="sgd", schedule=schedule)
    rates = np.concatenate([np.full(4, -0.5), _updates(whole, np.ones(6), num_steps=6)])
    np.testing.assert_allclose(_updates(late, np.ones(10)), rates, rtol=1e-5)


def test_the_last_step_decays_however_late_that_begins():
    late = player(0.5, optimizer="sgd", schedule="cosine", decay_from=0.999)
    np.testing.assert_allclose(
        _updates(late, np.ones(11)), [-0.5] * 10 + [0], rtol=1e-5
    )


def test_schedule_of_a_player_that_repeats_counts_its_updates():
    fields = player(0.5, optimizer="sgd", schedule="linear", repeats=2)
    rates = 0.5 * (1 - np.arange(20) / 20)
    np.testing.assert_allclose(_updates(fields, np.ones(20)), -rates, rtol=1e-5)


def test_adam_by_hand():
    b1, b2, rate, m, v = 0.5, 0.9, 0.1, 0.0, 0.0
    expected = []
    for t, gradient in enumerate([1.0, -2.0, 3.0], 1):
        m, v = b1 * m + (1 - b1) * gradient, b2 * v + (1 - b2) * gradient**2
        expected.append(-rate * m / (1 - b1**t) / np.sqrt(v / (1 - b2**t)))
    fields = player(rate, b1=b1, b2=b2)
    np.testing.assert_allclose(_updates(fields, [1, -2, 3]), expected, rtol=1e-4)


def test_momentum_clipping_and_weight_decay_by_hand():
    momentum = player(0.1, optimizer="sgd", momentum=0.5)
    np.testing.assert_allclose(_updates(momentum, [1, 1]), [-0.1, -0.15], rtol=1e-6)
    clipped = player(0.1, optimizer="sgd", clip_norm=2.0)
    np.testing.assert_allclose(_updates(clipped, [8, 1]), [-0.2, -0.1], rtol=1e-6)
    decayed = player(0.1, optimizer="sgd", weight_decay=0.01)
    updates = _updates(decayed, [1], params=jnp.float32(5))
    np.testing.assert_allclose(updates, [-0.1 * (1 + 0.05)], rtol=1e-6)


@pytest.mark.parametrize("field", ["optimizer", "schedule"])
def test_unknown_names(field):
    with pytest.raises(ValueError, match=f"unknown {field} 'best'"):
        make_optimizer(player(0.1, **{field: "best"}), 10, 2)


def test_the_state_of_an_optimiser_is_of_its_parameters_only():
    optimizer = make_optimizer(player(0.1), 10, 2)
    state = optimizer.init({"encoder": jnp.zeros(3)})
    assert optax.tree.get(state, "mu").keys() == {"encoder"}
