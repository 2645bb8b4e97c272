"""PixelGAN autoencoder on MNIST of 14x14 pixels with small networks, for a CPU.

    python -m experiments.launch --config=configs/pixelgan_mnist_small.py \
        --workdir=runs/pixelgan

Arguments, after the colon:
  labels    number of labelled images; 0 to find clusters without any
  k         number of clusters; without labels only
  classes   only these digits, as 0-1-2 in figure 5; without labels only
  free      no prior is imposed on the code (figure 5a); without labels only
  runlocal  few data and steps: ends in a minute, to try things out

Phases and costs are those of configs/pixelgan_mnist.py and pixelgan_clustering.py, with
a fraction of their networks on images of half the width and height. A decoder of three
blocks and 16 maps sees nine rows above a pixel, of 28 too few to tell what its image
shows. Pixels have four grey levels, since binary ones lose thin strokes. Batch norm
on the logits, which the paper has without labels only, helps with them, too: the code
stays soft for longer. Not in the paper: the class is also made the same near an image,
with less noise on it than the paper's, at a higher learning rate than that of the
reconstruction phase, which would have the code say more than the class; and adversaries
are trained by Adam, with noise on what the discriminator sees, since plain descent
imposes the prior too slowly to keep apart what consistency merges. Learning rates fall
to a tenth after 70% of the steps (experiments/results/pixelgan/README.md).
"""

import ml_collections

from adversarial_latent.config import parse_arguments, player, shrink
from adversarial_latent.games.building import pixelcnn_config
from adversarial_latent.networks.rows import HEADER
from configs import pixelgan_clustering, pixelgan_mnist

ENCODER = """
x     -     1    -  -     -  -    -        -
h1    x     32   5  Max2  -  yes  ReLU     SAME
h2    h1    32   3  -     -  yes  ReLU     SAME
h3    h2    32   3  -     -  yes  ReLU     SAME
y_mu  h3    {k}  7  -     -  yes  -        VALID
y     y_mu  {k}  -  -     -  -    Softmax  -
"""


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments.

    Raises:
      ValueError: if arguments are given that need labels=0.
    """
    given = parse_arguments(
        argument, labels=100, k=30, classes="", free=False, runlocal=False
    )
    if given.labels and (given.free or given.classes):
        raise ValueError("free and classes are for clusters: give labels=0, too")
    if given.labels:
        config = pixelgan_mnist.get_config(f"labels={given.labels}")
    else:
        free = ",free" if given.free else ""
        config = pixelgan_clustering.get_config(
            f"k={given.k},classes={given.classes}{free}"
        )
        config.trials = 4
    config.game.pixelcnn = pixelcnn_config(
        image_shape=(14, 14, 1),
        blocks=3,
        maps=16,
        conditioning=("invariant",),
        likelihood="softmax",
        levels=4,
    )
    config.game.tables.encoder = pixelgan_mnist.HEADER_WITH_PADDING + ENCODER
    adam = {"b1": 0.9, "b2": 0.99}
    config.players.autoencoder = player(3e-4, **adam)
    if given.labels:
        config.players.classifier = player(1e-3, **adam)
    if not given.free:
        discriminator = pixelgan_mnist.DISCRIMINATOR.format(units=500)
        config.game.tables.discriminator_y = HEADER + discriminator
        config.game.update(input_noise=0.1, consistency_radius=0.3, code_noise=0.1)
        for name in ("discriminator", "generator"):
            config.players[name] = player(1e-3, b1=0.5, b2=0.99)
        # Faster with labels, which tell apart what consistency would merge.
        rate = 2e-3 if given.labels else 1e-3
        config.players.consistency = player(rate, **adam)
    config.duration = "20_epochs"
    config.ema_decay = 0.99
    config.dataset.image_shape = "14x14x1"
    for name in config.players:
        config.players[name].update(schedule="tenth", decay_from=0.7)
    if given.runlocal:
        shrink(config)
    return config
