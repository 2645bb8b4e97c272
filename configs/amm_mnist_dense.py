"""AMM on MNIST with dense networks: clusters in minutes on a CPU.

    python -m experiments.launch --config=configs/amm_mnist_dense.py \
        --workdir=runs/amm_mnist

Arguments, after the colon:
  k         number of components
  runlocal  few data and steps: ends in a minute, to try things out

These are not the paper's networks (configs/amm_mnist.py), whose steps take some ten
times longer on a CPU, nor only its losses. Three things are added, without which such
networks end at an error of 25% (experiments/results/amm/README.md): q(y|x) is the same
near x, it is sure, and uses all components, as in IMSAT (Hu et al. 2017); only a
hundredth of the discriminator's gradient reaches it. The noise on y's logits has unit
variance: where its variance was learned it grew until y had nothing to do with x. The
prior's components lie 5 standard deviations from the origin, as in amm_digits.py.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, player, shrink
from adversarial_latent.networks.table import HEADER
from configs import amm_mnist

# Eq. 6: z's tower, which has eyes of its own, sees y.
ENCODER = """
x        -             1        -   -  -  -    -
y1       x             500      28  1  -  yes  Leak0.2
y2       y1            250      1   1  -  yes  Leak0.2
y_mu     y2            {k}      1   1  -  -    -
y_sigma  zeros         {k}      -   -  -  -    ExpN
y        y_mu+y_sigma  {k}      -   -  -  -    Softmax
z1       x             500      28  1  -  yes  Leak0.2
yz       z1|y          500+{k}  -   -  -  -    -
z2       yz            250      1   1  -  yes  Leak0.2
z_mu     z2            {d}      1   1  -  -    -
z_sigma  z2            {d}      1   1  -  -    ExpN
z        z_mu+z_sigma  {d}      -   -  -  -    -
"""

DECODER = """
y   -    {k}      -   -  -  -    -
z   -    {d}      -   -  -  -    -
yz  y|z  {k}+{d}  -   -  -  -    -
h1  yz   250      1   1  -  yes  Leak0.2
h2  h1   500      1   1  -  yes  Leak0.2
x   h2   1        28  1  -  -    Sigmoid
"""

DISCRIMINATOR = """
x   -         1    -   -  -  -  -
y   -         {k}  -   -  -  -  -
z   -         {d}  -   -  -  -  -
x1  x         256  28  1  -  -  Leak0.2
x2  x1        256  1   1  -  -  Leak0.2
y1  y         64   1   1  -  -  Leak0.2
z1  z         64   1   1  -  -  Leak0.2
p0  x2|y1|z1  384  -   -  -  -  -
p1  p0        256  1   1  -  -  Leak0.2
p2  p1        256  1   1  -  -  Leak0.2
p   p2        1    1   1  -  -  -
"""


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, k=10, runlocal=False)
    config = amm_mnist.get_config(f"k={given.k}")
    config.game.update(
        latent_dim=10,
        prior_radius=5.0,
        penalty="zero_centered",
        penalty_weight=0.01,
        stratified=True,
        kernel_init="he",
        consistency_weight=1.0,
        confidence_weight=0.1,
        balance_weight=0.4,
        y_gradient=0.01,
    )
    config.game.tables = {
        "encoder": HEADER + ENCODER,
        "decoder": HEADER + DECODER,
        "discriminator": HEADER + DISCRIMINATOR,
    }
    adam = {"b1": 0.5, "b2": 0.99, "schedule": "cosine", "decay_from": 0.5}
    config.players = {
        "discriminator": player(2e-3, **adam),
        "generator": player(2e-3, **adam),
    }
    config.trials = 4
    config.batch_size = 250
    config.duration = "5000_steps"
    config.log_every = "500_steps"
    config.checkpoint_every = "2000_steps"
    config.ema_decay = 0.999
    if given.runlocal:
        shrink(config)
    return config
