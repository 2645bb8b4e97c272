"""ALI, or BiGAN: adversarially learned inference.

One discriminator tells pairs (x, z) of an image and the code inferred from it,
q(x) q(z|x), from pairs of a code drawn from the prior and the image generated from it,
p(z) p(x|z); encoder and generator are trained to make them the same (AMM, eq. 1 and 2).

Papers: Dumoulin et al. 2017, "Adversarially Learned Inference", algorithm 1; Donahue
et al. 2017, "Adversarial Feature Learning".
"""

import dataclasses
from collections.abc import Mapping

import chex
import ml_collections

from adversarial_latent.game import Losses, Networks, Outcome
from adversarial_latent.games.building import from_config
from adversarial_latent.games.gan import InferringGAN
from adversarial_latent.losses import adversarial_loss


@dataclasses.dataclass(frozen=True)
class ALI(InferringGAN):
    """The game of ALI's algorithm 1.

    The discriminator's table takes x and z, the encoder's takes x.

    Attributes:
      stochastic: whether z ~ q(z|x) as in ALI, or the mean of q(z|x) as in BiGAN.
    """

    stochastic: bool

    def play(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Infers and generates, and has D judge the pairs."""
        x, z_tilde = self._inferred(net, batch)
        z = self._draw(net, len(x))  # [B, d] ~ p(z)
        return self._judged(net, (x, z_tilde), (self._generate(net, z), z))

    def _inferred(
        self, net: Networks, batch: Mapping[str, chex.Array]
    ) -> tuple[chex.Array, chex.Array]:
        """Gives x [B, ...] ~ q(x), and z [B, d] ~ q(z|x)."""
        x = batch["x"]
        q = self._posterior(net, x)
        return x, q.sample(net.key("z_tilde")) if self.stochastic else q.mean

    def _generator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        del net
        return adversarial_loss(self.loss).generators(
            outcome["real_logits"], outcome["fake_logits"]
        ), {}


def extend(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Makes the `config.game` of a GAN that of ALI."""
    return ml_collections.ConfigDict({**config, "name": "ali", "stochastic": True})


def make_game(config: ml_collections.ConfigDict) -> ALI:
    """Builds ALI from `config.game`."""
    return from_config(ALI, config, transposed=("generator",))
