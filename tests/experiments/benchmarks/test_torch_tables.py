"""The networks of the peer in PyTorch have the same layers, and its step is finite."""

import jax
import numpy as np
import pytest

from adversarial_latent import sizing
from adversarial_latent.data import Dataset, Examples
from adversarial_latent.networks.table import Table
from adversarial_latent.networks.table_network import TableNetwork
from configs import amm_digits, amm_mnist, cluster

torch = pytest.importorskip("torch", reason="the extra 'bench' is not installed")

CONFIGS = (
    (cluster.get_config(), (20, 30, 3)),
    (amm_mnist.get_config("prior=unit"), (28, 28, 1)),
    (amm_digits.get_config(), (8, 8, 1)),
)


@pytest.mark.parametrize(("config", "shape"), CONFIGS, ids=str)
def test_layers_and_losses(config, shape):
    from experiments.benchmarks import torch_amm, torch_tables

    x = np.random.default_rng(0).integers(0, 256, (20, *shape), dtype=np.uint8)
    part = Examples(x=x, label=np.arange(20) % 10)
    splits = {"train": part, "test": part}
    dataset = Dataset("mine", splits, "", tuple(map(str, range(10))))
    config = sizing.fit_to_data(config, dataset)
    state = torch_amm.build(config, "cpu")
    pixels = torch.from_numpy(x).permute(0, 3, 1, 2).float() / 255
    for _ in range(2):
        losses = torch_amm.step(state, pixels)
    assert all(np.isfinite(float(loss)) for loss in losses.values())
    keys = dict.fromkeys(("params", "noise", "dropout"), jax.random.key(0))
    for name, text in config.game.networks.items():
        table = Table.parse(text).fill(k=10, d=config.game.latent_dim)
        inputs = [
            np.zeros((2, *shape) if row.name == "x" else (2, row.channels), np.float32)
            for row in table.layers
            if not row.inputs
        ]
        network = TableNetwork(table)
        ours, _ = jax.eval_shape(
            lambda network=network, inputs=inputs: network.init_with_output(
                keys, *inputs, train=True
            )
        )
        theirs = torch_tables.TableModule(table)(
            *(torch.from_numpy(array).movedim(-1, 1) for array in inputs)
        )
        for row in table.layers:
            found = tuple(theirs[row.name].movedim(1, -1).shape)
            assert found == ours[row.name].shape, (name, row.name)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (torch.nn.Conv2d(5, 4, 7), (3, 5, 7, 7)),
        (torch.nn.Conv2d(5, 4, 7, bias=False), (3, 5, 7, 7)),
        (torch.nn.ConvTranspose2d(6, 2, 5), (3, 6, 1, 1)),
        (torch.nn.ConvTranspose2d(6, 2, 5, bias=False), (3, 6, 1, 1)),
    ],
    ids=str,
)
def test_kernels_as_wide_as_the_image_are_matrices(layer, shape):
    from experiments.benchmarks.torch_tables import TableModule

    x = torch.rand(shape)
    torch.testing.assert_close(TableModule._dense(layer, x), layer(x))
