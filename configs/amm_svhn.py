"""AMM on SVHN: Table 1 of the paper, with its networks (tables 7-10) row by row.

    python -m experiments.launch --config=configs/amm_svhn.py:k=30 --workdir=runs/svhn

Arguments, after the colon:
  k              number of components: 10, 20 or 30 in the paper
  factorization  7 (as table 7 prints it), 6 (z's tower reads y) or 15 (independent)
  prior          per_component (table 8: a mean and a variance for each component),
                 unit (its means, and variances of one), fixed (N(mu_k, I), given) or
                 independent (N(0, I) for all of them: eq. 16)
  extra          trains on the 531,131 images of the split "extra", too
  runlocal       few data and steps: ends in minutes, to try things out

Parameters, with the other arguments left as they are:

    k   encoder    prior  decoder    discriminator
    10  1,865,620  1,408  6,316,550  1,947,841
    20  1,867,560  2,688  6,321,670  1,948,801
    30  1,869,500  3,968  6,326,790  1,949,761

Readings. Tables 7 and 10 print one channel for x; there are three. Their 3x3
convolutions keep the size (SAME) but for x7 (VALID), so that Avg6 sees 6x6 pixels:
32-16-8-6-1. The decoder's are VALID, 1-4-6-13-15-32, for which the last row of table 9,
printed "4 2 1", is 3 channels of width 4 and stride 2. p0 joins x9, not x5, with y2 and
z2: 288 channels. What a row does, it does in the order of the columns: y2a pools the
sum y2 + z2 (table 7 prints Avg6 under Width there), then normalises, then activates;
x9, too, pools before its activation. Table 7 adds z_i into y's tower only, which is
eq. 7. Under eq. 6 nothing is added, and z's tower has one more layer, z3, that reads
the y which was drawn, or given: it is both G_z(x, G_y(x)) and G_z(x, y).

Splits. The paper takes those of ALI (Dumoulin et al. 2016), in whose semi-supervised
experiment 10,000 of the 73,257 training images are for validation: random ones here,
the last ones in ALI's code. To learn without labels that code trains on the split
"extra" instead. The paper does not say whether AMM does, nor the batch size (100 here,
as in ALI) and the number of steps.
"""

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, player, shrink
from adversarial_latent.games import amm
from adversarial_latent.networks.rows import HEADER

# Table 7. {y_from_z} is "+z_i" under eq. 7; {z_from_y} stands for the rows of Z_FROM_Y
# under eq. 6, and {z_top} for the last of them.
ENCODER = """
x        -              3    -  -     -  -    -        -
x1       x              96   3  -     -  yes  Leak0.2  SAME
x2       x1             96   3  -     -  yes  Leak0.2  SAME
x3       x2             96   3  Max2  -  yes  Leak0.2  SAME
x4       x3             192  3  -     -  yes  Leak0.2  SAME
x5       x4             192  3  -     -  yes  Leak0.2  SAME
x6       x5             192  3  Max2  -  yes  Leak0.2  SAME
x7       x6             384  3  -     -  yes  Leak0.2  VALID
y1       x7             192  1  -     -  -    -        -
z1       x7             192  1  -     -  -    -        -
y1a      y1{y_from_z1}  192  -  -     -  yes  Leak0.2  -
z1a      z1             192  -  -     -  yes  Leak0.2  -
y2       y1a            96   1  -     -  -    -        -
z2       z1a            96   1  -     -  -    -        -
y2a      y2{y_from_z2}  96   -  Avg6  -  yes  Leak0.2  -
z2a      z2             96   -  Avg6  -  yes  Leak0.2  -
y_mu     y2a            {k}  1  1     -  -    -        -
y_sigma  y2a            {k}  1  1     -  -    ExpN     -
y        y_mu+y_sigma   {k}  -  -     -  -    Softmax  -
{z_from_y}
z_mu     {z_top}        {d}  1  1     -  -    -        -
z_sigma  {z_top}        {d}  1  1     -  -    ExpN     -
z        z_mu+z_sigma   {d}  -  -     -  -    -        -
"""

Z_FROM_Y = """
z2y  z2a|y  96+{k}  -  -  -  -    -        -
z3   z2y    96      1  1  -  yes  Leak0.2  -
"""

# Table 8; {mu} and {sigma} are FROM_Y as printed.
PRIOR = """
y        -             {k}  -  -  -  -  -
z_mu     {mu}                     -  -  -
z_sigma  {sigma}                  -  -  ExpN
z        z_mu+z_sigma  {d}  -  -  -  -  -
"""
FROM_Y = "y      {d}  1  1"
ZEROS = "zeros  {d}  -  -"

# Table 9; transposed convolutions.
DECODER = """
y    -      {k}  -  -  -  -    -
z    -      {d}  -  -  -  -    -
y1   y      512  1  1  -  -    -
z1   z      512  1  1  -  -    -
y1a  y1+z1  512  -  -  -  yes  -
z1a  z1     512  -  -  -  yes  Leak0.2
y2   y1a    256  4  1  -  -    -
z2   z1a    256  4  1  -  -    -
y2a  y2+z2  256  -  -  -  yes  -
z2a  z2     256  -  -  -  yes  Leak0.2
y3   y2a    256  3  1  -  -    -
z3   z2a    256  3  1  -  -    -
y3a  y3+z3  256  -  -  -  yes  -
z3a  z3     256  -  -  -  yes  Leak0.2
y4   y3a    128  3  2  -  -    -
z4   z3a    128  3  2  -  -    -
y4a  y4+z4  128  -  -  -  yes  -
z4a  z4     128  -  -  -  yes  Leak0.2
y5   y4a    128  3  1  -  -    -
z5   z4a    128  3  1  -  -    -
y5a  y5+z5  128  -  -  -  yes  -
z5a  z5     128  -  -  -  yes  Leak0.2
y6   y5a    3    4  2  -  -    -
z6   z5a    3    4  2  -  -    -
x    y6+z6  3    -  -  -  -    Sigmoid
"""

# Table 10.
DISCRIMINATOR = """
x   -         3    -  -     -    -  -        -
y   -         {k}  -  -     -    -  -        -
z   -         {d}  -  -     -    -  -        -
x1  x         96   3  -     -    -  Leak0.2  SAME
x2  x1        96   3  -     -    -  Leak0.2  SAME
x3  x2        96   3  Max2  -    -  Leak0.2  SAME
x4  x3        192  3  -     0.1  -  Leak0.2  SAME
x5  x4        192  3  -     -    -  Leak0.2  SAME
x6  x5        192  3  Max2  -    -  Leak0.2  SAME
x7  x6        384  3  -     0.1  -  Leak0.2  VALID
x8  x7        192  1  -     -    -  Leak0.2  -
x9  x8        96   1  Avg6  -    -  Leak0.2  -
y1  y         96   1  1     -    -  Leak0.2  -
y2  y1        96   1  1     0.1  -  Leak0.2  -
z1  z         96   1  1     -    -  Leak0.2  -
z2  z1        96   1  1     0.1  -  Leak0.2  -
p0  x9|y2|z2  288  -  -     -    -  -        -
p1  p0        288  1  1     0.1  -  Leak0.2  -
p2  p1        288  1  1     0.1  -  Leak0.2  -
p   p2        1    1  1     0.1  -  -        -
"""

HEADER_WITH_PADDING = f"{HEADER}  Padding"


def _fill(rows: str, **fills: str) -> str:
    return rows.format(k="{k}", d="{d}", **fills)  # the game knows K and d


def encoder_table(factorization: int) -> str:
    """Table 7, whose towers are joined as eq. 6, 7 or 15 says."""
    if factorization not in (6, 7, 15):
        raise ValueError(f"factorization must be 6, 7 or 15, not {factorization}")
    return HEADER_WITH_PADDING + _fill(
        ENCODER,
        y_from_z1="+z1" if factorization == 7 else "",
        y_from_z2="+z2" if factorization == 7 else "",
        z_from_y=Z_FROM_Y if factorization == 6 else "",
        z_top="z3" if factorization == 6 else "z2a",
    )


def prior_table(prior: str) -> str:
    """Table 8, some of whose entries are not learned."""
    entries = {
        "per_component": (FROM_Y, FROM_Y),
        "unit": (FROM_Y, ZEROS),
        "independent": (ZEROS, ZEROS),
        "fixed": (ZEROS, ZEROS),  # the game puts a given mixture in its place
    }
    if prior not in entries:
        raise ValueError(f"prior must be one of {list(entries)}, not {prior!r}")
    mu, sigma = entries[prior]
    return HEADER + _fill(PRIOR, mu=mu, sigma=sigma)


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument,
        k=30,
        factorization=7,
        prior="per_component",
        extra=False,
        runlocal=False,
    )
    config = default_config()
    config.game = amm.default_config()
    config.game.num_components = given.k
    config.game.prior_radius = 4.0 if given.prior == "fixed" else 0.0
    config.game.penalty_weight = 0.01
    config.game.tables = {
        "encoder": encoder_table(given.factorization),
        "prior": prior_table(given.prior),
        "decoder": HEADER + DECODER,
        "discriminator": HEADER_WITH_PADDING + DISCRIMINATOR,
    }
    config.dataset.name = "tfds:svhn_cropped"
    config.dataset.num_validation = 10_000
    if given.extra:
        config.dataset.train_split = "train+extra"
    config.players = {
        "discriminator": player(2e-4, b1=0.5),
        "generator": player(2e-4, b1=0.5),
    }
    config.batch_size = 100
    config.duration = "250000_steps"
    config.evaluators = (
        "clustering",
        "mixture",
        "reconstruction",
        "interpolation",
        "samples",
    )
    config.curves = ("clustering",)
    config.selection = "neighbours"
    errors = {20: 0.350, 30: 0.204}  # Table 1
    config.paper = {"clustering_error": errors[given.k]} if given.k in errors else {}
    if given.runlocal:
        shrink(config)
    return config
