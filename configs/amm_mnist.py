"""AMM on MNIST: Table 1 of the paper, with its networks (tables 3-6) row by row.

    python -m experiments.launch --config=configs/amm_mnist.py:k=10 --workdir=runs/mnist

Arguments, after the colon:
  k              number of components: 10, 20 or 30 in the paper
  factorization  7 (as printed in table 3), 6 (z's tower takes y) or 15 (independent)
  prior          unit (table 4 as printed: zeros into ExpN), learned (as in the text:
                 means and variances by eq. 12), per_component (a mean and a variance
                 for each component, as in table 8 for SVHN), separated (the same, with
                 means that start far apart), fixed (N(mu_k, I) with given mu_k) or
                 independent (N(0, I) for all components: eq. 16)
  terms          adds what configs/amm_mnist_dense.py adds to the losses, with y's noise
                 of unit variance that they need
  runlocal       a quick trial with few data and steps; takes a minute

Interpretation. Padding is VALID: the sizes are 28-27-13-6-4-1 in the encoder and in D,
and the reverse in the decoder. Dropout applies to the input of a layer. Table 3 adds
z_i only to y's tower, which is eq. 7: y sees the layers of z's tower, though not the
sampled z. Under eq. 6 nothing is added, and z's tower has one more layer, z6, which
takes a sampled or given y: it is both G_z(x, G_y(x)) and G_z(x, y). The paper gives
neither the batch size (100 here, as in ALI, whose settings it follows) nor the number
of epochs.
"""

from collections.abc import Callable

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, shrink
from adversarial_latent.games import amm
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player

# Table 3: eq. 7.
ENCODER = Table.parse("""
x        -              1    -  -  -  -    -    -
y1       x              32   2  1  -  0.2  -    -
z1       x              32   2  1  -  0.2  -    -
y1a      y1+z1          32   -  -  -  -    yes  Leak0.2
z1a      z1             32   -  -  -  -    yes  Leak0.2
y2       y1a            32   3  2  -  0.2  -    -
z2       z1a            32   3  2  -  0.2  -    -
y2a      y2+z2          32   -  -  -  -    yes  Leak0.2
z2a      z2             32   -  -  -  -    yes  Leak0.2
y3       y2a            64   3  2  -  0.2  -    -
z3       z2a            64   3  2  -  0.2  -    -
y3a      y3+z3          64   -  -  -  -    yes  Leak0.2
z3a      z3             64   -  -  -  -    yes  Leak0.2
y4       y3a            64   3  1  -  0.2  -    -
z4       z3a            64   3  1  -  0.2  -    -
y4a      y4+z4          64   -  -  -  -    yes  Leak0.2
z4a      z4             64   -  -  -  -    yes  Leak0.2
y5       y4a            128  4  1  -  0.2  -    -
z5       z4a            128  4  1  -  0.2  -    -
y5a      y5+z5          128  -  -  -  -    yes  Leak0.2
z5a      z5             128  -  -  -  -    yes  Leak0.2
y_mu     y5a            {k}  1  1  -  -    -    -
y_sigma  y5a            {k}  1  1  -  -    -    ExpN
y        y_mu+y_sigma   {k}  -  -  -  -    -    Softmax
z_mu     z5a            {d}  1  1  -  -    -    -
z_sigma  z5a            {d}  1  1  -  -    -    ExpN
z        z_mu+z_sigma   {d}  -  -  -  -    -    -
""")

# Under eq. 6 these rows follow y, and z6 is the input of z_mu and z_sigma.
Z_FROM_Y = Table.parse("""
zy  z5a|y  128+{k}  -  -  -  -    -    -
z6  zy     128      1  1  -  0.2  yes  Leak0.2
""")

# Table 4, with a learned variance; as printed, the input of z_sigma is zeros.
PRIOR = Table.parse("""
y        -             {k}  -        -        -  -    -    -
z1       y             64   1        1        -  -    yes  Leak0.2
z2       z1            64   1        1        -  0.2  yes  Leak0.2
z_mu     z2            {d}  1        1        -  -    -    -
z_sigma  z2            {d}  1        1        -  -    -    ExpN
z        z_mu+z_sigma  {d}  -        -        -  -    -    -
""")

# Table 8, for SVHN: layers on a one-hot y give a mean and a log-variance for each k.
PRIOR_PER_COMPONENT = Table.parse("""
y        -             {k}  -  -  -  -  -  -
z_mu     y             {d}  1  1  -  -  -  -
z_sigma  y             {d}  1  1  -  -  -  ExpN
z        z_mu+z_sigma  {d}  -  -  -  -  -  -
""")

# As in IMSAT (Hu et al. 2017), whose probe is 5 for all images, the mean distance to
# the 10th neighbour. `y_gradient` keeps the game from undoing what they find.
TERMS = {
    "consistency_weight": 1.0,
    "consistency_radius": 0.25,
    "consistency_neighbour": 10,
    "consistency_probe": 1.0,
    "confidence_weight": 0.1,
    "balance_weight": 0.4,
    "y_gradient": 0.01,
}

# What the paper's errors may be: the cluster of eq. 17 is argmax q(y|x) in one version
# of its text and that of eq. 19, of a sampled z, in another.
ERRORS = (
    "clustering_error",
    "clustering_error_from_z",
    "clustering_error_from_sampled_z",
)

# Priors without a table, and the distance of their means from the origin.
RADII = {"fixed": 4.0, "separated": 4.0}

# Table 5; transposed convolutions.
DECODER = Table.parse("""
transposed
y    -      {k}  -  -  -  -    -    -
z    -      {d}  -  -  -  -    -    -
y1   y      128  1  1  -  -    -    -
z1   z      128  1  1  -  -    -    -
y1a  y1+z1  128  -  -  -  -    yes  -
z1a  z1     128  -  -  -  -    yes  Leak0.2
y2   y1a    64   4  1  -  0.2  -    -
z2   z1a    64   4  1  -  0.2  -    -
y2a  y2+z2  64   -  -  -  -    yes  -
z2a  z2     64   -  -  -  -    yes  Leak0.2
y3   y2a    64   3  1  -  0.2  -    -
z3   z2a    64   3  1  -  0.2  -    -
y3a  y3+z3  64   -  -  -  -    yes  -
z3a  z3     64   -  -  -  -    yes  Leak0.2
y4   y3a    32   3  2  -  0.2  -    -
z4   z3a    32   3  2  -  0.2  -    -
y4a  y4+z4  32   -  -  -  -    yes  -
z4a  z4     32   -  -  -  -    yes  Leak0.2
y5   y4a    32   3  2  -  0.2  -    -
z5   z4a    32   3  2  -  0.2  -    -
y5a  y5+z5  32   -  -  -  -    yes  -
z5a  z5     32   -  -  -  -    yes  Leak0.2
y6   y5a    1    2  1  -  0.2  -    -
z6   z5a    1    2  1  -  0.2  -    -
x    y6+z6  1    -  -  -  -    -    Sigmoid
""")

# Table 6.
DISCRIMINATOR = Table.parse("""
x   -         1    -  -  -  -    -  -
y   -         {k}  -  -  -  -    -  -
z   -         {d}  -  -  -  -    -  -
x1  x         32   2  1  -  -    -  Leak0.2
x2  x1        32   3  2  -  0.2  -  Leak0.2
x3  x2        64   3  2  -  0.2  -  Leak0.2
x4  x3        64   3  1  -  0.2  -  Leak0.2
x5  x4        128  4  1  -  0.2  -  Leak0.2
y1  y         64   1  1  -  -    -  Leak0.2
y2  y1        64   1  1  -  0.2  -  Leak0.2
z1  z         64   1  1  -  -    -  Leak0.2
z2  z1        64   1  1  -  0.2  -  Leak0.2
p0  x5|y2|z2  256  -  -  -  -    -  -
p1  p0        256  1  1  -  0.2  -  Leak0.2
p2  p1        256  1  1  -  0.2  -  Leak0.2
p   p2        1    1  1  -  0.2  -  -
""")


def encoder_table(factorization: int) -> Table:
    """Returns Table 3 with the towers connected as in eq. 6, 7 or 15."""
    if factorization not in (6, 7, 15):
        raise ValueError(f"factorization must be 6, 7 or 15, not {factorization}")
    if factorization == 7:
        return ENCODER
    table = ENCODER
    for i in range(1, 6):
        table = table.with_row(f"y{i}a", input=f"y{i}")
    if factorization == 6:
        table = table.insert_after("y", Z_FROM_Y)
        table = table.with_row("z_mu", input="z6").with_row("z_sigma", input="z6")
    return table


def prior_table(prior: str) -> Table:
    """Returns Table 4 with unit or learned variances, Table 8, or N(0, I)."""
    zeros = {"input": "zeros", "width": "-", "stride": "-"}
    independent = PRIOR_PER_COMPONENT.with_row("z_mu", **zeros)
    tables = {
        "unit": PRIOR.with_row("z_sigma", **zeros),
        "learned": PRIOR,
        "per_component": PRIOR_PER_COMPONENT,
        "independent": independent.with_row("z_sigma", **zeros),
    }
    if prior not in tables:
        known = ", ".join([*tables, *RADII])
        raise ValueError(f"prior must be one of {known}, not {prior!r}")
    return tables[prior]


def set_prior(
    game: ml_collections.ConfigDict, prior: str, table: Callable[[str], Table]
) -> None:
    """Sets the prior of `config.game`: means far apart, or the table of that name."""
    if prior in RADII:
        game.update(prior_radius=RADII[prior], prior_learned=prior == "separated")
    else:
        game.networks.prior = str(table(prior))


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument, k=10, factorization=7, prior="learned", terms=False, runlocal=False
    )
    encoder = encoder_table(given.factorization)
    config = default_config()
    config.game = amm.default_config()
    config.game.num_components = given.k
    if given.terms:
        config.game.update(TERMS)
        encoder = encoder.with_row("y_sigma", input="zeros", width="-", stride="-")
    config.game.networks = {
        "encoder": str(encoder),
        "decoder": str(DECODER),
        "discriminator": str(DISCRIMINATOR),
    }
    set_prior(config.game, given.prior, prior_table)
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
    config.selection = "nearest_neighbours"
    errors = {10: 0.0332, 20: 0.0399, 30: 0.0401}  # Table 1
    if given.k in errors:
        config.paper = dict.fromkeys(ERRORS, errors[given.k])
    if given.runlocal:
        shrink(config)
    return config
