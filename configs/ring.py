"""The ring of 8 Gaussians, for AIM and its rivals.

    python -m experiments.launch --config=configs/ring.py:game=aim --workdir=runs/ring

Arguments, after the colon, are those of configs/grid25.py, and so are networks and
settings, in particular those that all games share. Not in AIM's paper; the data are as
VEEGAN's: 8 means on the unit circle, all different, with standard deviation 0.01.
"""

import ml_collections

from configs import grid25


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    config = grid25.get_config(argument)
    config.dataset.name = "ring"
    config.game.data_scale = 1.0
    config.paper = {}
    return config
