"""Conditional ALI on MNIST: separates digit and style, with labels of all images.

    python -m experiments.launch --config=configs/conditional_ali_mnist.py \
        --workdir=runs/conditional_ali

Arguments, after the colon:
  runlocal  a quick trial with few data and steps; takes a minute

This is the fully supervised game of AMM's eq. 4 and 5 (Dumoulin et al. 2016), on which
AMM is based. Networks and settings are those of configs/amm_mnist.py (tables 3, 5 and
6), with two exceptions. The encoder has only z's tower, and the label is added at its
end. The prior is a standard normal distribution for all digits.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.games import conditional_ali
from adversarial_latent.networks.table import Table
from configs import amm_mnist

# Table 3 without y's tower; y is an input.
ENCODER = Table.parse("""
x        -             1    -  -  -  -    -    -
y        -             {k}  -  -  -  -    -    -
z1       x             32   2  1  -  0.2  yes  Leak0.2
z2       z1            32   3  2  -  0.2  yes  Leak0.2
z3       z2            64   3  2  -  0.2  yes  Leak0.2
z4       z3            64   3  1  -  0.2  yes  Leak0.2
z5       z4            128  4  1  -  0.2  -    -
y5       y             128  1  1  -  -    -    -
z5a      z5+y5         128  -  -  -  -    yes  Leak0.2
z_mu     z5a           {d}  1  1  -  -    -    -
z_sigma  z5a           {d}  1  1  -  -    -    ExpN
z        z_mu+z_sigma  {d}  -  -  -  -    -    -
""")


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, runlocal=False)
    config = amm_mnist.get_config("prior=independent")  # eq. 5
    config.game = conditional_ali.extend(config.game)
    config.game.networks.encoder = str(ENCODER)
    config.duration = "100_epochs"
    config.evaluators = ("reconstruction", "interpolation", "samples")
    config.curves = ("reconstruction",)
    config.selection = ""
    config.paper = {}
    if given.runlocal:
        shrink(config)
    return config
