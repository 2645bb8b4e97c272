"""Every file in configs/ runs: builds, trains, saves, resumes, evaluates."""

import importlib
import json
import signal
from pathlib import Path

import jax
import numpy as np
import pytest
import tensorflow_datasets as tfds

from adversarial_latent import sizing, train
from adversarial_latent.config import config_hash
from adversarial_latent.data import Dataset, Examples
from adversarial_latent.evaluation.run import check_evaluation
from adversarial_latent.experiment import Experiment
from adversarial_latent.games import make_game
from adversarial_latent.workdir import load_trials, read_config
from tests.data import tiny_tfds
from tests.runs import logged, saved

FILES = sorted(Path(__file__).parents[2].glob("configs/[!_]*.py"))
# What a data set of TFDS looks like, and its version; the rest of it is made up here.
TFDS = {"mnist": ((28, 28, 1), 10, "3.0.1"), "cifar10": ((32, 32, 3), 10, "3.0.2")}
# Those of SVHN take steps in test_svhn.py, those of AIM on images in
# test_aim_images.py: all of this would take them minutes. The others have the networks
# of amm_mnist, which is traced below, or of samm_mnist_dense, with a game that another
# config has, too.
AIM = {"aim_mnist", "aim_mnist_small", "aim_cifar10", "aim_celeba"}
SLOW = {"amm_svhn", "samm_svhn", "samm_mnist", "conditional_ali_mnist"}
# Those of the PixelGAN autoencoder's paper are traced in test_pixelgan.py.
PIXELGAN = {"pixelgan_mnist", "pixelgan_svhn", "pixelgan_norb", "pixelgan_clustering"}
PIXELGAN |= {"pixelgan_gaussian", "pixelgan_mnist_small", "pixelgan_domains"}
PIXELGAN |= {"pixelcnn_mnist"}
# Likewise those of the learned prior's, in test_learned_prior.py.
LEARNED_PRIOR = {f"learned_prior_{data}" for data in ("mnist", "cifar10", "svhn")}
LEARNED_PRIOR |= {"learned_prior_mnist_small", "learned_prior_flowers"}
LEARNED_PRIOR |= {"learned_prior_flowers_small"}
# And the adversarial autoencoders, in test_aae.py.
SLOW |= {"aae_mnist", "amm_mnist", "amm_mnist_dense", *AIM, *PIXELGAN, *LEARNED_PRIOR}
# And those for tasks, whose networks follow from the data, in test_tasks.py.
TASKS = {"cluster", "classify", "autoencode", "generate"}
SLOW |= TASKS
QUICK = [path for path in FILES if path.stem not in SLOW]


def write_tfds(directory, name):
    """Writes random images as if they were the data set `name`."""
    shape, num_classes, version = TFDS[name]
    rng = np.random.default_rng(0)

    def examples(size):
        return [
            {
                "image": tiny_tfds.png(rng.integers(0, 256, shape, dtype=np.uint8)),
                "label": i % num_classes,
            }
            for i in range(size)
        ]

    tiny_tfds.write(
        directory,
        name,
        features={
            "image": tfds.features.Image(shape=shape),
            "label": tfds.features.ClassLabel(num_classes=num_classes),
        },
        splits={"train": examples(40), "test": examples(30)},
        supervised_keys=("image", "label"),
        version=version,
    )


def complete(config):
    """The config with what a task leaves to the data, which are random images."""
    if not sizing.needs_data(config):
        return config
    x = np.random.default_rng(0).integers(0, 256, (40, 12, 12, 3), dtype=np.uint8)
    part = Examples(x=x, label=np.arange(40) % 3)
    splits = {"train": part, "test": part}
    return sizing.fit_to_data(config, Dataset("mine", splits, "", ("a", "b", "c")))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def module(request):
    return importlib.import_module(f"configs.{request.param.stem}")


@pytest.mark.usefixtures("_in_a_hurry")
@pytest.mark.parametrize("module", QUICK, ids=lambda path: path.stem, indirect=True)
def test_runlocal(module, tmp_path, monkeypatch):
    config = module.get_config("runlocal")
    if config.dataset.name.startswith("tfds:"):
        write_tfds(tmp_path / "tfds", config.dataset.name.removeprefix("tfds:"))
        config.dataset.data_dir = str(tmp_path / "tfds")
    config.duration, config.steps_per_call = "2_steps", 1
    config.batch_size = 8  # two for each device
    workdir = tmp_path / "run"
    next_batches = Experiment.next_batches

    def stop(experiment):
        if experiment.game.players[0].name in config.players:  # not its classifier
            signal.raise_signal(signal.SIGTERM)
        return next_batches(experiment)

    with monkeypatch.context() as patch:
        patch.setattr(Experiment, "next_batches", stop)
        assert train.train_and_evaluate(config, str(workdir)) is None
    assert saved(workdir)[0] == 1
    results = train.train_and_evaluate(config, str(workdir))
    step, arrays = saved(workdir)
    assert step == 2
    for name, array in arrays.items():
        assert np.isfinite(array).all(), name
    (row,) = logged(workdir)
    assert row["step"] == 2
    assert np.isfinite([value for key, value in row.items() if key != "trials"]).all()
    assert set(results["protocol"]) == {"data", *config.evaluators}
    for number in results["results"].values():
        assert len(number["trials"]) == config.trials
        assert np.isfinite(number["trials"]).all()
    assert results == json.loads((workdir / "results.json").read_text())
    assert list((workdir / "figures").iterdir())
    assert len(load_trials(str(workdir))) == config.trials


def test_the_whole_config_can_be_built_and_recorded(module, tmp_path):
    config = complete(module.get_config())
    game = make_game(config.game)
    assert {player.name for player in game.players} == set(config.players)
    check_evaluation(config, game)
    assert config.duration != module.get_config("runlocal").duration
    (tmp_path / "config.json").write_text(config.to_json())
    assert config_hash(read_config(str(tmp_path))) == config_hash(config)
    with pytest.raises(ValueError, match="unknown config argument 'runlocall'"):
        module.get_config("runlocall")
    assert module.__doc__
    assert f"--config=configs/{module.__name__.split('.')[-1]}.py" in module.__doc__


def test_arguments_of_amm_mnist_dense():
    """Every reading has one encoder; the terms alone have the part that infers y."""
    module = importlib.import_module("configs.amm_mnist_dense")
    batch = {
        "x": np.zeros((2, 28, 28, 1), np.float32),
        "neighbour_distance": np.ones(2, np.float32),
    }
    sizes = {}
    for arguments in ("", "factorization=7", "factorization=15", "game=information"):
        config = module.get_config(arguments)
        game = make_game(config.game)
        assert list(game.quantities) == ["neighbour_distance"]
        params, _ = jax.eval_shape(game.init, jax.random.key(0), batch)
        leaves = jax.tree.leaves(params["encoder"])
        sizes[arguments] = sum(leaf.size for leaf in leaves)
    of_y = 785 * 1200 + 1201 * 1200 + 1201 * 10 + 4 * 1200
    assert sizes["game=information"] == of_y
    infogan = make_game(module.get_config("game=infogan").game)
    params, _ = jax.eval_shape(infogan.init, jax.random.key(0), {"x": batch["x"]})
    assert sum(leaf.size for leaf in jax.tree.leaves(params["encoder"])) == of_y
    of_z = 785 * 500 + 501 * 250 + 2 * 750 + 2 * 2510
    assert sizes["factorization=15"] == of_y + of_z
    assert sizes[""] - sizes["factorization=15"] == 10 * 250  # z reads y
    assert sizes["factorization=7"] - sizes["factorization=15"] == 500 * 1200
    learned = make_game(module.get_config("prior=separated").game)
    params, _ = jax.eval_shape(learned.init, jax.random.key(0), batch)
    assert params["prior"]["mean"].shape == (10, 10)
    for arguments, message in (
        ("factorization=8", "factorization must be 6, 7 or 15, not 8"),
        ("prior=learned", "prior must be one of .*, not .learned."),
        ("game=samm", "game must be one of .*, not .samm."),
    ):
        with pytest.raises(ValueError, match=message):
            module.get_config(arguments)


def test_arguments_of_amm_mnist():
    """All readings of the tables make networks that fit each other."""
    module = importlib.import_module("configs.amm_mnist")
    for arguments in (
        "k=20,factorization=6,prior=unit",
        "k=30,factorization=15,prior=fixed",
        "prior=per_component",
        "prior=learned",
        "factorization=6,prior=independent",
        "prior=separated",
        "terms",
        "terms,factorization=6,prior=fixed",
    ):
        config = module.get_config(arguments)
        game = make_game(config.game)
        batch = {"x": np.zeros((2, 28, 28, 1), np.float32)}
        batch |= dict.fromkeys(game.quantities, np.ones(2, np.float32))
        params, _ = jax.eval_shape(game.init, jax.random.key(0), batch)
        assert game.num_components == config.game.num_components
        assert set(params) == {"encoder", "prior", "decoder", "discriminator"}
    for arguments, message in (
        ("factorization=8", "factorization must be 6, 7 or 15, not 8"),
        ("prior=flat", "prior must be one of .*, not 'flat'"),
    ):
        with pytest.raises(ValueError, match=message):
            module.get_config(arguments)
