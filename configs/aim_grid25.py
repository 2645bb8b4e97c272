"""AIM on the grid of 25 Gaussians: Table 2 and figure 3 of the paper.

    python -m experiments.launch --config=configs/aim_grid25.py --workdir=runs/grid

Arguments, after the colon:
  runlocal  everything small: ends in seconds, to try things out

The paper says neither networks nor settings for this experiment. Those here were found
on seeds that the committed results do not contain (experiments/results/aim/README.md).
They depart from section 5 in that the encoder reads x instead of D's features, and that
lambda falls from 0.1 to 0.01 instead of staying at 1/d = 0.5: a large lambda finds all
modes, a small one sharpens them. With lambda = 0 the same networks find 15 to 17 modes.
Clipping the gradients' norm is what kept late collapses away.
"""

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, player, shrink
from adversarial_latent.networks.table import HEADER

GENERATOR = """
z   -   {d}  -  -  -  -  -
h1  z   128  1  1  -  -  Tanh
h2  h1  128  1  1  -  -  Tanh
h3  h2  128  1  1  -  -  Tanh
x   h3  2    1  1  -  -  -
"""

DISCRIMINATOR = """
x   -   2    -  -  -  -  -
h1  x   128  1  1  -  -  Leak0.2
h2  h1  128  1  1  -  -  Leak0.2
p   h2  1    1  1  -  -  -
"""

ENCODER = """
x               -   2    -  -  -  -  -
h1              x   128  1  1  -  -  Leak0.2
z_mu            h1  {d}  1  1  -  -  -
z_log_variance  h1  {d}  1  1  -  -  -
"""


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, runlocal=False)
    config = default_config()
    config.game = {
        "name": "aim",
        "latent_dim": 2,
        "loss": "non_saturating",
        "code_weight": (0.1, 0.01),
        "data_scale": 4.0,
        "features": "",
        "penalty": "gradient",
        "penalty_weight": 0.0,
        "padding": "VALID",
        "kernel_init": "lecun",
        "tables": {
            "generator": HEADER + GENERATOR,
            "discriminator": HEADER + DISCRIMINATOR,
            "encoder": HEADER + ENCODER,
        },
    }
    config.dataset.name = "grid25"
    adam = {"b1": 0.5, "b2": 0.99, "schedule": "cosine", "clip_norm": 0.5}
    config.players = {
        "discriminator": player(3e-3, **adam),
        "generator": player(3e-3, **adam),
    }
    config.trials = 10
    config.batch_size = 256
    config.duration = "24000_steps"
    config.steps_per_call = 200
    config.log_every = "1000_steps"
    config.checkpoint_every = "4000_steps"
    config.ema_decay = 0.999
    config.evaluators = ("modes",)
    config.paper = {"modes_captured": 25.0, "high_quality_fraction": 0.811}
    if given.runlocal:
        shrink(config)
    return config
