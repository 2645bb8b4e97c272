"""Clustering by information maximisation: q(y|x) alone, without an adversarial game.

    max  w_b H(y) - w_c H(y|x) - w_a E[KL(q(y|x) || q(y|x + r))]

r is the adversarial direction within a small radius. This is what AMM's added terms do
without the game, and thus what the game is measured against.

Papers: Krause et al. 2010, "Discriminative Clustering by Regularized Information
Maximization"; Hu et al. 2017, "Learning Discrete Representations via Information
Maximizing Self-Augmented Training", with the adversarial perturbation.
"""

import dataclasses

import chex
import jax
import ml_collections

from adversarial_latent.consistency import NeighbourDistance
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
from adversarial_latent.games.building import from_config
from adversarial_latent.games.components import InformationTerms
from adversarial_latent.networks.presets import Preset, Recipes
from adversarial_latent.networks.table import Table


@dataclasses.dataclass(frozen=True)
class InformationMaximization(Game):
    """One network, "encoder", maps x to the logits `y_mu` of q(y|x).

    Attributes:
      terms: the weights; the consistency term needs at least two examples on a device.
    """

    terms: InformationTerms

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase with one player."""
        player = Player("encoder", ("encoder",), self.loss)
        return (Phase("information", self.forward, (player,)),)

    @property
    def quantities(self) -> dict[str, NeighbourDistance]:
        """The distance to a neighbour, if consistency is measured by it."""
        return self.terms.quantities

    def forward(self, net: Networks, batch: Batch) -> Outputs:
        """Infers the logits of y."""
        x = batch["x"]
        y_mu = net("encoder", x)["y_mu"]
        return {"x": x, "y_mu": y_mu, **self.terms.read(batch, "x")}

    def loss(self, net: Networks, outputs: Outputs) -> Losses:
        """The negative objective."""
        loss, information = self.terms.information(outputs["y_mu"])
        scalars = {"information": information}
        if self.terms.consistency_weight:
            consistency = self.terms.consistency(
                lambda x: net.fork()("encoder", x)["y_mu"],
                outputs["x"],
                outputs["y_mu"],
                net.key("consistency"),
                outputs.get("neighbour_distance"),
            )
            loss += self.terms.consistency_weight * consistency
            scalars["consistency"] = consistency.mean()
        return loss, scalars

    def encode(self, net: Networks, x: chex.Array) -> Code:
        """Infers `y` [B, K]."""
        return {"y": jax.nn.softmax(net("encoder", x)["y_mu"])}


def recipes(config: ml_collections.ConfigDict) -> Recipes:
    """A network that sizes itself: q(y|x) of AMM."""
    del config

    def encoder(preset: Preset) -> Table:
        rows = Table.parse("""
y1    h   {units}  1  1  -  -  yes  Leak0.2
y_mu  y1  {k}      1  1  -  -  -    -
""")
        return preset.encoder().append(rows.fill(units=preset.units))

    return {"encoder": encoder}


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game`, except `networks`, with the weights of Hu et al."""
    return ml_collections.ConfigDict(
        {
            "name": "information",
            "num_components": 10,
            "consistency_weight": 1.0,
            "consistency_radius": 0.25,
            "consistency_neighbour": 0,
            "consistency_probe": 1.5,
            "confidence_weight": 0.1,
            "balance_weight": 0.4,
            "kernel_init": "he",
        }
    )


def extract(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Turns the `config.game` of AMM into that of its terms alone.

    The caller reduces the encoder to the rows that y reads, to save their memory.
    """
    kept = {name: config[name] for name in default_config()}
    if "networks" in config:
        kept["networks"] = {"encoder": config.networks.encoder}
    return ml_collections.ConfigDict(kept | {"name": "information"})


def make_game(config: ml_collections.ConfigDict) -> InformationMaximization:
    """Builds the game from `config.game`."""
    return from_config(InformationMaximization, config)
