"""The PixelGAN autoencoder: an adversarial autoencoder whose decoder is a PixelCNN.

Phases and code are those of an adversarial autoencoder. Its decoder p(x|z) is
autoregressive, so that the code need not hold all of x: it keeps what the decoder
cannot see for itself. A Gaussian prior makes that the global structure, a categorical
one the class. Of the terms of the evidence lower bound

    E_q(z|x)[log p(x|z)]  -  KL(q(z) || p(z))  -  I(z; x)      eq. 2

the reconstruction phase maximises the first and the adversarial phase the second; the
third, which would have the code ignored, is left out.

Paper: "PixelGAN Autoencoders", section 2.
"""

import dataclasses

import chex
import jax.numpy as jnp
import ml_collections

from adversarial_latent.game import Code, Networks
from adversarial_latent.games import aae
from adversarial_latent.games.building import from_config, make_pixelcnn
from adversarial_latent.pixels import quantize


@dataclasses.dataclass(frozen=True)
class PixelGAN(aae.AAE):
    """The game of section 2.

    Attributes:
      levels: how many values a pixel can have; encoder and decoder see the nearest.
    """

    levels: int

    @property
    def log_prob_given_code(self) -> bool:
        """Yes: log p(x|z)."""
        return True

    def _seen(self, x: chex.Array) -> chex.Array:
        return quantize(x, self.levels)

    def _unexplained(self, net: Networks, x: chex.Array, code: Code) -> chex.Array:
        """-log p(x|z), [B] in nats."""
        return -net("decoder", self._seen(x), self._vector(code))

    def _vector(self, code: Code) -> chex.Array:
        """The parts of a code side by side: [B, K + d]."""
        return jnp.concatenate([code[part] for part in self.priors], axis=-1)

    # What a trained one can be asked.

    def log_prob(self, net: Networks, x: chex.Array) -> chex.Array:
        """Log p(x|z) [B] in nats, of the code z that is inferred from x [B, ...]."""
        return -self._unexplained(net, x, self._code(net, x))

    def decode(self, net: Networks, code: Code) -> chex.Array:
        """Draws x [B, ...] ~ p(x|z)."""
        return net("decoder", self._vector(code), method="sample")

    def neighbours(self, net: Networks, x: chex.Array) -> chex.Array:
        """Draws what has the code of x [B, ...]."""
        return self.decode(net, self._code(net, x))


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game`, of which `tables` and `pixelcnn` are missing."""
    own = {"name": "pixelgan", "pixelcnn": {}}
    return ml_collections.ConfigDict({**aae.default_config(), **own})


def make_game(config: ml_collections.ConfigDict) -> PixelGAN:
    """Builds a PixelGAN autoencoder from `config.game`.

    Raises:
      ValueError: if it is supervised, or priors do not fit.
    """
    if config.supervised:
        raise ValueError("config.game.supervised: a PixelGAN autoencoder infers y")
    return from_config(
        PixelGAN,
        config,
        transposed=(),
        networks={"decoder": make_pixelcnn(config.pixelcnn)},
        others=("pixelcnn",),
        levels=config.pixelcnn.levels,
        priors=aae.read_priors(config),
    )
