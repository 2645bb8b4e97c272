"""Text-to-image synthesis on a CPU, in 25 minutes: flowers of 16x16 pixels.

    python -m experiments.launch --config=configs/learned_prior_flowers_small.py \
        --workdir=runs/flowers

Arguments, after the colon, are those of configs/learned_prior_flowers.py, where also
the game's settings are explained, but for data and narrow:
  latent, similarity, prior, runlocal

Networks are those of configs/learned_prior_mnist_small.py, with twice the channels in
the decoder and an encoder that knows where in an image something is, not just that it
is: its last layer but one sees all positions, where the paper's averages over them.
Parameters are averaged. Similarity is that of pixels unless asked for otherwise:
features of so small a D_I say little of a flower until late. It has a hundred times the
paper's weight, since an encoder that gives in to D_C leaves the decoder nothing to
learn from. D_I has no batch norm but a penalty on its gradient, which keeps it from
winning, and Q less than the usual weight, which leaves noise its place. The code
generator reduces a caption's vector to 16 dimensions first: 200 outweigh the noise, and
all images of a caption are the same then (experiments/results/learned_prior/README.md).
"""

import ml_collections

from adversarial_latent.config import parse_arguments, player, shrink
from adversarial_latent.networks.rows import HEADER
from configs import classifier, learned_prior_mnist_small
from configs.learned_prior_flowers import (
    ARGUMENTS,
    COLOURS,
    DRAWN_SENTENCE,
    captioned_config,
)

CLASSIFIER = """
x   -   3    -  -     -    -    -  -
x1  x   32   3  1     -    yes  ReLU  SAME
x2  x1  64   3  Max2  -    yes  ReLU  SAME
x3  x2  64   3  Max2  -    yes  ReLU  SAME
z   x3  128  4  1     -    yes  ReLU  -
y   z   18   1  1     -    -    -  -
"""

DECODER = """
z   -   {d}     -  -  -  -    -     -
x1  z   128     4  1  -  yes  ReLU  -
x2  x1  64      up
x3  x2  32      up
x   x3  {maps}  3  1  -  -    Tanh  1
"""
ENCODER = """
x     -     {maps}     -  -  -  -    -     -
x1    x     16         3  1  -  -    ReLU  1
x2    x1    32         down
x3    x2    64         down
code  x3    {twice_d}  4  1  -  yes  ReLU  -
"""
IMAGE_DISCRIMINATOR = """
x         -         {maps}  -  -  -  -  -        -
x1        x         32      4  2  -  -  Leak0.2  1
features  x1        64      4  2  -  -  Leak0.2  1
h         features  200     4  1  -  -  Leak0.2  -
p         h         1       1  1  -  -  -        -
"""
CODE_GENERATOR = """
s  -    200  -  -  -  -    -     -
n  -    100  -  -  -  -    -     -
c  s    16   1  1  -  yes  -     -
h  c|n  232  1  1  -  yes  ReLU  -
z  h    {d}  1  1  -  yes  -     -
"""


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, **ARGUMENTS | {"similarity": "pixel"})
    tables = learned_prior_mnist_small.TABLES | {
        "encoder": ENCODER,
        "decoder": DECODER,
        "image_discriminator": IMAGE_DISCRIMINATOR,
    }
    config = captioned_config(given, tables)
    config.game.update(
        kernel_init="0.08",
        mutual_information=0.3,
        reconstruction_weights=(100.0, 1.0),
        penalty_weight=0.2,
    )
    if "code_generator" in config.game.tables:
        code_generator = CODE_GENERATOR.format(d=given.latent)
        config.game.tables.code_generator = f"{HEADER}  Padding{code_generator}"
    config.classifier = classifier.get_config("data=flowers")
    config.classifier.game.tables.classifier = f"{HEADER}  Padding{CLASSIFIER}"
    for part in (config, config.classifier):
        part.dataset.update(name="flowers", image_shape="16x16x3")
        part.dataset.num_validation = 1000  # curves are not of held-out combinations
    for name in config.players:
        config.players[name] = player(1e-3, b1=0.5, b2=0.99, schedule="cosine")
    config.ema_decay = 0.999
    config.embedding.steps = 600
    config.duration = "40_epochs"
    config.curves = ("captions",)
    config.evaluate_every = "10_epochs"
    config.sentences = tuple(map(DRAWN_SENTENCE.format, COLOURS))
    if given.runlocal:
        shrink(config)
    return config
