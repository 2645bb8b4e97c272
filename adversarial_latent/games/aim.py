"""AIM: inference by matching priors and conditionals.

The discriminator sees data only. The encoder says how likely the code is from which
an image was generated, and generator and encoder both maximise that:

    min_{G,E} max_D  V(G, D) + lambda E_{p(z)}[-log q(z | G(z))]      eq. 9

AIM- is AIM with an encoder whose `z_log_variance` is a row of `zeros`.

Paper: "AIM: Adversarial Inference by Matching Priors and Conditionals", algorithm 1.
"""

import dataclasses
from collections.abc import Mapping

import chex
import ml_collections

from adversarial_latent.distributions import Gaussian
from adversarial_latent.game import Losses, Networks, Outcome
from adversarial_latent.games.building import from_config
from adversarial_latent.games.gan import InferringGAN
from adversarial_latent.inputs import InputError
from adversarial_latent.networks.rows import parse_table
from adversarial_latent.networks.table import logits


@dataclasses.dataclass(frozen=True)
class AIM(InferringGAN):
    """The game of algorithm 1.

    Attributes:
      code_weight: lambda at the start and at the end of training, geometrically
        between; the paper keeps it at 1/d with eq. 7, at 1 with eq. 6.
      features: the row of D which the encoder reads; "" for an encoder of its own on
        x. D learns nothing from the encoder, whose loss only passes through it.
    """

    code_weight: tuple[float, float]
    features: str

    def play(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Generates from the prior, has D judge and E infer."""
        x = batch["x"]  # [B, ...] ~ q(x)
        z = self._draw(net, len(x))  # ~ p(z)
        x_tilde = self._generate(net, z)
        judged, judged_tilde = self._judge(net, x), self._judge(net, x_tilde)
        features = judged_tilde[self.features] if self.features else None
        return {
            "real": (x,),
            "fake": (x_tilde,),
            "real_logits": logits(judged),
            "fake_logits": logits(judged_tilde),
            "code_loss": -self._posterior(net, x_tilde, features).log_prob(z),  # eq. 8
        }

    def _generator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        """L_rec = L_g + L_e of algorithm 1."""
        loss, scalars = super()._generator_loss(net, outcome)
        code_loss = outcome["code_loss"]
        start, end = self.code_weight
        weight = start ** (1.0 - net.progress) * end**net.progress
        return loss + weight * code_loss, scalars | {"code_loss": code_loss.mean()}

    def posterior(self, net: Networks, x: chex.Array) -> Gaussian:
        """q(z|x) of algorithm 2, whose mean and variance are [B, d]."""
        features = self._judge(net, x)[self.features] if self.features else None
        return self._posterior(net, x, features)


def extend(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Makes the `config.game` of a GAN that of AIM, with lambda = 1/d."""
    weight = 1.0 / config.latent_dim
    own = {"name": "aim", "code_weight": (weight, weight), "features": ""}
    return ml_collections.ConfigDict({**config, **own})


def make_game(config: ml_collections.ConfigDict) -> AIM:
    """Builds AIM from `config.game`.

    Raises:
      InputError: if `features` is no row of the discriminator's table.
    """
    game = from_config(
        AIM,
        config,
        transposed=("generator",),
        code_weight=tuple(config.code_weight),
    )
    if game.features and "discriminator" in game.networks:
        rows = parse_table(game.networks["discriminator"].text, config.padding)
        names = [row.name for row in rows]
        if game.features not in names:
            raise InputError(
                f"config.game.features={game.features!r} is no row of the "
                f"discriminator's table; there are {', '.join(names)}"
            )
    return game
