r"""AIM on MNIST, as in its Table 3, and its rivals on the very same networks.

    python -m experiments.launch --config=configs/aim_mnist.py:game=aim \
        --workdir=runs/aim

Arguments, after the colon:
  game      aim, aim_minus, gan, ali, alice, veegan or unrolled
  latent    dimensions of z: 32, or 2 for figure 4
  narrow    divides the channels of all hidden layers; above 1 it is not the paper's
  runlocal  few data and steps: ends in a minute, to try things out

         generator  discriminator    encoder
  aim    PARAMETERS
  ali    PARAMETERS

Readings of Table 3. Rows without batch norm are those that it crosses out. All
convolutions are padded by one pixel: only so does E make 576 = 64 x 3 x 3 numbers of
7x7 pixels. The 6272 units that are reshaped to 128 maps of 7x7 are a transposed
convolution of width 7, whose batch norm is per map. The last row of G has one map, not
three. The loss on codes has the weight 1/d (section 5), and E reads D's features
without changing them.

Rivals. ALI's encoder is D's features, with weights of its own, and AIM's E on them; its
discriminator is AIM's, where z joins the features in the layer of 1024 units: a matrix
times both is the sum of a matrix times each. So are those of ALICE and VEEGAN. Of
AIM- and VEEGAN q(z|x) has unit variance.
"""

import dataclasses

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, player, shrink
from adversarial_latent.games import gan
from adversarial_latent.networks.table import HEADER, narrow
from configs import classifier
from configs.grid25 import GAMES, JOINT, UNIT_VARIANCE, WITHOUT_ENCODER

GENERATOR = """
z   -   {d}   -  -  -  -    -        -
h1  z   1024  1  1  -  yes  ReLU     -
h2  h1  128   7  1  -  yes  ReLU     VALID
h3  h2  64    4  2  -  yes  ReLU     1
x   h3  1     4  2  -  -    Sigmoid  1
"""

FEATURES = """
x   -   {c}    -  -  -  -    -        -
f1  x   64   4  2  -  -    Leak0.1  1
f   f1  128  4  2  -  yes  Leak0.1  1
"""

JUDGE = """
h1  f   1024  7  1  -  yes  Leak0.1  VALID
h2  h1  64    1  1  -  -    -        -
p   h2  1     1  1  -  -    -        -
"""

JOINT_JUDGE = """
z   -      {d}   -  -  -  -    -        -
hx  f      1024  7  1  -  -    -        VALID
hz  z      1024  1  1  -  -    -        -
h1  hx+hz  1024  -  -  -  yes  Leak0.1  -
h2  h1     64    1  1  -  -    -        -
p   h2     1     1  1  -  -    -        -
"""

ENCODER = """
e1              f   64   4  2  -  yes  Leak0.1  1
m               e1  32   3  1  -  yes  Leak0.1  VALID
z_mu            m   {d}  1  1  -  -    -        -
v               e1  32   3  1  -  yes  Leak0.1  VALID
z_log_variance  v   {d}  1  1  -  -    -        -
"""


@dataclasses.dataclass(frozen=True)
class Architecture:
    """Tables of which the networks of all games are made.

    Attributes:
      generator: from `z` to `x`.
      features: from `x` to `f`, where D and ALI's E begin.
      judge: from `f` to D's logit.
      joint_judge: from `f` and `z` to it.
      encoder: from `f` to q(z|x).
      variance: the rows of the encoder that only serve its variance.
    """

    generator: str
    features: str
    judge: str
    joint_judge: str
    encoder: str
    variance: tuple[str, ...]

    def tables(self, game: str, divisor: int) -> dict[str, str]:
        """The tables of a game's networks, their hidden layers narrowed."""
        judge = self.joint_judge if game in JOINT else self.judge
        tables = {
            "generator": self.generator,
            "discriminator": self.features + judge,
        }
        if game not in WITHOUT_ENCODER:
            encoder = self.encoder
            if game in UNIT_VARIANCE:
                encoder = self._with_unit_variance()
            *_, last = self.features.strip().splitlines()  # the row f
            _, _, channels, *_ = last.split()
            given = f"f - {channels} - - - - - -\n"  # by D, for AIM
            tables["encoder"] = (self.features if game in JOINT else given) + encoder
        # What leads to z stays as wide as z, which could not vary freely otherwise.
        keep = ("x", "z", "p", "m", "v", "z_mu", "z_log_variance")
        header = f"{HEADER}  Padding\n"
        return {
            name: narrow(header + text, divisor, keep) for name, text in tables.items()
        }

    def _with_unit_variance(self) -> str:
        rows = self.encoder.strip().splitlines()
        kept = [row for row in rows if row.split()[0] not in self.variance]
        return "\n".join([*kept, "z_log_variance zeros {d} - - - - - -"])


TABLE_3 = Architecture(
    GENERATOR,
    FEATURES.format(c=1),
    JUDGE,
    JOINT_JUDGE,
    ENCODER,
    variance=("v", "z_log_variance"),
)
PAPER = {  # Table 1: reconstruction error, inception score
    "gan": (None, 9.464),
    "ali": (0.480, 8.749),
    "alice": (0.080, 9.279),
    "aim_minus": (0.028, 9.331),
    "aim": (0.026, 9.483),
}


def image_config(
    game: str, architecture: Architecture, latent: int, divisor: int
) -> ml_collections.ConfigDict:
    """What the experiments on images have in common.

    Args:
      game: one of `grid25.GAMES`.
      architecture: the paper's networks.
      latent: dimensions of z.
      divisor: of hidden channels.

    Raises:
      ValueError: if there is no such game.
    """
    if game not in GAMES:
        raise ValueError(f"argument game={game!r} must be one of {list(GAMES)}")
    config = default_config()
    config.game = gan.default_config()
    config.game.latent_dim = latent
    config.game = GAMES[game](config.game)
    if config.game.name == "aim":
        config.game.features = "f"
    config.game.tables = architecture.tables(game, divisor)
    config.dataset.num_validation = 5000
    eps_root = 1e-8 if game == "unrolled" else 0.0
    adam = {"b1": 0.5, "schedule": "inverse_sqrt_epoch", "eps_root": eps_root}
    config.players = {
        "discriminator": player(2e-4, **adam),
        "generator": player(2e-4, **adam),
    }
    config.batch_size = 100
    config.steps_per_call = 50
    config.log_every = config.evaluate_every = "1_epochs"
    config.checkpoint_every = "5_epochs"
    config.evaluators = ("samples",)
    if game not in WITHOUT_ENCODER:
        config.evaluators = ("reconstruction", "interpolation", "neighbours", "samples")
        config.curves = ("reconstruction",)
    return config


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, game="aim", latent=32, narrow=1, runlocal=False)
    config = image_config(given.game, TABLE_3, given.latent, given.narrow)
    config.dataset.name = "tfds:mnist"
    config.classifier = classifier.get_config("data=mnist")
    config.evaluators = ("inception", *config.evaluators)
    if given.latent == 2 and given.game not in WITHOUT_ENCODER:
        config.evaluators = ("manifold", *config.evaluators)
    if given.latent == 32 and given.game in PAPER:
        error, score = PAPER[given.game]
        config.paper = {"classifier_inception_score": score}
        if error is not None:
            config.paper.reconstruction_mse = error
    config.trials = 3
    config.duration = "400_epochs"
    if given.runlocal:
        shrink(config)
    return config
