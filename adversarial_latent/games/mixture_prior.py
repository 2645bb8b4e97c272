"""The synthesis side of AMM's games: p(y) p(z|y) p(x|y, z).

AMM, SAMM and conditional ALI share it, and differ in what they infer.
"""

import dataclasses
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import ml_collections

from adversarial_latent.distributions import GaussianMixture
from adversarial_latent.game import Code, Game, Networks
from adversarial_latent.inputs import InputError
from adversarial_latent.networks.frequencies import Frequencies
from adversarial_latent.networks.mixture import Mixture
from adversarial_latent.networks.presets import Recipes

NETWORK_FIELDS = ("prior_radius", "prior_learned")
"""Fields of `config.game` that `networks` reads."""
_FREQUENCIES = "frequencies"  # the network that counts labels

Z_ROWS = """
z_mu     h             {d}  1  1  -  -  -  -
z_sigma  h             {d}  1  1  -  -  -  ExpN
z        z_mu+z_sigma  {d}  -  -  -  -  -  -
"""
"""Last rows of a network that samples a Gaussian z."""


@dataclasses.dataclass(frozen=True)
class MixturePrior:
    """Synthesis by eq. 11, or by eq. 16 where the table of p(z|y) ignores y.

    Networks: "prior" maps one-hot y to `z`, to its mean `z_mu` and to its log-variance
    `z_sigma_log_variance`, an output of the `ExpN` row `z_sigma`, and takes the option
    `noise=False`; "decoder" maps y and z to `x`; and "frequencies" if labels are
    counted.

    Attributes:
      num_components: K, number of values of y.
      frequencies: p(y), [K] numbers that sum to one; not used if labels are counted.
      counts_labels: whether p(y) is the frequency of each label in training.
      stratified: whether the count of each component in a training batch of B is B p(y)
        up to rounding. Otherwise y is sampled independently for each example.
    """

    num_components: int
    frequencies: tuple[float, ...]
    counts_labels: bool
    stratified: bool

    def count(self, net: Networks, y: chex.Array) -> None:
        """Counts one-hot labels [B, K], if p(y) is estimated from them."""
        if self.counts_labels:
            net(_FREQUENCIES, y)

    def probabilities(self, net: Networks) -> chex.Array:
        """p(y): [K]."""
        return (
            net(_FREQUENCIES) if self.counts_labels else jnp.asarray(self.frequencies)
        )

    def sample_component(
        self, net: Networks, n: int, stratified: bool = False
    ) -> chex.Array:
        """Samples one-hot y [n, K] ~ p(y)."""
        key, probabilities = net.key("component"), self.probabilities(net)
        if stratified:
            # Systematic sampling: n equidistant points with a random offset.
            points = (jnp.arange(n, dtype=jnp.float32) + jax.random.uniform(key)) / n
            bounds = jnp.cumsum(probabilities)[:-1]
            index = jnp.searchsorted(bounds, points, side="right")
        else:
            index = jax.random.categorical(key, jnp.log(probabilities), shape=(n,))
        return jax.nn.one_hot(index, self.num_components)

    def synthesize(
        self, net: Networks, y: chex.Array
    ) -> tuple[chex.Array, chex.Array, chex.Array]:
        """Samples z ~ p(z|y) and generates x; returns x [B, ...], y [B, K] and z."""
        z = net("prior", y)["z"]
        return net("decoder", y, z)["x"], y, z

    def synthesize_batch(
        self, net: Networks, n: int
    ) -> tuple[chex.Array, chex.Array, chex.Array]:
        """Samples a training batch of n triples (x, y, z)."""
        return self.synthesize(net, self.sample_component(net, n, self.stratified))

    def mixture(self, net: Networks) -> GaussianMixture:
        """The prior p(z) = sum_k p(y=k) p(z|y=k), with the parameters of eq. 12."""
        prior = net("prior", jnp.eye(self.num_components), noise=False)
        return GaussianMixture(
            logits=jnp.log(self.probabilities(net)),
            mean=prior["z_mu"],
            log_variance=prior["z_sigma_log_variance"],
        )


# Inference functions of games that have a `prior`. A game uses them as methods.


def decode(game: Any, net: Networks, code: Code) -> chex.Array:
    """Generates x [B, H, W, C] from a code, as `encode` returns it."""
    del game
    return net("decoder", code["y"], code["z"])["x"]


def sample(
    game: Any, net: Networks, n: int, component: chex.Array | None = None
) -> Code:
    """Samples x and its code from p(x, y, z), or p(x, z | y = component).

    Args:
      game: the game.
      net: the networks.
      n: number of samples.
      component: int [n], or None to sample it from p(y).

    Returns:
      `x` [n, H, W, C], `y` [n, K] one-hot, `z` [n, d].
    """
    if component is None:
        y = game.prior.sample_component(net, n)
    else:
        y = jax.nn.one_hot(component, game.prior.num_components)
    x, y, z = game.prior.synthesize(net, y)
    return {"x": x, "y": y, "z": z}


def mixture(game: Any, net: Networks) -> GaussianMixture:
    """The prior p(z) = sum_k p(y=k) p(z|y=k)."""
    return game.prior.mixture(net)


def networks(config: ml_collections.ConfigDict) -> dict[str, nn.Module]:
    """The networks of the prior that `config.game` requires and that are not tables."""
    modules: dict[str, nn.Module] = {}
    if config.prior_radius:
        modules["prior"] = Mixture(
            config.num_components,
            config.latent_dim,
            config.prior_radius,
            config.prior_learned,
        )
    if config.frequencies == "labels":
        modules[_FREQUENCIES] = Frequencies(config.num_components)
    return modules


def recipes(config: ml_collections.ConfigDict) -> Recipes:
    """The prior's network, unless it is a mixture with a radius."""
    if config.prior_radius:
        return {}
    return {"prior": lambda preset: preset.mlp(y="{k}").append(Z_ROWS)}


def settings(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """The attributes of `MixturePrior` that are computed from `config.game`.

    Raises:
      ValueError: `frequencies` is invalid.
    """
    return {
        "frequencies": _read_frequencies(config.frequencies, config.num_components),
        "counts_labels": config.frequencies == "labels",
    }


def check_labels(game: Game, config: ml_collections.ConfigDict) -> None:
    """Checks that a game that counts labels uses labels.

    Raises:
      InputError: the game does not use labels.
    """
    if config.frequencies == "labels" and not game.uses_labels:
        raise InputError(
            f"config.game.frequencies is 'labels', but {config.name!r} uses no labels"
        )


def _read_frequencies(text: str, num_components: int) -> tuple[float, ...]:
    """Reads p(y); uniform if labels are to be counted."""
    if text in ("uniform", "labels"):
        return (1 / num_components,) * num_components
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != num_components or min(numbers) <= 0:
        raise ValueError(
            f"config.game.frequencies must be uniform, labels, or {num_components} "
            f"positive numbers separated by commas, not {text!r}"
        )
    return tuple(number / sum(numbers) for number in numbers)
