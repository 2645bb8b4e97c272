"""PixelGAN autoencoder on MNIST with small networks, for a CPU.

    python -m experiments.launch --config=configs/pixelgan_mnist_small.py \
        --workdir=runs/pixelgan

Arguments, after the colon:
  labels    number of labelled images; 0 to find clusters without any
  k         number of clusters; without labels only
  classes   only these digits, as 0-1-2 in figure 5
  free      no prior is imposed on the code (figure 5a)
  pixels    width and height of the images, 28 or 14
  runlocal  few data and steps: ends in a minute, to try things out

Binary images as in configs/pixelgan_mnist.py and configs/pixelgan_clustering.py.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.games.building import pixelcnn_config
from adversarial_latent.networks.rows import HEADER
from configs import pixelgan_clustering, pixelgan_mnist

ENCODERS = {  # by the size of the images
    28: """
x     -     1    -  -     -  -       -        -
h1    x     16   5  Max2  {dropout}  yes     ReLU     SAME
h2    h1    32   3  Max2  -  yes     ReLU     SAME
h3    h2    32   3  -     -  yes     ReLU     SAME
y_mu  h3    {{k}}  7  -     -  {norm}  -        VALID
y     y_mu  {{k}}  -  -     -  -       Softmax  -
""",
    14: """
x     -     1    -  -     -  -       -        -
h1    x     32   5  Max2  {dropout}  yes     ReLU     SAME
h2    h1    32   3  -     -  yes     ReLU     SAME
h3    h2    32   3  -     -  yes     ReLU     SAME
y_mu  h3    {{k}}  7  -     -  {norm}  -        VALID
y     y_mu  {{k}}  -  -     -  -       Softmax  -
""",
}


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument,
        labels=100,
        k=10,
        classes="",
        free=False,
        pixels=28,
        runlocal=False,
    )
    if given.labels:
        config = pixelgan_mnist.get_config(f"labels={given.labels}")
    else:
        config = pixelgan_clustering.get_config(
            f"k={given.k},classes={given.classes},free={given.free}".replace(
                "True", "true"
            ).replace("False", "false")
        )
    encoder = ENCODERS[given.pixels].format(
        norm="-" if given.labels else "yes", dropout="-" if given.labels else "0.2"
    )
    config.game.tables.encoder = pixelgan_mnist.HEADER_WITH_PADDING + encoder
    if not given.free:
        config.game.tables.discriminator_y = (
            HEADER + pixelgan_mnist.DISCRIMINATOR.format(units=500)
        )
    config.game.pixelcnn = pixelcnn_config(
        image_shape=(given.pixels, given.pixels, 1),
        blocks=3,
        maps=16,
        conditioning=("invariant",),
    )
    if given.pixels != 28:
        config.dataset.image_shape = f"{given.pixels}x{given.pixels}x1"
    for name in config.players:
        config.players[name].update(schedule="tenth", decay_from=0.7)
    config.duration = "20_epochs"
    if given.runlocal:
        shrink(config)
    return config
