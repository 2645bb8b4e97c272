"""Learned-prior AAE on SVHN, separating class and style: figures 8 and 11 of the paper.

    python -m experiments.launch --config=configs/learned_prior_svhn.py \
        --workdir=runs/learned_prior

Arguments, after the colon, are those of configs/learned_prior_mnist.py, which also
explains networks and settings:
  condition  label (figure 8) or categorical (figure 11)
  latent     d; 0 for the paper's value: 64 with labels, 100 with a categorical
  model, similarity, prior, narrow, runlocal

The classifier of generated images is that of CIFAR-10, trained on SVHN.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from configs import classifier
from configs.learned_prior_mnist import ARGUMENTS, TABLES, paper_config


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, narrow=1, **ARGUMENTS | {"condition": "label"})
    latents = {"label": 64, "categorical": 100}
    config = paper_config(given, TABLES, channels=3, latents=latents)
    config.dataset.name = "tfds:svhn_cropped"
    config.classifier = classifier.get_config("data=cifar10")
    config.classifier.dataset.name = "tfds:svhn_cropped"
    if given.runlocal:
        shrink(config)
    return config
