"""AIM on MNIST: Tables 1 and 3 of the paper and figure 4, for AIM and its rivals.

    python -m experiments.launch --config=configs/aim_mnist.py --workdir=runs/aim

Arguments, after the colon:
  game      aim, aim_minus, gan, ali, alice, veegan or unrolled_gan
  latent    d, the dimension of z: 32 in Table 1, 2 in figure 4
  narrow    divides the channels of all hidden layers; 2 or 4 for a CPU
  runlocal  a quick trial with few data and steps; takes a minute

Parameters:

    game               generator  discriminator  encoder
    aim                6,609,473  6,623,809      170,432
    aim_minus          6,609,473  6,623,809      150,848
    gan, unrolled_gan  6,609,473  6,623,809      -
    ali, alice         6,609,473  6,657,601      302,976
    veegan             6,609,473  6,657,601      283,392

Interpretation. The last row of G in Table 3 has 3 channels; MNIST has 1. The marks in
the column "BN?" are illegible in our copy of the paper; a row without a cross is taken
to have batch norm. Convolutions are padded by one pixel, as in DCGAN; only then does E
compute 576 = 64 x 3 x 3 values from 7x7 pixels. A dense layer after a reshape is a
convolution as wide as the image. A layer before a reshape is dense, with batch norm for
each of G's 6272 values; with batch norm for each of the 128 channels, all images of G
soon are the same. sigma(x) is a log-variance. The last hidden layers of E always have
32 values, whatever d and narrow. lambda is 1/d. Updates are simultaneous. The training
set has all 60,000 images, which are 600 steps per epoch.

All games use these networks. In a joint game (ALI, ALICE, VEEGAN), D's first dense
layer takes z as well as D_feature(x); it is written as the sum of one layer for each.
The encoder there is E after a copy of D_feature with separate weights; in AIM, E takes
the features that D learns. In AIM- and VEEGAN, q(z|x) has unit variance. ALICE and
VEEGAN have their default settings (cycle "l2"; all weights 1). The numbers for ALI and
ALICE in Table 1 are from the ALICE paper, with other networks.
"""

from collections.abc import Mapping

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, shrink
from adversarial_latent.games import gan
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player
from configs import classifier
from configs.grid25 import GAMES, JOINT, UNIT_VARIANCE, WITHOUT_ENCODER

TABLE_1 = {  # of the AIM paper: reconstruction error, inception score
    "gan": (None, 9.464),
    "ali": (0.480, 8.749),
    "alice": (0.080, 9.279),
    "aim_minus": (0.028, 9.331),
    "aim": (0.026, 9.483),
}

# `joint D_con` and its z are not in the paper.
TABLE_3 = {
    "G": """
transposed
z   -   {d}   -  -       -  -  -    -
h1  z   1024  1  1       -  -  yes  ReLU
h2  h1  6272  1  1       -  -  yes  ReLU
h3  h2  128   -  Image7  -  -  -    -
h4  h3  64    4  2       1  -  yes  ReLU
x   h4  1     4  2       1  -  -    Sigmoid
""",
    "D_feature": """
x         -   1    -  -  -  -  -    -
h1        x   64   4  2  1  -  -    Leak0.1
features  h1  128  4  2  1  -  yes  Leak0.1
""",
    "D_con": """
c1  features  1024  7  1  -  -  yes  Leak0.1
c2  c1        64    1  1  -  -  -    -
p   c2        1     1  1  -  -  -    -
""",
    "joint D_con": """
z    -         {d}   -  -  -  -  -    -
c1x  features  1024  7  1  -  -  -    -
c1z  z         1024  1  1  -  -  -    -
c1   c1x+c1z   1024  -  -  -  -  yes  Leak0.1
c2   c1        64    1  1  -  -  -    -
p    c2        1     1  1  -  -  -    -
""",
    "input of E": """
features  -  128  -  -  -  -  -  -
""",
    "E": """
e1    features  64   4  2  1  -  yes  Leak0.1
mu    e1        32   3  1  -  -  yes  Leak0.1
z_mu  mu        {d}  1  1  -  -  -    -
""",
    "variance": """
sigma           e1     32   3  1  -  -  yes  Leak0.1
z_log_variance  sigma  {d}  1  1  -  -  -    -
""",
    "unit variance": """
z_log_variance  zeros  {d}  -  -  -  -  -  -
""",
}
KEPT = ("x", "z", "p", "mu", "sigma", "z_mu", "z_log_variance")  # not narrowed


def paper_config(
    game: str, rows: Mapping[str, str], latent: int, divisor: int
) -> ml_collections.ConfigDict:
    """Returns what the paper's experiments on images have in common.

    Args:
      game: name in `GAMES`.
      rows: rows of the networks, with the keys of `TABLE_3`.
      latent: d.
      divisor: divisor of the hidden layers' channels.

    Returns:
      the config without data and duration.

    Raises:
      ValueError: an argument is invalid.
    """
    if game not in GAMES:
        raise ValueError(f"argument game={game!r} must be one of {list(GAMES)}")
    if latent < 1:
        raise ValueError(f"argument latent={latent} must be at least 1")
    joint, infers = game in JOINT, game not in WITHOUT_ENCODER
    parts = {
        "generator": ("G",),
        "discriminator": ("D_feature", "joint D_con" if joint else "D_con"),
    }
    if infers:
        parts["encoder"] = (
            "D_feature" if joint else "input of E",
            "E",
            "unit variance" if game in UNIT_VARIANCE else "variance",
        )
    config = default_config()
    config.game = gan.default_config()
    config.game.latent_dim = latent
    config.game = GAMES[game](config.game)
    if "features" in config.game:
        config.game.features = "features"
    config.game.networks = {
        name: str(_joined(rows, *names).narrow(divisor, KEPT))
        for name, names in parts.items()
    }
    adam = {"b1": 0.5, "schedule": "inverse_sqrt_epoch"}
    if game == "unrolled_gan":
        adam["eps_root"] = 1e-8
    config.players = {
        "discriminator": player(2e-4, **adam),
        "generator": player(2e-4, **adam),
    }
    config.batch_size = 100
    config.steps_per_call = 50
    config.log_every = "1_epochs"
    config.checkpoint_every = "5_epochs"
    config.evaluators = ("samples",)
    if infers:
        config.evaluators = ("reconstruction", "interpolation", "variations", "samples")
        config.curves = ("reconstruction",)  # figure 8
    return config


def _joined(rows: Mapping[str, str], first: str, *others: str) -> Table:
    return Table.parse(rows[first]).append(*(rows[name] for name in others))


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, game="aim", latent=32, narrow=1, runlocal=False)
    config = paper_config(given.game, TABLE_3, given.latent, given.narrow)
    config.dataset.name = "tfds:mnist"
    config.classifier = classifier.get_config("data=mnist")
    config.evaluators = ("inception", *config.evaluators)
    config.trials = 3
    config.duration = "400_epochs"
    if given.latent == 2 and "encoder" in config.game.networks:
        config.evaluators = ("manifold", *config.evaluators)
    if given.latent == 32 and given.game in TABLE_1:
        error, score = TABLE_1[given.game]
        config.paper = {"classifier_inception_score": score}
        if error is not None:
            config.paper.reconstruction_mse = error
    if given.runlocal:
        shrink(config)
    return config
