"""AMM on scikit-learn's handwritten digits: real images, no download, minutes on a CPU.

    python -m experiments.launch --config=configs/amm_digits.py --workdir=runs/digits

Arguments, after the colon:
  k         number of components
  runlocal  everything small: ends in seconds, to try things out
"""

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, player

HEADER = "Name  Input  Channels  Width  Stride  Dropout  BatchNorm  Activation"

# A width of 8 covers the 8x8 image: a dense layer from it, or, transposed, to it.
ENCODER = """
x        -             1    -  -  -  -    -
y1       x             256  8  1  -  -    -
z1       x             256  8  1  -  -    -
y1a      y1+z1         256  -  -  -  yes  Leak0.2
z1a      z1            256  -  -  -  yes  Leak0.2
y2       y1a           256  1  1  -  -    -
z2       z1a           256  1  1  -  -    -
y2a      y2+z2         256  -  -  -  yes  Leak0.2
z2a      z2            256  -  -  -  yes  Leak0.2
y_mu     y2a           {k}  1  1  -  -    -
y_sigma  y2a           {k}  1  1  -  -    ExpN
y        y_mu+y_sigma  {k}  -  -  -  -    Softmax
z_mu     z2a           {d}  1  1  -  -    -
z_sigma  z2a           {d}  1  1  -  -    ExpN
z        z_mu+z_sigma  {d}  -  -  -  -    -
"""

PRIOR = """
y        -             {k}  -  -  -  -  -
z_mu     y             {d}  1  1  -  -  -
z_sigma  y             {d}  1  1  -  -  ExpN
z        z_mu+z_sigma  {d}  -  -  -  -  -
"""

DECODER = """
y    -      {k}  -  -  -  -    -
z    -      {d}  -  -  -  -    -
y1   y      256  1  1  -  -    -
z1   z      256  1  1  -  -    -
h1   y1+z1  256  -  -  -  yes  Leak0.2
h2   h1     256  1  1  -  yes  Leak0.2
x    h2     1    8  1  -  -    Sigmoid
"""

DISCRIMINATOR = """
x   -         1    -  -  -  -  -
y   -         {k}  -  -  -  -  -
z   -         {d}  -  -  -  -  -
x1  x         256  8  1  -  -  Leak0.2
x2  x1        256  1  1  -  -  Leak0.2
y1  y         64   1  1  -  -  Leak0.2
z1  z         64   1  1  -  -  Leak0.2
p0  x2|y1|z1  384  -  -  -  -  -
p1  p0        256  1  1  -  -  Leak0.2
p2  p1        256  1  1  -  -  Leak0.2
p   p2        1    1  1  -  -  -
"""


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, k=10, runlocal=False)
    config = default_config()
    config.game = {
        "name": "amm",
        "num_components": given.k,
        "latent_dim": 4,
        "prior_radius": 0.0,
        "loss": "non_saturating",
        "penalty": "gradient",
        "penalty_weight": 0.01,
        "padding": "VALID",
        "kernel_init": 0.0,
        "tables": {
            "encoder": HEADER + ENCODER,
            "prior": HEADER + PRIOR,
            "decoder": HEADER + DECODER,
            "discriminator": HEADER + DISCRIMINATOR,
        },
    }
    config.dataset.name = "digits"
    config.players = {
        "discriminator": player(1e-3, b1=0.5),
        "generator": player(5e-4, b1=0.5),
    }
    config.trials = 4
    config.batch_size = 100
    config.duration = "12000_steps"
    config.steps_per_call = 100
    config.log_every = "500_steps"
    config.checkpoint_every = "2000_steps"
    config.evaluators = ("clustering", "reconstruction", "interpolation", "samples")
    config.selection = "agreement"
    if given.runlocal:
        config.dataset.limit = 200
        config.trials = 2
        config.duration = "4_steps"
        config.steps_per_call = 2
        config.batch_size = 8
        config.log_every = config.checkpoint_every = "2_steps"
    return config
