"""The unrolled GAN: a generator that looks ahead to the discriminator's updates.

The generator's loss uses the discriminator D_k, which is D after k more updates by its
own optimiser on the same minibatch. The gradient passes through these updates, from
both terms of the game's value: D_k(x) of the data depends on G as well. D itself is
updated as in a GAN.

Paper: Metz et al. 2017, "Unrolled Generative Adversarial Networks", eq. 7 to 12.
"""

import dataclasses

import chex
import ml_collections

from adversarial_latent.game import (
    Batch,
    Game,
    Losses,
    Networks,
    Outputs,
    Phase,
)
from adversarial_latent.games import components
from adversarial_latent.games.building import from_config
from adversarial_latent.games.components import (
    Adversary,
    Generator,
    discriminator_of_x,
)
from adversarial_latent.steps import look_ahead


@dataclasses.dataclass(frozen=True)
class UnrolledGAN(Game):
    """The game of the paper's eq. 11 and 12.

    Networks: those of a GAN.

    Attributes:
      generator: G and the prior of z.
      adversary: loss and penalty of D.
      unrolled_steps: k; 0 gives a GAN.
    """

    generator: Generator
    adversary: Adversary
    unrolled_steps: int

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase of two players: D and G."""
        return components.adversarial_phase(self, generators=("generator",))

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
        """The loss of G against D_k, with both terms (eq. 10)."""
        real, fake = outputs["real"], outputs["fake"]
        discriminator, _ = self.players

        def compare(net: Networks) -> Outputs:
            return self.adversary.compare(
                discriminator_of_x(self.generator, net), real, fake
            )

        def discriminator_losses(net: Networks) -> chex.Array:
            return self.discriminator_loss(net, compare(net))[0]

        for _ in range(self.unrolled_steps):
            net = look_ahead(net, discriminator, discriminator_losses)
        return self.adversary.generators_loss(compare(net)), {}

    decode = components.decode
    sample = components.sample


def extend(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Turns the `config.game` of a GAN into that of an unrolled GAN, with k = 5."""
    own = {"name": "unrolled_gan", "unrolled_steps": 5}
    return ml_collections.ConfigDict({**config, **own})


def make_game(config: ml_collections.ConfigDict) -> UnrolledGAN:
    """Builds an unrolled GAN from `config.game`."""
    return from_config(UnrolledGAN, config, ranges={"unrolled_steps": "[0, 100]"})
