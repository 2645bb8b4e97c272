"""ALI, or BiGAN: adversarially learned inference.

One discriminator compares two kinds of pairs (x, z): an image and its inferred code,
q(x) q(z|x), and a code sampled from the prior and the image generated from it,
p(z) p(x|z). Encoder and generator learn to make them the same (AMM, eq. 1 and 2).

Papers: Dumoulin et al. 2017, "Adversarially Learned Inference", algorithm 1; Donahue
et al. 2017, "Adversarial Feature Learning".
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
from adversarial_latent.games.components import Adversary, Discriminate, Generator
from adversarial_latent.networks.presets import Recipes


@dataclasses.dataclass(frozen=True)
class ALI(Game):
    """The game of ALI's algorithm 1.

    Networks: "generator" maps z to `x`; "encoder" maps x to `z_mu` and
    `z_log_variance`; "discriminator" maps x and z to the logit `p`. The table of a
    stochastic generator, p(x|z), has a row `ExpN` of `zeros`.

    Attributes:
      generator: G and the prior of z.
      adversary: loss and penalty of D.
      stochastic: whether z is sampled from q(z|x) (ALI), or is its mean (BiGAN).
    """

    generator: Generator
    adversary: Adversary
    stochastic: bool

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase of two players: D, and G with E."""
        return components.adversarial_phase(self)

    def forward(self, net: Networks, batch: Batch) -> Outputs:
        """Infers codes, generates, and discriminates the pairs."""
        x = batch["x"]  # [B, ...] ~ q(x)
        q = self.posterior(net, x)
        z_tilde = sample_posterior(net, q, self.stochastic)
        z = self.generator.sample_prior(net, len(x))  # [B, d] ~ p(z)
        fake = (self.generator.generate(net, z), z)
        return self.adversary.compare(
            discriminate_pairs(net, self.generator), (x, z_tilde), fake
        )

    def discriminator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """The loss of D, and its penalty."""
        return self.adversary.discriminator_loss(
            net, outputs, discriminate_pairs(net, self.generator)
        )

    def generator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """The loss of G on the fake side, and of E on the real one."""
        del net
        return self.adversary.generators_loss(outputs), {}

    posterior = components.posterior
    encode = components.encode
    decode = components.decode
    sample = components.sample
    variations = components.variations


def sample_posterior(net: Networks, q: Gaussian, stochastic: bool) -> chex.Array:
    """Samples z [B, d] ~ q(z|x), or takes its mean."""
    return q.sample(net.key("z_tilde")) if stochastic else q.mean


def discriminate_pairs(net: Networks, generator: Generator) -> Discriminate:
    """The discriminator of pairs of x [B, ...] and z [B, d]."""
    return lambda x, z: net("discriminator", generator.normalize(x), z)


def recipes(config: ml_collections.ConfigDict) -> Recipes:
    """Networks that size themselves, with a deterministic generator."""
    return {
        **gan.recipes(config),
        "discriminator": lambda preset: preset.discriminator(z="{d}"),
        "encoder": lambda preset: preset.encoder().append(components.POSTERIOR),
    }


def extend(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Turns the `config.game` of a GAN into that of ALI."""
    return ml_collections.ConfigDict({**config, "name": "ali", "stochastic": True})


def make_game(config: ml_collections.ConfigDict) -> ALI:
    """Builds ALI from `config.game`."""
    return from_config(ALI, config)
