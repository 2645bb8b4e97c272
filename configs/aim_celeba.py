"""AIM on CelebA: figures 2 and 5 of the paper, with the networks of Table 4.

    python -m experiments.launch --config=configs/aim_celeba.py --workdir=runs/celeba

Arguments, networks, settings and interpretation are those of configs/aim_cifar10.py.
Images are loaded on demand. The central 140x140 pixels are scaled to 64x64. The paper
crops images as well but does not give the size; 140 and 108 are common. CelebA's
attributes are not used: they are not classes.
"""

import ml_collections

from configs import aim_cifar10


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    config = aim_cifar10.get_config(argument)
    config.dataset.update(name="tfds:celeb_a", center_crop=140, in_memory=False)
    config.pipeline = "streaming"
    config.evaluators, config.classifier = config.evaluators[1:], {}  # no classes
    config.paper = {}
    return config
