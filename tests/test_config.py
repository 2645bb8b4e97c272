"""Fields, arguments, durations, optimisers and the hash."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from adversarial_latent import config as config_lib
from adversarial_latent.config import duration_in_steps, parse_arguments, player
from adversarial_latent.inputs import InputError
from adversarial_latent.sentences import default_config as embedding_config
from configs import amm_digits, pixelgan_digits


def test_arguments_have_the_types_of_their_defaults():
    given = parse_arguments(
        "k=30,rate=1e-3,prior=unit,runlocal",
        k=10,
        rate=0.5,
        prior="learned",
        runlocal=False,
        full=True,
    )
    assert given.to_dict() == {
        "k": 30,
        "rate": 1e-3,
        "prior": "unit",
        "runlocal": True,
        "full": True,
    }
    assert type(given.k) is int


@pytest.mark.parametrize("argument", [None, ""])
def test_no_argument_gives_the_defaults(argument):
    assert parse_arguments(argument, k=10).to_dict() == {"k": 10}


@pytest.mark.parametrize(("text", "value"), [("False", False), ("true", True)])
def test_boolean_argument(text, value):
    assert parse_arguments(f"full={text}", full=not value).full is value


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("j=3", r"unknown config argument 'j'; there are \['full', 'k'\]"),
        ("ful", r"; there are \['full', 'k'\]; did you mean 'full'\?"),
        ("k=3.5", "'k' takes a int, not '3.5'"),
        ("k", "'k' takes a int, not ''"),
        ("full=2", "'full' takes a bool, not '2'"),
    ],
)
def test_wrong_arguments(argument, message):
    with pytest.raises(ValueError, match=message):
        parse_arguments(argument, k=10, full=False)


@pytest.mark.parametrize(
    ("duration", "steps"),
    [
        ("500_steps", 500),
        ("1_epochs", 11),  # 1050 examples, 100 a step
        ("2_epochs", 21),
        ("0.5_epochs", 6),
        ("1e6_examples", 10000),
        ("101_examples", 2),
        ("1.5e3_steps", 1500),
    ],
)
def test_duration(duration, steps):
    assert duration_in_steps(duration, batch_size=100, num_examples=1050) == steps


@pytest.mark.parametrize("duration", ["1e999999999_steps", "1e400_epochs", "3e9_steps"])
def test_durations_have_an_end(duration):
    with pytest.raises(InputError, match="duration"):
        duration_in_steps(duration, batch_size=100, num_examples=1000)


def test_duration_is_not_rounded_up_for_a_rounding_error():
    assert 0.07 * 100 > 7
    assert duration_in_steps("0.07_epochs", batch_size=1, num_examples=100) == 7


@pytest.mark.parametrize(
    "duration", ["", "5", "0_steps", "-1_epochs", "1.2.3_steps", "._steps", "5_hours"]
)
def test_unreadable_duration(duration):
    with pytest.raises(ValueError, match="cannot read duration"):
        duration_in_steps(duration, batch_size=100, num_examples=1000)


def test_player_settings_replace_the_defaults():
    fields = player(2e-4, b1=0.9, clip_norm=5, optimizer="sgd")
    assert (fields.learning_rate, fields.b1, fields.clip_norm) == (2e-4, 0.9, 5.0)
    assert (fields.optimizer, fields.b2, fields.repeats) == ("sgd", 0.999, 1)
    with pytest.raises(ValueError, match=r"a player has no \['beta'\], only"):
        player(2e-4, beta=0.5)


def _updates(fields, gradients, params=None, num_steps=10, steps_per_epoch=2):
    """What `fields`' optimiser adds to one parameter for each gradient in turn."""
    optimizer = config_lib.make_optimizer(fields, num_steps, steps_per_epoch)
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


def test_schedule_of_a_player_that_repeats_counts_its_moves():
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
        config_lib.make_optimizer(player(0.1, **{field: "best"}), 10, 2)


def test_the_state_of_an_optimiser_is_of_its_parameters_only():
    optimizer = config_lib.make_optimizer(player(0.1), 10, 2)
    state = optimizer.init({"encoder": jnp.zeros(3)})
    assert optax.tree.get(state, "mu").keys() == {"encoder"}


def test_hash_is_of_all_values_and_nothing_else():
    config = config_lib.default_config()
    first = config_lib.config_hash(config)
    assert len(first) == 12
    assert int(first, 16) > 0
    assert config_lib.config_hash(config_lib.default_config()) == first
    reordered = dict(reversed(config.to_dict().items()))
    assert config_lib.config_hash(type(config)(reordered)) == first
    config.dataset.limit += 1
    assert config_lib.config_hash(config) != first


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("ema_decay", 1.5, r"config\.ema_decay=1\.5 must be in \[0, 1\)"),
        ("ema_decay", 1.0, r"config\.ema_decay=1\.0 must be in \[0, 1\)"),
        (
            "players.generator.learning_rate",
            -1e-9,
            "learning_rate=-1e-09 must be at le",
        ),
        ("players.generator.learning_rate", np.inf, "=inf must be at least 0, and fin"),
        ("players.generator.learning_rate", 1e39, r"=1e\+39 must be at least 0, and f"),
        ("players.generator.b1", 1.0, r"b1=1\.0 must be in \[0, 1\)"),
        ("players.generator.b2", -0.1, r"b2=-0\.1 must be in \[0, 1\)"),
        ("players.generator.eps_root", -1.0, "eps_root=-1.0 must be at least 0"),
        ("players.generator.momentum", 1.0, r"momentum=1\.0 must be in"),
        ("players.generator.clip_norm", -0.5, "clip_norm=-0.5 must be at least 0"),
        ("players.generator.weight_decay", -0.5, "weight_decay=-0.5 must be at least"),
        ("players.generator.decay_from", 1.0, r"decay_from=1\.0 must be in \[0, 1\)"),
        ("players.generator.repeats", 0, r"config\.players\.generator\.repeats=0 must"),
        (
            "players.generator.optimizer",
            "adams",
            "is one of adam, sgd; did you mean 'ad",
        ),
        (
            "players.generator.schedule",
            "best",
            "unknown schedule 'best': config.players",
        ),
        ("batch_size", 0, "batch_size=0 must be at least 1"),
        ("trials", 0, r"trials=0 must be in \[1, 10000\]"),
        ("trials", 10**9, "trials=1000000000 must be in"),
        ("steps_per_call", 0, "steps_per_call=0 must be at least 1"),
        ("seed", -1, "config.seed=-1 must be in"),
        (
            "seed",
            99999999999,
            r"seed=99999999999 must be in \[0, 2147483648 - config\.t",
        ),
        ("labels.number", -1, r"config\.labels\.number=-1 must be at least 0"),
        ("labels.batch_size", 10**9, r"labels\.batch_size=1000000000 must be in"),
        ("dataset.test_fraction", 1.0, r"test_fraction=1\.0 must be in \(0, 1\)"),
        ("dataset.test_fraction", np.nan, r"test_fraction=nan must be in \(0, 1\)"),
        ("dataset.split_seed", -1, "split_seed=-1 must be in"),
        ("dataset.num_validation", -1, "num_validation=-1 must be at least 0"),
        ("dataset.limit", -1, "limit=-1 must be at least 0"),
        ("dataset.held_out", 1.0, r"held_out=1\.0 must be in"),
        ("embedding.dim", 0, r"embedding\.dim=0 must be in"),
        ("embedding.steps", 0, r"embedding\.steps=0 must be at least 1"),
        ("embedding.learning_rate", -1.0, r"embedding\.learning_rate=-1\.0 must"),
        ("moves", "alternate", "is one of .*; did you mean 'alternating'"),
        ("trial_loop", "scan", "unknown trial_loop 'scan'"),
        ("pipeline", "", "unknown pipeline ''"),
        ("log_every", "often", r"config\.log_every: cannot read duration 'often'"),
        ("evaluators", (1,), r"config\.evaluators=\(1,\) must be str"),
        ("sentences", (1.5,), r"config\.sentences=\(1\.5,\) must be str"),
        ("game.num_components", 0, r"config\.game\.num_components=0 must be in"),
        ("game.latent_dim", -3, r"config\.game\.latent_dim=-3 must be in"),
        ("game.penalty_weight", -1.0, r"config\.game\.penalty_weight=-1\.0 must be at"),
        ("game.consistency_radius", np.nan, "consistency_radius=nan must be at least"),
        ("game.padding", "FULL", "unknown padding 'FULL'"),
        ("paper.nmi", np.nan, r"config\.paper\.nmi=nan must be finite"),
    ],
)
@pytest.mark.parametrize("of_the_classifier", [False, True])
def test_values_out_of_range(path, value, message, of_the_classifier):
    config = amm_digits.get_config()
    config.embedding, config.paper = embedding_config(), {"nmi": 0.5}
    config_lib.check_ranges(config)
    if of_the_classifier:
        config.classifier = config.copy_and_resolve_references()
        message = message.replace("config", "config.classifier")
    *groups, name = path.split(".")
    part = config.classifier if of_the_classifier else config
    for group in groups:
        part = part[group]
    part[name] = value
    with pytest.raises(InputError, match=message):
        config_lib.check_ranges(config)


def test_the_range_of_a_seed_leaves_one_for_each_trial():
    config = config_lib.default_config()
    config.seed, config.trials = 2**31 - 5, 5
    config_lib.check_ranges(config)
    config.trials = 6
    with pytest.raises(InputError, match="seed=2147483643 must be in"):
        config_lib.check_ranges(config)


def test_ranges_of_each_number_of_a_tuple():
    config = pixelgan_digits.get_config()
    config.game.pixelcnn.image_shape = (8, 0, 1)
    with pytest.raises(
        InputError, match=r"pixelcnn\.image_shape=\(8, 0, 1\) must be in"
    ):
        config_lib.check_ranges(config)


@pytest.mark.parametrize("fields", [{}, {"learning_rate": 1e-3}, {"rate": 1}])
def test_a_player_has_all_of_its_fields(fields):
    config = amm_digits.get_config()
    config.players = {"generator": fields}
    with pytest.raises(InputError, match=r"config\.players\.generator has the fields"):
        config_lib.check_ranges(config)


def test_fields_have_names():
    config = pixelgan_digits.get_config()
    config.game.pixelcnn = {1: 2}
    with pytest.raises(InputError, match=r"config\.game\.pixelcnn has a field 1"):
        config_lib.check_ranges(config)


def test_the_nearest_name():
    assert config_lib.did_you_mean("lerning_rate", ["b1", "learning_rate"]) == (
        "; did you mean 'learning_rate'?"
    )
    assert config_lib.did_you_mean("x", ["b1", "learning_rate"]) == ""
