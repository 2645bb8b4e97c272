"""Learned-prior AAE on MNIST in minutes on a CPU: 16x16 images, few channels.

    python -m experiments.launch --config=configs/learned_prior_mnist_small.py \
        --workdir=runs/learned_prior

Arguments, after the colon, are those of configs/learned_prior_mnist.py except narrow.
That file also explains the game's settings:
  model, condition, latent, similarity, prior, runlocal

Images are scaled to 16x16. Networks have the paper's types of layers, as many as this
size allows, with at most a quarter of the channels. Learning rates and initial weights
are larger. With a categorical condition, Q is also trained on real images to be
consistent, confident and balanced over clusters. This is not in the paper; a Q that
learns only from generated images does not transfer to real ones
(experiments/results/learned_prior/README.md). Which digits share a cluster depends on
the seed. So there are four trials, of which one is chosen without labels.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.networks.blocks import down, up
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player
from configs import learned_prior_mnist

TABLES = learned_prior_mnist.TABLES | {
    "encoder": Table.parse("""
x   -   {channels}  -  -  -  -  -  -
x1  x   16          3  1  1  -  -  ReLU
""").append(
        down("x2", "x1", 32),
        down("x3", "x2", 64),
        """
x4    x3  64         -  Avg4  -  -  -    -
code  x4  {twice_d}  1  1     -  -  yes  ReLU
""",
    ),
    "decoder": Table.parse("""
transposed
z   -  {d}  -  -  -  -  -    -
x1  z  64   4  1  -  -  yes  ReLU
""").append(
        up("x2", "x1", 32),
        up("x3", "x2", 16),
        """
x  x3  {channels}  3  1  1  -  -  Tanh
""",
    ),
    "image_discriminator": Table.parse("""
x         -         {channels}  -  -  -  -  -    -
x1        x         32          4  2  1  -  -    Leak0.2
features  x1        64          4  2  1  -  yes  Leak0.2
h         features  200         4  1  -  -  -    Leak0.2
p         h         1           1  1  -  -  -    -
"""),
}


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, **learned_prior_mnist.ARGUMENTS)
    config = learned_prior_mnist.paper_config(
        given, TABLES, channels=1, latents=learned_prior_mnist.LATENTS
    )
    config.game.kernel_init = "0.08"
    config.dataset.update(name="tfds:mnist", image_shape="16x16x1")
    config.dataset.num_validation = 5000
    config.classifier = learned_prior_mnist.mnist_classifier(16)
    config.classifier.dataset.num_validation = 5000
    for name in config.players:
        config.players[name] = player(1e-3, b1=0.5, schedule="cosine")
    if given.condition == "categorical":
        config.game.update(
            consistency_weight=1.0, confidence_weight=0.3, balance_weight=1.0
        )
        config.ema_decay = 0.99
        config.trials = 4
        config.selection = "nearest_neighbours"
        config.curves = ("clustering",)
        config.evaluate_every = "250_steps"
    config.duration = "5_epochs"
    config.checkpoint_every = "1_epochs"
    if given.runlocal:
        shrink(config)
    return config
