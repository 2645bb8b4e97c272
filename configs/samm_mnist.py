"""SAMM on MNIST: a classifier from 20 to 1000 labels, with the networks of AMM.

    python -m experiments.launch --config=configs/samm_mnist.py:labels=100 \
        --workdir=runs/samm_mnist

Arguments, after the colon:
  labels         labelled images, as many of each digit: 20, 50, 100 or 1000 in the
                 papers of the rivals
  factorization  7 (table 3: z's tower feeds y's), 6 (z's tower reads y) or 15
  prior          learned, unit, per_component or fixed, as in configs/amm_mnist.py
  runlocal       few data and steps: ends in a minute, to try things out

The paper has SAMM on SVHN only. Here are algorithm 2 and the settings of its section 4,
on tables 3 to 6 as in configs/amm_mnist.py with K = 10, one component for each digit. A
minibatch has 100 unlabelled and 100 labelled images. Unlabelled are all training
images, the labelled ones without their labels among them. Ten trials see label sets of
their own.

Readings. Under eq. 7 z does not depend on y, so that a labelled image enters with z ~
G_z(x) and its label. Under eq. 6 labelled images need G_z(x, y) for a y that is given:
one more layer, z6, reads z5a and the row y.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.games import samm
from configs import amm_mnist

Z_FROM_Y = """
zy       z5a|y         128+{k}  -  -  -    -    -
z6       zy            128      1  1  0.2  yes  Leak0.2
z_mu     z6            {d}      1  1  -    -    -
z_sigma  z6            {d}      1  1  -    -    ExpN
z        z_mu+z_sigma  {d}      -  -  -    -    -
"""


def encoder_table(factorization: int) -> str:
    """Table 3, or what replaces it where z's tower has to read a given y."""
    if factorization != 6:
        return amm_mnist.encoder_table(factorization)
    towers = amm_mnist.encoder_table(15).rstrip().splitlines()
    return "\n".join(towers[:-3]) + Z_FROM_Y


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument, labels=100, factorization=6, prior="learned", runlocal=False
    )
    config = amm_mnist.get_config(f"prior={given.prior}")
    config.game = samm.extend(config.game)
    config.game.tables.encoder = encoder_table(given.factorization)
    config.labels.number = given.labels
    config.trials = 10
    config.evaluators = ("classification", *config.evaluators[1:])
    config.curves = ("classification",)
    config.selection = ""
    config.paper = {}
    if given.runlocal:
        shrink(config)
    return config
