"""AMM on MNIST: Table 1 of the paper, with its networks (tables 3-6) row by row.

    python -m experiments.launch --config=configs/amm_mnist.py:k=10 --workdir=runs/mnist

Arguments, after the colon:
  k              number of components: 10, 20 or 30 in the paper
  factorization  7 (as table 3 prints it), 6 (its mirror image) or 15 (independent)
  prior          unit (table 4 as printed: zeros into ExpN), learned (the text: means
                 and variances by eq. 12), per_component (a mean and a variance for
                 each component, as in SVHN's table 8) or fixed (N(mu_k, I), given)
  runlocal       few data and steps: ends in a minute, to try things out

Readings. Padding is VALID, which gives 28-27-13-6-4-1 pixels in the encoder and in D,
and back in the decoder. Dropout acts on what comes into a layer. Table 3 adds z_i into
y's tower only, which is eq. 7. The paper does not give the batch size (100 here, as
in ALI, whose settings it follows) nor the number of epochs.
"""

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, player, shrink
from adversarial_latent.games import amm
from adversarial_latent.networks.rows import HEADER

# Table 3. {y_from_z} is "+z_i" under eq. 7, {z_from_y} is "+y_i" under eq. 6.
ENCODER = """
x        -                1    -  -  -    -    -
y1       x                32   2  1  0.2  -    -
z1       x                32   2  1  0.2  -    -
y1a      y1{y_from_z1}    32   -  -  -    yes  Leak0.2
z1a      z1{z_from_y1}    32   -  -  -    yes  Leak0.2
y2       y1a              32   3  2  0.2  -    -
z2       z1a              32   3  2  0.2  -    -
y2a      y2{y_from_z2}    32   -  -  -    yes  Leak0.2
z2a      z2{z_from_y2}    32   -  -  -    yes  Leak0.2
y3       y2a              64   3  2  0.2  -    -
z3       z2a              64   3  2  0.2  -    -
y3a      y3{y_from_z3}    64   -  -  -    yes  Leak0.2
z3a      z3{z_from_y3}    64   -  -  -    yes  Leak0.2
y4       y3a              64   3  1  0.2  -    -
z4       z3a              64   3  1  0.2  -    -
y4a      y4{y_from_z4}    64   -  -  -    yes  Leak0.2
z4a      z4{z_from_y4}    64   -  -  -    yes  Leak0.2
y5       y4a              128  4  1  0.2  -    -
z5       z4a              128  4  1  0.2  -    -
y5a      y5{y_from_z5}    128  -  -  -    yes  Leak0.2
z5a      z5{z_from_y5}    128  -  -  -    yes  Leak0.2
y_mu     y5a              {k}  1  1  -    -    -
y_sigma  y5a              {k}  1  1  -    -    ExpN
y        y_mu+y_sigma     {k}  -  -  -    -    Softmax
z_mu     z5a              {d}  1  1  -    -    -
z_sigma  z5a              {d}  1  1  -    -    ExpN
z        z_mu+z_sigma     {d}  -  -  -    -    -
"""

# Table 4; {sigma_from} is "zeros" as printed, "z2" when the variance is learned.
PRIOR = """
y        -             {k}  -  -  -    -    -
z1       y             64   1  1  -    yes  Leak0.2
z2       z1            64   1  1  0.2  yes  Leak0.2
z_mu     z2            {d}  1  1  -    -    -
z_sigma  {sigma_from}  {d}  {width}  {width}  -  -  ExpN
z        z_mu+z_sigma  {d}  -  -  -    -    -
"""

# Table 8, of SVHN: the layers on a one-hot y are a mean and a log-variance for each k.
PRIOR_PER_COMPONENT = """
y        -             {k}  -  -  -  -  -
z_mu     y             {d}  1  1  -  -  -
z_sigma  y             {d}  1  1  -  -  ExpN
z        z_mu+z_sigma  {d}  -  -  -  -  -
"""

# Table 5; transposed convolutions.
DECODER = """
y    -      {k}  -  -  -    -    -
z    -      {d}  -  -  -    -    -
y1   y      128  1  1  -    -    -
z1   z      128  1  1  -    -    -
y1a  y1+z1  128  -  -  -    yes  -
z1a  z1     128  -  -  -    yes  Leak0.2
y2   y1a    64   4  1  0.2  -    -
z2   z1a    64   4  1  0.2  -    -
y2a  y2+z2  64   -  -  -    yes  -
z2a  z2     64   -  -  -    yes  Leak0.2
y3   y2a    64   3  1  0.2  -    -
z3   z2a    64   3  1  0.2  -    -
y3a  y3+z3  64   -  -  -    yes  -
z3a  z3     64   -  -  -    yes  Leak0.2
y4   y3a    32   3  2  0.2  -    -
z4   z3a    32   3  2  0.2  -    -
y4a  y4+z4  32   -  -  -    yes  -
z4a  z4     32   -  -  -    yes  Leak0.2
y5   y4a    32   3  2  0.2  -    -
z5   z4a    32   3  2  0.2  -    -
y5a  y5+z5  32   -  -  -    yes  -
z5a  z5     32   -  -  -    yes  Leak0.2
y6   y5a    1    2  1  0.2  -    -
z6   z5a    1    2  1  0.2  -    -
x    y6+z6  1    -  -  -    -    Sigmoid
"""

# Table 6.
DISCRIMINATOR = """
x   -         1    -  -  -    -  -
y   -         {k}  -  -  -    -  -
z   -         {d}  -  -  -    -  -
x1  x         32   2  1  -    -  Leak0.2
x2  x1        32   3  2  0.2  -  Leak0.2
x3  x2        64   3  2  0.2  -  Leak0.2
x4  x3        64   3  1  0.2  -  Leak0.2
x5  x4        128  4  1  0.2  -  Leak0.2
y1  y         64   1  1  -    -  Leak0.2
y2  y1        64   1  1  0.2  -  Leak0.2
z1  z         64   1  1  -    -  Leak0.2
z2  z1        64   1  1  0.2  -  Leak0.2
p0  x5|y2|z2  256  -  -  -    -  -
p1  p0        256  1  1  0.2  -  Leak0.2
p2  p1        256  1  1  0.2  -  Leak0.2
p   p2        1    1  1  0.2  -  -
"""


def _with_header(table: str, **fills: str) -> str:
    keep = {"k": "{k}", "d": "{d}"}  # for the game, which knows K and d
    return HEADER + table.format(**keep, **fills)


def encoder_table(factorization: int) -> str:
    """Table 3, whose towers are joined as eq. 6, 7 or 15 says."""
    if factorization not in (6, 7, 15):
        raise ValueError(f"factorization must be 6, 7 or 15, not {factorization}")
    joints = {}
    for i in range(1, 6):
        joints[f"y_from_z{i}"] = f"+z{i}" if factorization == 7 else ""
        joints[f"z_from_y{i}"] = f"+y{i}" if factorization == 6 else ""
    return _with_header(ENCODER, **joints)


def prior_table(prior: str) -> str:
    """Table 4 with the variance that `prior` says, or table 8."""
    if prior == "per_component":
        return _with_header(PRIOR_PER_COMPONENT)
    sigma = {"unit": ("zeros", "-"), "fixed": ("zeros", "-"), "learned": ("z2", "1")}
    if prior not in sigma:
        raise ValueError(
            f"prior must be unit, learned, per_component or fixed, not {prior!r}"
        )
    sigma_from, width = sigma[prior]
    return _with_header(PRIOR, sigma_from=sigma_from, width=width)


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument, k=10, factorization=7, prior="learned", runlocal=False
    )
    config = default_config()
    config.game = amm.default_config()
    config.game.num_components = given.k
    config.game.prior_radius = 4.0 if given.prior == "fixed" else 0.0
    config.game.tables = {
        "encoder": encoder_table(given.factorization),
        "prior": prior_table(given.prior),
        "decoder": _with_header(DECODER),
        "discriminator": _with_header(DISCRIMINATOR),
    }
    config.dataset.name = "tfds:mnist"
    config.dataset.num_validation = 5000
    config.players = {
        "discriminator": player(2e-4, b1=0.5),
        "generator": player(2e-4, b1=0.5),
    }
    config.batch_size = 100
    config.duration = "400_epochs"
    config.log_every = "1_epochs"
    config.checkpoint_every = "5_epochs"
    config.evaluators = (
        "clustering",
        "mixture",
        "reconstruction",
        "interpolation",
        "samples",
    )
    config.curves = ("clustering",)
    config.selection = "neighbours"
    errors = {10: 0.0332, 20: 0.0399, 30: 0.0401}  # Table 1
    config.paper = {"clustering_error": errors[given.k]} if given.k in errors else {}
    if given.runlocal:
        shrink(config)
    return config
