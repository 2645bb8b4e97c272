"""AIM: inference by matching priors and conditionals.

The discriminator sees data only. The encoder gives the likelihood of the code that an
image was generated from. Generator and encoder both maximise it:

    min_{G,E} max_D  V(G, D) + lambda E_{p(z)}[-log q(z | G(z))]      eq. 9

AIM- is AIM whose encoder has a row of `zeros` as `z_log_variance`.

Paper: "AIM: Adversarial Inference by Matching Priors and Conditionals", algorithm 1.
"""

import dataclasses

import chex
import ml_collections

from adversarial_latent.distributions import Gaussian
from adversarial_latent.game import (
    Batch,
    Game,
    Losses,
    Networks,
    Outputs,
    Phase,
)
from adversarial_latent.games import components, gan
from adversarial_latent.games.building import from_config
from adversarial_latent.games.components import (
    Adversary,
    Generator,
    gaussian_posterior,
    logits,
)
from adversarial_latent.inputs import InputError
from adversarial_latent.networks.presets import Preset, Recipes
from adversarial_latent.networks.table import Table
from adversarial_latent.networks.table_network import TableNetwork


@dataclasses.dataclass(frozen=True)
class AIM(Game):
    """The game of algorithm 1.

    Networks: "generator" maps z to `x`; "discriminator" maps x to the logit `p` and to
    `features`; "encoder" maps these features, or x, to `z_mu` and `z_log_variance`.

    Attributes:
      generator: G and the prior of z.
      adversary: loss and penalty of D.
      code_weight: lambda at the start and at the end of training, with geometric
        interpolation between them. In the paper it is constant: 1/d with eq. 7, 1 with
        eq. 6.
      features: the output of D that the encoder reads; "" for an encoder that reads x.
        The encoder's loss passes through D, but does not train it.
    """

    generator: Generator
    adversary: Adversary
    code_weight: tuple[float, float]
    features: str

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase of two players: D, and G with E."""
        return components.adversarial_phase(self)

    def forward(self, net: Networks, batch: Batch) -> Outputs:
        """Generates from the prior, discriminates, and infers the codes back."""
        x = batch["x"]  # [B, ...] ~ q(x)
        z = self.generator.sample_prior(net, len(x))  # ~ p(z)
        x_tilde = self.generator.generate(net, z)
        real, fake = self._discriminate(net, x), self._discriminate(net, x_tilde)
        q = gaussian_posterior(
            net,
            fake[self.features] if self.features else self.generator.normalize(x_tilde),
        )
        return {
            "real": (x,),
            "fake": (x_tilde,),
            "real_logits": logits(real),
            "fake_logits": logits(fake),
            "code_loss": -q.log_prob(z),  # eq. 8
        }

    def _discriminate(self, net: Networks, x: chex.Array) -> dict[str, chex.Array]:
        return net("discriminator", self.generator.normalize(x))

    def discriminator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """L_d of algorithm 1, and the penalty on D."""
        return self.adversary.discriminator_loss(
            net, outputs, lambda x: self._discriminate(net, x)
        )

    def generator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """L_rec = L_g + L_e of algorithm 1."""
        code_loss = outputs["code_loss"]
        start, end = self.code_weight
        weight = start ** (1.0 - net.progress) * end**net.progress
        loss = self.adversary.generator_loss(outputs) + weight * code_loss
        return loss, {"code_loss": code_loss.mean()}

    def posterior(self, net: Networks, x: chex.Array) -> Gaussian:
        """q(z|x) of algorithm 2; its mean and variance are [B, d]."""
        if self.features:
            return gaussian_posterior(net, self._discriminate(net, x)[self.features])
        return gaussian_posterior(net, self.generator.normalize(x))

    encode = components.encode
    decode = components.decode
    sample = components.sample
    variations = components.variations


def recipes(config: ml_collections.ConfigDict) -> Recipes:
    """Networks that size themselves."""

    def encoder(preset: Preset) -> Table:
        if config.features:
            return preset.mlp(features=preset.units).append(components.POSTERIOR)
        return preset.encoder().append(components.POSTERIOR)

    return {**gan.recipes(config), "encoder": encoder}


def extend(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Turns the `config.game` of a GAN into that of AIM, with lambda = 1/d."""
    weight = 1.0 / config.latent_dim
    own = {"name": "aim", "code_weight": (weight, weight), "features": ""}
    return ml_collections.ConfigDict({**config, **own})


def make_game(config: ml_collections.ConfigDict) -> AIM:
    """Builds AIM from `config.game`.

    Raises:
      InputError: `features` is not a row of the discriminator's table.
    """
    game = from_config(AIM, config)
    discriminator = game.modules.get("discriminator")
    if game.features and isinstance(discriminator, TableNetwork):
        names = [row.name for row in discriminator.table.rows]
        if game.features not in names:
            raise InputError(
                f"config.game.features={game.features!r} is not a row of the "
                f"discriminator's table, which has {', '.join(names)}"
            )
    return game
