"""Clustering MNIST with a PixelGAN autoencoder: figures 5 and 6 and Table 1.

    python -m experiments.launch --config=configs/pixelgan_clustering.py \
        --workdir=runs/clusters

Arguments, after the colon:
  k         number of clusters: 30 in Table 1, 3 in figure 5
  classes   only these digits: 0-1-2 in figure 5
  free      imposes no prior on the code (figure 5a)
  runlocal  a quick trial with few data and steps; takes a minute

Networks and settings are those of appendix B.1.2: binary images, batch norm in all
layers of the encoder including the softmax layer, and input dropout with a keep
probability of 0.8. Settings that are not given there are those of
configs/pixelgan_mnist.py. Clusters get their labels from the 10,000 validation images
(section 3.1).

Parameters with K = 30: encoder 99,066, D 9,099,001, decoder 356,961.
"""

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, shrink
from adversarial_latent.games import pixelgan
from adversarial_latent.games.building import pixelcnn_config
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player
from configs.pixelgan_mnist import DISCRIMINATOR, SGD

ENCODER = Table.parse("""
x     -     1    -  -     -      -    -    -
h1    x     32   7  Max2  SAME   0.2  yes  ReLU
h2    h1    32   7  Max2  SAME   -    yes  ReLU
y_mu  h2    {k}  7  -     VALID  -    yes  -
y     y_mu  {k}  -  -     -      -    -    Softmax
""")


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, k=30, classes="", free=False, runlocal=False)
    config = default_config()
    config.game = pixelgan.default_config()
    config.game.update(
        priors={"y": {"name": "categorical"}},
        num_components=given.k,
        imposed=not given.free,
        networks={"encoder": str(ENCODER)},
        pixelcnn=pixelcnn_config(blocks=15, conditioning=("invariant",)),
    )
    config.players = {"autoencoder": player(1e-3, b1=0.9)}
    if not given.free:
        discriminator = DISCRIMINATOR.fill(units=3000)
        config.game.networks.discriminator_y = str(discriminator)
        config.players.discriminator = player(0.01, **SGD)
        config.players.generator = player(0.01, **SGD)
    config.dataset.name = "tfds:mnist"
    config.dataset.classes = given.classes.replace("-", ",")
    config.dataset.num_validation = 3000 if given.classes else 10_000
    config.trials = 3
    config.batch_size = 100
    config.duration = "200_epochs"
    config.steps_per_call = 50
    config.log_every = config.evaluate_every = "1_epochs"
    config.checkpoint_every = "5_epochs"
    config.evaluators = ("clustering", "likelihood", "samples")
    config.curves = ("clustering",)
    config.selection = "nearest_neighbours"
    if not given.free and (given.k, given.classes) in ((30, ""), (3, "0-1-2")):
        error = 0.0527 if given.k == 30 else 0.003
        config.paper = {"clustering_error_by_exemplar": error}
    if given.runlocal:
        shrink(config)
    return config
