"""AMM on scikit-learn's handwritten digits: no download, minutes on a CPU.

    python -m experiments.launch --config=configs/amm_digits.py --workdir=runs/digits

Arguments, after the colon:
  k         number of components
  runlocal  a quick trial with few data and steps; takes seconds

The paper has no such experiment. Its settings for MNIST do not work for 1,437 images of
8x8 pixels. Three changes of `tasks.mixture` matter (experiments/results/amm/README.md):

- q(y|x) is trained to be consistent near x, confident and balanced over components
  (`consistency_weight` and the weights below it). Only a hundredth of the
  discriminator's gradient reaches it.
- The prior's components lie in orthogonal directions, 5 standard deviations from the
  origin, which ties z to y (p(z|y) = N(mu_y, 1), the first example under eq. 11).
- The gradient penalty is weak and zero-centred.

Results still depend on the seed. So 16 trials train at once, and one is chosen without
labels.
"""

import ml_collections

from adversarial_latent import tasks
from adversarial_latent.config import default_config, parse_arguments, shrink
from adversarial_latent.networks.table import Table

# Eq. 6: z's tower takes y. A convolution of width 8 on 8x8 pixels is a dense layer.
ENCODER = Table.parse("""
x        -             1        -  -  -  -  -    -
h1       x             128      8  1  -  -  yes  Leak0.2
h2       h1            128      1  1  -  -  yes  Leak0.2
y1       h2            128      1  1  -  -  yes  Leak0.2
y_mu     y1            {k}      1  1  -  -  -    -
y_sigma  zeros         {k}      -  -  -  -  -    ExpN
y        y_mu+y_sigma  {k}      -  -  -  -  -    Softmax
z1       h2|y          128+{k}  -  -  -  -  -    -
z2       z1            128      1  1  -  -  yes  Leak0.2
z_mu     z2            {d}      1  1  -  -  -    -
z_sigma  z2            {d}      1  1  -  -  -    ExpN
z        z_mu+z_sigma  {d}      -  -  -  -  -    -
""")

DECODER = Table.parse("""
transposed
y   -    {k}      -  -  -  -  -    -
z   -    {d}      -  -  -  -  -    -
yz  y|z  {k}+{d}  -  -  -  -  -    -
h1  yz   128      1  1  -  -  yes  Leak0.2
h2  h1   128      1  1  -  -  yes  Leak0.2
x   h2   1        8  1  -  -  -    Sigmoid
""")

DISCRIMINATOR = Table.parse("""
x   -         1    -  -  -  -  -  -
y   -         {k}  -  -  -  -  -  -
z   -         {d}  -  -  -  -  -  -
x1  x         64   8  1  -  -  -  Leak0.2
x2  x1        64   1  1  -  -  -  Leak0.2
y1  y         64   1  1  -  -  -  Leak0.2
z1  z         64   1  1  -  -  -  Leak0.2
p0  x2|y1|z1  192  -  -  -  -  -  -
p1  p0        64   1  1  -  -  -  Leak0.2
p2  p1        64   1  1  -  -  -  Leak0.2
p   p2        1    1  1  -  -  -  -
""")


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, k=10, runlocal=False)
    config = default_config()
    tasks.mixture(config, given.k)
    config.game.networks = {
        "encoder": str(ENCODER),
        "decoder": str(DECODER),
        "discriminator": str(DISCRIMINATOR),
    }
    config.dataset.name = "digits"
    config.trials = 16
    config.batch_size = 100
    config.duration = "4000_steps"
    config.steps_per_call = 100
    config.log_every = "500_steps"
    config.checkpoint_every = "1000_steps"
    config.ema_decay = 0.999
    config.evaluators = (
        "clustering",
        "mixture",
        "reconstruction",
        "interpolation",
        "samples",
    )
    config.selection = "nearest_neighbours"
    if given.runlocal:
        shrink(config)
    return config
