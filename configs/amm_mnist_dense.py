"""AMM on MNIST with dense networks and information maximisation, on a CPU.

    python -m experiments.launch --config=configs/amm_mnist_dense.py \
        --workdir=runs/amm_mnist

Arguments, after the colon:
  k              number of components
  factorization  6 (z's tower takes y), 7 (y's tower takes a layer of z's) or 15
  prior          fixed (N(mu_k, I) with orthogonal means) or separated (means and
                 variances are learned from there)
  game           amm; information: the added terms alone, without a game; or infogan
  runlocal       a quick trial with few data and steps; takes a minute

The networks are not those of the paper (configs/amm_mnist.py), whose steps take longer
on a CPU, and the losses have additional terms (experiments/results/amm/README.md).
q(y|x) is trained as in IMSAT (Hu et al. 2017): consistent within a quarter of the
distance to the 10th neighbour in the training set, confident, and balanced over
components, with their network, learning rate and minibatches. Only a hundredth of the
discriminator's gradient reaches it. The prior, the game's networks and the other
settings are those of configs/amm_digits.py. The noise on y's logits has unit variance;
a learned variance grew until y was independent of x.

One optimiser trains q(y|x) and the networks of the game. It has the momentum of the
game, 0.5; with the 0.9 of IMSAT, D won in a short trial, and z did not learn to obey y.
IMSAT starts its last layer near zero, and decays no learning rate. It computes the
direction of the perturbation at a distance of 5 from all images; here it is the
distance to the 10th neighbour, whose mean is 5.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.games import gan, infogan, information
from adversarial_latent.networks.table import Table
from configs import amm_digits, amm_mnist

# Eq. 6: z's tower takes y; the towers share no layers.
ENCODER = Table.parse("""
x        -             1        -   -  -  -  -    -
y1       x             1200     28  1  -  -  yes  ReLU
y2       y1            1200     1   1  -  -  yes  ReLU
y_mu     y2            {k}      1   1  -  -  -    -
y_sigma  zeros         {k}      -   -  -  -  -    ExpN
y        y_mu+y_sigma  {k}      -   -  -  -  -    Softmax
z1       x             500      28  1  -  -  yes  Leak0.2
yz       z1|y          500+{k}  -   -  -  -  -    -
z2       yz            250      1   1  -  -  yes  Leak0.2
z_mu     z2            {d}      1   1  -  -  -    -
z_sigma  z2            {d}      1   1  -  -  -    ExpN
z        z_mu+z_sigma  {d}      -   -  -  -  -    -
""")

DECODER = Table.parse("""
transposed
y   -    {k}      -   -  -  -  -    -
z   -    {d}      -   -  -  -  -    -
yz  y|z  {k}+{d}  -   -  -  -  -    -
h1  yz   250      1   1  -  -  yes  Leak0.2
h2  h1   500      1   1  -  -  yes  Leak0.2
x   h2   1        28  1  -  -  -    Sigmoid
""")

DISCRIMINATOR = Table.parse("""
x   -         1    -   -  -  -  -  -
y   -         {k}  -   -  -  -  -  -
z   -         {d}  -   -  -  -  -  -
x1  x         256  28  1  -  -  -  Leak0.2
x2  x1        256  1   1  -  -  -  Leak0.2
y1  y         64   1   1  -  -  -  Leak0.2
z1  z         64   1   1  -  -  -  Leak0.2
p0  x2|y1|z1  384  -   -  -  -  -  -
p1  p0        256  1   1  -  -  -  Leak0.2
p2  p1        256  1   1  -  -  -  Leak0.2
p   p2        1    1   1  -  -  -  -
""")

DISCRIMINATOR_OF_X = Table.parse("""
x   -   1    -   -  -  -  -  -
x1  x   256  28  1  -  -  -  Leak0.2
x2  x1  256  1   1  -  -  -  Leak0.2
p1  x2  256  1   1  -  -  -  Leak0.2
p2  p1  256  1   1  -  -  -  Leak0.2
p   p2  1    1   1  -  -  -  -
""")

Z1 = "z1  x  500  28  1  -  -  yes  Leak0.2"

# The part of the encoder that infers y, without noise.
CLASSIFIER = ENCODER.without("y_sigma", "y", "z1", "yz", "z2", "z_mu", "z_sigma", "z")
GAMES = ("amm", "information", "infogan")


def encoder_table(factorization: int) -> Table:
    """Returns the encoder with the towers connected as in eq. 6, 7 or 15."""
    if factorization == 6:
        return ENCODER
    if factorization not in (7, 15):
        raise ValueError(f"factorization must be 6, 7 or 15, not {factorization}")
    table = ENCODER.without("yz").with_row("z2", input="z1")
    if factorization == 15:
        return table
    return (
        table.without("z1")
        .insert_after("x", Z1)
        .insert_after("y1", "zy  y1|z1  1700  -  -  -  -  -  -")
        .with_row("y2", input="zy")
    )


def _use_infogan(config: ml_collections.ConfigDict, k: int) -> None:
    """Replaces AMM by InfoGAN with networks of the same sizes."""
    config.game = infogan.extend(gan.default_config())
    config.game.update(
        num_components=k,
        latent_dim=10,
        penalty="r1",
        penalty_weight=0.01,
        kernel_init="he",
        networks={
            "generator": str(DECODER),
            "discriminator": str(DISCRIMINATOR_OF_X),
            "encoder": str(CLASSIFIER),
        },
    )
    config.evaluators, config.paper = ("clustering", "samples"), {}


def _use_information(config: ml_collections.ConfigDict) -> None:
    """Leaves only the terms that AMM has besides its game."""
    config.game = information.extract(config.game)
    config.game.networks.encoder = str(CLASSIFIER)
    config.players = {"encoder": config.players.generator}
    config.evaluators, config.paper = ("clustering",), {}


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument, k=10, factorization=6, prior="fixed", game="amm", runlocal=False
    )
    for name, known in (("prior", ("fixed", "separated")), ("game", GAMES)):
        if given[name] not in known:
            raise ValueError(f"{name} must be one of {known}, not {given[name]!r}")
    config = amm_digits.get_config(f"k={given.k}")
    config.game.update(amm_mnist.TERMS)
    config.game.prior_learned = given.prior == "separated"
    config.game.networks = {
        "encoder": str(encoder_table(given.factorization)),
        "decoder": str(DECODER),
        "discriminator": str(DISCRIMINATOR),
    }
    published = amm_mnist.get_config(f"k={given.k}")
    config.dataset, config.paper = published.dataset, published.paper
    for player in config.players.values():
        player.decay_from = 0.75
    config.trials = 6
    config.batch_size = 250
    config.duration = "10000_steps"
    config.checkpoint_every = "2000_steps"
    config.curves = ("clustering",)
    config.evaluate_every = "250_steps"
    if given.game == "infogan":
        _use_infogan(config, given.k)
    elif given.game == "information":
        _use_information(config)
    if given.runlocal:
        shrink(config)
    return config
