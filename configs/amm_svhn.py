"""AMM on SVHN: Table 1 of the paper, with its networks (tables 7-10) row by row.

    python -m experiments.launch --config=configs/amm_svhn.py:k=30 --workdir=runs/svhn

Arguments, after the colon:
  k              number of components: 10, 20 or 30 in the paper
  factorization  7 (as printed in table 7), 6 (z's tower takes y) or 15 (independent)
  prior          per_component (table 8: a mean and a variance for each component),
                 separated (the same, with means that start far apart), unit (its means
                 with unit variance), fixed (N(mu_k, I) with given mu_k) or independent
                 (N(0, I) for all components: eq. 16)
  extra          also trains on the 531,131 images of the split "extra"
  runlocal       a quick trial with few data and steps; takes minutes

Parameters, with default values of the other arguments:

    k   encoder    prior  decoder    discriminator
    10  1,865,620  1,408  6,316,550  1,947,841
    20  1,867,560  2,688  6,321,670  1,948,801
    30  1,869,500  3,968  6,326,790  1,949,761

Interpretation. Tables 7 and 10 print one channel for x; there are three. Their 3x3
convolutions preserve the size (SAME) except x7 (VALID), so that Avg6 pools 6x6 pixels:
32-16-8-6-1. The decoder's padding is VALID: 1-4-6-13-15-32. This requires that the last
row of table 9, printed "4 2 1", has 3 channels, width 4 and stride 2. p0 concatenates
x9 (not x5), y2 and z2: 288 channels. The operations of a row are applied in the order
of the columns: y2a pools the sum y2 + z2 (table 7 prints Avg6 under Width), then
normalises, then activates. x9 also pools before its activation. Table 7 adds z_i only
to y's tower, which is eq. 7. Under eq. 6 nothing is added, and z's tower has one more
layer, z3, which takes a sampled or given y: it is both G_z(x, G_y(x)) and G_z(x, y).

Splits. The paper uses those of ALI (Dumoulin et al. 2016). In its semi-supervised
experiment, 10,000 of the 73,257 training images are for validation: the last ones in
ALI's code, random ones here. Without labels, ALI's code trains on the split "extra"
instead. The paper does not say whether AMM does, and gives neither the batch size (100
here, as in ALI) nor the number of steps.
"""

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, shrink
from adversarial_latent.games import amm
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player
from configs import amm_mnist

# Table 7: eq. 7.
ENCODER = Table.parse("""
x        -             3    -  -     -      -  -    -
x1       x             96   3  -     SAME   -  yes  Leak0.2
x2       x1            96   3  -     SAME   -  yes  Leak0.2
x3       x2            96   3  Max2  SAME   -  yes  Leak0.2
x4       x3            192  3  -     SAME   -  yes  Leak0.2
x5       x4            192  3  -     SAME   -  yes  Leak0.2
x6       x5            192  3  Max2  SAME   -  yes  Leak0.2
x7       x6            384  3  -     VALID  -  yes  Leak0.2
y1       x7            192  1  -     -      -  -    -
z1       x7            192  1  -     -      -  -    -
y1a      y1+z1         192  -  -     -      -  yes  Leak0.2
z1a      z1            192  -  -     -      -  yes  Leak0.2
y2       y1a           96   1  -     -      -  -    -
z2       z1a           96   1  -     -      -  -    -
y2a      y2+z2         96   -  Avg6  -      -  yes  Leak0.2
z2a      z2            96   -  Avg6  -      -  yes  Leak0.2
y_mu     y2a           {k}  1  1     -      -  -    -
y_sigma  y2a           {k}  1  1     -      -  -    ExpN
y        y_mu+y_sigma  {k}  -  -     -      -  -    Softmax
z_mu     z2a           {d}  1  1     -      -  -    -
z_sigma  z2a           {d}  1  1     -      -  -    ExpN
z        z_mu+z_sigma  {d}  -  -     -      -  -    -
""")

# Under eq. 6 these rows follow y, and z3 is the input of z_mu and z_sigma.
Z_FROM_Y = Table.parse("""
z2y  z2a|y  96+{k}  -  -  -  -  -    -
z3   z2y    96      1  1  -  -  yes  Leak0.2
""")

# Table 8.
PRIOR = Table.parse("""
y        -             {k}  -  -  -  -  -  -
z_mu     y             {d}  1  1  -  -  -  -
z_sigma  y             {d}  1  1  -  -  -  ExpN
z        z_mu+z_sigma  {d}  -  -  -  -  -  -
""")

# Table 9; transposed convolutions.
DECODER = Table.parse("""
transposed
y    -      {k}  -  -  -  -  -    -
z    -      {d}  -  -  -  -  -    -
y1   y      512  1  1  -  -  -    -
z1   z      512  1  1  -  -  -    -
y1a  y1+z1  512  -  -  -  -  yes  -
z1a  z1     512  -  -  -  -  yes  Leak0.2
y2   y1a    256  4  1  -  -  -    -
z2   z1a    256  4  1  -  -  -    -
y2a  y2+z2  256  -  -  -  -  yes  -
z2a  z2     256  -  -  -  -  yes  Leak0.2
y3   y2a    256  3  1  -  -  -    -
z3   z2a    256  3  1  -  -  -    -
y3a  y3+z3  256  -  -  -  -  yes  -
z3a  z3     256  -  -  -  -  yes  Leak0.2
y4   y3a    128  3  2  -  -  -    -
z4   z3a    128  3  2  -  -  -    -
y4a  y4+z4  128  -  -  -  -  yes  -
z4a  z4     128  -  -  -  -  yes  Leak0.2
y5   y4a    128  3  1  -  -  -    -
z5   z4a    128  3  1  -  -  -    -
y5a  y5+z5  128  -  -  -  -  yes  -
z5a  z5     128  -  -  -  -  yes  Leak0.2
y6   y5a    3    4  2  -  -  -    -
z6   z5a    3    4  2  -  -  -    -
x    y6+z6  3    -  -  -  -  -    Sigmoid
""")

# Table 10.
DISCRIMINATOR = Table.parse("""
x   -         3    -  -     -      -    -  -
y   -         {k}  -  -     -      -    -  -
z   -         {d}  -  -     -      -    -  -
x1  x         96   3  -     SAME   -    -  Leak0.2
x2  x1        96   3  -     SAME   -    -  Leak0.2
x3  x2        96   3  Max2  SAME   -    -  Leak0.2
x4  x3        192  3  -     SAME   0.1  -  Leak0.2
x5  x4        192  3  -     SAME   -    -  Leak0.2
x6  x5        192  3  Max2  SAME   -    -  Leak0.2
x7  x6        384  3  -     VALID  0.1  -  Leak0.2
x8  x7        192  1  -     -      -    -  Leak0.2
x9  x8        96   1  Avg6  -      -    -  Leak0.2
y1  y         96   1  1     -      -    -  Leak0.2
y2  y1        96   1  1     -      0.1  -  Leak0.2
z1  z         96   1  1     -      -    -  Leak0.2
z2  z1        96   1  1     -      0.1  -  Leak0.2
p0  x9|y2|z2  288  -  -     -      -    -  -
p1  p0        288  1  1     -      0.1  -  Leak0.2
p2  p1        288  1  1     -      0.1  -  Leak0.2
p   p2        1    1  1     -      0.1  -  -
""")


def encoder_table(factorization: int) -> Table:
    """Returns Table 7 with the towers connected as in eq. 6, 7 or 15."""
    if factorization not in (6, 7, 15):
        raise ValueError(f"factorization must be 6, 7 or 15, not {factorization}")
    if factorization == 7:
        return ENCODER
    table = ENCODER.with_row("y1a", input="y1").with_row("y2a", input="y2")
    if factorization == 6:
        table = table.insert_after("y", Z_FROM_Y)
        table = table.with_row("z_mu", input="z3").with_row("z_sigma", input="z3")
    return table


def prior_table(prior: str) -> Table:
    """Returns Table 8, with means or variances fixed as `prior` requires."""
    zeros = {"input": "zeros", "width": "-", "stride": "-"}
    unit = PRIOR.with_row("z_sigma", **zeros)
    tables = {
        "per_component": PRIOR,
        "unit": unit,
        "independent": unit.with_row("z_mu", **zeros),
    }
    if prior not in tables:
        known = ", ".join([*tables, *amm_mnist.RADII])
        raise ValueError(f"prior must be one of {known}, not {prior!r}")
    return tables[prior]


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
    config.game.penalty_weight = 0.01
    config.game.networks = {
        "encoder": str(encoder_table(given.factorization)),
        "decoder": str(DECODER),
        "discriminator": str(DISCRIMINATOR),
    }
    amm_mnist.set_prior(config.game, given.prior, prior_table)
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
    config.selection = "nearest_neighbours"
    errors = {20: 0.350, 30: 0.204}  # Table 1
    if given.k in errors:
        config.paper = dict.fromkeys(amm_mnist.ERRORS, errors[given.k])
    if given.runlocal:
        shrink(config)
    return config
