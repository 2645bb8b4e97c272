"""Priors imposed on the codes of adversarial autoencoders.

An adversarial autoencoder only needs samples of its prior, so a prior here is a
function that samples flat vectors, without a density.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import ml_collections

from adversarial_latent import data

Draw = Callable[[chex.PRNGKey, int], chex.Array]


@dataclasses.dataclass(frozen=True)
class Prior:
    """A distribution of codes.

    Attributes:
      dim: dimension of a code, d.
      draw: function that samples codes, `(key, n) -> [n, d]`.
    """

    dim: int
    draw: Draw

    def sample(self, key: chex.PRNGKey, n: int) -> chex.Array:
        """Samples n independent codes [n, d]."""
        return self.draw(key, n)


def gaussian(dim: int, std: float = 1.0) -> Draw:
    """N(0, std^2 I); figure 2 of the PixelGAN autoencoders has std = 5."""
    return lambda key, n: std * jax.random.normal(key, (n, dim))


def categorical(dim: int) -> Draw:
    """One-hot vectors, uniform over the d categories."""

    def draw(key: chex.PRNGKey, n: int) -> chex.Array:
        return jax.nn.one_hot(jax.random.randint(key, (n,), 0, dim), dim)

    return draw


def pinwheel(
    dim: int, petals: int = 10, radial_std: float = 0.5, tangential_std: float = 0.1
) -> Draw:
    """A mixture of elongated Gaussians, centred at distance 2 and pointing outwards.

    Source: Makhzani et al. 2015, "Adversarial Autoencoders", figure 2 (10 Gaussians).
    """
    _check_plane("pinwheel", dim)

    def draw(key: chex.PRNGKey, n: int) -> chex.Array:
        which, noise = jax.random.split(key)
        petal = jax.random.randint(which, (n,), 0, petals).astype(jnp.float32)
        angle = petal * (2 * math.pi / petals)
        scale = jnp.array([[radial_std, tangential_std]])
        along, across = (scale * jax.random.normal(noise, (n, 2))).T
        along += 2.0
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        return jnp.stack([along * cos - across * sin, along * sin + across * cos], -1)

    return draw


def swiss_roll(dim: int, turns: float = 2.0, std: float = 0.05) -> Draw:
    """Points spread evenly along a spiral with radii up to 3.

    Source: Makhzani et al. 2015, figure 4.
    """
    _check_plane("swiss_roll", dim)

    def draw(key: chex.PRNGKey, n: int) -> chex.Array:
        where, noise = jax.random.split(key)
        # The length of a spiral grows with the square of its angle.
        position = jnp.sqrt(jax.random.uniform(where, (n,)))
        angle = 2 * math.pi * turns * position
        direction = jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)
        points = 3.0 * position[:, None] * direction
        return points + std * jax.random.normal(noise, (n, 2))

    return draw


def samples(dim: int, dataset: str, path: str = "", classes: str = "") -> Draw:
    """Training examples of another data set, as samples of a second domain.

    With this prior, the encoder learns a mapping between two domains without pairs
    (PixelGAN autoencoders, section 4).

    Args:
      dim: number of values of an example.
      dataset: name of the data set, as in `config.dataset`.
      path: path of the data set, if it is read from files.
      classes: which of its classes to use.

    Raises:
      FileNotFoundError: the files of the data set do not exist.
      ValueError: the data set is unknown, or its examples do not have `dim` values.
    """
    config = {"name": dataset, "path": path, "classes": classes}
    loaded = data.load(ml_collections.ConfigDict(config)).splits["train"]
    rows = loaded.as_float().reshape(len(loaded), -1)
    if rows.shape[1] != dim:
        raise ValueError(
            f"examples of {dataset!r} have {rows.shape[1]} values, but the code has "
            f"{dim}"
        )

    def draw(key: chex.PRNGKey, n: int) -> chex.Array:
        return jnp.asarray(rows)[jax.random.randint(key, (n,), 0, len(rows))]

    return draw


def _check_plane(name: str, dim: int) -> None:
    if dim != 2:
        raise ValueError(f"the prior {name!r} has 2 dimensions, not {dim}")


PRIORS: dict[str, Callable[..., Draw]] = {
    "categorical": categorical,
    "gaussian": gaussian,
    "pinwheel": pinwheel,
    "samples": samples,
    "swiss_roll": swiss_roll,
}


def make_prior(dim: int, config: ml_collections.ConfigDict) -> Prior:
    """Builds a prior from its name and settings.

    Args:
      dim: dimension of a code, d.
      config: `name`, and the arguments of the function of that name.

    Raises:
      ValueError: the name or a setting is unknown.
    """
    settings: dict[str, Any] = dict(config)
    name = settings.pop("name")
    if name not in PRIORS:
        raise ValueError(
            f"unknown prior {name!r} in config.game.priors; there are {sorted(PRIORS)}"
        )
    try:
        return Prior(dim, PRIORS[name](dim, **settings))
    except TypeError as error:
        raise ValueError(f"config.game.priors: the prior {name!r}: {error}") from error
