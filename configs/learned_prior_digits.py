"""Learned-prior AAE on scikit-learn's handwritten digits, in minutes on a CPU.

    python -m experiments.launch --config=configs/learned_prior_digits.py \
        --workdir=runs/learned_prior

Arguments, after the colon, are those of configs/learned_prior_mnist.py except narrow.
That file also explains the game's settings:
  condition  label, categorical or none
  latent     d: 16, or 8 without a condition
  model, similarity, prior, runlocal

The paper has no such experiment. Networks have the paper's types of layers, as many as
8x8 pixels allow.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.networks.blocks import down, up
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player
from configs import classifier, learned_prior_mnist

TABLES = {
    "encoder": Table.parse("""
x   -   {channels}  -  -  -  -  -  -
x1  x   16          3  1  1  -  -  ReLU
""").append(
        down("x2", "x1", 32),
        """
x3    x2  32         -  Avg4  -  -  -    -
code  x3  {twice_d}  1  1     -  -  yes  ReLU
""",
    ),
    "decoder": Table.parse("""
transposed
z   -  {d}  -  -  -  -  -    -
x1  z  32   4  1  -  -  yes  ReLU
""").append(
        up("x2", "x1", 16),
        """
x  x2  {channels}  3  1  1  -  -  Tanh
""",
    ),
    "code_generator": learned_prior_mnist.TABLES["code_generator"],
    "code_discriminator": Table.parse("""
z   -   {d}  -  -  -  -  -  -
h1  z   200  1  1  -  -  -  Leak0.2
h2  h1  100  1  1  -  -  -  Leak0.2
p   h2  1    1  1  -  -  -  -
"""),
    "image_discriminator": Table.parse("""
x         -         {channels}  -  -  -  -  -    -
x1        x         16          3  1  1  -  -    Leak0.2
features  x1        32          4  2  1  -  yes  Leak0.2
h         features  100         4  1  -  -  -    Leak0.2
p         h         1           1  1  -  -  -    -
"""),
}


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    arguments = learned_prior_mnist.ARGUMENTS | {"condition": "label"}
    given = parse_arguments(argument, **arguments)
    config = learned_prior_mnist.paper_config(
        given, TABLES, channels=1, latents={"none": 8, "label": 16, "categorical": 16}
    )
    config.game.kernel_init = "0.08"
    config.dataset.name = "digits"
    config.classifier = classifier.get_config("data=digits")
    for name in config.players:
        config.players[name] = player(1e-3, b1=0.5, schedule="cosine")
    config.duration = "1500_steps"
    config.log_every = "200_steps"
    config.checkpoint_every = "500_steps"
    if given.runlocal:
        shrink(config)
    return config
