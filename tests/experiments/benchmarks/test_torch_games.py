"""The peers in PyTorch have the networks of the games, and their losses fall."""

import jax
import numpy as np
import pytest

from adversarial_latent import sizing
from adversarial_latent.data import Dataset, Examples
from adversarial_latent.experiment import make_experiment
from configs import aae_mnist, aim_mnist, amm_digits, pixelcnn_mnist

torch = pytest.importorskip("torch", reason="the extra 'bench' is not installed")

SHAPE = (28, 28, 1)
CONFIGS = {
    "aae": (aae_mnist, "task=codes", "autoencoder"),
    "aim": (aim_mnist, "narrow=16", None),  # no loss of a game has to fall
    "pixelcnn": (pixelcnn_mnist, "blocks=2,channels=8", "decoder"),
}


def _fitted(module, argument):
    config = module.get_config(argument)
    config.evaluators = config.curves = ()
    config.trials, config.batch_size, config.steps_per_call = 1, 20, 1
    config.duration = "1_steps"
    x = np.random.default_rng(0).integers(0, 256, (40, *SHAPE), dtype=np.uint8)
    examples = Examples(x=x, label=np.arange(40) % 10)
    splits = {"train": examples, "test": examples}
    dataset = Dataset("mine", splits, "", tuple(map(str, range(10))))
    config = sizing.fit_to_data(config, dataset)
    return config, make_experiment(config, dataset)


@pytest.mark.parametrize("name", CONFIGS)
def test_networks_and_losses(name, monkeypatch):
    from experiments.benchmarks import torch_games

    trainers = []
    monkeypatch.setattr(
        torch_games._Trainer,
        "average",
        lambda trainer: trainers.append(trainer),
    )
    module, argument, falls = CONFIGS[name]
    config, experiment = _fitted(module, argument)
    step = torch_games.build(config)
    # Examples of one kind, so that a few steps suffice.
    pixels = torch.zeros(20, 1, *SHAPE[:2])
    losses = [step(pixels) for _ in range(5)]
    assert all(np.isfinite(float(v)) for each in losses for v in each.values())
    assert losses[0].keys() == {player.name for player in experiment.game.players}
    if falls:
        assert losses[-1][falls] < losses[0][falls]
    params = jax.eval_shape(experiment.create, jax.random.key(0)).params
    for network, tree in params.items():
        # The peers leave out biases that batch norm cancels.
        normalised = {
            f"{name.removesuffix('_norm')}_bias"
            for name in tree
            if name.endswith("_norm")
        }
        leaves = {k: v for k, v in tree.items() if k not in normalised}
        count = sum(leaf.size for leaf in jax.tree.leaves(leaves))
        found = sum(p.numel() for p in trainers[0].networks[network].parameters())
        assert found == count, network


def test_unknown_games_are_refused():
    from experiments.benchmarks import torch_games

    with pytest.raises(ValueError, match="amm without compilation"):
        torch_games.build(amm_digits.get_config(), compiled=True)
    config = pixelcnn_mnist.get_config()
    config.game.pixelcnn.conditioning = ("invariant",)
    with pytest.raises(ValueError, match="no code"):
        torch_games.build(config)


def test_pythae_trains():
    pytest.importorskip("pythae", reason="the extra 'bench' is not installed")
    from experiments.benchmarks import pythae_aae

    config = aae_mnist.get_config("task=codes")
    config.batch_size, config.trials = 10, 1
    pythae_aae.adapt(config)
    images = np.zeros((15, *SHAPE), np.uint8)
    pythae_aae.build(config, images, steps=2)()
    with pytest.raises(ValueError, match="only z"):
        pythae_aae.adapt(amm_digits.get_config())
