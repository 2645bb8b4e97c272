"""InfoGAN: a GAN whose examples show a category that can be inferred from them.

    min_{G,Q} max_D  V(G, D) - lambda E[log q(y | G(y, z))]

y is uniform over K categories, and z ~ N(0, I) is all else. The encoder is the paper's
Q, with a network of its own. It learns from generated examples alone.

Paper: Chen et al. 2016, "InfoGAN: Interpretable Representation Learning by Information
Maximizing Generative Adversarial Nets", eq. 5 and 6.
"""

import dataclasses

import chex
import jax
import ml_collections
import optax

from adversarial_latent.game import (
    Batch,
    Code,
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
from adversarial_latent.networks.presets import Preset, Recipes
from adversarial_latent.networks.table import Table


@dataclasses.dataclass(frozen=True)
class InfoGAN(Game):
    """The game of eq. 6.

    Networks: "generator" maps y and z to `x`; "discriminator" maps x to the logit `p`;
    "encoder" maps x to `y_mu`, the logits of q(y|x).

    Attributes:
      generator: scales of x, and the prior of z.
      adversary: loss and penalty of D.
      information_weight: lambda; 1 in the paper.
    """

    generator: Generator
    adversary: Adversary
    information_weight: float

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase of two players: D, and G with Q."""
        return components.adversarial_phase(self)

    def forward(self, net: Networks, batch: Batch) -> Outputs:
        """Generates from the prior, discriminates, and infers y back."""
        x = batch["x"]  # [B, ...] ~ q(x)
        generated = self.sample(net, len(x))
        y_mu = self._infer(net, generated["x"])
        return {
            **self.adversary.compare(
                discriminator_of_x(self.generator, net), (x,), (generated["x"],)
            ),
            "code_loss": optax.softmax_cross_entropy(y_mu, generated["y"]),
        }

    def _infer(self, net: Networks, x: chex.Array) -> chex.Array:
        return net("encoder", self.generator.normalize(x))["y_mu"]

    def discriminator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """The loss of D, and its penalty."""
        return self.adversary.discriminator_loss(
            net, outputs, discriminator_of_x(self.generator, net)
        )

    def generator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """The loss of G, and the bound on the information of x about y."""
        del net
        code_loss = outputs["code_loss"]
        loss = self.adversary.generator_loss(outputs)
        return loss + self.information_weight * code_loss, {
            "code_loss": code_loss.mean()
        }

    def encode(self, net: Networks, x: chex.Array) -> Code:
        """Infers `y` [B, K]."""
        return {"y": jax.nn.softmax(self._infer(net, x))}

    def sample(
        self, net: Networks, n: int, component: chex.Array | None = None
    ) -> Code:
        """Samples `x` [n, ...] and its code, `y` [n, K] and `z` [n, d]."""
        assert self.num_components is not None
        if component is None:
            component = jax.random.randint(net.key("y"), (n,), 0, self.num_components)
        y = jax.nn.one_hot(component, self.num_components)
        z = self.generator.sample_prior(net, n)
        return {"x": self.generator.generate(net, y, z), "y": y, "z": z}


def recipes(config: ml_collections.ConfigDict) -> Recipes:
    """Networks that size themselves."""
    del config

    def encoder(preset: Preset) -> Table:
        return preset.encoder().append(Table.parse("y_mu  h  {k}  1  1  -  -  -  -"))

    return {
        "generator": lambda preset: preset.decoder(y="{k}", z="{d}"),
        "discriminator": lambda preset: preset.discriminator(),
        "encoder": encoder,
    }


def extend(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Turns the `config.game` of a GAN into that of InfoGAN with 10 categories."""
    own = {"name": "infogan", "num_components": 10, "information_weight": 1.0}
    return ml_collections.ConfigDict({**config, **own})


def make_game(config: ml_collections.ConfigDict) -> InfoGAN:
    """Builds InfoGAN from `config.game`."""
    return from_config(InfoGAN, config)
