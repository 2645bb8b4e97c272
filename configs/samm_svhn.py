"""SAMM on SVHN, a classifier from 1000 labels: Table 2 of the paper.

    python -m experiments.launch --config=configs/samm_svhn.py --workdir=runs/svhn_1000

Arguments, after the colon:
  labels         number of labelled images: 1000 in the paper
  factorization  6 (algorithm 2: z's tower takes y), 7 (table 7 as printed) or 15
  prior          as in configs/amm_svhn.py
  extra          also trains on the 531,131 images of the split "extra"; labelled images
                 are then sampled from both splits
  runlocal       a quick trial with few data and steps; takes minutes

Parameters, with default values of the other arguments:

    factorization  encoder    prior  decoder    discriminator
    6              1,876,084  1,408  6,316,550  1,947,841
    7              1,865,620  1,408  6,316,550  1,947,841
    15             1,865,620  1,408  6,316,550  1,947,841

Networks, settings and splits are those of configs/amm_svhn.py with K = 10: a component
is a class. The labelled images are sampled from the training images regardless of
class, and p(y) is the frequency of each class among them (section 4.3.2). All training
images are used as unlabelled ones, including the labelled images without their labels.
A minibatch has equally many labelled and unlabelled images (algorithm 2).

Interpretation. Algorithm 2 and figure 1 are for eq. 6, where the z of a labelled image
is sampled from G_z(x, y) with its true y. Table 7 as printed is for eq. 7, where z does
not depend on y. This config follows the algorithm, which is specific to SAMM. Under
eq. 7 or 15, the z of a labelled image is G_z(x), and its y affects only D.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.games import samm
from configs import amm_svhn


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument,
        labels=1000,
        factorization=6,
        prior="per_component",
        extra=False,
        runlocal=False,
    )
    config = amm_svhn.get_config(
        f"k=10,factorization={given.factorization},prior={given.prior},"
        f"extra={given.extra}"
    )
    config.game = samm.extend(config.game)
    config.game.frequencies = "labels"
    config.labels.number = given.labels
    config.labels.balanced = False
    config.evaluators = (
        "classification",
        "mixture",
        "reconstruction",
        "interpolation",
        "samples",
    )
    config.curves = ("classification",)
    config.selection = ""
    config.paper = {"classification_error": 0.0560} if given.labels == 1000 else {}
    if given.runlocal:
        shrink(config)
    return config
