"""Clusters of your own images or vectors, without labels.

    python -m experiments.launch --config=configs/cluster.py --workdir=runs/mine \
        --config.dataset.name=folder --config.dataset.path=photos/

Arguments, after the colon:
  k         number of clusters; 0 for the number of classes if the data have labels,
            which only the evaluation sees, otherwise 10
  size      small (for a CPU), medium or large: width of the networks, number of steps
  runlocal  a quick trial with few data and steps; takes seconds

Networks size themselves to the data. Everything else is as in configs/amm_digits.py.
"""

import ml_collections

from adversarial_latent import games
from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.games import amm
from adversarial_latent.optimizers import player
from configs import _tasks


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, k=0, size="small", runlocal=False)
    config, size = _tasks.task_config(given.size)
    config.game = amm.default_config()
    config.game.update(
        num_components=given.k,
        latent_dim=10,
        prior_radius=5.0,
        penalty="zero_centered",
        penalty_weight=0.01,
        stratified=True,
        kernel_init="he",
        consistency_weight=1.0,
        consistency_radius=0.5,
        confidence_weight=0.1,
        balance_weight=0.4,
        y_gradient=0.01,
    )
    games.use_preset(config.game, f"auto(width={size.width})")
    adam = {"b1": 0.5, "b2": 0.99, "schedule": "cosine", "decay_from": 0.5}
    config.players = {
        "discriminator": player(2e-3, **adam),
        "generator": player(2e-3, **adam),
    }
    config.ema_decay = 0.999
    config.selection = "nearest_neighbours"
    if given.runlocal:
        shrink(config)
    return config
