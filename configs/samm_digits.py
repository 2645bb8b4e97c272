"""SAMM on scikit-learn's handwritten digits: a classifier from 50 labels in minutes.

    python -m experiments.launch --config=configs/samm_digits.py --workdir=runs/samm

Arguments, after the colon:
  labels    number of labelled images, a multiple of 10
  runlocal  a quick trial with few data and steps; takes seconds

The paper has no such experiment. Networks and settings are those of
configs/amm_digits.py, with a discriminator of twice the width and a supervised term in
the loss of q(y|x). Algorithm 2 alone is worse here than a support vector machine on the
labelled images: D soon memorises the five images of a digit, and they say nothing about
other images (experiments/results/amm/README.md). Each of the six trials has different
labelled images.
"""

import ml_collections

from adversarial_latent import tasks
from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.networks.table import Table
from configs import amm_digits

DISCRIMINATOR = Table.parse("""
x   -         1    -  -  -  -  -  -
y   -         {k}  -  -  -  -  -  -
z   -         {d}  -  -  -  -  -  -
x1  x         128  8  1  -  -  -  Leak0.2
x2  x1        128  1  1  -  -  -  Leak0.2
y1  y         64   1  1  -  -  -  Leak0.2
z1  z         64   1  1  -  -  -  Leak0.2
p0  x2|y1|z1  256  -  -  -  -  -  -
p1  p0        128  1  1  -  -  -  Leak0.2
p2  p1        128  1  1  -  -  -  Leak0.2
p   p2        1    1  1  -  -  -  -
""")


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, labels=50, runlocal=False)
    config = amm_digits.get_config()
    networks = config.game.networks
    tasks.labelled_mixture(config)
    config.game.update(num_components=10, networks=networks)
    config.game.networks.discriminator = str(DISCRIMINATOR)
    config.labels.number = given.labels
    config.labels.batch_size = 50
    config.trials = 6
    config.evaluators = ("classification", *config.evaluators[1:])
    config.selection = ""
    if given.runlocal:
        shrink(config)
    return config
