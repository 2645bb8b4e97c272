"""Configs of the PixelGAN autoencoder's paper: sizes, and steps that can be traced."""

import importlib
import re

import jax
import numpy as np
import pytest
from sklearn.datasets import load_digits

from adversarial_latent.data import Dataset, Examples
from adversarial_latent.experiment import make_experiment
from adversarial_latent.games import make_game

# Arguments, and the parameters of each network as the config's docstring has them.
CONFIGS = {
    "pixelgan_mnist": {
        "": {"encoder": 145_066, "discriminator_y": 1_013_001, "decoder": 136_609},
        "labels=20,real": {"decoder": 1_870_622},
    },
    "pixelgan_svhn": {
        "labels=500": {
            "encoder": 84_714,
            "discriminator_y": 1_013_001,
            "decoder": 896_036,
        },
    },
    "pixelgan_norb": {
        "": {"encoder": 104_773, "discriminator_y": 1_008_001, "decoder": 660_638}
    },
    "pixelgan_clustering": {
        "": {"encoder": 99_066, "discriminator_y": 9_099_001, "decoder": 356_961},
        "k=3,classes=0-1-2,free": {"encoder": 56_649, "decoder": 329_313},
    },
    "pixelgan_gaussian": {
        "": {"encoder": 5_576_002, "discriminator_z": 4_010_001, "decoder": 855_209},
        "model=pixelcnn": {"decoder": 67_425},
        "model=aae": {"decoder": 5_576_001},
        "blocks=12,conditioning=invariant": {"decoder": 263_201},
    },
    "pixelgan_mnist_small": {
        "labels=20": {"encoder": 35_230, "decoder": 18_404},
        "labels=0,k=3,classes=0-1-2": {"encoder": 24_233},
    },
    "pixelgan_domains": {"": {"encoder": 160_034}},
    "pixelcnn_mnist": {"": {"decoder": 326_241}},
}
CASES = [(name, argument) for name, found in CONFIGS.items() for argument in found]


def config_of(name, argument):
    return importlib.import_module(f"configs.{name}").get_config(argument)


def image_shape(config):
    shape = (28, 28, 1)
    return (
        tuple(config.game.pixelcnn.image_shape) if "pixelcnn" in config.game else shape
    )


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_parameters(name, argument):
    config = config_of(name, argument)
    x = np.zeros((2, *image_shape(config)), np.float32)
    batch = {"x": x, "labelled_x": x, "label": np.zeros(2, np.int32)}
    params, _ = jax.eval_shape(make_game(config.game).init, jax.random.key(0), batch)
    counts = {
        network: sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))
        for network, tree in params.items()
    }
    expected = CONFIGS[name][argument]
    assert {network: counts[network] for network in expected} == expected
    stated = importlib.import_module(f"configs.{name}").__doc__
    for count in expected.values():
        # Beside figures that differ with the arguments all are in the docstring.
        if argument in ("", "labels=500"):
            assert f"{count:,}" in re.sub(r"\s+", " ", stated)


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_a_step_can_be_traced(name, argument):
    """The whole step of the whole config on examples of its shape: nothing is run."""
    config = config_of(name, argument)
    classes = 3 if "classes" in argument else 5 if "norb" in name else 10
    with config.unlocked():
        config.trials, config.labels.number = 1, min(config.labels.number, classes)
        config.batch_size = config.labels.batch_size = 8
        config.duration, config.steps_per_call = "1_steps", 1
        if not config.game.get("semi_supervised", False):
            config.labels.batch_size = 0
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (30, *image_shape(config))).astype(np.uint8)
    examples = Examples(x, label=np.arange(30) % classes)
    splits = dict.fromkeys(("train", "validation", "test"), examples)
    dataset = Dataset("made up", splits, "", tuple(map(str, range(classes))))
    experiment = make_experiment(config, dataset)
    state = jax.eval_shape(experiment.create, jax.random.key(0))
    batch = jax.eval_shape(
        experiment.pipeline.examples,
        experiment.pipeline.resident,
        jax.tree.map(lambda leaf: leaf[0, 0][None], experiment.pipeline.next(1)),
    )
    after, metrics = jax.eval_shape(experiment.train_step, state, batch)
    assert jax.tree.map(lambda leaf: leaf.shape, after) == jax.tree.map(
        lambda leaf: leaf.shape, state
    )
    assert {f"{player}/loss" for player in config.players} <= set(metrics)


@pytest.mark.parametrize("model", ["pixelgan", "pixelcnn", "aae"])
def test_descent_with_momentum_stays_finite(model):
    """The paper's learning rates are too large for gradients of any length."""
    config = config_of("pixelgan_gaussian", f"narrow=8,model={model}")
    with config.unlocked():
        config.batch_size = 48
        config.duration, config.steps_per_call = "30_steps", 30
    x, label = load_digits(return_X_y=True)
    x = np.kron(x.reshape(-1, 8, 8), np.ones((3, 3)))  # 24x24 pixels
    x = np.uint8(np.pad(x, ((0, 0), (2, 2), (2, 2)))[..., None] * 255 / 16)
    examples = Examples(x, label=label)
    splits = dict.fromkeys(("train", "validation", "test"), examples)
    dataset = Dataset("digits", splits, "", tuple(map(str, range(10))))
    experiment = make_experiment(config, dataset)
    parallel = experiment.parallel
    _, metrics = experiment.compile()(
        parallel.place(parallel.init(experiment.create, config.seed)),
        parallel.replicate(experiment.pipeline.resident),
        experiment.next_batches(),
    )
    for name, value in metrics.items():
        assert np.isfinite(np.asarray(value)).all(), name


def test_arguments_that_cannot_be():
    with pytest.raises(ValueError, match="model='vae' must be one of"):
        config_of("pixelgan_gaussian", "model=vae")
    game = make_game(config_of("pixelgan_gaussian", "conditioning=everywhere").game)
    batch = {"x": np.zeros((2, 28, 28, 1), np.float32)}
    with pytest.raises(ValueError, match="conditioning must be chosen from"):
        jax.eval_shape(game.init, jax.random.key(0), batch)


@pytest.mark.parametrize("argument", ["free", "labels=20,classes=0-1-2"])
def test_small_clusters_have_no_labels(argument):
    with pytest.raises(ValueError, match="give labels=0"):
        config_of("pixelgan_mnist_small", argument)
