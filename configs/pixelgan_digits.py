"""PixelGAN autoencoder on scikit-learn's handwritten digits, in minutes on a CPU.

    python -m experiments.launch --config=configs/pixelgan_digits.py \
        --workdir=runs/pixelgan

Arguments, after the colon:
  labels    number of labelled images, a multiple of 10; 0 for clustering
  k         number of clusters; requires labels=0
  runlocal  a quick trial with few data and steps; takes seconds

The paper has no such experiment. Pixels keep their 17 grey levels; the decoder predicts
them with a softmax.
"""

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, shrink
from adversarial_latent.games import pixelgan
from adversarial_latent.games.building import pixelcnn_config
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player

ENCODER = Table.parse("""
x     -     1    -  -     -      -  -    -
h1    x     32   3  -     SAME   -  yes  ReLU
h2    h1    32   3  Max2  SAME   -  yes  ReLU
h3    h2    64   3  -     SAME   -  yes  ReLU
h4    h3    128  4  -     VALID  -  yes  ReLU
y_mu  h4    {k}  1  -     -      -  yes  -
y     y_mu  {k}  -  -     -      -  -    Softmax
""")

DISCRIMINATOR = Table.parse("""
y   -   {k}  -  -  -  -  -  -
h1  y   256  1  1  -  -  -  ReLU
h2  h1  256  1  1  -  -  -  ReLU
p   h2  1    1  1  -  -  -  -
""")


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, labels=50, k=10, runlocal=False)
    config = default_config()
    config.game = pixelgan.default_config()
    config.game.update(
        priors={"y": {"name": "categorical"}},
        num_components=given.k,
        semi_supervised=given.labels > 0,
        input_noise=0.3,
        networks={
            "encoder": str(ENCODER),
            "discriminator_y": str(DISCRIMINATOR),
        },
        pixelcnn=pixelcnn_config(
            image_shape=(8, 8, 1),
            likelihood="softmax",
            levels=17,
            blocks=3,
            hidden_channels=16,
            conditioning=("invariant",),
        ),
    )
    config.dataset.name = "digits"
    sgd = {"optimizer": "sgd", "momentum": 0.1}
    config.players = {
        "autoencoder": player(3e-4, b1=0.9),
        "discriminator": player(0.1, **sgd),
        "generator": player(0.1, **sgd),
    }
    if given.labels:
        config.players.classifier = player(1e-3, b1=0.9)
        config.labels.number = given.labels
        config.labels.batch_size = 50
    config.trials = 6
    config.batch_size = 100
    for name in config.players:
        config.players[name].update(schedule="tenth", decay_from=0.7)
    config.duration = "1500_steps"
    config.steps_per_call = 50
    config.log_every = "200_steps"
    config.checkpoint_every = "500_steps"
    first = "classification" if given.labels else "clustering"
    config.evaluators = (first, "likelihood", "samples")
    if not given.labels:
        config.selection = "nearest_neighbours"
    if given.runlocal:
        shrink(config)
    return config
