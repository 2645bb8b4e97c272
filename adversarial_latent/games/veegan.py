"""VEEGAN: a reconstructor of the noise keeps the generator from collapsing.

    min_{G,F}  E_p(z)[D(G(z), z)] + E_p(z)[-log q(z | G(z))]

where D is the log-odds that a pair (x, z) is generated, rather than data x with
z ~ q(z|x), the distribution of the reconstructor F. F learns from the second term
alone.

Paper: Srivastava et al. 2017, "VEEGAN: Reducing Mode Collapse in GANs using Implicit
Variational Learning", algorithm 1.
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
)
from adversarial_latent.games import ali, components
from adversarial_latent.games.building import from_config
from adversarial_latent.games.components import Adversary, Generator


@dataclasses.dataclass(frozen=True)
class VEEGAN(Game):
    """The game of VEEGAN's algorithm 1; the encoder is the reconstructor.

    Networks: those of ALI.

    Attributes:
      generator: G and the prior of z.
      adversary: loss and penalty of D.
      stochastic: whether z is sampled from q(z|x), or is its mean.
      code_weight: weight of -log q(z|x~); 1 in the paper.
    """

    generator: Generator
    adversary: Adversary
    stochastic: bool
    code_weight: float

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase of two players: D, and G with F."""
        return components.adversarial_phase(self)

    def forward(self, net: Networks, batch: Batch) -> Outputs:
        """As in ALI, with the inference of z back from x~."""
        x = batch["x"]  # [B, ...] ~ q(x)
        z_tilde = ali.sample_posterior(net, self.posterior(net, x), self.stochastic)
        z = self.generator.sample_prior(net, len(x))  # [B, d] ~ p(z)
        x_tilde = self.generator.generate(net, z)
        outputs = self.adversary.compare(
            ali.discriminate_pairs(net, self.generator), (x, z_tilde), (x_tilde, z)
        )
        return outputs | {"code_loss": -self.posterior(net, x_tilde).log_prob(z)}

    def discriminator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """The loss of D, and its penalty."""
        return self.adversary.discriminator_loss(
            net, outputs, ali.discriminate_pairs(net, self.generator)
        )

    def generator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """The loss of G and F.

        D here is the log-odds of data. The adversarial term is linear, and estimates
        KL(p(x, z) || q(x, z)).
        """
        del net
        code_loss = outputs["code_loss"]
        loss = -outputs["fake_logits"] + self.code_weight * code_loss
        return loss, {"code_loss": code_loss.mean()}

    posterior = components.posterior
    encode = components.encode
    decode = components.decode
    sample = components.sample
    variations = components.variations


def extend(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Turns the `config.game` of a GAN into that of VEEGAN."""
    own = {"name": "veegan", "code_weight": 1.0}
    return ml_collections.ConfigDict({**ali.extend(config), **own})


def make_game(config: ml_collections.ConfigDict) -> VEEGAN:
    """Builds VEEGAN from `config.game`."""
    return from_config(VEEGAN, config)
