"""The unrolled GAN: a generator that foresees the discriminator's answer.

The generator's loss is that against the discriminator D_k, which is D after k more
steps of its own optimiser on the same minibatch, and its gradient passes through those
steps. D itself moves as in a GAN.

Paper: Metz et al. 2017, "Unrolled Generative Adversarial Networks", eq. 7 to 12.
"""

import dataclasses

import chex
import ml_collections

from adversarial_latent.game import Losses, Networks, Outcome
from adversarial_latent.games.building import from_config
from adversarial_latent.games.gan import GAN
from adversarial_latent.networks.table import logits
from adversarial_latent.steps import ahead


@dataclasses.dataclass(frozen=True)
class UnrolledGAN(GAN):
    """The game of the paper's eq. 11 and 12.

    Attributes:
      unrolled_steps: k; 0 is a GAN.
    """

    unrolled_steps: int

    def _generator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        discriminator, _ = self.players

        def judged(net: Networks) -> Outcome:
            return self._judged(net, outcome["real"], outcome["fake"])

        def loss(net: Networks) -> chex.Array:
            return self._discriminator_loss(net, judged(net))[0]

        for _ in range(self.unrolled_steps):
            net = ahead(net, discriminator, loss)
        fake_logits = logits(self._judge(net, *outcome["fake"]))
        return super()._generator_loss(net, outcome | {"fake_logits": fake_logits})


def extend(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Makes the `config.game` of a GAN that of an unrolled GAN, with 5 steps."""
    own = {"name": "unrolled_gan", "unrolled_steps": 5}
    return ml_collections.ConfigDict({**config, **own})


def make_game(config: ml_collections.ConfigDict) -> UnrolledGAN:
    """Builds an unrolled GAN from `config.game`."""
    return from_config(
        UnrolledGAN,
        config,
        transposed=("generator",),
        ranges={"unrolled_steps": "[0, 100]"},
    )
