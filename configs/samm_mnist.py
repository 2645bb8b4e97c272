"""SAMM on MNIST: a classifier from 20 to 1000 labels, with the networks of AMM.

    python -m experiments.launch --config=configs/samm_mnist.py:labels=100 \
        --workdir=runs/samm_mnist

Arguments, after the colon:
  labels         number of labelled images, equally many for each digit: 20, 50, 100 or
                 1000 in the papers of the rivals
  factorization  6 (algorithm 2: z's tower takes y), 7 (table 3 as printed) or 15
  prior          as in configs/amm_mnist.py
  runlocal       a quick trial with few data and steps; takes a minute

The paper applies SAMM only to SVHN. This config has algorithm 2 and the settings of its
section 4, with tables 3 to 6 as in configs/amm_mnist.py and K = 10, one component for
each digit. A minibatch has 100 unlabelled and 100 labelled images. All training images
are used as unlabelled ones, including the labelled images without their labels. Each of
the ten trials has different labelled images.

Interpretation. Under eq. 6 the z of a labelled image is sampled from G_z(x, y) with its
true y. Under eq. 7 or 15 z does not depend on y, so that D sees a labelled image with
z ~ G_z(x) and its label.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.games import samm
from configs import amm_mnist


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument, labels=100, factorization=6, prior="learned", runlocal=False
    )
    config = amm_mnist.get_config(
        f"factorization={given.factorization},prior={given.prior}"
    )
    config.game = samm.extend(config.game)
    config.labels.number = given.labels
    config.trials = 10
    config.evaluators = ("classification", *config.evaluators[1:])
    config.curves = ("classification",)
    config.selection = ""
    config.paper = {}
    if given.runlocal:
        shrink(config)
    return config
