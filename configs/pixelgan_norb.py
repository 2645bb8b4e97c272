"""Semi-supervised PixelGAN autoencoder on small NORB: Table 1, figure 8 of the paper.

    python -m experiments.launch --config=configs/pixelgan_norb.py --workdir=runs/norb

Arguments, after the colon:
  labels    number of labelled images, 1000 in Table 1
  runlocal  a quick trial with few data and steps; takes a minute

Networks and settings are those of appendix B.3: 32x32 pixels of one of the two cameras,
20,000 training images, Adam for all losses, 500 epochs. Its input noise of 0.3 is for
pixels in [-1, 1]; in [0, 1] it is 0.15. Settings that are not given there are those of
configs/pixelgan_mnist.py.

Parameters: encoder 104,773, D 1,008,001, decoder 660,638.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.games.building import pixelcnn_config
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player
from configs.pixelgan_mnist import semi_supervised

ENCODER = Table.parse("""
x     -     1    -  -     -      -  -    -
h1    x     32   7  Max2  SAME   -  yes  ReLU
h2    h1    32   7  Max2  SAME   -  yes  ReLU
h3    h2    32   7  Max2  SAME   -  yes  ReLU
y_mu  h3    {k}  4  -     VALID  -  -    -
y     y_mu  {k}  -  -     -      -  -    Softmax
""")


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, labels=1000, runlocal=False)
    config = semi_supervised(ENCODER, 5, given.labels)
    config.game.input_noise = 0.15
    config.game.pixelcnn = pixelcnn_config(
        image_shape=(32, 32, 1),
        likelihood="logistic_mixture",
        levels=256,
        blocks=15,
        hidden_channels=32,
        activation="gated",
        conditioning=("invariant",),
    )
    config.players.discriminator = player(1e-4, b1=0.9)
    config.players.generator = player(1e-4, b1=0.9)
    config.dataset.name = "tfds:smallnorb"
    config.dataset.image_shape = "32x32x1"
    config.dataset.num_validation = 4000
    config.trials = 3
    config.duration = "500_epochs"
    if given.labels == 1000:
        config.paper = {"classification_error": 0.0890}
    if given.runlocal:
        shrink(config)
    return config
