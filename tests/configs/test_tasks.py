"""The configs for tasks take data of any shape, with every game."""

import importlib

import numpy as np
import pytest

import adversarial_latent
from adversarial_latent import games
from adversarial_latent.train import train_and_evaluate

GAMES = {
    "cluster": ("amm", "aae", "learned_prior", "pixelgan"),
    "classify": ("samm", "aae", "pixelgan"),
    "autoencode": ("aim", "aae", "learned_prior", "ali", "alice", "veegan"),
    "generate": (
        *("gan", "aim", "ali", "unrolled_gan", "learned_prior", "amm"),
        "conditional_ali",
    ),
}
IMAGES = ((8, 8, 1), (20, 30, 3), (28, 28, 1), (64, 64, 3), (128, 128, 4))
VECTORS = ((2,), (30,), (1000,))


def task(name, game, path, **fields):
    """The config of a task on an npz file, with small networks."""
    config = importlib.import_module(f"configs.{name}").get_config(
        f"game={game},runlocal"
    )
    config.dataset.update(name="npz", path=str(path))
    config.update(duration="2_steps", steps_per_call=1, batch_size=8, trials=1)
    config.update(evaluators=(), selection="", **fields)
    games.use_preset(config.game, "auto(width=2)")
    return config


def write(path, shape, size=30):
    """Random examples of two classes; the images are bytes."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(size, *shape)).astype(np.float32)
    if len(shape) == 3:
        x = (x * 40 + 128).clip(0, 255).astype(np.uint8)
    np.savez(path, x=x, y=np.arange(size) % 2)
    return path


def run(name, game, shape, tmp_path):
    """Trains two steps, saves, loads, encodes and samples."""
    config = task(name, game, write(tmp_path / "data.npz", shape))
    workdir = str(tmp_path / "run")
    train_and_evaluate(config, workdir)
    model = adversarial_latent.load(workdir)
    sampled = model.sample(3)["x"]
    assert sampled.shape == (3, *shape)
    assert np.isfinite(sampled).all()
    if model.can("encode"):
        label = np.zeros(3, np.int32) if model.conditional else None
        code = model.encode(sampled, label)
        for part in code.values():
            assert len(part) == 3
            assert np.isfinite(part).all()
        if model.can("decode"):
            assert model.decode(code).shape == (3, *shape)


@pytest.mark.usefixtures("_in_a_hurry")
@pytest.mark.parametrize("shape", IMAGES + VECTORS, ids=str)
def test_every_shape(shape, tmp_path):
    run("cluster", "amm", shape, tmp_path)
