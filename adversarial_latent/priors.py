"""Priors that are imposed on codes: whatever can be drawn from, as flat vectors.

An adversarial autoencoder needs samples of its prior and nothing else, so that a prior
here has no density. `categorical` gives one-hot vectors, the corners of the simplex.
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
      dim: d.
      draw: `(key, n) -> [n, d]`.
    """

    dim: int
    draw: Draw

    def sample(self, key: chex.PRNGKey, n: int) -> chex.Array:
        """Draws n independent codes [n, d]."""
        return self.draw(key, n)


def gaussian(dim: int, std: float = 1.0) -> Draw:
    """N(0, std^2 I); std is 5 in the PixelGAN autoencoder's figure 2."""
    return lambda key, n: std * jax.random.normal(key, (n, dim))


def categorical(dim: int) -> Draw:
    """One of d corners, all equally probable."""

    def draw(key: chex.PRNGKey, n: int) -> chex.Array:
        return jax.nn.one_hot(jax.random.randint(key, (n,), 0, dim), dim)

    return draw


def pinwheel(
    dim: int, petals: int = 10, radial_std: float = 0.5, tangential_std: float = 0.1
) -> Draw:
    """A mixture of long Gaussians that point away from the origin, 2 from it.

    Source: Makhzani et al. 2015, "Adversarial Autoencoders", figure 2 (there of 10).
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
    """Points along a spiral of radius up to 3, evenly in its length.

    Source: Makhzani et al. 2015, figure 4.
    """
    _check_plane("swiss_roll", dim)

    def draw(key: chex.PRNGKey, n: int) -> chex.Array:
        where, noise = jax.random.split(key)
        # The length of a spiral grows as the square of its angle.
        part = jnp.sqrt(jax.random.uniform(where, (n,)))
        angle = 2 * math.pi * turns * part
        points = 3.0 * part[:, None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)
        return points + std * jax.random.normal(noise, (n, 2))

    return draw


def samples(dim: int, dataset: str, path: str = "", classes: str = "") -> Draw:
    """What is there of a second domain: training examples of a data set.

    Imposed on a code, they make the encoder a map from one domain to the other, of
    which no pairs are known (PixelGAN autoencoder, section 4).

    Args:
      dim: values of one example.
      dataset: its name,
      path: where it is, for data sets that are files,
      classes: and which of its classes, as in `config.dataset`.

    Raises:
      FileNotFoundError: if the data set is not there.
      ValueError: if there is no such data set, or one of other than `dim` values.
    """
    config = {"name": dataset, "path": path, "classes": classes}
    loaded = data.load(ml_collections.ConfigDict(config)).splits["train"]
    rows = loaded.as_float().reshape(len(loaded), -1)
    if rows.shape[1] != dim:
        raise ValueError(
            f"examples of {dataset!r} have {rows.shape[1]} values, and the code has "
            f"{dim}"
        )

    def draw(key: chex.PRNGKey, n: int) -> chex.Array:
        return jnp.asarray(rows)[jax.random.randint(key, (n,), 0, len(rows))]

    return draw


def _check_plane(name: str, dim: int) -> None:
    if dim != 2:
        raise ValueError(f"the prior {name!r} is one of 2 dimensions, not {dim}")


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
      dim: d.
      config: `name`, and arguments of the function of that name.

    Raises:
      ValueError: if there is no such prior, or it has no such setting.
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
