"""Text-to-image synthesis in 25 minutes on a CPU: flowers of 16x16 pixels.

    python -m experiments.launch --config=configs/learned_prior_flowers_small.py \
        --workdir=runs/flowers

Arguments, after the colon, are those of configs/learned_prior_flowers.py except data
and narrow. That file also explains the game's settings:
  latent, similarity, prior, runlocal

Networks are those of configs/learned_prior_mnist_small.py, with twice the channels in
the decoder. The encoder's last convolution covers all positions instead of averaging
over them, so that codes can represent positions. Parameters are averaged. The following
settings differ (experiments/results/learned_prior/README.md):

- The default similarity is that of pixels: features of a small D_I describe flowers
  poorly until late in training. Its weight is a hundred times the usual one, because
  otherwise D_C dominates the encoder and codes carry no information.
- D_I has no batch norm. A penalty on its gradient keeps it from winning.
- The weight of Q is smaller than usual, so that noise has an effect.
- The code generator first reduces a caption's vector to 16 dimensions. With 200, the
  vector outweighs the noise, and all images of a caption are the same.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.networks.blocks import down, up
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player
from configs import classifier, learned_prior_mnist_small
from configs.learned_prior_flowers import (
    ARGUMENTS,
    COLOURS,
    DRAWN_SENTENCE,
    captioned_config,
)

CLASSIFIER = Table.parse("""
x   -   3    -  -     -     -  -    -
x1  x   32   3  1     SAME  -  yes  ReLU
x2  x1  64   3  Max2  SAME  -  yes  ReLU
x3  x2  64   3  Max2  SAME  -  yes  ReLU
z   x3  128  4  1     -     -  yes  ReLU
y   z   18   1  1     -     -  -    -
""")

DECODER = Table.parse("""
transposed
z   -  {d}  -  -  -  -  -    -
x1  z  128  4  1  -  -  yes  ReLU
""").append(
    up("x2", "x1", 64),
    up("x3", "x2", 32),
    """
x  x3  {channels}  3  1  1  -  -  Tanh
""",
)
ENCODER = Table.parse("""
x   -   {channels}  -  -  -  -  -  -
x1  x   16          3  1  1  -  -  ReLU
""").append(
    down("x2", "x1", 32),
    down("x3", "x2", 64),
    """
code  x3  {twice_d}  4  1  -  -  yes  ReLU
""",
)
IMAGE_DISCRIMINATOR = Table.parse("""
x         -         {channels}  -  -  -  -  -  -
x1        x         32      4  2  1  -  -  Leak0.2
features  x1        64      4  2  1  -  -  Leak0.2
h         features  200     4  1  -  -  -  Leak0.2
p         h         1       1  1  -  -  -  -
""")
CODE_GENERATOR = Table.parse("""
s  -    200  -  -  -  -  -    -
n  -    100  -  -  -  -  -    -
c  s    16   1  1  -  -  yes  -
h  c|n  232  1  1  -  -  yes  ReLU
z  h    {d}  1  1  -  -  yes  -
""")


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
    if "code_generator" in config.game.networks:
        code_generator = CODE_GENERATOR.fill(d=given.latent)
        config.game.networks.code_generator = str(code_generator)
    config.classifier = classifier.get_config("data=flowers")
    config.classifier.game.networks.classifier = str(CLASSIFIER)
    for part in (config, config.classifier):
        part.dataset.update(name="flowers", image_shape="16x16x3")
        part.dataset.num_validation = 1000  # keeps held-out combinations off curves
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
