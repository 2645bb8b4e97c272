"""PixelGAN autoencoder on MNIST at 14x14 pixels with small networks, for a CPU.

    python -m experiments.launch --config=configs/pixelgan_mnist_small.py \
        --workdir=runs/pixelgan

Arguments, after the colon:
  labels    number of labelled images; 0 for clustering
  k         number of clusters; requires labels=0
  classes   only these digits: 0-1-2 in figure 5; requires labels=0
  free      imposes no prior on the code (figure 5a); requires labels=0
  runlocal  a quick trial with few data and steps; takes a minute

Phases and losses are those of configs/pixelgan_mnist.py and pixelgan_clustering.py.
Networks are much smaller, on images of half the width and height. A decoder of three
blocks and 16 channels sees nine rows above a pixel; of 28 rows, these are too few to
recognise the digit. Pixels have four grey levels, because binary ones lose thin
strokes. The paper has batch norm on the logits only without labels. Here it also helps
with labels: the code stays soft for longer. Learning rates fall to a tenth after 70% of
the steps (experiments/results/pixelgan/README.md).

Two things are not in the paper:

- A consistency loss makes q(y|x) similar near an image, with less noise than the
  paper's. Its learning rate is larger than that of the reconstruction phase, which
  tends to encode more than the class.
- The adversarial players use Adam, with noise on the discriminator's input. Plain
  gradient descent imposes the prior too slowly to separate clusters that consistency
  merges.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.games.building import pixelcnn_config
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player
from configs import pixelgan_clustering, pixelgan_mnist

ENCODER = Table.parse("""
x     -     1    -  -     -      -  -    -
h1    x     32   5  Max2  SAME   -  yes  ReLU
h2    h1    32   3  -     SAME   -  yes  ReLU
h3    h2    32   3  -     SAME   -  yes  ReLU
y_mu  h3    {k}  7  -     VALID  -  yes  -
y     y_mu  {k}  -  -     -      -  -    Softmax
""")


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments.

    Raises:
      ValueError: an argument requires labels=0.
    """
    given = parse_arguments(
        argument, labels=100, k=30, classes="", free=False, runlocal=False
    )
    if given.labels and (given.free or given.classes):
        raise ValueError("arguments free and classes are for clustering: give labels=0")
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
        hidden_channels=16,
        conditioning=("invariant",),
        likelihood="softmax",
        levels=4,
    )
    config.game.networks.encoder = str(ENCODER)
    adam = {"b1": 0.9, "b2": 0.99}
    config.players.autoencoder = player(3e-4, **adam)
    if given.labels:
        config.players.classifier = player(1e-3, **adam)
    if not given.free:
        discriminator = pixelgan_mnist.DISCRIMINATOR.fill(units=500)
        config.game.networks.discriminator_y = str(discriminator)
        config.game.update(input_noise=0.1, consistency_radius=0.3, code_noise=0.1)
        for name in ("discriminator", "generator"):
            config.players[name] = player(1e-3, b1=0.5, b2=0.99)
        # Larger with labels, which separate classes that consistency would merge.
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
