"""An unpaired map between two domains: section 4 of PixelGAN autoencoders.

    python -m experiments.launch --config=configs/pixelgan_domains.py \
        --workdir=runs/domains

Arguments, after the colon:
  runlocal  a quick trial with few data and steps; takes seconds

One domain is images: scikit-learn's handwritten digits 0, 1 and 2. The other is points
in the plane: three of the ring's Gaussians. The training data are independent samples
of both. The points are the prior of the code, so that the encoder learns a map from
images to points. The decoder models what a point does not say about its image. The
paper describes this idea without an experiment. The figure `manifold_codes` shows the
points of images. The encoder has 160,034 parameters.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player
from configs import pixelgan_digits

POINTS = "(1.00, 0.00),(-0.71, 0.71),(-0.71, -0.71)"

ENCODER = Table.parse("""
x   -   1    -  -     -      -  -    -
h1  x   32   3  -     SAME   -  yes  ReLU
h2  h1  32   3  Max2  SAME   -  yes  ReLU
h3  h2  64   3  -     SAME   -  yes  ReLU
h4  h3  128  4  -     VALID  -  yes  ReLU
z   h4  {d}  1  -     -      -  -    -
""")

DISCRIMINATOR = Table.parse("""
z   -   {d}  -  -  -  -  -  -
h1  z   256  1  1  -  -  -  ReLU
h2  h1  256  1  1  -  -  -  ReLU
p   h2  1    1  1  -  -  -  -
""")


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, runlocal=False)
    config = pixelgan_digits.get_config("labels=0")
    config.game.priors = {
        "z": {"name": "samples", "dataset": "ring", "classes": POINTS}
    }
    config.game.latent_dim = 2
    config.game.networks = {
        "encoder": str(ENCODER),
        "discriminator_z": str(DISCRIMINATOR),
    }
    # Codes diverge with plain gradient descent, and miss a Gaussian without noise.
    config.game.code_noise = 0.3
    config.players.discriminator = player(1e-3, b1=0.5)
    config.players.generator = player(1e-3, b1=0.5)
    config.dataset.classes = "0,1,2"
    config.trials = 1
    config.evaluators = ("manifold", "likelihood", "samples")
    config.selection = ""
    if given.runlocal:
        shrink(config)
    return config
