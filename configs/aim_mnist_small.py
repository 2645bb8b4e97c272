"""AIM and its rivals on MNIST in an hour on a CPU core: narrow networks, few epochs.

    python -m experiments.launch --config=configs/aim_mnist_small.py --workdir=runs/aim

Arguments, after the colon:
  game      aim, aim_minus, gan, ali, alice, veegan or unrolled_gan
  latent    dimensions of z: 32, or 2 for figure 4
  runlocal  a quick trial with few data and steps; takes a minute

Networks are those of configs/aim_mnist.py with a quarter of the hidden channels. The
paper's settings are for 400 epochs and give no digits in so few. For all games, D has
no batch norm, but a penalty on its gradient at real images. Initial weights and
learning rates are larger, and parameters are averaged. These settings were found on
5,000 held-out training images (experiments/results/aim/README.md). AIM's lambda
decreases during training.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player
from configs import aim_mnist


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, game="aim", latent=32, runlocal=False)
    config = aim_mnist.get_config(f"game={given.game},latent={given.latent},narrow=4")
    discriminator = Table.parse(config.game.networks.discriminator)
    for row in discriminator.rows:
        discriminator = discriminator.with_row(row.name, batch_norm="-")
    config.game.networks.discriminator = str(discriminator)
    if config.game.name == "aim":
        config.game.code_weight = (0.03, 0.002)
    config.game.update(kernel_init="he", penalty="r1", penalty_weight=0.1)
    adam = {"b1": 0.5, "b2": 0.99, "schedule": "cosine"}
    if given.game == "unrolled_gan":
        adam["eps_root"] = 1e-8
    config.players = {
        "discriminator": player(1e-3, **adam),
        "generator": player(2e-3, **adam),
    }
    config.dataset.num_validation = 5000
    config.ema_decay = 0.999
    config.duration = "20_epochs"
    if given.runlocal:
        shrink(config)
    return config
