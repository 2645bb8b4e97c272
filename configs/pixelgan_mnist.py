"""Semi-supervised PixelGAN autoencoder on MNIST: Table 1, figures 7 and 8 of the paper.

    python -m experiments.launch --config=configs/pixelgan_mnist.py \
        --workdir=runs/pixelgan

Arguments, after the colon:
  labels    number of labelled images: 20, 50 or 100 in Table 1
  real      real-valued images instead of binary ones: 256 levels (figure 8b)
  runlocal  a quick trial with few data and steps; takes a minute

Networks and settings are those of appendix B.1.3, which does not give the following.
Minibatches have 100 images, and so do labelled minibatches, which repeat images if
there are fewer labels. Training takes 200 epochs on 50,000 images. Adam has the usual
b1 = 0.9. Convolutions are padded, so that the softmax layer has 7x7 pixels. Pooling
comes before batch norm; they commute, except for the statistics. "3 x 5" means three
rows of five pixels, of which the last is the row of the pixel itself. Real-valued
images enter the paper's encoder in [-1, 1], with noise of 0.3; in [0, 1] it is 0.15.

Parameters: encoder 145,066, D 1,013,001, decoder 136,609 (real-valued: 1,870,622).
"""

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, shrink
from adversarial_latent.games import pixelgan
from adversarial_latent.games.building import pixelcnn_config
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player

ENCODER = Table.parse("""
x     -     1    -  -     -      -  -    -
h1    x     32   5  -     SAME   -  yes  ReLU
h2    h1    32   5  -     SAME   -  yes  ReLU
h3    h2    32   5  Max2  SAME   -  yes  ReLU
h4    h3    32   5  -     SAME   -  yes  ReLU
h5    h4    32   5  -     SAME   -  yes  ReLU
h6    h5    32   5  Max2  SAME   -  yes  ReLU
y_mu  h6    {k}  7  -     VALID  -  -    -
y     y_mu  {k}  -  -     -      -  -    Softmax
""")

DISCRIMINATOR = Table.parse("""
y   -   {k}    -  -  -  -  -  -
h1  y   {units}  1  1  -  -  -  ReLU
h2  h1  {units}  1  1  -  -  -  ReLU
p   h2  1        1  1  -  -  -  -
""")

TABLE_1 = {20: 0.1208, 50: 0.0116, 100: 0.0108}
SGD = {"optimizer": "sgd", "momentum": 0.1}


def semi_supervised(
    encoder: Table, num_classes: int, labels: int
) -> ml_collections.ConfigDict:
    """Returns what the paper's semi-supervised experiments have in common.

    Args:
      encoder: table of the encoder.
      num_classes: K.
      labels: number of labelled images.

    Returns:
      the config without decoder, data and duration.
    """
    config = default_config()
    config.game = pixelgan.default_config()
    config.game.update(
        priors={"y": {"name": "categorical"}},
        num_components=num_classes,
        semi_supervised=True,
        input_noise=0.3,
        networks={
            "encoder": str(encoder),
            "discriminator_y": str(DISCRIMINATOR.fill(units=1000)),
        },
    )
    config.players = {
        "autoencoder": player(1e-3, b1=0.9),
        "discriminator": player(0.1, **SGD),
        "generator": player(0.1, **SGD),
        "classifier": player(1e-3, b1=0.9),
    }
    config.labels.number = labels
    config.labels.batch_size = 100
    config.batch_size = 100
    config.steps_per_call = 50
    config.log_every = config.evaluate_every = "1_epochs"
    config.checkpoint_every = "5_epochs"
    config.evaluators = ("classification", "likelihood", "samples")
    config.curves = ("classification",)  # figure 7
    return config


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, labels=100, real=False, runlocal=False)
    config = semi_supervised(ENCODER, 10, given.labels)
    if given.real:
        config.game.input_noise = 0.15
        config.game.pixelcnn = pixelcnn_config(
            likelihood="logistic_mixture",
            levels=256,
            blocks=20,
            hidden_channels=64,
            kernel=(2, 3),
            activation="gated",
            conditioning=("invariant",),
        )
        config.duration = "300_epochs"
        for name in config.players:
            config.players[name].update(schedule="tenth", decay_from=0.5)
    else:
        config.game.pixelcnn = pixelcnn_config(conditioning=("invariant",))
        config.duration = "200_epochs"
    config.dataset.name = "tfds:mnist"
    config.dataset.num_validation = 10_000
    config.trials = 3
    if given.labels in TABLE_1:
        config.paper = {"classification_error": TABLE_1[given.labels]}
    if given.runlocal:
        shrink(config)
    return config
