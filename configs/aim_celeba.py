r"""AIM on CelebA, with the networks of its Table 4, and its rivals on the very same.

    python -m experiments.launch --config=configs/aim_celeba.py:game=aim \
        --workdir=runs/aim_celeba

Arguments and networks are those of configs/aim_cifar10.py. The paper crops images to
their centre and does not say how much of it: here it is the square of 140 pixels that
holds the face, scaled to 64x64. They are read as they are needed, since 160,000 of them
take two gigabytes.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from configs.aim_cifar10 import table_4_config


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see configs/aim_cifar10.py for the arguments."""
    given = parse_arguments(argument, game="aim", narrow=1, runlocal=False)
    config = table_4_config(given.game, 16 if given.runlocal else given.narrow)
    config.dataset.name = "tfds:celeb_a"
    config.dataset.num_validation = 0  # it has a validation split of its own
    config.dataset.center_crop = 140
    config.dataset.in_memory = False
    config.pipeline = "streaming"
    if given.runlocal:
        shrink(config)
    return config
