"""Semi-supervised PixelGAN autoencoder on MNIST: Table 1, figures 7 and 8 of the paper.

    python -m experiments.launch --config=configs/pixelgan_mnist.py \
        --workdir=runs/pixelgan

Arguments, after the colon:
  labels    number of labelled images: 20, 50 or 100 in Table 1
  real      real-valued images instead of binary ones: 256 levels (figure 8b)
  runlocal  few data and steps: ends in a minute, to try things out

Networks and settings are those of appendix B.1.3. What it does not say: minibatches are
of 100, and so are labelled ones (which hold each label several times if there are
fewer); 50,000 images are trained on, for 200 epochs; Adam has its usual b1 = 0.9;
convolutions are padded, so that the softmax layer sees 7x7 maps; and pooling comes
before batch norm, with which it commutes but for the statistics. "3 x 5" is three rows
of five pixels, the last row that of the pixel itself.

Parameters: encoder 145,066, D 1,013,001, decoder 136,609 (real-valued: 1,870,622).
"""

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, player, shrink
from adversarial_latent.games import pixelgan
from adversarial_latent.games.building import pixelcnn_config
from adversarial_latent.networks.rows import HEADER

HEADER_WITH_PADDING = f"{HEADER}  Padding"

ENCODER = """
x     -     1    -  -     -  -    -        -
h1    x     32   5  -     -  yes  ReLU     SAME
h2    h1    32   5  -     -  yes  ReLU     SAME
h3    h2    32   5  Max2  -  yes  ReLU     SAME
h4    h3    32   5  -     -  yes  ReLU     SAME
h5    h4    32   5  -     -  yes  ReLU     SAME
h6    h5    32   5  Max2  -  yes  ReLU     SAME
y_mu  h6    {k}  7  -     -  -    -        VALID
y     y_mu  {k}  -  -     -  -    Softmax  -
"""

DISCRIMINATOR = """
y   -   {{k}}    -  -  -  -  -
h1  y   {units}  1  1  -  -  ReLU
h2  h1  {units}  1  1  -  -  ReLU
p   h2  1        1  1  -  -  -
"""

TABLE_1 = {20: 0.1208, 50: 0.0116, 100: 0.0108}
SGD = {"optimizer": "sgd", "momentum": 0.1}


def semi_supervised(
    encoder: str, num_classes: int, labels: int
) -> ml_collections.ConfigDict:
    """What the semi-supervised experiments of the paper have in common.

    Args:
      encoder: rows of its table, with a column Padding.
      num_classes: K.
      labels: number of labelled images.

    Returns:
      the config, which still lacks the decoder, the data and how long to train.
    """
    config = default_config()
    config.game = pixelgan.default_config()
    config.game.update(
        priors={"y": {"name": "categorical"}},
        num_components=num_classes,
        semi_supervised=True,
        input_noise=0.3,
        tables={
            "encoder": HEADER_WITH_PADDING + encoder,
            "discriminator_y": HEADER + DISCRIMINATOR.format(units=1000),
        },
    )
    config.moves = "alternating"
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
        config.game.pixelcnn = pixelcnn_config(
            likelihood="logistic_mixture",
            levels=256,
            blocks=20,
            maps=64,
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
