"""The PixelCNN alone: a density of images, trained by maximum likelihood.

A game of one player. It is the decoder of the PixelGAN autoencoder without a code
(figure 2b there).

Paper: van den Oord et al. 2016, "Conditional Image Generation with PixelCNN Decoders".
"""

import dataclasses

import chex
import jax
import ml_collections

from adversarial_latent.game import (
    Batch,
    Code,
    Game,
    Losses,
    Networks,
    Outputs,
    Phase,
    Player,
)
from adversarial_latent.games.building import make_pixelcnn
from adversarial_latent.pixels import quantize


@dataclasses.dataclass(frozen=True)
class PixelCNNGame(Game):
    """One network, "decoder".

    Attributes:
      levels: number of values of a pixel.
      rounding: "nearest", or "random": to one of the two nearest levels, so that the
        mean is the pixel's value. With two levels these are the binary images for which
        the literature reports likelihoods (Salakhutdinov and Murray 2008), sampled
        again at each evaluation.
    """

    levels: int
    rounding: str

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase with one player."""
        player = Player("decoder", ("decoder",), self.loss)
        return (Phase("likelihood", self.forward, (player,)),)

    def forward(self, net: Networks, batch: Batch) -> Outputs:
        """Computes the log-likelihood of images."""
        return {"log_prob": self.log_prob(net, batch["x"])}

    def loss(self, net: Networks, outputs: Outputs) -> Losses:
        """-log p(x)."""
        del net
        return -outputs["log_prob"], {}

    def log_prob(self, net: Networks, x: chex.Array) -> chex.Array:
        """Log p(x) [B] in nats, for x [B, H, W, C] rounded to the levels."""
        if self.rounding == "random":
            step = 1 / (self.levels - 1)
            noise = jax.random.uniform(net.key("rounding"), x.shape)
            x += step * (noise - 0.5)
        return net("decoder", quantize(x, self.levels))

    def sample(
        self, net: Networks, n: int, component: chex.Array | None = None
    ) -> Code:
        """Samples `x` [n, H, W, C]."""
        del component
        return {"x": net("decoder", method="sample", number=n)}


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game`; `pixelcnn` is empty."""
    return ml_collections.ConfigDict(
        {"name": "pixelcnn", "rounding": "nearest", "pixelcnn": {}}
    )


def make_game(config: ml_collections.ConfigDict) -> PixelCNNGame:
    """Builds a PixelCNN from `config.game`.

    Raises:
      ValueError: `rounding` is unknown.
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
