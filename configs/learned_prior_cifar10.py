"""Learned-prior AAE on CIFAR-10: Table 1 and figures 5, 6, 8 and 11 of the paper.

    python -m experiments.launch --config=configs/learned_prior_cifar10.py \
        --workdir=runs/learned_prior

Arguments, after the colon, are those of configs/learned_prior_mnist.py, which also
explains networks and settings:
  latent     d: 64 (figure 5) or 2000 (figure 6); 0 for the paper's value: 64 with
             labels, 100 with a categorical
  model, condition, similarity, prior, narrow, runlocal

The "Gaussian prior" of Table 1 is prior=fixed. The paper's inception scores, 6.52 with
a learned prior and 6.02 with a Gaussian one, use a network trained on ImageNet, ours a
classifier of CIFAR-10. They are not comparable.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from configs import classifier
from configs.learned_prior_mnist import ARGUMENTS, TABLES, paper_config


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, narrow=1, **ARGUMENTS)
    latents = {"none": 64, "label": 64, "categorical": 100}
    config = paper_config(given, TABLES, channels=3, latents=latents)
    config.dataset.name = "tfds:cifar10"
    config.classifier = classifier.get_config("data=cifar10")
    if given.runlocal:
        shrink(config)
    return config
