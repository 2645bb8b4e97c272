"""AIM and its rivals on MNIST, an hour of a CPU core: narrow networks, few epochs.

    python -m experiments.launch --config=configs/aim_mnist_small.py --workdir=runs/aim

Arguments, after the colon:
  game      aim, aim_minus, gan, ali, alice, veegan or unrolled
  latent    dimensions of z: 32, or 2 for figure 4
  runlocal  few data and steps: ends in a minute, to try things out

Networks are those of configs/aim_mnist.py with a quarter of the channels in hidden
layers. In so few epochs the paper's settings, made for 400, bring no digits. What
differs, for all games alike: D without batch norm but with a penalty on its gradient at
real images, larger initial weights and learning rates, and averaged parameters; 5,000
training images are held out, on which this was found
(experiments/results/aim/README.md). AIM's lambda falls while it is trained.
"""

import re

import ml_collections

from adversarial_latent.config import parse_arguments, player, shrink
from configs import aim_mnist


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, game="aim", latent=32, runlocal=False)
    config = aim_mnist.get_config(f"game={given.game},latent={given.latent},narrow=4")
    tables = config.game.tables
    tables.discriminator = re.sub(r"\byes\b", "-", tables.discriminator)
    if config.game.name == "aim":
        config.game.code_weight = (0.03, 0.002)
    config.game.update(kernel_init="he", penalty="r1", penalty_weight=0.1)
    adam = {"b1": 0.5, "b2": 0.99, "schedule": "cosine"}
    if given.game == "unrolled":
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
