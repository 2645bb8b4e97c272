"""AMM, the Adversarially Learned Mixture Model: clusters and codes, without labels.

One discriminator compares two ways to sample a triple (x, y, z):

    inference  q(x, y, z) = q(x) q(y|x) q(z|x, y)         eq. 6, or
                            q(x) q(z|x) q(y|x, z)         eq. 7, or
                            q(x) q(y|x) q(z|x)            eq. 15
    synthesis  p(x, y, z) = p(y) p(z|y) p(x|y, z)         eq. 11, or
                            p(y) p(z)   p(x|y, z)         eq. 16

They are matched as ALI matches q(x) q(z|x) (eq. 1) to p(z) p(x|z) (eq. 2). The
encoder's table determines the inference distribution: y's tower feeds z's (6), z's
feeds y's (7), or neither (15). Likewise the prior's table determines whether p(z|y) has
learned means and variances (eq. 12), or ignores y (16).

Equation 10 conditions z on h_y, the noisy logits of eq. 8. Algorithms 1 and 2 and
figure 1 condition it on y = softmax(h_y), which is what is done here: a label, which
SAMM gives to the same network, has no h_y, and neither has the most probable y.

`InformationTerms` and `y_gradient` change what q(y|x) learns from. The paper has
neither; they help where data or networks are small (experiments/results/amm/README.md).

Paper: "Adversarially Learned Mixture Model", algorithm 1.
"""

import dataclasses
from typing import Any

import chex
import jax
import jax.numpy as jnp
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
)
from adversarial_latent.games import components, mixture_prior
from adversarial_latent.games.building import from_config
from adversarial_latent.games.components import Adversary, InformationTerms
from adversarial_latent.games.mixture_prior import MixturePrior
from adversarial_latent.networks.presets import Preset, Recipes
from adversarial_latent.networks.table import Table


@dataclasses.dataclass(frozen=True)
class AMM(Game):
    """The game of algorithm 1.

    Networks: "encoder" maps x to `y`, whose mean logits are `y_mu`, and to `z`;
    "discriminator" maps x, y and z to the logit `p`; and those of `MixturePrior`. In
    the paper the loss is "non_saturating" (eq. 13) and the penalty "gradient" (eq. 18),
    with weight lambda. Inference passes the encoder two options: `noise=False` for
    codes at the mean of their noise, and `given={"y": y}` for the z of that y. Training
    passes `gradients={"y": fraction}` if `y_gradient` is not 1.

    Attributes:
      prior: the synthesis side.
      adversary: loss and penalty of D.
      terms: terms of q(y|x) in the generators' loss; all weights are 0 in the paper.
      y_gradient: fraction of the adversarial gradient that reaches y's logits, from D's
        input y as well as through z (eq. 6); 1 in the paper. Layers that z shares with
        y also have the gradient of z.
    """

    prior: MixturePrior
    adversary: Adversary
    terms: InformationTerms
    y_gradient: float

    @property
    def phases(self) -> tuple[Phase, ...]:
        """One phase of two players: D, and all other networks together."""
        others = tuple(name for name in self.modules if name != "discriminator")
        return components.adversarial_phase(self, generators=others)

    @property
    def quantities(self) -> dict[str, NeighbourDistance]:
        """The distance to a neighbour, if consistency is measured by it."""
        return self.terms.quantities

    def forward(self, net: Networks, batch: Batch) -> Outputs:
        """Samples from both joint distributions, and discriminates.

        Returns:
          the outputs of `Adversary.compare`; `y_mu` [B, K], the mean logits of y~;
          `example_weights` [B], weights of real-fake pairs in the loss, with mean 1;
          and `neighbour_distance` [B], if the terms read it.
        """
        x = batch["x"]  # [B, H, W, C]
        # Inference, eq. 3 and 8 to 10: soft y~ [B, K], and z~ [B, d].
        inferred = infer_batch(self, net, x)
        real = (x, inferred["y"], inferred["z"])
        outputs = {"y_mu": inferred["y_mu"], "example_weights": jnp.ones(len(x))}
        outputs |= self.terms.read(batch, "x")
        fake = self.prior.synthesize_batch(net, len(x))
        return outputs | self.adversary.compare(discriminate(net), real, fake)

    def discriminator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """L_D of algorithm 1, with the penalty of eq. 18."""
        return discriminator_loss(self, net, outputs)

    def generator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """L_{G_x} = L_{G_z(y)} on the fake side, L_{G_y} = L_{G_z(x)} on the real."""
        return generator_loss(self, net, outputs)

    def encode(self, net: Networks, x: chex.Array) -> Code:
        """Infers `y` [B, K] at the mean of its noise, and `z` [B, d]."""
        return infer(net, x, self.prior.num_components)

    def sample_code(self, net: Networks, x: chex.Array) -> Code:
        """Samples `y` [B, K] and `z` [B, d] by eq. 8 to 10."""
        return sample_code(net, x)

    decode = mixture_prior.decode
    sample = mixture_prior.sample
    mixture = mixture_prior.mixture


# Shared with SAMM.


def discriminate(net: Networks) -> components.Discriminate:
    """The discriminator of triples (x, y, z)."""
    return lambda x, y, z: net("discriminator", x, y, z)


def infer_batch(game: Any, net: Networks, x: chex.Array, **options: Any) -> Outputs:
    """Evaluates the encoder in training; `y_gradient` applies to all that reads `y`."""
    if game.y_gradient != 1:
        options["gradients"] = {"y": game.y_gradient}
    return net("encoder", x, **options)


def discriminator_loss(game: Any, net: Networks, outputs: Outputs) -> Losses:
    """The discriminator's losses, weighted by example."""
    loss, scalars = game.adversary.discriminator_loss(net, outputs, discriminate(net))
    return loss * outputs["example_weights"], scalars


def generator_loss(game: Any, net: Networks, outputs: Outputs) -> Losses:
    """The losses of encoder, prior and decoder, with the terms of q(y|x)."""
    loss = game.adversary.generators_loss(outputs) * outputs["example_weights"]
    x, y_tilde, _ = outputs["real"]
    scalars = {"confidence": y_tilde.max(-1).mean()}
    if game.terms.consistency_weight:
        # A fork, so that the batch statistics of perturbed examples are not kept.
        consistency = game.terms.consistency(
            lambda x: net.fork()("encoder", x)["y_mu"],
            x,
            outputs["y_mu"],
            net.key("consistency"),
            outputs.get("neighbour_distance"),
        )
        loss += game.terms.consistency_weight * consistency
        scalars["generator/consistency"] = consistency.mean()
    if game.terms.use_entropies:
        terms, information = game.terms.information(outputs["y_mu"])
        loss += terms
        scalars["generator/information"] = information
    return loss, scalars


def infer(net: Networks, x: chex.Array, num_components: int) -> Code:
    """Infers `y` [B, K] at the mean of its noise, and `z` [B, d].

    z is the mean of q(z|x, y) for the most probable y. In training, noise makes y
    nearly one-hot, so that G_z has never seen a soft y.
    """
    y = net("encoder", x, noise=False)["y"]
    most_probable = jax.nn.one_hot(y.argmax(-1), num_components)
    z = net("encoder", x, noise=False, given={"y": most_probable})["z"]
    return {"y": y, "z": z}


def sample_code(net: Networks, x: chex.Array) -> Code:
    """Samples y~ [B, K] and z~ [B, d], as in training."""
    inferred = net("encoder", x)
    return {name: inferred[name] for name in ("y", "z")}


def recipes(config: ml_collections.ConfigDict) -> Recipes:
    """Networks that size themselves; z depends on x and y, as in eq. 6."""
    return {
        "encoder": _encoder,
        "decoder": lambda preset: preset.decoder(y="{k}", z="{d}"),
        "discriminator": lambda preset: preset.discriminator(y="{k}", z="{d}"),
        **mixture_prior.recipes(config),
    }


def _encoder(preset: Preset) -> Table:
    rows = Table.parse("""
y1       h             {units}      1  1  -  -  yes  Leak0.2
y_mu     y1            {k}          1  1  -  -  -    -
y_sigma  zeros         {k}          -  -  -  -  -    ExpN
y        y_mu+y_sigma  {k}          -  -  -  -  -    Softmax
z1       h|y           {units}+{k}  -  -  -  -  -    -
z2       z1            {units}      1  1  -  -  yes  Leak0.2
z_mu     z2            {d}          1  1  -  -  -    -
z_sigma  z2            {d}          1  1  -  -  -    ExpN
z        z_mu+z_sigma  {d}          -  -  -  -  -    -
""")
    return preset.encoder().append(rows.fill(units=preset.units))


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game`, with the paper's values for MNIST.

    The caller adds `networks` (`networks/spec.py`).
    """
    return ml_collections.ConfigDict(
        {
            "name": "amm",
            "num_components": 10,
            "latent_dim": 64,
            # If positive, p(z|y=k) = N(mu_k, I), with orthogonal means of this norm;
            # if `prior_learned`, means and variances start there.
            "prior_radius": 0.0,
            "prior_learned": False,
            "loss": "non_saturating",
            "penalty": "gradient",
            "penalty_weight": 10.0,
            # p(y): uniform, K numbers (1,2,1), or labels (their frequencies).
            "frequencies": "uniform",
            "stratified": False,
            "consistency_weight": 0.0,
            "consistency_radius": 0.25,
            "consistency_neighbour": 0,
            "consistency_probe": 1.5,
            "confidence_weight": 0.0,
            "balance_weight": 0.0,
            "y_gradient": 1.0,
            "kernel_init": "0.02",  # standard deviation, or lecun, or he
        }
    )


def make_game(config: ml_collections.ConfigDict) -> AMM:
    """Builds AMM from `config.game`.

    Raises:
      ValueError: `frequencies` is invalid, or needs labels.
    """
    game = from_config(
        AMM,
        config,
        modules=mixture_prior.networks(config),
        others=mixture_prior.NETWORK_FIELDS,
        ranges={"y_gradient": "[0, 1]"},
        **mixture_prior.settings(config),
    )
    mixture_prior.check_labels(game, config)
    return game
