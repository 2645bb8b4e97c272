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
from adversarial_latent.games.two_player import TwoPlayerGame, from_config
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
      data_scale: typical size of a value of x, by which D and E divide what they see
        and G multiplies what it makes; 1 for images.
    """

    latent_dim: int
    data_scale: float

    def play(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Generates from the prior and has D judge."""
        x = batch["x"]  # [B, ...] ~ q(x)
        return self._judged(net, (x,), (self._generate(net, self._draw(net, len(x))),))

    def _draw(self, net: Networks, n: int) -> chex.Array:
        """Draws z [n, d] ~ p(z)."""
        return jax.random.normal(net.key("z"), (n, self.latent_dim))

    def _generate(self, net: Networks, z: chex.Array) -> chex.Array:
        return self.data_scale * net("generator", z)["x"]

    def _judge(
        self, net: Networks, x: chex.Array, *code: chex.Array
    ) -> dict[str, chex.Array]:
        return net("discriminator", x / self.data_scale, *code)

    def _posterior(
        self, net: Networks, x: chex.Array, features: chex.Array | None = None
    ) -> Gaussian:
        """q(z|x) = N(mu(x), sigma^2(x) I), of x or of features in place of it."""
        seen = x / self.data_scale if features is None else features
        encoded = net("encoder", seen)
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
            "padding": "VALID",
            "kernel_init": "0.02",  # standard deviation, or lecun, or he
        }
    )


def make_game(config: ml_collections.ConfigDict) -> GAN:
    """Builds a GAN from `config.game`."""
    return from_config(GAN, config, transposed=("generator",))
