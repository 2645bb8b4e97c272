"""Semi-supervised PixelGAN autoencoder on SVHN: Table 1, figures 7 and 8 of the paper.

    python -m experiments.launch --config=configs/pixelgan_svhn.py --workdir=runs/svhn

Arguments, after the colon:
  labels    number of labelled images: 500 or 1000 in Table 1
  runlocal  a quick trial with few data and steps; takes a minute

Networks and settings are those of appendix B.2: 16x16 pixels, Adam for all losses. Its
"about 530K" training images are taken to be the split "extra", which has 531,131. Its
input noise of 0.2 is for pixels in [-1, 1]; in [0, 1] it is 0.1. Settings that are not
given there are those of configs/pixelgan_mnist.py, except that training takes 100
epochs.

Parameters: encoder 84,714, D 1,013,001, decoder 896,036.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.games.building import pixelcnn_config
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player
from configs.pixelgan_mnist import semi_supervised

ENCODER = Table.parse("""
x     -     3    -  -     -      -  -    -
h1    x     32   5  -     SAME   -  yes  ReLU
h2    h1    32   5  Max2  SAME   -  yes  ReLU
h3    h2    32   5  -     SAME   -  yes  ReLU
h4    h3    32   5  Max2  SAME   -  yes  ReLU
y_mu  h4    {k}  4  -     VALID  -  -    -
y     y_mu  {k}  -  -     -      -  -    Softmax
""")

TABLE_1 = {500: 0.1047, 1000: 0.0696}


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, labels=1000, runlocal=False)
    config = semi_supervised(ENCODER, 10, given.labels)
    config.game.input_noise = 0.1
    config.game.pixelcnn = pixelcnn_config(
        image_shape=(16, 16, 3),
        likelihood="logistic_mixture",
        levels=256,
        blocks=20,
        hidden_channels=32,
        activation="gated",
        conditioning=("invariant",),
    )
    config.players.discriminator = player(1e-4, b1=0.9)
    config.players.generator = player(1e-4, b1=0.9)
    config.dataset.name = "tfds:svhn_cropped"
    config.dataset.image_shape = "16x16x3"
    config.dataset.train_split = "extra"
    config.dataset.num_validation = 10_000
    config.trials = 3
    config.duration = "100_epochs"
    if given.labels in TABLE_1:
        config.paper = {"classification_error": TABLE_1[given.labels]}
    if given.runlocal:
        shrink(config)
    return config
