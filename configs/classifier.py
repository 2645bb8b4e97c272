"""A classifier that evaluates generated images, trained on all labels.

    python -m experiments.launch --config=configs/classifier.py:data=mnist \
        --workdir=runs/mnist_classifier

Arguments, after the colon:
  data      mnist, cifar10, digits, flowers or oxford_flowers102
  doubled   images have twice the size, and 2x2 pixels are averaged first
  runlocal  a quick trial with few data and steps; takes seconds

Configs of image generators have this config in their field `classifier`. It is trained
before the generator. The network for MNIST is that of ALICE's inception score:
convolutions of width 5 with 32 and 64 channels, each followed by max pooling, and 1024
units. The network for CIFAR-10 is small enough for a CPU.
"""

import dataclasses

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, shrink
from adversarial_latent.data import flowers
from adversarial_latent.games import classifier
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player

TABLES = {
    "mnist": """
x   -   1     -  -     -     -    -  -
x1  x   32    5  Max2  SAME  -    -  ReLU
x2  x1  64    5  Max2  SAME  -    -  ReLU
z   x2  1024  7  1     -     -    -  ReLU
y   z   {k}   1  1     -     0.4  -  -
""",
    "cifar10": """
x   -   3    -  -     -     -    -    -
x1  x   32   3  1     SAME  -    yes  ReLU
x2  x1  32   3  Max2  SAME  -    yes  ReLU
x3  x2  64   3  1     SAME  -    yes  ReLU
x4  x3  64   3  Max2  SAME  -    yes  ReLU
x5  x4  128  3  1     SAME  -    yes  ReLU
x6  x5  128  3  Max2  SAME  -    yes  ReLU
z   x6  256  4  1     -     0.4  yes  ReLU
y   z   {k}  1  1     -     0.4  -    -
""",
    # Logits of colour, petals, shape and centre.
    "flowers": """
x   -   3    -  -     -     -  -    -
x1  x   32   3  Max2  SAME  -  yes  ReLU
x2  x1  64   3  Max2  SAME  -  yes  ReLU
x3  x2  64   3  Max2  SAME  -  yes  ReLU
z   x3  128  4  1     -     -  yes  ReLU
y   z   18   1  1     -     -  -    -
""",
    "digits": """
x   -   1    -  -     -     -    -  -
x1  x   16   3  Max2  SAME  -    -  ReLU
z   x1  64   4  1     -     -    -  ReLU
y   z   {k}  1  1     -     0.4  -  -
""",
}
TABLES["oxford_flowers102"] = TABLES["cifar10"]
SOURCES = ("digits", "flowers")  # data sets that are not from TFDS
DOUBLED = {"mnist": "56x56x1", "cifar10": "64x64x3", "digits": "16x16x1"}
DURATIONS = {
    "mnist": "3_epochs",
    "cifar10": "20_epochs",
    "digits": "30_epochs",
    "flowers": "5_epochs",
    "oxford_flowers102": "60_epochs",
}


def _halving(table: Table) -> Table:
    """Inserts a row that halves the size of x before the first layer."""
    x, first = table.rows[:2]
    halved = dataclasses.replace(x, name="x_halved", input="x", stride="Avg2")
    return table.insert_after("x", Table((halved,))).with_row(
        first.name, input="x_halved"
    )


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, data="digits", doubled=False, runlocal=False)
    if given.data not in TABLES:
        raise ValueError(f"argument data={given.data!r} must be one of {list(TABLES)}")
    table = Table.parse(TABLES[given.data])
    if given.doubled:
        table = _halving(table)
    config = default_config()
    config.game = classifier.default_config()
    config.game.networks = {"classifier": str(table)}
    config.dataset.name = given.data if given.data in SOURCES else f"tfds:{given.data}"
    if given.data == "flowers":
        config.game.factors = tuple(map(len, flowers.VALUES))
        config.game.num_components = len(flowers.combinations())
        config.dataset.held_out = 0.0  # it must learn all combinations
    if given.data == "oxford_flowers102":
        config.game.num_components = 102
        config.dataset.update(image_shape="32x32x3", train_split="train+validation")
    config.players = {"classifier": player(1e-3, b1=0.9, schedule="cosine")}
    config.duration = DURATIONS[given.data]
    config.steps_per_call = 20
    config.log_every = "100_steps"
    config.checkpoint_every = "1_epochs"
    config.evaluators = ("classification",)
    if given.doubled:
        if given.data not in DOUBLED:
            raise ValueError(
                f"argument doubled does not support data={given.data}; it supports "
                f"{', '.join(DOUBLED)}"
            )
        config.dataset.image_shape = DOUBLED[given.data]
    if given.runlocal:
        shrink(config)
    return config
