"""The PixelCNN by itself: a density of images, trained by maximum likelihood.

A game of one player. It is what the PixelGAN autoencoder's decoder does without a code
(figure 2b there).

Paper: van den Oord et al. 2016, "Conditional Image Generation with PixelCNN Decoders".
"""

import dataclasses
from collections.abc import Mapping

import chex
import jax
import ml_collections

from adversarial_latent.game import Code, Game, Losses, Networks, Outcome, Player
from adversarial_latent.games.building import make_pixelcnn
from adversarial_latent.pixels import quantize


@dataclasses.dataclass(frozen=True)
class PixelCNNGame(Game):
    """One network, "decoder".

    Attributes:
      levels: how many values a pixel can have.
      rounding: "nearest", or "random": to one of the two nearest levels, so that the
        mean is the pixel's value. With two levels these are the binary images that
        the literature's likelihoods are of (Salakhutdinov and Murray 2008), drawn anew
        at each look.
    """

    levels: int
    rounding: str

    @property
    def players(self) -> tuple[Player, ...]:
        """The decoder, which has nobody to play against."""
        return (Player("decoder", ("decoder",), self._loss),)

    def play(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Says how probable images are."""
        return {"log_prob": self.log_prob(net, batch["x"])}

    def _loss(self, net: Networks, outcome: Outcome) -> Losses:
        del net
        return -outcome["log_prob"], {}

    def log_prob(self, net: Networks, x: chex.Array) -> chex.Array:
        """Log p(x) [B] in nats, of x [B, H, W, C] with its levels."""
        if self.rounding == "random":
            step = 1 / (self.levels - 1)
            noise = jax.random.uniform(net.key("rounding"), x.shape)
            x += step * (noise - 0.5)
        return net("decoder", quantize(x, self.levels))

    def sample(self, net: Networks, n: int, component: None) -> Code:
        """Draws `x` [n, H, W, C]."""
        del component
        return {"x": net("decoder", method="sample", number=n)}


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game`, of which `pixelcnn` is missing."""
    return ml_collections.ConfigDict(
        {"name": "pixelcnn", "rounding": "nearest", "pixelcnn": {}}
    )


def make_game(config: ml_collections.ConfigDict) -> PixelCNNGame:
    """Builds a PixelCNN from `config.game`.

    Raises:
      ValueError: if there is no such rounding.
    """
    if config.rounding not in ("nearest", "random"):
        raise ValueError(
            f"config.game.rounding={config.rounding!r} must be nearest or random"
        )
    return PixelCNNGame(
        {"decoder": make_pixelcnn(config.pixelcnn)},
        levels=config.pixelcnn.levels,
        rounding=config.rounding,
    )
