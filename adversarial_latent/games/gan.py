"""The generative adversarial network: a generator against a discriminator.

    min_G max_D  E_q(x)[log D(x)] + E_p(z)[log(1 - D(G(z)))]      AIM, eq. 7

Paper: Goodfellow et al. 2014, "Generative Adversarial Nets", algorithm 1.
"""

import dataclasses

import ml_collections

from adversarial_latent.game import (
    Batch,
    Game,
    Losses,
    Networks,
    Outputs,
    Phase,
    Player,
)
from adversarial_latent.games import components
from adversarial_latent.games.building import from_config
from adversarial_latent.games.components import (
    Adversary,
    Generator,
    discriminator_of_x,
)
from adversarial_latent.networks.presets import Recipes


@dataclasses.dataclass(frozen=True)
class GAN(Game):
    """The game of algorithm 1.

    Networks: "generator" maps z to `x`; "discriminator" maps x to the logit `p`.

    Attributes:
      generator: G and the prior of z.
      adversary: loss and penalty of D.
    """

    generator: Generator
    adversary: Adversary

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase of two players: D and G."""
        discriminator = Player(
            "discriminator", ("discriminator",), self.discriminator_loss
        )
        generator = Player("generator", ("generator",), self.generator_loss)
        return (Phase("adversarial", self.forward, (discriminator, generator)),)

    def forward(self, net: Networks, batch: Batch) -> Outputs:
        """Generates from the prior, and discriminates."""
        x = batch["x"]  # [B, ...] ~ q(x)
        x_tilde = self.generator.generate(net, self.generator.sample_prior(net, len(x)))
        return self.adversary.compare(
            discriminator_of_x(self.generator, net), (x,), (x_tilde,)
        )

    def discriminator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """The loss of D, and its penalty."""
        return self.adversary.discriminator_loss(
            net, outputs, discriminator_of_x(self.generator, net)
        )

    def generator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """The loss of G."""
        del net
        return self.adversary.generator_loss(outputs), {}

    decode = components.decode
    sample = components.sample


def recipes(config: ml_collections.ConfigDict) -> Recipes:
    """Networks that size themselves."""
    del config
    return {
        "generator": lambda preset: preset.decoder(z="{d}"),
        "discriminator": lambda preset: preset.discriminator(),
    }


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game` that all extensions of the GAN have.

    The caller adds `networks` (`networks/spec.py`).
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
            "kernel_init": "0.02",  # standard deviation, or lecun, or he
        }
    )


def make_game(config: ml_collections.ConfigDict) -> GAN:
    """Builds a GAN from `config.game`."""
    return from_config(GAN, config)
