"""AIM on CIFAR-10: Tables 1 and 4 of the paper, for AIM and its rivals.

    python -m experiments.launch --config=configs/aim_cifar10.py --workdir=runs/cifar10

Arguments, after the colon:
  game      aim, aim_minus, gan, ali, alice, veegan or unrolled_gan
  narrow    divides the channels of all hidden layers, for quick trials
  runlocal  a quick trial with few data and steps; takes minutes (seconds with
            narrow=16)

Parameters:

    game               generator   discriminator  encoder
    aim                12,070,531  11,038,081     13,217,408
    aim_minus          12,070,531  11,038,081     13,180,288
    gan, unrolled_gan  12,070,531  11,038,081     -
    ali, alice         12,070,531  27,869,569     24,239,104
    veegan             12,070,531  27,869,569     24,201,984

Interpretation, in addition to that in configs/aim_mnist.py. Images are scaled from
32x32 to 64x64 pixels. Networks see them in [-1, 1], the range of G's tanh; errors are
measured in [0, 1]. Convolutions are padded by one pixel, also in E. There the 2x2
convolution turns 1x1 pixels into 2x2, which gives the 512 = 128 x 2 x 2 values to
reshape. G's first layer (1 to 4 pixels), D_con (4 to 1) and convolutions of width 1 are
not padded. D_con is a single layer, where z could only be added to the logit; D could
not learn how x and z are related. Joint games therefore have the first hidden layer of
Table 3 on both x and z. The paper's inception scores (Table 1) use a network trained on
ImageNet, ours a classifier of CIFAR-10. They are not comparable.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from configs import aim_mnist, classifier

TABLE_1 = {  # of the AIM paper: reconstruction error
    "ali": 0.672,
    "alice": 0.416,
    "aim_minus": 0.037,
    "aim": 0.019,
}

# `joint D_con` and its z are not in the paper.
TABLE_4 = {
    "G": """
transposed
z   -   {d}   -  -  -  -  -    -
h1  z   1024  4  1  -  -  yes  ReLU
h2  h1  512   4  2  1  -  yes  ReLU
h3  h2  256   4  2  1  -  yes  ReLU
h4  h3  128   4  2  1  -  yes  ReLU
x   h4  3     4  2  1  -  -    Tanh
""",
    "D_feature": """
x         -   3     -  -  -  -  -    -
h1        x   128   4  2  1  -  -    Leak0.2
h2        h1  256   4  2  1  -  yes  Leak0.2
h3        h2  512   4  2  1  -  yes  Leak0.2
features  h3  1024  4  2  1  -  yes  Leak0.2
""",
    "D_con": """
p  features  1  4  1  -  -  -  -
""",
    "joint D_con": """
z    -         {d}   -  -  -  -  -    -
c1x  features  1024  4  1  -  -  -    -
c1z  z         1024  1  1  -  -  -    -
c1   c1x+c1z   1024  -  -  -  -  yes  Leak0.2
p    c1        1     1  1  -  -  -    -
""",
    "input of E": """
features  -  1024  -  -  -  -  -  -
""",
    "E": """
e1    features  512  4  2  1  -  -    Leak0.2
e2    e1        512  4  2  1  -  yes  Leak0.2
e3    e2        256  2  1  1  -  yes  Leak0.2
e4    e3        128  1  1  -  -  yes  Leak0.2
mu    e4        64   2  1  -  -  yes  Leak0.2
z_mu  mu        {d}  1  1  -  -  -    -
""",
    "variance": """
sigma           e4     64   2  1  -  -  yes  Leak0.2
z_log_variance  sigma  {d}  1  1  -  -  -    -
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
