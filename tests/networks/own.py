"""Modules as a reader would write them, which configs name by their import path."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx


class Block(nn.Module):
    """LayerNorm, GELU and a residual connection, none of which a table has.

    Attributes:
      width: of the layer between.
    """

    width: int

    @nn.compact
    def __call__(self, x):
        hidden = nn.gelu(nn.Dense(self.width)(nn.LayerNorm()(x)))
        return x + nn.Dense(x.shape[-1])(hidden)


class Encoder(nn.Module):
    """An encoder with a class `y` and a style `z`.

    Attributes:
      classes: K.
      dim: d.
      width: of the hidden layers.
      blocks: how many there are.
      name_of_z: what the output z is called.
    """

    classes: int
    dim: int
    width: int = 8
    blocks: int = 2
    name_of_z: str = "z"

    @nn.compact
    def __call__(self, x, *, train):
        del train
        x = nn.Dense(self.width)(x.reshape(len(x), -1))
        for _ in range(self.blocks):
            x = Block(2 * self.width)(x)
        y_mu = nn.Dense(self.classes)(x)
        z = nn.Dense(self.dim)(x)
        return {"y_mu": y_mu, "y": nn.softmax(y_mu), self.name_of_z: z}


class Noisy(nn.Module):
    """Dropout, noise and batch norm, as linen has them."""

    @nn.compact
    def __call__(self, x, *, train):
        dropped = nn.Dropout(0.5)(x, deterministic=not train)
        noise = jax.random.normal(self.make_rng("noise"), x.shape)
        normed = nn.BatchNorm(use_running_average=not train)(x)
        return {"dropped": dropped, "noise": noise, "normed": normed}


class NnxEncoder(nnx.Module):
    """Likewise of NNX: a layer, batch norm, dropout, and a layer."""

    def __init__(self, inputs, width, dim, *, rngs):
        self.layer = nnx.Linear(inputs, width, rngs=rngs)
        self.norm = nnx.BatchNorm(width, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.head = nnx.Linear(width, dim, rngs=rngs)

    def __call__(self, x, *, train):
        h = self.norm(self.layer(x), use_running_average=not train)
        h = self.dropout(h, deterministic=not train)
        return {"h": h, "z": self.head(nnx.gelu(h))}


class Bare(nn.Module):
    """Returns an array, and no dict."""

    def __call__(self, x, *, train):
        del train
        return x


class NnxBare(nnx.Module):
    """Likewise of NNX."""

    def __init__(self, *, rngs):
        del rngs

    def __call__(self, x, *, train):
        del train
        return x


class Scaled(nn.Module):
    """x times a number that is an argument, of any literal type.

    Attributes:
      factors: they are multiplied.
    """

    factors: tuple[float, ...] | float = 1.0

    def __call__(self, x, *, train):
        del train
        return {"x": x * jnp.prod(jnp.asarray(self.factors, x.dtype))}


def twice(factor):
    """A function that gives a module."""
    return Scaled((2.0, factor))


class Outer:
    """What holds a class."""

    Inner = Scaled


def number():
    """A function that gives no module."""
    return 3


CONSTANT = 3
