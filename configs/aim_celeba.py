"""AIM on CelebA: figures 2 and 5 of the paper, with the networks of Table 4.

    python -m experiments.launch --config=configs/aim_celeba.py --workdir=runs/celeba

Arguments, after the colon, are those of configs/aim_cifar10.py, and so are networks,
settings and readings. Images are read when they are needed: of each the 140x140 pixels
in its middle, scaled to 64x64. The paper crops, too, but does not say how much; 140 and
108 are common. CelebA's attributes are no classes, and nothing here uses them.
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
