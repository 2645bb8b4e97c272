"""Games on points in three dimensions with two-dimensional codes, for tests."""

import functools

import jax
import ml_collections
import numpy as np

from adversarial_latent.game import Game, Networks
from adversarial_latent.games import gan, make_game
from tests import toys

KEY = jax.random.key(0)
X = np.float32(np.random.default_rng(0).normal(size=(6, 3)))

GENERATOR = """
z  -  2  -  -  -  -  -  -
h  z  5  1  1  -  -  -  Leak0.2
x  h  3  1  1  -  -  -  -
"""
DISCRIMINATOR = """
x  -  3  -  -  -  -  -  -
h  x  4  1  1  -  -  -  Leak0.2
p  h  1  1  1  -  -  -  -
"""
ENCODER = """
x               -  3  -  -  -  -  -  -
e               x  6  1  1  -  -  -  Leak0.2
z_mu            e  2  1  1  -  -  -  -
z_log_variance  e  2  1  1  -  -  -  -
"""
JOINT_DISCRIMINATOR = """
x   -    3  -  -  -  -  -  -
z   -    2  -  -  -  -  -  -
xz  x|z  5  -  -  -  -  -  -
h   xz   4  1  1  -  -  -  Leak0.2
p   h    1  1  1  -  -  -  -
"""
CYCLE_DISCRIMINATOR = """
x   -    3  -  -  -  -  -  -
o   -    3  -  -  -  -  -  -
xo  x|o  6  -  -  -  -  -  -
h   xo   4  1  1  -  -  -  Leak0.2
p   h    1  1  1  -  -  -  -
"""


def make(extend=lambda config: config, networks=(), **settings) -> Game:
    """A GAN's relative: `extend` as its module has it, with networks by name."""
    config = extend(gan.default_config())
    texts = {"generator": GENERATOR, "discriminator": DISCRIMINATOR, **dict(networks)}
    with config.ignore_type():
        config.update(kernel_init="lecun", **settings)
    config.networks = {name: toys.HEADER + text for name, text in texts.items()}
    return make_game(ml_collections.ConfigDict(config))


JOINT = {"discriminator": JOINT_DISCRIMINATOR, "encoder": ENCODER}


def init(game: Game):
    return toys.jit(game.init)(KEY, {"x": X})


def forward(game: Game, variables, x=X):
    """The outputs of the forward pass, and both players' losses."""

    @toys.jit
    def compute(params, model_state):
        bind = functools.partial(
            Networks, game.modules, params, model_state, KEY, train=True
        )
        outputs = game.forward(bind(), {"x": x})
        return outputs, *(player.loss(bind(), outputs) for player in game.players)

    return compute(*variables)


def networks(game: Game, variables) -> Networks:
    return Networks(game.modules, *variables, KEY, train=True)
