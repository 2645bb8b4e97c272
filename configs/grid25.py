"""The grid of 25 Gaussians: Table 2 and figure 3 of AIM, for AIM and its rivals.

    python -m experiments.launch --config=configs/grid25.py:game=aim --workdir=runs/grid

Arguments, after the colon:
  game       aim, aim_minus, gan, ali, alice, veegan or unrolled_gan
  published  the game's own published setting instead of the shared one; for ali,
             unrolled_gan and veegan
  runlocal   a quick trial with few data and steps; takes seconds

The shared setting. The AIM paper gives neither networks nor settings for this
experiment. The settings here were found for AIM, on seeds that are not in the committed
results (experiments/results/aim/README.md). All games have the same generator,
discriminator (which also takes z in joint games), encoder, number of steps and batch
size. AIM differs from section 5 of its paper in two ways. The encoder takes x instead
of D's features. lambda falls from 0.1 to 0.01 instead of staying at 1/d = 0.5: a large
lambda finds all modes, a small one sharpens them. AIM- has ten times this lambda, since
AIM divides the error of the code by the variance that E learns, which becomes small.
Clipping the gradient's norm prevents late collapses.

Published settings.

- ALI: networks and optimiser of its grid experiment, as reported by later papers (G
  4 x 400 ReLU with batch norm, E 2 x 400, D 3 x 200 maxout of 5, initial weights 0.02,
  Adam 1e-4, b1 0.8, minibatches of 100, 400,000 steps).
- Unrolled GAN: the notebook of its authors, which says that it does not reproduce the
  paper's numbers exactly (z 256-d, G and D 2 x 128 tanh, orthogonal initial weights
  with gain 1.4, the saturating loss, Adam with b1 0.5, 1e-3 for G and 1e-4 for D,
  minibatches of 512, 5 unrolled steps, 25,000 steps).
- VEEGAN: its code (z 254-d, G and F 2 x 128 ReLU, D 128 ReLU, Adam 1e-3 with b1 0.5,
  minibatches of 500, 100,000 steps, F a Gaussian of unit variance).
"""

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, shrink
from adversarial_latent.games import aim, ali, alice, gan, unrolled_gan, veegan
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player

GAMES = {  # functions that turn the config of a GAN into that of each game
    "aim": aim.extend,
    "aim_minus": aim.extend,
    "gan": lambda game: game,
    "ali": ali.extend,
    "alice": alice.extend,
    "veegan": veegan.extend,
    "unrolled_gan": unrolled_gan.extend,
}
WITHOUT_ENCODER = ("gan", "unrolled_gan")
JOINT = ("ali", "alice", "veegan")  # D takes x and z
UNIT_VARIANCE = ("aim_minus", "veegan")  # q(z|x) has unit variance
PUBLISHED = ("ali", "unrolled_gan", "veegan")
# Modes captured and high-quality fraction in the AIM paper; rivals' numbers are quoted
# from the VEEGAN paper.
TABLE_2 = {
    "gan": (3.3, 0.005),
    "ali": (15.84, 0.016),
    "unrolled_gan": (23.6, 0.16),
    "veegan": (24.6, 0.40),
    "aim": (25.0, 0.811),
}

GENERATOR = Table.parse("""
transposed
z   -   {d}  -  -  -  -  -  -
h1  z   128  1  1  -  -  -  Tanh
h2  h1  128  1  1  -  -  -  Tanh
h3  h2  128  1  1  -  -  -  Tanh
x   h3  2    1  1  -  -  -  -
""")

DISCRIMINATOR = Table.parse("""
x   -   2    -  -  -  -  -  -
h1  x   128  1  1  -  -  -  Leak0.2
h2  h1  128  1  1  -  -  -  Leak0.2
p   h2  1    1  1  -  -  -  -
""")

JOINT_DISCRIMINATOR = Table.parse("""
x   -    2      -  -  -  -  -  -
z   -    {d}    -  -  -  -  -  -
xz  x|z  2+{d}  -  -  -  -  -  -
h1  xz   128    1  1  -  -  -  Leak0.2
h2  h1   128    1  1  -  -  -  Leak0.2
p   h2   1      1  1  -  -  -  -
""")

ENCODER = Table.parse("""
x               -   2    -  -  -  -  -  -
h1              x   128  1  1  -  -  -  Leak0.2
z_mu            h1  {d}  1  1  -  -  -  -
z_log_variance  h1  {d}  1  1  -  -  -  -
""")

ALI_GENERATOR = Table.parse("""
transposed
z   -   {d}  -  -  -  -  -    -
h1  z   400  1  1  -  -  yes  ReLU
h2  h1  400  1  1  -  -  yes  ReLU
h3  h2  400  1  1  -  -  yes  ReLU
h4  h3  400  1  1  -  -  yes  ReLU
x   h4  2    1  1  -  -  -    -
""")

ALI_DISCRIMINATOR = Table.parse("""
x   -    2      -  -  -  -  -  -
z   -    {d}    -  -  -  -  -  -
xz  x|z  2+{d}  -  -  -  -  -  -
h1  xz   200    1  1  -  -  -  Maxout5
h2  h1   200    1  1  -  -  -  Maxout5
h3  h2   200    1  1  -  -  -  Maxout5
p   h3   1      1  1  -  -  -  -
""")

ALI_ENCODER = Table.parse("""
x               -   2    -  -  -  -  -    -
h1              x   400  1  1  -  -  yes  ReLU
h2              h1  400  1  1  -  -  yes  ReLU
z_mu            h2  {d}  1  1  -  -  -    -
z_log_variance  h2  {d}  1  1  -  -  -    -
""")

UNROLLED_GENERATOR = Table.parse("""
transposed
z   -   {d}  -  -  -  -  -  -
h1  z   128  1  1  -  -  -  Tanh
h2  h1  128  1  1  -  -  -  Tanh
x   h2  2    1  1  -  -  -  -
""")

UNROLLED_DISCRIMINATOR = Table.parse("""
x   -   2    -  -  -  -  -  -
h1  x   128  1  1  -  -  -  Tanh
h2  h1  128  1  1  -  -  -  Tanh
p   h2  1    1  1  -  -  -  -
""")

VEEGAN_GENERATOR = Table.parse("""
transposed
z   -   {d}  -  -  -  -  -  -
h1  z   128  1  1  -  -  -  ReLU
h2  h1  128  1  1  -  -  -  ReLU
x   h2  2    1  1  -  -  -  -
""")

VEEGAN_DISCRIMINATOR = Table.parse("""
x   -    2      -  -  -  -  -  -
z   -    {d}    -  -  -  -  -  -
xz  x|z  2+{d}  -  -  -  -  -  -
h1  xz   128    1  1  -  -  -  ReLU
p   h1   1      1  1  -  -  -  -
""")

VEEGAN_ENCODER = Table.parse("""
x               -      2    -  -  -  -  -  -
h1              x      128  1  1  -  -  -  ReLU
h2              h1     128  1  1  -  -  -  ReLU
z_mu            h2     {d}  1  1  -  -  -  -
z_log_variance  zeros  {d}  -  -  -  -  -  -
""")


def _shared(config: ml_collections.ConfigDict, game: str) -> None:
    """Sets the setting that all games share."""
    config.game = gan.default_config()
    config.game.update(data_scale=4.0)
    config.game = GAMES[game](config.game)
    if config.game.name == "aim":
        config.game.code_weight = (1.0, 0.1) if game == "aim_minus" else (0.1, 0.01)
    tables = {"generator": GENERATOR, "discriminator": DISCRIMINATOR}
    if game in JOINT:
        tables["discriminator"] = JOINT_DISCRIMINATOR
    if game not in WITHOUT_ENCODER:
        tables["encoder"] = ENCODER
    if game in UNIT_VARIANCE:
        tables["encoder"] = ENCODER.with_row(
            "z_log_variance", input="zeros", width="-", stride="-"
        )
    config.game.networks = {name: str(table) for name, table in tables.items()}
    config.game.kernel_init = "lecun"
    adam = {"b1": 0.5, "b2": 0.99, "schedule": "cosine", "clip_norm": 0.5}
    if game == "unrolled_gan":
        adam["eps_root"] = 1e-8
    config.players = {
        "discriminator": player(3e-3, **adam),
        "generator": player(3e-3, **adam),
    }
    config.batch_size = 256
    config.duration = "24000_steps"
    config.ema_decay = 0.999


def _published(config: ml_collections.ConfigDict, game: str) -> None:
    """Sets the setting reported by the game's authors or by later papers."""
    config.game = gan.default_config()
    if game == "ali":
        config.game = ali.extend(config.game)
        tables = {
            "generator": ALI_GENERATOR,
            "discriminator": ALI_DISCRIMINATOR,
            "encoder": ALI_ENCODER,
        }
        config.game.kernel_init = "0.02"
        rates, adam, config.batch_size = (1e-4, 1e-4), {"b1": 0.8}, 100
        config.duration = "400000_steps"
    elif game == "unrolled_gan":
        config.game = unrolled_gan.extend(config.game)
        config.game.latent_dim = 256
        tables = {
            "generator": UNROLLED_GENERATOR,
            "discriminator": UNROLLED_DISCRIMINATOR,
        }
        config.game.update(kernel_init="orthogonal1.4", loss="saturating")
        rates, adam = (1e-4, 1e-3), {"b1": 0.5, "eps_root": 1e-8}
        config.batch_size, config.duration = 512, "25000_steps"
    else:
        config.game = veegan.extend(config.game)
        config.game.latent_dim = 254
        tables = {
            "generator": VEEGAN_GENERATOR,
            "discriminator": VEEGAN_DISCRIMINATOR,
            "encoder": VEEGAN_ENCODER,
        }
        config.game.kernel_init = "lecun"
        rates, adam, config.batch_size = (1e-3, 1e-3), {"b1": 0.5}, 500
        config.duration = "100000_steps"
    config.game.networks = {name: str(table) for name, table in tables.items()}
    config.players = {
        "discriminator": player(rates[0], **adam),
        "generator": player(rates[1], **adam),
    }


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, game="aim", published=False, runlocal=False)
    choices = PUBLISHED if given.published else GAMES
    if given.game not in choices:
        raise ValueError(f"argument game={given.game!r} must be one of {list(choices)}")
    config = default_config()
    (_published if given.published else _shared)(config, given.game)
    config.dataset.name = "grid25"
    config.trials = 10
    config.steps_per_call = 200
    config.log_every = "1000_steps"
    config.checkpoint_every = "4000_steps"
    config.evaluators = ("modes",)
    if given.game in TABLE_2 and given.published == (given.game in PUBLISHED):
        modes, quality = TABLE_2[given.game]
        config.paper = {"modes_captured": modes, "high_quality_fraction": quality}
    if given.runlocal:
        shrink(config)
    return config
