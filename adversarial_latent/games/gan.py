"""The generative adversarial network: a generator against a discriminator.

    min_G max_D  E_q(x)[log D(x)] + E_p(z)[log(1 - D(G(z)))]      AIM, eq. 7

Paper: Goodfellow et al. 2014, "Generative Adversarial Nets", algorithm 1.
"""

import dataclasses
from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp
import ml_collections

from adversarial_latent.distributions import Gaussian
from adversarial_latent.game import Code, Losses, Networks, Outcome
from adversarial_latent.games.building import from_config
from adversarial_latent.games.two_player import TwoPlayerGame
from adversarial_latent.losses import adversarial_loss

_MIN_LOG_VARIANCE = -12.0


@dataclasses.dataclass(frozen=True)
class GAN(TwoPlayerGame):
    """The game, and what its relatives with an encoder share.

    Rows by which the tables are known here: the generator gives `x`, the
    discriminator its logit `p`; an encoder, `z_mu` and `z_log_variance`. A generator
    that is noisy, p(x|z), has a row `ExpN` of `zeros`.

    Attributes:
      latent_dim: d; the prior p(z) is N(0, I).
      data_scale: typical size of a value of x,
      data_shift: and what lies in the middle: networks see and make
        (x - data_shift) / data_scale. 1 and 0 for images, which are in [0, 1]; 0.5 and
        0.5 for networks that have them in [-1, 1].
    """

    latent_dim: int
    data_scale: float
    data_shift: float

    def play(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Generates from the prior and has D judge."""
        x = batch["x"]  # [B, ...] ~ q(x)
        return self._judged(net, (x,), (self._generate(net, self._draw(net, len(x))),))

    def _draw(self, net: Networks, n: int) -> chex.Array:
        """Draws z [n, d] ~ p(z)."""
        return jax.random.normal(net.key("z"), (n, self.latent_dim))

    def _generate(self, net: Networks, z: chex.Array) -> chex.Array:
        return self.data_shift + self.data_scale * net("generator", z)["x"]

    def _seen(self, x: chex.Array) -> chex.Array:
        """Data as networks see them."""
        return (x - self.data_shift) / self.data_scale

    def _judge(
        self, net: Networks, x: chex.Array, *code: chex.Array
    ) -> dict[str, chex.Array]:
        return net("discriminator", self._seen(x), *code)

    def _posterior(
        self, net: Networks, x: chex.Array, features: chex.Array | None = None
    ) -> Gaussian:
        """q(z|x) = N(mu(x), sigma^2(x) I), of x or of features in place of it."""
        encoded = net("encoder", self._seen(x) if features is None else features)
        # The floor bounds the reward for being sure of a code.
        log_variance = jnp.maximum(encoded["z_log_variance"], _MIN_LOG_VARIANCE)
        return Gaussian(encoded["z_mu"], log_variance)

    def _generator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        del net
        return adversarial_loss(self.loss).generator_fake(outcome["fake_logits"]), {}

    # What a trained GAN can be asked.

    def decode(self, net: Networks, code: Code) -> chex.Array:
        """Generates x [B, ...] = G(z)."""
        return self._generate(net, code["z"])

    def sample(self, net: Networks, n: int, component: None) -> Code:
        """Draws `x` [n, ...] and its code `z` [n, d] from p(x, z)."""
        del component
        z = self._draw(net, n)
        return {"x": self._generate(net, z), "z": z}


class InferringGAN(GAN):
    """What relatives of the GAN with an encoder q(z|x) can be asked."""

    def posterior(self, net: Networks, x: chex.Array) -> Gaussian:
        """q(z|x), whose mean and variance are [B, d]."""
        return self._posterior(net, x)

    def encode(self, net: Networks, x: chex.Array) -> Code:
        """Infers `z` [B, d], the mean of q(z|x), and `z_log_variance`."""
        q = self.posterior(net, x)
        return {"z": q.mean, "z_log_variance": q.log_variance}

    def neighbours(self, net: Networks, x: chex.Array) -> chex.Array:
        """AIM, algorithm 2: what is similar to x [B, ...], from z ~ q(z|x)."""
        return self._generate(net, self.posterior(net, x).sample(net.key("neighbours")))


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game` that all relatives of the GAN have.

    What is missing is `tables`: the text of each network's table.
    """
    return ml_collections.ConfigDict(
        {
            "name": "gan",
            "latent_dim": 2,
            "loss": "non_saturating",
            "penalty": "gradient",
            "penalty_weight": 0.0,
            "data_scale": 1.0,
            "data_shift": 0.0,
            "padding": "VALID",
            "kernel_init": "0.02",  # standard deviation, or lecun, or he
        }
    )


def make_game(config: ml_collections.ConfigDict) -> GAN:
    """Builds a GAN from `config.game`."""
    return from_config(GAN, config, transposed=("generator",))
