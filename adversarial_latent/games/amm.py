"""AMM, the Adversarially Learned Mixture Model: clusters and codes, without labels.

Two ways of making a triple (x, y, z) are pitted against one discriminator:

    inference  q(x, y, z) = q(x) q(y|x) q(z|x, y)         eq. 6, or
                            q(x) q(z|x) q(y|x, z)         eq. 7, or
                            q(x) q(y|x) q(z|x)            eq. 15
    synthesis  p(x, y, z) = p(y) p(z|y) p(x|y, z)         eq. 11, or
                            p(y) p(z)   p(x|y, z)         eq. 16

They are matched as ALI matches q(x) q(z|x) (eq. 1) to p(z) p(x|z) (eq. 2). Which of
the inference distributions it is, is written in the encoder's table: whether y's tower
feeds z's (6), z's feeds y's (7), or neither (15). Likewise the prior's table says
whether p(z|y) has learned means and variances (eq. 12), or ignores y (16).

What q(y|x) learns from can be changed, where data or networks are small; the paper
does without (experiments/results/amm/README.md). Terms in the generators' loss ask that
y be the same near x (`consistency.py`), that it be sure, and that all values of it be
in use; and the discriminator's part in q(y|x) can be made smaller.

Paper: "Adversarially Learned Mixture Model", algorithm 1.
"""

import dataclasses
from collections.abc import Mapping

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import ml_collections

from adversarial_latent.config import Range
from adversarial_latent.consistency import entropies, virtual_adversarial_divergence
from adversarial_latent.distributions import GaussianMixture
from adversarial_latent.game import Code, Losses, Networks, Outcome
from adversarial_latent.games.building import from_config
from adversarial_latent.games.two_player import TwoPlayerGame
from adversarial_latent.losses import adversarial_loss
from adversarial_latent.networks.frequencies import Frequencies
from adversarial_latent.networks.mixture import FixedMixture

FREQUENCIES = "frequencies"
"""Name of the network that holds p(y), if that is counted from labels."""


@dataclasses.dataclass(frozen=True)
class AMM(TwoPlayerGame):
    """The game of algorithm 1.

    Rows by which the tables are known here: the encoder gives `y`, whose logits have
    the mean `y_mu`, and `z`, the prior `z` (and `z_mu`, `z_sigma`), the decoder `x`,
    the discriminator its logit `p`. In the paper the loss is "non_saturating" (eq. 13)
    and the penalty "gradient" (eq. 18), of weight lambda.

    Attributes:
      components: K, number of values of y.
      frequencies: p(y), [K] numbers that sum to one; unless there is a network
        "frequencies", which counts labels.
      stratified: whether y ~ p(y) has each component as often in a training batch as
        p(y) says, up to one, or is drawn for each example by itself.
      consistency_weight: of KL(q(y|x) || q(y|x + r)), in nats; 0 in the paper.
      consistency_radius: length of r, as a part of the distance from x to the nearest
        other example of the minibatch.
      confidence_weight: of the entropy of q(y|x); 0 in the paper.
      balance_weight: of minus the entropy of y over a minibatch; 0 in the paper. With
        both weights the same, it is the mutual information of x and y that is
        maximised (Krause et al. 2010).
      y_gradient: part of the adversarial gradient that reaches q(y|x): 1 in the paper.
    """

    components: int
    frequencies: tuple[float, ...]
    stratified: bool
    consistency_weight: float
    consistency_radius: float
    confidence_weight: float
    balance_weight: float
    y_gradient: float

    @property
    def num_components(self) -> int:
        """K."""
        return self.components

    def play(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Samples from both joint distributions and has D judge them."""
        inferred = self.infer(net, batch)
        real = inferred["real"]
        # Sample from the priors, eq. 11: y [B, K] is one-hot, z [B, d].
        y = self._sample_component(net, len(real[0]), self.stratified)
        z = net("prior", y)["z"]
        # Sample from the conditional: x~ [B, H, W, C].
        fake = (net("decoder", y, z)["x"], y, z)
        return inferred | self._judged(net, real, fake)

    def infer(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Samples from the data and from the inference distribution (eq. 3, 8-10).

        Args:
          net: the networks.
          batch: as `play` takes it.

        Returns:
          `real`: x [B, H, W, C], y~ [B, K], which is soft, and z~ [B, d]; `y_mu`
          [B, K], the mean logits of y~; and `shares` [B], with mean 1, of pairs of
          examples in the loss.
        """
        x = batch["x"]
        inferred = net("encoder", x)
        return {
            "real": (x, self._detach(inferred["y"]), inferred["z"]),
            "y_mu": inferred["y_mu"],
            "shares": jnp.ones(len(x)),
        }

    def _detach(self, y: chex.Array) -> chex.Array:
        """The same y, through which no more than `y_gradient` of a gradient passes."""
        kept = self.y_gradient
        return kept * y + (1 - kept) * jax.lax.stop_gradient(y)

    def _frequencies(self, net: Networks) -> chex.Array:
        """p(y): [K]."""
        if FREQUENCIES in self.networks:
            return net(FREQUENCIES)
        return jnp.asarray(self.frequencies)

    def _sample_component(
        self, net: Networks, n: int, stratified: bool = False
    ) -> chex.Array:
        """Draws y ~ p(y): [n, K] one-hot."""
        key, frequencies = net.key("component"), self._frequencies(net)
        if stratified:
            # Systematic sampling: n points at equal distances, after a random start.
            points = (jnp.arange(n, dtype=jnp.float32) + jax.random.uniform(key)) / n
            bounds = jnp.cumsum(frequencies)[:-1]
            index = jnp.searchsorted(bounds, points, side="right")
        else:
            index = jax.random.categorical(key, jnp.log(frequencies), shape=(n,))
        return jax.nn.one_hot(index, self.components)

    def _discriminator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        """L_D of algorithm 1, with the penalty of eq. 18."""
        loss, scalars = super()._discriminator_loss(net, outcome)
        return loss * outcome["shares"], scalars

    def _generator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        """L_{G_x} = L_{G_z(y)} on the fake side, L_{G_y} = L_{G_z(x)} on the real."""
        loss = adversarial_loss(self.loss).generators(
            outcome["real_logits"], outcome["fake_logits"]
        )
        loss *= outcome["shares"]
        x, y_tilde, _ = outcome["real"]
        scalars = {"confidence": y_tilde.max(-1).mean()}
        if self.consistency_weight:
            # The statistics of what is evaluated here are not those of x: not kept.
            consistency = virtual_adversarial_divergence(
                lambda x: net.fork()("encoder", x)["y_mu"],
                x,
                outcome["y_mu"],
                net.key("consistency"),
                self.consistency_radius,
            )
            loss += self.consistency_weight * consistency
            scalars["generator/consistency"] = consistency.mean()
        if self.confidence_weight or self.balance_weight:
            unsure, alike = entropies(outcome["y_mu"])
            loss += self.confidence_weight * unsure - self.balance_weight * alike
            scalars["generator/information"] = alike - unsure.mean()
        return loss, scalars

    # What a trained AMM can be asked.

    def encode(self, net: Networks, x: chex.Array) -> Code:
        """Infers `y` [B, K] at the mean of its noise, and `z` [B, d].

        z is the mean of q(z|x, y) for the most probable y: a soft y is not what G_z
        knows from training, where noise makes y nearly one-hot.
        """
        y = net("encoder", x, noise=False)["y"]
        most_probable = jax.nn.one_hot(y.argmax(-1), self.components)
        z = net("encoder", x, noise=False, given={"y": most_probable})["z"]
        return {"y": y, "z": z}

    def decode(self, net: Networks, code: Code) -> chex.Array:
        """Generates x [B, H, W, C] from a code as `encode` gives it."""
        return net("decoder", code["y"], code["z"])["x"]

    def sample(self, net: Networks, n: int, component: chex.Array | None) -> Code:
        """Draws x with its code from p(x, y, z), or p(x, z | y = component).

        Args:
          net: the networks.
          n: how many.
          component: int [n], or None to draw it from p(y).

        Returns:
          `x` [n, H, W, C], `y` [n, K] one-hot, `z` [n, d].
        """
        if component is None:
            y = self._sample_component(net, n)
        else:
            y = jax.nn.one_hot(component, self.components)
        z = net("prior", y)["z"]
        return {"x": net("decoder", y, z)["x"], "y": y, "z": z}

    def mixture(self, net: Networks) -> GaussianMixture:
        """The prior p(z) = sum_k p(y=k) p(z|y=k), with the parameters of eq. 12."""
        prior = net("prior", jnp.eye(self.components), noise=False)
        return GaussianMixture(
            logits=jnp.log(self._frequencies(net)),
            mean=prior["z_mu"],
            log_variance=prior["z_sigma_log_variance"],
        )


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game`, as in the paper's experiments on MNIST.

    What is missing is `tables`: the text of each network's table.
    """
    return ml_collections.ConfigDict(
        {
            "name": "amm",
            "num_components": 10,
            "latent_dim": 64,
            # N(mu_k, I) with given means at this distance from 0, instead of a table.
            "prior_radius": 0.0,
            "loss": "non_saturating",
            "penalty": "gradient",
            "penalty_weight": 10.0,
            # p(y): uniform, K numbers "1,2,1", or labels, to count those of examples.
            "frequencies": "uniform",
            "stratified": False,
            "consistency_weight": 0.0,
            "consistency_radius": 0.25,
            "confidence_weight": 0.0,
            "balance_weight": 0.0,
            "y_gradient": 1.0,
            "padding": "VALID",
            "kernel_init": "0.02",  # standard deviation, or lecun, or he
        }
    )


def make_game(
    config: ml_collections.ConfigDict,
    kind: type[AMM] = AMM,
    ranges: Mapping[str, Range] | None = None,
) -> AMM:
    """Builds AMM, or a game like it, from `config.game`.

    Args:
      config: as `default_config`, with `tables`.
      kind: the game's class. Its fields are those of the config.
      ranges: of fields that AMM does not have, as `from_config` takes them.

    Raises:
      ValueError: if `frequencies` cannot be read, or there are no labels to count.
    """
    networks: dict[str, nn.Module] = {}
    if config.prior_radius:
        networks["prior"] = FixedMixture(
            config.num_components, config.latent_dim, config.prior_radius
        )
    if config.frequencies == "labels":
        networks[FREQUENCIES] = Frequencies(config.num_components)
    game = from_config(
        kind,
        config,
        transposed=("decoder",),
        networks=networks,
        others=("prior_radius",),
        ranges={"y_gradient": "[0, 1]", **(ranges or {})},
        components=config.num_components,
        frequencies=_read_frequencies(config.frequencies, config.num_components),
    )
    if FREQUENCIES in networks and not game.uses_labels:
        raise ValueError(
            f"config.game.frequencies is 'labels', but {config.name!r} sees no labels"
        )
    return game


def _read_frequencies(text: str, num_components: int) -> tuple[float, ...]:
    """Reads p(y); uniform where labels are yet to be counted."""
    if text in ("uniform", "labels"):
        return (1 / num_components,) * num_components
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != num_components or min(numbers) <= 0:
        raise ValueError(
            f"config.game.frequencies must be uniform, labels, or {num_components} "
            f"positive numbers with commas between them, not {text!r}"
        )
    return tuple(number / sum(numbers) for number in numbers)
