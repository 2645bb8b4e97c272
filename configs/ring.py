"""The ring of 8 Gaussians, for AIM and its rivals.

    python -m experiments.launch --config=configs/ring.py:game=aim --workdir=runs/ring

Arguments, networks and settings are those of configs/grid25.py, including the setting
that all games share. The AIM paper has no such experiment. The data are those of
VEEGAN: 8 different means on the unit circle, with standard deviation 0.01.
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
