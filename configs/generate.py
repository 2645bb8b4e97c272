"""A generator of examples that resemble your own images or vectors.

    python -m experiments.launch --config=configs/generate.py --workdir=runs/mine \
        --config.dataset.name=folder --config.dataset.path=photos/

Arguments, after the colon:
  game      gan, aim, ali, unrolled_gan, learned_prior, amm (by cluster), or
            conditional_ali (by class; all examples must have labels)
  latent    dimensions of the code; those of amm and conditional_ali are fixed
  size      small (for a CPU), medium or large: width of the networks, trials and steps
  runlocal  a quick trial with few data and steps; takes seconds
"""

import ml_collections

from adversarial_latent import tasks
from adversarial_latent.config import parse_arguments, shrink


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument, game="gan", latent=64, size="small", runlocal=False
    )
    config = tasks.generate(given.game, given.latent, given.size)
    if given.runlocal:
        shrink(config)
    return config
