"""AIM on CIFAR-10: Tables 1 and 4 of the paper, for AIM and its rivals.

    python -m experiments.launch --config=configs/aim_cifar10.py --workdir=runs/cifar10

Arguments, after the colon:
  game      aim, aim_minus, gan, ali, alice, veegan or unrolled
  narrow    divides the channels of all hidden layers, to try things out
  runlocal  few data and steps: ends in minutes, or with narrow=16 in seconds

Parameters:

    game           generator   discriminator  encoder
    aim            12,070,531  11,038,081     13,217,408
    aim_minus      12,070,531  11,038,081     13,180,288
    gan, unrolled  12,070,531  11,038,081     -
    ali, alice     12,070,531  27,869,569     24,239,104
    veegan         12,070,531  27,869,569     24,201,984

Readings are those of configs/aim_mnist.py, and these. Images are scaled from 32x32 to
64x64 pixels, and networks see them in [-1, 1], G's tanh; errors are measured in [0, 1].
Convolutions are padded by one pixel, in E too, where the 2x2 one so makes 2x2 pixels of
one: only then are there 512 = 128 x 2 x 2 values to reshape. Not padded are G's first
layer (1 to 4 pixels), D_con (4 to 1), and the convolution of width 1. D_con is a single
layer, in which z could only be added to the logit, so that D would not see how x and z
belong together: joint games have a hidden layer on both instead, the first one of
Table 3. The inception scores of Table 1 are by a network trained on ImageNet, ours by
a classifier of CIFAR-10: they cannot be compared.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from configs import aim_mnist, classifier

TABLE_1 = {  # of AIM: reconstruction error
    "ali": 0.672,
    "alice": 0.416,
    "aim_minus": 0.037,
    "aim": 0.019,
}

# In the order of the paper's columns; `joint D_con` and its z are ours.
TABLE_4 = {
    "G": """
z   -   -  -  {d}   -    -  -     -
h1  z   4  1  1024  yes  -  ReLU  -
h2  h1  4  2  512   yes  -  ReLU  1
h3  h2  4  2  256   yes  -  ReLU  1
h4  h3  4  2  128   yes  -  ReLU  1
x   h4  4  2  3     -    -  Tanh  1
""",
    "D_feature": """
x         -   -  -  3     -    -  -        -
h1        x   4  2  128   -    -  Leak0.2  1
h2        h1  4  2  256   yes  -  Leak0.2  1
h3        h2  4  2  512   yes  -  Leak0.2  1
features  h3  4  2  1024  yes  -  Leak0.2  1
""",
    "D_con": """
p  features  4  1  1  -  -  -  -
""",
    "joint D_con": """
z    -         -  -  {d}   -    -  -        -
c1x  features  4  1  1024  -    -  -        -
c1z  z         1  1  1024  -    -  -        -
c1   c1x+c1z   -  -  1024  yes  -  Leak0.2  -
p    c1        1  1  1     -    -  -        -
""",
    "input of E": """
features  -  -  -  1024  -  -  -  -
""",
    "E": """
e1    features  4  2  512  -    -  Leak0.2  1
e2    e1        4  2  512  yes  -  Leak0.2  1
e3    e2        2  1  256  yes  -  Leak0.2  1
e4    e3        1  1  128  yes  -  Leak0.2  -
mu    e4        2  1  64   yes  -  Leak0.2  -
z_mu  mu        1  1  {d}  -    -  -        -
""",
    "variance": """
sigma           e4     2  1  64   yes  -  Leak0.2  -
z_log_variance  sigma  1  1  {d}  -    -  -        -
""",
    "unit variance": aim_mnist.TABLE_3["unit variance"],
}


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, game="aim", narrow=1, runlocal=False)
    config = aim_mnist.paper_config(given.game, TABLE_4, 64, given.narrow)
    config.game.update(data_scale=0.5, data_shift=0.5)
    config.dataset.update(name="tfds:cifar10", image_shape="64x64x3")
    config.duration = "300_epochs"
    config.classifier = classifier.get_config("data=cifar10,doubled")
    config.evaluators = ("inception", *config.evaluators)
    if given.game in TABLE_1:
        config.paper = {"reconstruction_mse": TABLE_1[given.game]}
    if given.runlocal:
        shrink(config)
    return config
