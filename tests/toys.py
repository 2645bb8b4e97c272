"""Games small enough to be worked out by hand, or compiled in a moment."""

import dataclasses
import functools
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax

from adversarial_latent.game import Game, Phase, Player
from adversarial_latent.games import amm as amm_game
from adversarial_latent.games import conditional_ali, make_game
from adversarial_latent.games import samm as samm_game
from adversarial_latent.networks.table import COLUMNS, Table
from adversarial_latent.networks.table_network import TableNetwork
from adversarial_latent.penalties import gradient_penalty

# Toys run for microseconds: what they cost is their compilation.
jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})

HEADER = "  ".join(COLUMNS) + "\n"


def table_network(text, **settings):
    """The network of a table."""
    return TableNetwork(Table.parse(text), **settings)


class Scalar(nn.Module):
    """One number, repeated for each example."""

    start: float

    @nn.compact
    def __call__(self, x, *, train):
        del train
        value = self.param("value", nn.initializers.constant(self.start), ())
        return jnp.broadcast_to(value, x.shape)


@dataclasses.dataclass(frozen=True)
class Bilinear(Game):
    """D maximises d * g * x, and G minimises it: the gradients are known.

    Attributes:
      reduce: what is made of the [B] losses before they are returned.
    """

    reduce: Callable = lambda losses: losses

    @property
    def phases(self):
        players = (
            Player("d", ("d",), lambda net, o: (self.reduce(-o["value"]), {})),
            Player("g", ("g",), lambda net, o: (self.reduce(o["value"]), {})),
        )
        return (Phase("bilinear", self.forward, players),)

    def forward(self, net, batch):
        x = batch["x"]  # [B]
        return {"value": net("d", x) * net("g", x) * x}


def bilinear(d=2.0, g=3.0, **settings):
    return Bilinear({"d": Scalar(d), "g": Scalar(g)}, **settings)


GENERATOR = """
z  -  2  -  -  -  -  -    -
h  z  5  1  1  -  -  yes  Leak0.2
x  h  3  1  1  -  -  -    -
"""

DISCRIMINATOR = """
x  -  3  -  -  -  -          -    -
h  x  4  1  1  -  -          yes  Leak0.2
p  h  1  1  1  -  {dropout}  -    -
"""


@dataclasses.dataclass(frozen=True)
class NormedGan(Game):
    """A GAN with batch norm in both networks; its noise comes with the example.

    So its step is a function of the joined batch alone, however it is divided; unless
    it has the penalty of WGAN-GP, whose random points each device draws for itself.
    """

    penalty_weight: float = 0.0

    @property
    def phases(self):
        players = (
            Player("discriminator", ("discriminator",), self._discriminator_loss),
            Player("generator", ("generator",), self._generator_loss),
        )
        return (Phase("adversarial", self.forward, players),)

    def forward(self, net, batch):
        fake = net("generator", batch["z"])["x"]
        # Two evaluations: their statistics depend on how each was normalised.
        return {
            "real": net("discriminator", batch["x"])["p"][:, 0],
            "fake": net("discriminator", fake)["p"][:, 0],
            "points": (batch["x"], fake),
        }

    def _discriminator_loss(self, net, outputs):
        loss = jax.nn.softplus(-outputs["real"]) + jax.nn.softplus(outputs["fake"])
        if self.penalty_weight:
            loss += self.penalty_weight * gradient_penalty(
                lambda x: net("discriminator", x)["p"][:, 0],
                *outputs["points"],
                net.key("penalty"),
            )
        return loss, {}

    def _generator_loss(self, net, outputs):
        return jax.nn.softplus(-outputs["fake"]), {}


def normed_gan(dropout="-", **settings):
    discriminator = DISCRIMINATOR.format(dropout=dropout)
    return NormedGan(
        {
            "generator": table_network(GENERATOR, kernel_init="lecun"),
            "discriminator": table_network(discriminator, kernel_init="lecun"),
        },
        **settings,
    )


def normed_gan_batch(seed, *leading):
    """A batch for `NormedGan` with leaves [*leading, 3] and [*leading, 2]."""
    random = np.random.default_rng(seed)
    return {
        "x": np.float32(random.normal(1, 2, (*leading, 3))),
        "z": np.float32(random.normal(size=(*leading, 2))),
    }


def sgd(game, learning_rate=1.0):
    """Optimisers whose updates are the gradients, times minus `learning_rate`."""
    return {player.name: optax.sgd(learning_rate) for player in game.players}


AMM_TABLES = {
    "encoder": """
x        -             1    -  -  -  -    -    -
y1       x             6    2  1  -  0.2  -    -
z1       x             6    2  1  -  -    -    -
y1a      y1+z1         6    -  -  -  -    yes  Leak0.2
z1a      z1            6    -  -  -  -    yes  Leak0.2
y_mu     y1a           {k}  1  1  -  -    -    -
y_sigma  y1a           {k}  1  1  -  -    -    ExpN
y        y_mu+y_sigma  {k}  -  -  -  -    -    Softmax
z_mu     z1a           {d}  1  1  -  -    -    -
z_sigma  z1a           {d}  1  1  -  -    -    ExpN
z        z_mu+z_sigma  {d}  -  -  -  -    -    -
""",
    "prior": """
y        -             {k}  -  -  -  -  -  -
z_mu     y             {d}  1  1  -  -  -  -
z_sigma  y             {d}  1  1  -  -  -  ExpN
z        z_mu+z_sigma  {d}  -  -  -  -  -  -
""",
    "decoder": """
y   -      {k}  -  -  -  -  -    -
z   -      {d}  -  -  -  -  -    -
y1  y      6    1  1  -  -  -    -
z1  z      6    1  1  -  -  -    -
h   y1+z1  6    -  -  -  -  yes  Leak0.2
x   h      1    2  1  -  -  -    Sigmoid
""",
    "discriminator": """
x   -       1    -  -  -  -    -  -
y   -       {k}  -  -  -  -    -  -
z   -       {d}  -  -  -  -    -  -
x1  x       6    2  1  -  -    -  Leak0.2
p0  x1|y|z  11   -  -  -  -    -  -
p1  p0      6    1  1  -  0.2  -  Leak0.2
p   p1      1    1  1  -  -    -  -
""",
}


def amm_config(**settings):
    """`config.game` of an AMM, or a game like it, on images of 2x2: K = 3, d = 2."""
    networks = {name: HEADER + text for name, text in AMM_TABLES.items()}
    networks["decoder"] = "transposed\n" + networks["decoder"]
    networks |= settings.pop("networks", {})
    small = {"num_components": 3, "latent_dim": 2, "kernel_init": "lecun"}
    config = amm_game.default_config()
    extensions = {"samm": samm_game.extend, "conditional_ali": conditional_ali.extend}
    if settings.get("name") in extensions:
        config = extensions[settings["name"]](config)
    return ml_collections.ConfigDict(
        {**config, **small, **settings, "networks": networks}
    )


def amm(**settings):
    return make_game(amm_config(**settings))


def images(seed, *leading):
    """Images of 2x2 pixels, [*leading, 2, 2, 1]."""
    return np.float32(np.random.default_rng(seed).uniform(size=(*leading, 2, 2, 1)))
