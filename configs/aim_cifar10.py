r"""AIM on CIFAR-10, as in its Table 4, and its rivals on the very same networks.

    python -m experiments.launch --config=configs/aim_cifar10.py:game=aim \
        --workdir=runs/aim_cifar10

Arguments, after the colon:
  game      aim, aim_minus, gan, ali, alice, veegan or unrolled
  narrow    divides the channels of all hidden layers; above 1 it is not the paper's
  runlocal  few data and steps, narrow networks: ends in a minute, to try things out

         generator  discriminator     encoder
  aim   13,664,387     11,050,113  13,183,424
  ali   13,664,387     27,876,865  24,217,152

Images are scaled to 64x64 pixels. Readings of Table 4: those of Table 3
(configs/aim_mnist.py), and all convolutions are padded by one pixel, except the first
of G, from 1x1 to 4x4, and the last of D, from 4x4 to 1x1. So the convolution of width 2
makes 2x2 pixels of 1x1, and what is reshaped has the 512 = 128 x 2 x 2 numbers that the
table states. Two layers follow, from 512 to 64 and to 64 numbers.

Rivals: as on MNIST; here z joins the features in a layer of 1024 units, which the
table's D, with nothing between features and logit, does not have.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from configs import classifier
from configs.aim_mnist import Architecture, image_config

GENERATOR = """
z   -   {d}   -  -  -  -    -     -
h1  z   1024  4  1  -  yes  ReLU  VALID
h2  h1  512   4  2  -  yes  ReLU  1
h3  h2  256   4  2  -  yes  ReLU  1
h4  h3  128   4  2  -  yes  ReLU  1
x   h4  3     4  2  -  -    Tanh  1
"""

FEATURES = """
x   -   3     -  -  -  -    -        -
f1  x   128   4  2  -  -    Leak0.2  1
f2  f1  256   4  2  -  yes  Leak0.2  1
f3  f2  512   4  2  -  yes  Leak0.2  1
f   f3  1024  4  2  -  yes  Leak0.2  1
"""

JUDGE = """
p   f   1     4  1  -  -    -        VALID
"""

JOINT_JUDGE = """
z   -      {d}   -  -  -  -  -        -
hx  f      1024  4  1  -  -  -        VALID
hz  z      1024  1  1  -  -  -        -
h1  hx+hz  1024  -  -  -  -  Leak0.2  -
p   h1     1     1  1  -  -  -        -
"""

ENCODER = """
e1              f   512  4  2  -  -    Leak0.2  1
e2              e1  512  4  2  -  yes  Leak0.2  1
e3              e2  256  2  1  -  yes  Leak0.2  1
e4              e3  128  1  1  -  yes  Leak0.2  VALID
m               e4  64   2  1  -  yes  Leak0.2  VALID
z_mu            m   {d}  1  1  -  -    -        -
v               e4  64   2  1  -  yes  Leak0.2  VALID
z_log_variance  v   {d}  1  1  -  -    -        -
"""

TABLE_4 = Architecture(
    GENERATOR,
    FEATURES,
    JUDGE,
    JOINT_JUDGE,
    ENCODER,
    variance=("v", "z_log_variance"),
)
PAPER = {  # Table 1: reconstruction error. Its inception scores are ImageNet's.
    "ali": 0.672,
    "alice": 0.416,
    "aim_minus": 0.037,
    "aim": 0.019,
}


def table_4_config(game: str, narrow: int) -> ml_collections.ConfigDict:
    """What CIFAR-10 and CelebA have in common: images of 64x64 pixels in colour."""
    config = image_config(game, TABLE_4, 64, narrow)
    config.game.update(data_scale=0.5, data_shift=0.5)  # Tanh
    config.dataset.image_shape = "64x64x3"
    config.duration = "300_epochs"
    return config


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, game="aim", narrow=1, runlocal=False)
    config = table_4_config(given.game, 16 if given.runlocal else given.narrow)
    config.dataset.name = "tfds:cifar10"
    config.classifier = classifier.get_config("data=cifar10,doubled")
    config.evaluators = ("inception", *config.evaluators)
    if given.game in PAPER:
        config.paper = {"reconstruction_mse": PAPER[given.game]}
    if given.runlocal:
        shrink(config)
    return config
