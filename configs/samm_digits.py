"""SAMM on scikit-learn's handwritten digits: a classifier from 50 labels, in minutes.

    python -m experiments.launch --config=configs/samm_digits.py --workdir=runs/samm

Arguments, after the colon:
  labels    number of labelled images, a multiple of 10
  runlocal  everything small: ends in seconds, to try things out

Networks and settings are those of configs/amm_digits.py; the labels do what there luck
of the seed has to do. The paper has no such experiment.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.games import samm
from configs import amm_digits


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, labels=50, runlocal=False)
    config = amm_digits.get_config()
    config.game = samm.extend(config.game)
    config.labels.number = given.labels
    config.trials = 5
    config.evaluators = ("classification", *config.evaluators[1:])
    config.selection = ""
    if given.runlocal:
        shrink(config)
    return config
