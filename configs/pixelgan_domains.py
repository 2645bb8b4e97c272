"""A map between two domains without pairs: section 4 of PixelGAN autoencoders.

    python -m experiments.launch --config=configs/pixelgan_domains.py \
        --workdir=runs/domains

Arguments, after the colon:
  runlocal  few data and steps: ends in seconds, to try things out

One domain is images, scikit-learn's handwritten digits 0, 1 and 2; the other is points
in the plane, three of the ring's Gaussians. Independent samples of both are all there
is. The points are imposed on the code as its prior, so that the encoder becomes a map
from images to points, and the decoder explains what of an image its point does not
tell. The paper describes this without an experiment. The figure `manifold_codes` shows
where images go. The encoder has 160,034 parameters.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, player, shrink
from adversarial_latent.networks.rows import HEADER
from configs import pixelgan_digits

POINTS = "(1.00, 0.00),(-0.71, 0.71),(-0.71, -0.71)"

ENCODER = """
x   -   1    -  -     -  -    -     -
h1  x   32   3  -     -  yes  ReLU  SAME
h2  h1  32   3  Max2  -  yes  ReLU  SAME
h3  h2  64   3  -     -  yes  ReLU  SAME
h4  h3  128  4  -     -  yes  ReLU  VALID
z   h4  {d}  1  -     -  -    -     -
"""

DISCRIMINATOR = """
z   -   {d}  -  -  -  -  -
h1  z   256  1  1  -  -  ReLU
h2  h1  256  1  1  -  -  ReLU
p   h2  1    1  1  -  -  -
"""


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, runlocal=False)
    config = pixelgan_digits.get_config("labels=0")
    config.game.priors = {
        "z": {"name": "samples", "dataset": "ring", "classes": POINTS}
    }
    config.game.latent_dim = 2
    config.game.tables = {
        "encoder": pixelgan_digits.HEADER_WITH_PADDING + ENCODER,
        "discriminator_z": HEADER + DISCRIMINATOR,
    }
    # Unbounded codes run away under plain descent, and miss a Gaussian without noise.
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
