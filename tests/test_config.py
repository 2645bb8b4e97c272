"""Fields, arguments, durations and the hash."""

import numpy as np
import pytest

from adversarial_latent import config as config_lib
from adversarial_latent.config import duration_in_steps, parse_arguments
from adversarial_latent.inputs import InputError
from adversarial_latent.text import default_config as embedding_config
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
        ("j=3", r"unknown config argument 'j'; known: \['full', 'k'\]"),
        ("ful", r"; known: \['full', 'k'\]; did you mean 'full'\?"),
        ("k=3.5", "'k' must be of type int, not '3.5'"),
        ("k", "'k' must be of type int, not ''"),
        ("full=2", "'full' must be of type bool, not '2'"),
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
            "must be one of adam, sgd; did you mean",
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
        (
            "update_order",
            "alternate",
            "one of '', simultaneous, alternating; did you mean 'alternating'",
        ),
        ("trial_loop", "scan", "unknown trial_loop 'scan'"),
        ("pipeline", "", "unknown pipeline ''"),
        ("log_every", "often", r"config\.log_every: cannot read duration 'often'"),
        ("evaluators", (1,), r"config\.evaluators=\(1,\) must be str"),
        ("sentences", (1.5,), r"config\.sentences=\(1\.5,\) must be str"),
        ("game.num_components", 0, r"config\.game\.num_components=0 must be in"),
        ("game.latent_dim", -3, r"config\.game\.latent_dim=-3 must be in"),
        ("game.penalty_weight", -1.0, r"config\.game\.penalty_weight=-1\.0 must be at"),
        ("game.consistency_radius", np.nan, "consistency_radius=nan must be at least"),
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


@pytest.mark.parametrize("field", ["hidden_channels", "code_units", "code_channels"])
def test_ranges_of_the_fields_of_a_pixelcnn(field):
    config = pixelgan_digits.get_config()
    config.game.pixelcnn[field] = 0
    with pytest.raises(InputError, match=rf"pixelcnn\.{field}=0 must be in \[1, 65536"):
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


def test_unknown_fields_of_a_whole_config():
    config = amm_digits.get_config()
    config.update_ordre = "alternating"
    message = r"config has no field 'update_ordre'; did you mean 'update_order'\?"
    with pytest.raises(InputError, match=message):
        config_lib.check_ranges(config)


def test_the_nearest_name():
    assert config_lib.did_you_mean("lerning_rate", ["b1", "learning_rate"]) == (
        "; did you mean 'learning_rate'?"
    )
    assert config_lib.did_you_mean("x", ["b1", "learning_rate"]) == ""
