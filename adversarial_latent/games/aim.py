"""AIM: inference by matching priors and conditionals.

The discriminator sees data only. The encoder says how likely the code is from which
an image was generated, and generator and encoder both maximise that:

    min_{G,E} max_D  V(G, D) + lambda E_{p(z)}[-log q(z | G(z))]      eq. 9

Paper: "AIM: Adversarial Inference by Matching Priors and Conditionals", algorithm 1.
"""

import dataclasses
from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp
import ml_collections

from adversarial_latent.distributions import Gaussian
from adversarial_latent.game import Code, Game, Networks, Outcome, Player
from adversarial_latent.losses import adversarial_loss
from adversarial_latent.networks.table import read_tables
from adversarial_latent.penalties import penalty


@dataclasses.dataclass(frozen=True)
class AIM(Game):
    """The game of algorithm 1.

    Rows by which the tables are known here: the generator gives `x`, the
    discriminator its logit `p`, the encoder `z_mu` and `z_log_variance`.

    Attributes:
      latent_dim: d; the prior p(z) is N(0, I).
      loss: name of the adversarial loss; "non_saturating" is eq. 7, "kl" eq. 6.
      code_weight: lambda; the paper has 1/d with eq. 7, 1 with eq. 6.
      features: the row of D which the encoder reads; "" for an encoder of its own on
        x. D learns nothing from the encoder, whose loss only passes through it.
      penalty: name of a penalty on the discriminator.
      penalty_weight: its weight, 0 for none as in the paper.
    """

    latent_dim: int
    loss: str
    code_weight: float
    features: str
    penalty: str
    penalty_weight: float

    @property
    def players(self) -> tuple[Player, ...]:
        """The discriminator; then generator and encoder, which share L_rec."""
        return (
            Player("discriminator", ("discriminator",), self._discriminator_loss),
            Player("generator", ("generator", "encoder"), self._generator_loss),
        )

    def play(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Generates from the prior, has D judge and E infer."""
        x = batch["x"]  # [B, ...] ~ q(x)
        z = jax.random.normal(net.key("z"), (len(x), self.latent_dim))  # ~ p(z)
        x_tilde = net("generator", z)["x"]
        judged = net("discriminator", jnp.concatenate([x, x_tilde]))
        real_logits, fake_logits = jnp.split(judged["p"][:, 0], 2)
        seen = judged[self.features][len(x) :] if self.features else x_tilde
        q = self._posterior(net, seen)
        return {
            "x": x,
            "x_tilde": x_tilde,
            "real_logits": real_logits,
            "fake_logits": fake_logits,
            "code_loss": -q.log_prob(z),  # eq. 8, [B]
        }

    def _posterior(self, net: Networks, seen: chex.Array) -> Gaussian:
        """q(z|x) = N(mu(x), sigma^2(x) I)."""
        encoded = net("encoder", seen)
        return Gaussian(encoded["z_mu"], encoded["z_log_variance"])

    def _discriminator_loss(self, net: Networks, outcome: Outcome):
        """L_d of algorithm 1."""
        real_logits, fake_logits = outcome["real_logits"], outcome["fake_logits"]
        loss = adversarial_loss(self.loss).discriminator(real_logits, fake_logits)
        if self.penalty_weight:
            penalties = penalty(self.penalty)(
                lambda x: net("discriminator", x)["p"][:, 0],
                outcome["x"],
                outcome["x_tilde"],
                net.key("penalty"),
            )
            loss += self.penalty_weight * penalties
        return loss, {
            "d_real": jax.nn.sigmoid(real_logits).mean(),
            "d_fake": jax.nn.sigmoid(fake_logits).mean(),
        }

    def _generator_loss(self, net: Networks, outcome: Outcome):
        """L_rec = L_g + L_e of algorithm 1."""
        loss = adversarial_loss(self.loss).generator_fake(outcome["fake_logits"])
        code_loss = outcome["code_loss"]
        return loss + self.code_weight * code_loss, {"code_loss": code_loss.mean()}

    # What a trained AIM can be asked.

    def encode(self, net: Networks, x: chex.Array) -> Code:
        """Algorithm 2: `z` [B, d], the mean of q(z|x), and `z_log_variance`."""
        seen = net("discriminator", x)[self.features] if self.features else x
        q = self._posterior(net, seen)
        return {"z": q.mean, "z_log_variance": q.log_variance}

    def decode(self, net: Networks, code: Code) -> chex.Array:
        """Generates x [B, ...] = G(z)."""
        return net("generator", code["z"])["x"]

    def sample(self, net: Networks, n: int, component: None) -> Code:
        """Draws `x` [n, ...] and its code `z` [n, d] from p(x, z)."""
        z = jax.random.normal(net.key("z"), (n, self.latent_dim))
        return {"x": net("generator", z)["x"], "z": z}


def make_game(config: ml_collections.ConfigDict) -> AIM:
    """Builds AIM from `config.game`."""
    return AIM(
        networks=read_tables(config, transposed=("generator",)),
        latent_dim=config.latent_dim,
        loss=config.loss,
        code_weight=config.code_weight,
        features=config.features,
        penalty=config.penalty,
        penalty_weight=config.penalty_weight,
    )
