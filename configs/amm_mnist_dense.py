"""AMM on MNIST with dense networks: clusters in minutes on a CPU.

    python -m experiments.launch --config=configs/amm_mnist_dense.py \
        --workdir=runs/amm_mnist

Arguments, after the colon:
  k         number of components
  runlocal  a quick trial with few data and steps; takes a minute

Settings are those of configs/amm_digits.py unless stated otherwise. The networks are
not those of the paper (configs/amm_mnist.py), whose steps take about ten times longer
on a CPU. The losses have additional terms, without which small networks have an error
of 25% (experiments/results/amm/README.md). As in IMSAT (Hu et al. 2017), q(y|x) is
trained to be consistent near x, confident, and balanced over components. Only a
hundredth of the discriminator's gradient reaches it. The noise on y's logits has unit
variance; a learned variance grew until y was independent of x.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.networks.table import Table
from configs import amm_digits, amm_mnist

# Eq. 6: z's tower takes y; the towers share no layers.
ENCODER = Table.parse("""
x        -             1        -   -  -  -  -    -
y1       x             500      28  1  -  -  yes  Leak0.2
y2       y1            250      1   1  -  -  yes  Leak0.2
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


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, k=10, runlocal=False)
    config = amm_digits.get_config(f"k={given.k}")
    config.game.consistency_radius = 0.25
    config.game.networks = {
        "encoder": str(ENCODER),
        "decoder": str(DECODER),
        "discriminator": str(DISCRIMINATOR),
    }
    published = amm_mnist.get_config(f"k={given.k}")
    config.dataset, config.paper = published.dataset, published.paper
    config.trials = 4
    config.batch_size = 250
    config.duration = "5000_steps"
    config.checkpoint_every = "2000_steps"
    config.curves = ("clustering",)
    config.evaluate_every = "250_steps"
    if given.runlocal:
        shrink(config)
    return config
