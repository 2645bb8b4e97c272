"""VEEGAN: a reconstructor of the noise keeps the generator from collapsing.

    min_{G,F}  E_p(z)[D(G(z), z)] + E_p(z)[-log q(z | G(z))]

where D is the log-odds that a pair (x, z) is generated, not of data x with z ~ q(z|x),
the reconstructor F's distribution. F learns by the second term alone.

Paper: Srivastava et al. 2017, "VEEGAN: Reducing Mode Collapse in GANs using Implicit
Variational Learning", algorithm 1.
"""

import dataclasses
from collections.abc import Mapping

import chex
import ml_collections

from adversarial_latent.game import Losses, Networks, Outcome
from adversarial_latent.games import ali
from adversarial_latent.games.building import from_config


@dataclasses.dataclass(frozen=True)
class VEEGAN(ali.ALI):
    """The game of VEEGAN's algorithm 1; the encoder is the reconstructor.

    Attributes:
      code_weight: of -log q(z|x~); 1 in the paper.
    """

    code_weight: float

    def play(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """As ALI plays, and back from x~ to z."""
        outcome = super().play(net, batch)
        x_tilde, z = outcome["fake"]
        return outcome | {"code_loss": -self._posterior(net, x_tilde).log_prob(z)}

    def _generator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        del net
        # Our D is the log-odds of data. Linear: an estimate of KL(p(x, z) || q(x, z)).
        code_loss = outcome["code_loss"]
        loss = -outcome["fake_logits"] + self.code_weight * code_loss
        return loss, {"code_loss": code_loss.mean()}


def extend(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Makes the `config.game` of a GAN that of VEEGAN."""
    own = {"name": "veegan", "code_weight": 1.0}
    return ml_collections.ConfigDict({**ali.extend(config), **own})


def make_game(config: ml_collections.ConfigDict) -> VEEGAN:
    """Builds VEEGAN from `config.game`."""
    return from_config(VEEGAN, config, transposed=("generator",))
