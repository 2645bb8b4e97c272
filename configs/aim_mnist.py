"""AIM on MNIST: Tables 1 and 3 of the paper and figure 4, for AIM and its rivals.

    python -m experiments.launch --config=configs/aim_mnist.py --workdir=runs/aim

Arguments, after the colon:
  game      aim, aim_minus, gan, ali, alice, veegan or unrolled
  latent    d, the dimension of z: 32 in Table 1, 2 in figure 4
  narrow    divides the channels of all hidden layers: 2 or 4 for a CPU
  runlocal  few data and steps: ends in a minute, to try things out

Parameters:

    game           generator  discriminator  encoder
    aim            6,609,473  6,623,809      170,432
    aim_minus      6,609,473  6,623,809      150,848
    gan, unrolled  6,609,473  6,623,809      -
    ali, alice     6,609,473  6,657,601      302,976
    veegan         6,609,473  6,657,601      283,392

Readings. Table 3 prints 3 maps in the last row of G; MNIST has 1. Where the column BN?
has no cross there is batch norm: the marks themselves are lost in our copy of the
paper. Convolutions are padded by one pixel, as in DCGAN: only then does E make 576 =
64 x 3 x 3 values of 7x7 pixels. A dense layer that follows a reshape is a convolution
as wide as the image; before one it is dense, with batch norm of each of G's 6272
values: with one of each of the 128 maps all images that G makes soon are the same.
sigma(x) is a log-variance. The last hidden layers of E keep 32 values if d is another,
and if all others are narrowed. lambda is 1/d, players move at the same time, and
training sees all 60,000 images, 600 steps in an epoch.

All games have these very networks. In a joint game (ALI, ALICE, VEEGAN) D's first dense
layer reads z beside D_feature(x): it is written as the sum of a layer on each. The
encoder there is D_feature, with weights of its own, followed by E, which in AIM reads
the features that D has learned. AIM- and VEEGAN have a q(z|x) of unit variance. ALICE's
and VEEGAN's settings are their defaults (cycle "l2"; all weights 1), and the numbers
for ALI and ALICE that Table 1 reports are ALICE's, by other networks.
"""

from collections.abc import Mapping

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, player, shrink
from adversarial_latent.games import gan
from adversarial_latent.networks.rows import narrow
from configs import classifier
from configs.grid25 import GAMES, JOINT, UNIT_VARIANCE, WITHOUT_ENCODER

TABLE_1 = {  # of AIM: reconstruction error, inception score
    "gan": (None, 9.464),
    "ali": (0.480, 8.749),
    "alice": (0.080, 9.279),
    "aim_minus": (0.028, 9.331),
    "aim": (0.026, 9.483),
}

HEADER = """
Name  Input  Width  Stride  Channels  BatchNorm  Dropout  Activation  Padding
"""
# In the order of the paper's columns; `joint D_con` and its z are ours.
TABLE_3 = {
    "G": """
z   -   -  -       {d}   -    -  -        -
h1  z   1  1       1024  yes  -  ReLU     -
h2  h1  1  1       6272  yes  -  ReLU     -
h3  h2  -  Image7  128   -    -  -        -
h4  h3  4  2       64    yes  -  ReLU     1
x   h4  4  2       1     -    -  Sigmoid  1
""",
    "D_feature": """
x         -   -  -  1    -    -  -        -
h1        x   4  2  64   -    -  Leak0.1  1
features  h1  4  2  128  yes  -  Leak0.1  1
""",
    "D_con": """
c1  features  7  1  1024  yes  -  Leak0.1  -
c2  c1        1  1  64    -    -  -        -
p   c2        1  1  1     -    -  -        -
""",
    "joint D_con": """
z    -         -  -  {d}   -    -  -        -
c1x  features  7  1  1024  -    -  -        -
c1z  z         1  1  1024  -    -  -        -
c1   c1x+c1z   -  -  1024  yes  -  Leak0.1  -
c2   c1        1  1  64    -    -  -        -
p    c2        1  1  1     -    -  -        -
""",
    "input of E": """
features  -  -  -  128  -  -  -  -
""",
    "E": """
e1    features  4  2  64   yes  -  Leak0.1  1
mu    e1        3  1  32   yes  -  Leak0.1  -
z_mu  mu        1  1  {d}  -    -  -        -
""",
    "variance": """
sigma           e1     3  1  32   yes  -  Leak0.1  -
z_log_variance  sigma  1  1  {d}  -    -  -        -
""",
    "unit variance": """
z_log_variance  zeros  -  -  {d}  -  -  -  -
""",
}
KEPT = ("x", "z", "p", "mu", "sigma", "z_mu", "z_log_variance")  # not narrowed


def paper_config(
    game: str, rows: Mapping[str, str], latent: int, divisor: int
) -> ml_collections.ConfigDict:
    """What the paper's experiments on images have in common.

    Args:
      game: name in `GAMES`.
      rows: of the networks, by the names that `TABLE_3` has.
      latent: d.
      divisor: of the hidden layers' channels.

    Returns:
      the config, which still lacks the data and how long to train.

    Raises:
      ValueError: an argument of `get_config` that cannot be.
    """
    if game not in GAMES:
        raise ValueError(f"argument game={game!r} must be one of {list(GAMES)}")
    if latent < 1:
        raise ValueError(f"argument latent={latent} must be at least 1")
    joint, infers = game in JOINT, game not in WITHOUT_ENCODER
    tables = {
        "generator": rows["G"],
        "discriminator": rows["D_feature"] + rows["joint D_con" if joint else "D_con"],
    }
    if infers:
        tables["encoder"] = (
            rows["D_feature" if joint else "input of E"]
            + rows["E"]
            + rows["unit variance" if game in UNIT_VARIANCE else "variance"]
        )
    config = default_config()
    config.game = gan.default_config()
    config.game.latent_dim = latent
    config.game = GAMES[game](config.game)
    if "features" in config.game:
        config.game.features = "features"
    config.game.tables = {
        name: narrow(HEADER + text, divisor, KEPT) for name, text in tables.items()
    }
    adam = {"b1": 0.5, "schedule": "inverse_sqrt_epoch"}
    if game == "unrolled":
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
        config.evaluators = ("reconstruction", "interpolation", "neighbours", "samples")
        config.curves = ("reconstruction",)  # figure 8
    return config


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, game="aim", latent=32, narrow=1, runlocal=False)
    config = paper_config(given.game, TABLE_3, given.latent, given.narrow)
    config.dataset.name = "tfds:mnist"
    config.classifier = classifier.get_config("data=mnist")
    config.evaluators = ("inception", *config.evaluators)
    config.trials = 3
    config.duration = "400_epochs"
    if given.latent == 2 and "encoder" in config.game.tables:
        config.evaluators = ("manifold", *config.evaluators)
    if given.latent == 32 and given.game in TABLE_1:
        error, score = TABLE_1[given.game]
        config.paper = {"classifier_inception_score": score}
        if error is not None:
            config.paper.reconstruction_mse = error
    if given.runlocal:
        shrink(config)
    return config
