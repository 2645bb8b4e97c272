"""A classifier of your own images or vectors, of which few have labels.

    python -m experiments.launch --config=configs/classify.py --workdir=runs/mine \
        --config.dataset.name=folder --config.dataset.path=photos/

Arguments, after the colon:
  game      samm, aae, or pixelgan (images only)
  labels    number of labels to use, equally many of each class; 0 for all there are
  size      small (for a CPU), medium or large: width of the networks, trials and steps
  runlocal  a quick trial with few data and steps; takes seconds
"""

import ml_collections

from adversarial_latent import tasks
from adversarial_latent.config import parse_arguments, shrink


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument, game="samm", labels=0, size="small", runlocal=False
    )
    config = tasks.classify(given.game, given.labels, given.size)
    if given.runlocal:
        shrink(config)
    return config
