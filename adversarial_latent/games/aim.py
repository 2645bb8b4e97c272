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
from adversarial_latent.game import Code, Game, Losses, Networks, Outcome, Player
from adversarial_latent.losses import adversarial_loss
from adversarial_latent.networks.table import logits, read_tables
from adversarial_latent.penalties import penalty

_MIN_LOG_VARIANCE = -12.0


@dataclasses.dataclass(frozen=True)
class AIM(Game):
    """The game of algorithm 1.

    Rows by which the tables are known here: the generator gives `x`, the
    discriminator its logit `p`, the encoder `z_mu` and `z_log_variance`.

    Attributes:
      latent_dim: d; the prior p(z) is N(0, I).
      loss: name of the adversarial loss; "non_saturating" is eq. 7, "kl" eq. 6.
      code_weight: lambda at the start and at the end of training, geometrically
        between; the paper keeps it at 1/d with eq. 7, at 1 with eq. 6.
      data_scale: typical size of a value of x, by which D and E divide what they see
        and G multiplies what it makes; 1 for images.
      features: the row of D which the encoder reads; "" for an encoder of its own on
        x. D learns nothing from the encoder, whose loss only passes through it.
      penalty: name of a penalty on the discriminator.
      penalty_weight: its weight, 0 for none as in the paper.
    """

    latent_dim: int
    loss: str
    code_weight: tuple[float, float]
    data_scale: float
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
        x_tilde = self._generate(net, z)
        # D judges them apart, so that its batch statistics, if any, do not mix.
        judged, judged_tilde = self._judge(net, x), self._judge(net, x_tilde)
        features = judged_tilde[self.features] if self.features else None
        q = self._posterior(net, x_tilde, features)
        return {
            "x": x,
            "x_tilde": x_tilde,
            "real_logits": logits(judged),
            "fake_logits": logits(judged_tilde),
            "code_loss": -q.log_prob(z),  # eq. 8, [B]
        }

    def _generate(self, net: Networks, z: chex.Array) -> chex.Array:
        return self.data_scale * net("generator", z)["x"]

    def _judge(self, net: Networks, x: chex.Array) -> dict[str, chex.Array]:
        """All rows of D's table."""
        return net("discriminator", x / self.data_scale)

    def _posterior(
        self, net: Networks, x: chex.Array, features: chex.Array | None
    ) -> Gaussian:
        """q(z|x) = N(mu(x), sigma^2(x) I), on D's features if E reads those."""
        seen = x / self.data_scale if features is None else features
        encoded = net("encoder", seen)
        # The floor bounds the reward for being sure of a code.
        log_variance = jnp.maximum(encoded["z_log_variance"], _MIN_LOG_VARIANCE)
        return Gaussian(encoded["z_mu"], log_variance)

    def _discriminator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        """L_d of algorithm 1."""
        real_logits, fake_logits = outcome["real_logits"], outcome["fake_logits"]
        loss = adversarial_loss(self.loss).discriminator(real_logits, fake_logits)
        if self.penalty_weight:
            penalties = penalty(self.penalty)(
                lambda x: logits(self._judge(net, x)),
                outcome["x"],
                outcome["x_tilde"],
                net.key("penalty"),
            )
            loss += self.penalty_weight * penalties
        return loss, {
            "d_real": jax.nn.sigmoid(real_logits).mean(),
            "d_fake": jax.nn.sigmoid(fake_logits).mean(),
        }

    def _generator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        """L_rec = L_g + L_e of algorithm 1."""
        loss = adversarial_loss(self.loss).generator_fake(outcome["fake_logits"])
        code_loss = outcome["code_loss"]
        start, end = self.code_weight
        weight = start ** (1.0 - net.progress) * end**net.progress
        return loss + weight * code_loss, {"code_loss": code_loss.mean()}

    # What a trained AIM can be asked.

    def encode(self, net: Networks, x: chex.Array) -> Code:
        """Algorithm 2: `z` [B, d], the mean of q(z|x), and `z_log_variance`."""
        features = self._judge(net, x)[self.features] if self.features else None
        q = self._posterior(net, x, features)
        return {"z": q.mean, "z_log_variance": q.log_variance}

    def decode(self, net: Networks, code: Code) -> chex.Array:
        """Generates x [B, ...] = G(z)."""
        return self._generate(net, code["z"])

    def sample(self, net: Networks, n: int, component: None) -> Code:
        """Draws `x` [n, ...] and its code `z` [n, d] from p(x, z)."""
        z = jax.random.normal(net.key("z"), (n, self.latent_dim))
        return {"x": self._generate(net, z), "z": z}


def make_game(config: ml_collections.ConfigDict) -> AIM:
    """Builds AIM from `config.game`."""
    return AIM(
        networks=read_tables(config, transposed=("generator",)),
        latent_dim=config.latent_dim,
        loss=config.loss,
        code_weight=tuple(config.code_weight),
        data_scale=config.data_scale,
        features=config.features,
        penalty=config.penalty,
        penalty_weight=config.penalty_weight,
    )
