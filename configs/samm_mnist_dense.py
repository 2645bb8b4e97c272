"""SAMM on MNIST with dense networks: a classifier from 100 labels in minutes on a CPU.

    python -m experiments.launch --config=configs/samm_mnist_dense.py \
        --workdir=runs/samm_mnist

Arguments, after the colon:
  labels    number of labelled images, equally many for each digit
  runlocal  a quick trial with few data and steps; takes a minute

Networks and additional losses are those of configs/amm_mnist_dense.py. The loss of
q(y|x) also has a supervised term. Without it, the game undoes early in training what
labels teach, because it does not separate the classes yet
(experiments/results/amm/README.md). Each of the five trials has different labelled
images.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.games import samm
from configs import amm_mnist_dense


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, labels=100, runlocal=False)
    config = amm_mnist_dense.get_config()
    config.game = samm.extend(config.game)
    config.game.update(
        labelled_share=0.1,
        label_weight=1.0,
        confidence_weight=0.3,
        balance_weight=0.3,
    )
    config.labels.number = given.labels
    config.labels.batch_size = 50
    config.trials = 5
    config.batch_size = 200
    config.evaluators = ("classification", *config.evaluators[1:])
    config.curves = ("classification",)
    config.evaluate_every = "500_steps"
    config.selection = ""
    config.paper = {}
    if given.runlocal:
        shrink(config)
    return config
