"""Codes of your own images or vectors, from which they can be reconstructed.

    python -m experiments.launch --config=configs/autoencode.py --workdir=runs/mine \
        --config.dataset.name=folder --config.dataset.path=photos/

Arguments, after the colon:
  game      aim, aae, learned_prior, ali, alice or veegan
  latent    dimensions of the code
  size      small (for a CPU), medium or large: width of the networks, trials and steps
  runlocal  a quick trial with few data and steps; takes seconds
"""

import ml_collections

from adversarial_latent import tasks
from adversarial_latent.config import parse_arguments, shrink


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument, game="aim", latent=32, size="small", runlocal=False
    )
    config = tasks.autoencode(given.game, given.latent, given.size)
    if given.runlocal:
        shrink(config)
    return config
