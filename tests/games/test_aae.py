"""The adversarial autoencoder: losses from its equations, and what phases train."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from adversarial_latent.game import Networks
from adversarial_latent.games import aae, make_game
from adversarial_latent.state import create_state
from adversarial_latent.steps import make_train_step
from tests import toys

KEY = jax.random.key(3)
TABLES = {
    "encoder": """
x     -     3    -  -  -  -  -    -
h     x     8    1  1  -  -  yes  ReLU
y_mu  h     {k}  1  1  -  -  -    -
y     y_mu  {k}  -  -  -  -  -    Softmax
z     h     {d}  1  1  -  -  -    -
""",
    "decoder": """
y   -    {k}      -  -  -  -  -  -
z   -    {d}      -  -  -  -  -  -
yz  y|z  {k}+{d}  -  -  -  -  -  -
h   yz   8        1  1  -  -  -  ReLU
x   h    3        1  1  -  -  -  -
""",
    "discriminator_y": """
y  -  {k}  -  -  -  -  -  -
h  y  8    1  1  -  -  -  ReLU
p  h  1    1  1  -  -  -  -
""",
    "discriminator_z": """
z  -  {d}  -  -  -  -  -  -
h  z  8    1  1  -  -  -  ReLU
p  h  1    1  1  -  -  -  -
""",
}


def config(**settings):
    made = aae.default_config()
    made.update(
        priors={"y": {"name": "categorical"}, "z": {"name": "gaussian", "std": 2.0}},
        num_components=4,
        latent_dim=2,
        semi_supervised=True,
        networks={name: toys.HEADER + text for name, text in TABLES.items()},
    )
    made.update(settings)
    return made


def only(*parts, **settings):
    """Config without labels, of a code that has only these parts."""
    made = config(semi_supervised=False, **settings)
    for part in {"y", "z"} - set(parts):
        del made.priors[part], made.networks[f"discriminator_{part}"]
        decoder = made.networks.decoder.replace("y|z", parts[0])
        decoder = decoder.replace("{k}+{d}", "{k}" if parts[0] == "y" else "{d}")
        lines = [line for line in decoder.splitlines() if line[:2] != f"{part} "]
        made.networks.decoder = "\n".join(lines)
    return made


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return {
        "x": np.float32(rng.normal(size=(6, 3))),
        "labelled_x": np.float32(rng.normal(size=(4, 3))),
        "label": np.int32([0, 1, 2, 3]),
    }


@pytest.fixture(scope="module")
def game():
    return make_game(config())


@pytest.fixture(scope="module")
def variables(game, batch):
    return toys.jit(game.init)(KEY, batch)


def forward(game, variables, batch, name, **settings):
    """The phase of the player `name`: its outputs, losses, scalars and networks."""
    settings = {"train": True} | settings
    ((phase, player),) = (
        (phase, player)
        for phase in game.phases
        for player in phase.players
        if player.name == name
    )
    net = Networks(game.modules, *variables, KEY, **settings)
    outputs = phase.forward(net, batch)
    losses, scalars = player.loss(net, outputs)
    return outputs, np.asarray(losses), scalars, net


def test_phases_are_those_of_the_config(game):
    def trained(game):
        return {player.name: player.trains for player in game.players}

    adversarial = {
        "discriminator": ("discriminator_y", "discriminator_z"),
        "generator": ("encoder",),
    }
    autoencoder = {"autoencoder": ("encoder", "decoder")}
    classifier = {"classifier": ("encoder",)}
    assert trained(game) == autoencoder | adversarial | classifier
    assert [phase.name for phase in game.phases] == [
        "reconstruction",
        "adversarial",
        "classification",
    ]
    assert game.update_order == "alternating"
    assert game.uses_labels
    assert game.batch_fields == ("x", "labelled_x", "label")
    assert game.num_components == 4
    free = make_game(config(imposed=False))
    assert trained(free) == autoencoder | classifier
    z_only = make_game(only("z"))
    assert trained(z_only)["discriminator"] == ("discriminator_z",)
    assert z_only.num_components is None
    assert not z_only.uses_labels


def test_reconstruction_is_the_mean_squared_error(game, variables, batch):
    _, losses, _, net = forward(game, variables, batch, "autoencoder")
    net = Networks(game.modules, *variables, KEY, train=True)
    rows = net("encoder", batch["x"])
    decoded = net("decoder", rows["y"], rows["z"])["x"]
    expected = np.square(batch["x"] - np.asarray(decoded)).mean(1)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_discriminators_compare_drawn_and_inferred_codes(game, variables, batch):
    outputs, losses, scalars, _ = forward(game, variables, batch, "discriminator")
    real = [np.float64(outputs[f"real_{part}"]) for part in "yz"]
    fake = [np.float64(outputs[f"fake_{part}"]) for part in "yz"]
    sides = [-scipy.special.log_expit(r) for r in real]
    sides += [-scipy.special.log_expit(-f) for f in fake]
    np.testing.assert_allclose(losses, sum(sides), rtol=1e-5)
    for part, r, f in zip("yz", real, fake, strict=True):
        mean = scipy.special.expit(r).mean(), scipy.special.expit(f).mean()
        both = scalars[f"d_real_{part}"], scalars[f"d_fake_{part}"]
        np.testing.assert_allclose(both, mean, rtol=1e-5)
    net = Networks(game.modules, *variables, KEY, train=True)
    rows = net("encoder", batch["x"])
    for part, f in zip("yz", fake, strict=True):
        logits = net(f"discriminator_{part}", rows[part])["p"][:, 0]
        np.testing.assert_allclose(logits, f, rtol=1e-4)
    outputs, losses, _, _ = forward(game, variables, batch, "generator")
    fake = [np.float64(outputs[f"fake_{part}"]) for part in "yz"]
    expected = sum(-scipy.special.log_expit(f) for f in fake)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_discriminators_see_noise_if_there_is_any(game, variables, batch):
    noisy = make_game(config(code_noise=0.5))
    clean, *_ = forward(game, variables, batch, "discriminator")
    blurred, *_ = forward(noisy, variables, batch, "discriminator")
    for name, value in clean.items():
        assert not np.allclose(value, blurred[name]), name


def test_labels_enter_by_cross_entropy_and_leave_statistics_alone(
    game, variables, batch
):
    _, losses, scalars, net = forward(game, variables, batch, "classifier")
    before = variables[1]["encoder"]
    for old, new in zip(
        jax.tree.leaves(before),
        jax.tree.leaves(net.model_state["encoder"]),
        strict=True,
    ):
        np.testing.assert_array_equal(old, new)
    fresh = Networks(game.modules, *variables, KEY, train=True)
    y_mu = np.float64(fresh("encoder", batch["labelled_x"])["y_mu"])
    log_probabilities = scipy.special.log_softmax(y_mu, axis=1)
    expected = -log_probabilities[np.arange(4), batch["label"]]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    right = (y_mu.argmax(1) == batch["label"]).mean()
    assert scalars["label_accuracy"] == pytest.approx(right)


def test_input_noise_is_there_in_training_only(game, variables, batch):
    noisy = make_game(config(input_noise=0.3))
    _, clean, *_ = forward(game, variables, batch, "autoencoder")
    _, blurred, *_ = forward(noisy, variables, batch, "autoencoder")
    assert not np.allclose(clean, blurred)
    for each in (game, noisy):
        net = Networks(each.modules, *variables, KEY, train=False)
        rows = net("encoder", batch["x"])
        code = each.encode(net, batch["x"])
        assert set(code) == {"y", "z"}
        for part in code:
            np.testing.assert_array_equal(code[part], rows[part])


def test_consistency_is_a_phase_of_its_own(variables, batch):
    careful = make_game(config(consistency_radius=0.5))
    assert [player.name for player in careful.players][-1] == "consistency"
    _, losses, _, net = forward(careful, variables, batch, "consistency")
    assert losses.shape == (6,)
    assert losses.min() >= -1e-6
    assert losses.max() > 1e-3
    still = make_game(config(consistency_radius=1e-6))
    np.testing.assert_allclose(
        forward(still, variables, batch, "consistency")[1], 0, atol=1e-5
    )
    # It is under noise on x, too, if there is any.
    noisy = make_game(config(consistency_radius=1e-6, input_noise=1.0))
    assert forward(noisy, variables, batch, "consistency")[1].min() > 1e-4
    for old, new in zip(
        jax.tree.leaves(variables[1]["encoder"]),
        jax.tree.leaves(net.model_state["encoder"]),
        strict=True,
    ):
        np.testing.assert_array_equal(old, new)
    with pytest.raises(ValueError, match=r"consistency_radius=0\.5 needs a prior of y"):
        make_game(only("z", consistency_radius=0.5))


def test_each_player_trains_its_own_networks(game, batch):
    """What is not trained in a turn stays, bit for bit."""
    create = functools.partial(create_state, game, toys.sgd(game), batch=batch)
    state = toys.jit(create)(KEY)
    fields = {
        field.name: getattr(game, field.name) for field in dataclasses.fields(game)
    }
    updated = {}
    for phase, player in [(f, p) for f in game.phases for p in f.players]:

        class OnePlayer(aae.AAE):
            phases = (dataclasses.replace(phase, players=(player,)),)

        one = OnePlayer(**fields)
        step = make_train_step(one, toys.sgd(one, 0.1), update_order="alternating")
        after, metrics = toys.jit(step)(state, jax.tree.map(lambda x: x[None], batch))
        updated[player.name] = {
            network
            for network in state.params
            if any(
                not np.array_equal(old, new)
                for old, new in zip(
                    jax.tree.leaves(
                        (state.params[network], state.model_state[network])
                    ),
                    jax.tree.leaves(
                        (after.params[network], after.model_state[network])
                    ),
                    strict=True,
                )
            )
        }
        assert np.isfinite([float(value) for value in metrics.values()]).all()
    assert updated == {
        "autoencoder": {"encoder", "decoder"},
        "discriminator": {"discriminator_y", "discriminator_z"},
        "generator": {"encoder"},
        "classifier": {"encoder"},
    }


def test_samples_come_from_the_priors(game, variables):
    net = Networks(game.modules, *variables, KEY, train=False)
    drawn = game.sample(net, 500)
    assert set(np.unique(drawn["y"])) == {0.0, 1.0}
    np.testing.assert_array_equal(drawn["y"].sum(1), 1)
    assert np.asarray(drawn["z"]).std() == pytest.approx(2.0, rel=0.1)
    code = {part: drawn[part] for part in "yz"}
    np.testing.assert_array_equal(drawn["x"], game.decode(net, code))
    component = jnp.array([3, 0, 2])
    chosen = game.sample(net, 3, component)
    np.testing.assert_array_equal(chosen["y"].argmax(1), component)


def test_what_cannot_be():
    for settings, message in (
        ({"priors": {}}, "it must have y, z, or both"),
        ({"priors": {"w": {"name": "gaussian"}}}, r"priors has \['w'\]"),
        ({"priors": {"y": {"name": "gaussian"}}}, "'gaussian' must be 'categorical'"),
        (
            {"priors": {"z": {"name": "gaussian"}}},
            "semi_supervised=True needs a prior of y",
        ),
    ):
        made = config()
        del made.priors
        made.update(settings)
        made.priors = settings["priors"]
        with pytest.raises(ValueError, match=message):
            make_game(made)


def supervised_config(**settings):
    """The y of which is the label: nobody infers or imposes it."""
    made = config(semi_supervised=False, supervised=True, **settings)
    del made.networks["discriminator_y"]
    made.networks.encoder = toys.HEADER + (
        "x - 3 - - - - - -\nh x 8 1 1 - - yes ReLU\nz h {d} 1 1 - - - -\n"
    )
    return made


def test_supervised_the_label_is_part_of_the_code(batch):
    """Labelled images are reconstructed from their label and an inferred style."""
    game = make_game(supervised_config())
    assert [player.name for player in game.players] == [
        "autoencoder",
        "discriminator",
        "generator",
    ]
    assert game.uses_labels
    assert game.conditional
    assert game.num_components == 4
    variables = toys.jit(game.init)(KEY, batch)
    net = Networks(game.modules, *variables, KEY, train=False)
    x, label = batch["labelled_x"], batch["label"]
    code = game.encode(net, x, label)
    np.testing.assert_array_equal(code["y"], np.eye(4))
    decoded = net("decoder", np.eye(4, dtype=np.float32), net("encoder", x)["z"])["x"]
    np.testing.assert_allclose(game.decode(net, code), decoded, rtol=1e-6)
    outputs, losses, _, _ = forward(game, variables, batch, "autoencoder")
    assert losses.shape == (4,)
    other = {**batch, "label": np.int32([1, 0, 3, 2])}
    assert not np.allclose(forward(game, variables, other, "autoencoder")[1], losses)
    outputs, _, scalars, _ = forward(game, variables, batch, "discriminator")
    assert set(outputs) == {"real_z", "fake_z"}
    assert set(scalars) == {"d_real_z", "d_fake_z"}


def test_styles_are_kept_from_class_to_class(game, variables):
    net = Networks(game.modules, *variables, KEY, train=False)
    images = game.styles(net, 3)
    assert images.shape == (4, 3, 3)
    z = Networks(game.modules, *variables, KEY, train=False)
    style = game.encoder.sample_prior(z, 3)["z"]
    for k, row in enumerate(images):
        code = {"y": np.float32(np.eye(4)[[k] * 3]), "z": style}
        np.testing.assert_allclose(row, game.decode(net, code), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"priors": {"z": {"name": "gaussian"}}}, "supervised needs priors of y and z"),
        ({"semi_supervised": True}, "semi_supervised=True: a supervised game does"),
        ({"consistency_radius": 0.3}, "consistency_radius=0.3: a supervised game does"),
    ],
)
def test_supervised_settings_that_cannot_be(settings, message):
    made = supervised_config()
    if "priors" in settings:
        del made.priors["y"]
    else:
        made.update(settings)
    with pytest.raises(ValueError, match=message):
        make_game(made)
