"""Parts that games share: settings with pure functions of `net`.

A game that has a part as an attribute reads its settings from the same `config.game`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp

from adversarial_latent.consistency import (
    PROBE,
    NeighbourDistance,
    entropies,
    virtual_adversarial_divergence,
)
from adversarial_latent.distributions import Gaussian
from adversarial_latent.game import (
    Batch,
    Code,
    Losses,
    Networks,
    Outputs,
    Phase,
    Player,
)
from adversarial_latent.losses import adversarial_loss
from adversarial_latent.networks.table import Table
from adversarial_latent.penalties import penalty

Discriminate = Callable[..., Mapping[str, chex.Array]]
"""A discriminator, bound to its variables: maps inputs [B, ...] to outputs by name."""

_MIN_LOG_VARIANCE = -12.0
_DISTANCE = "neighbour_distance"  # a quantity of each example

POSTERIOR = Table.parse("""
z_mu            h  {d}  1  1  -  -  -  -
z_log_variance  h  {d}  1  1  -  -  -  -
""")
"""Last rows of an encoder that infers q(z|x), see `gaussian_posterior`."""


def logits(outputs: Mapping[str, chex.Array]) -> chex.Array:
    """The output `p` [B, 1] of a discriminator, as [B] logits.

    Raises:
      ValueError: the output is an image, or has several channels.
    """
    p = outputs["p"]
    if p.ndim != 2 or p.shape[1] != 1:
        raise ValueError(
            f"output 'p' of a discriminator must be one logit for each example, not "
            f"{p.shape}"
        )
    return p[:, 0]


@dataclasses.dataclass(frozen=True)
class Adversary:
    """A discriminator of two sides, and the losses of everyone involved.

    The *real* side consists of data and what is inferred from them. The *fake* side
    consists of samples from a prior and what is generated from them. Each is a tuple of
    arrays [B, ...]: (x,) in a GAN, (x, z) in ALI, (x, y, z) in AMM.

    The losses read four outputs: the sides `real` and `fake`, and the discriminator's
    [B] `real_logits` and `fake_logits`. `compare` computes them. A game that uses other
    outputs of the discriminator, such as AIM, computes all of them itself.

    Attributes:
      loss: name of the adversarial loss (`losses.py`).
      penalty: name of the penalty on the discriminator (`penalties.py`).
      penalty_weight: its weight, 0 for none.
    """

    loss: str
    penalty: str
    penalty_weight: float

    def __post_init__(self):
        adversarial_loss(self.loss)
        penalty(self.penalty)

    def compare(
        self,
        discriminate: Discriminate,
        real: tuple[chex.Array, ...],
        fake: tuple[chex.Array, ...],
    ) -> Outputs:
        """Returns both sides, with the discriminator's [B] logits.

        The sides are evaluated separately, so that the discriminator's batch
        statistics, if any, do not mix.
        """
        return {
            "real": real,
            "fake": fake,
            "real_logits": logits(discriminate(*real)),
            "fake_logits": logits(discriminate(*fake)),
        }

    def discriminator_loss(
        self, net: Networks, outputs: Outputs, discriminate: Discriminate
    ) -> Losses:
        """The discriminator's adversarial loss plus the penalty."""
        real_logits, fake_logits = outputs["real_logits"], outputs["fake_logits"]
        loss = adversarial_loss(self.loss).discriminator(real_logits, fake_logits)
        scalars = {
            "d_real": jax.nn.sigmoid(real_logits).mean(),
            "d_fake": jax.nn.sigmoid(fake_logits).mean(),
        }
        if self.penalty_weight:
            penalties = penalty(self.penalty)(
                lambda side: logits(discriminate(*side)),
                outputs["real"],
                outputs["fake"],
                net.key("penalty"),
            )
            loss += self.penalty_weight * penalties
            scalars["discriminator/penalty"] = penalties.mean()
        return loss, scalars

    def generator_loss(self, outputs: Outputs) -> chex.Array:
        """[B] losses of the generator, which makes the fake side."""
        return adversarial_loss(self.loss).generator_fake(outputs["fake_logits"])

    def generators_loss(self, outputs: Outputs) -> chex.Array:
        """[B] losses of generator and encoder, which make the two sides."""
        return adversarial_loss(self.loss).generators(
            outputs["real_logits"], outputs["fake_logits"]
        )


def adversarial_phase(
    game: Any,
    discriminators: tuple[str, ...] = ("discriminator",),
    generators: tuple[str, ...] = ("generator", "encoder"),
) -> tuple[Phase, ...]:
    """The single phase of two players, "discriminator" and "generator".

    Args:
      game: a game with `forward`, `discriminator_loss` and `generator_loss`.
      discriminators: networks that the first player trains.
      generators: networks that the second player trains.
    """
    players = (
        Player("discriminator", discriminators, game.discriminator_loss),
        Player("generator", generators, game.generator_loss),
    )
    return (Phase("adversarial", game.forward, players),)


@dataclasses.dataclass(frozen=True)
class Generator:
    """The network "generator" of GANs: x = G(z) or G(y, z) with z ~ N(0, I).

    Attributes:
      latent_dim: d.
      data_scale: typical size of a value of x. Networks see and generate
        (x - data_shift) / data_scale. Scale 1 and shift 0 leave images in [0, 1]
        unchanged; 0.5 and 0.5 map them to [-1, 1].
      data_shift: middle of the values of x.
    """

    latent_dim: int
    data_scale: float
    data_shift: float

    def normalize(self, x: chex.Array) -> chex.Array:
        """Scales x to the values that networks see."""
        return (x - self.data_shift) / self.data_scale

    def sample_prior(self, net: Networks, n: int) -> chex.Array:
        """Samples z [n, d] ~ p(z)."""
        return jax.random.normal(net.key("z"), (n, self.latent_dim))

    def generate(self, net: Networks, *code: chex.Array) -> chex.Array:
        """Generates x [B, ...] from z [B, d], or from y [B, K] and z."""
        return self.data_shift + self.data_scale * net("generator", *code)["x"]


def discriminator_of_x(generator: Generator, net: Networks) -> Discriminate:
    """The discriminator of a game that compares x alone."""
    return lambda x: net("discriminator", generator.normalize(x))


def gaussian_posterior(net: Networks, inputs: chex.Array) -> Gaussian:
    """q(z|x) = N(mu, sigma^2), from the outputs `z_mu` and `z_log_variance` [B, d]."""
    encoded = net("encoder", inputs)
    # The floor bounds what the encoder can gain by certainty about a code.
    log_variance = jnp.maximum(encoded["z_log_variance"], _MIN_LOG_VARIANCE)
    return Gaussian(encoded["z_mu"], log_variance)


@dataclasses.dataclass(frozen=True)
class InformationTerms:
    """Loss terms that make q(y|x) a clustering; not in the four papers.

    They favour a y that is the same near x, that is certain, and that uses all its
    values. If the last two weights are equal, they maximise the mutual information of x
    and y (Krause et al. 2010).

    Attributes:
      consistency_weight: weight of KL(q(y|x) || q(y|x + r)), in nats
        (`consistency.py`).
      consistency_radius: length of r, in units of the distance to a neighbour of x.
      confidence_weight: weight of the entropy of q(y|x).
      balance_weight: weight of the negative entropy of the mean of q(y|x) over the
        minibatch.
      consistency_neighbour: n for the n-th nearest of all training examples, as in
        IMSAT (10); 0 for the nearest one in the minibatch, which is farther the smaller
        the minibatch is.
      consistency_probe: where the direction of r is computed, in the same units.
    """

    consistency_weight: float
    consistency_radius: float
    confidence_weight: float
    balance_weight: float
    consistency_neighbour: int = 0
    consistency_probe: float = PROBE

    @property
    def quantities(self) -> dict[str, NeighbourDistance]:
        """What a game with these terms reads with each example, see `Game`."""
        if not (self.consistency_weight and self.consistency_neighbour):
            return {}
        return {_DISTANCE: NeighbourDistance(self.consistency_neighbour)}

    def read(self, batch: Batch, *inputs: str) -> Outputs:
        """Reads the quantities of the joined fields `inputs` of a batch.

        Returns:
          `neighbour_distance` [B]; nothing if it is measured in the minibatch.
        """
        return {
            quantity: jnp.concatenate(
                [batch[name.removesuffix("x") + quantity] for name in inputs]
            )
            for quantity in self.quantities
        }

    def consistency(
        self,
        classify: Callable[[chex.Array], chex.Array],
        x: chex.Array,
        y_logits: chex.Array,
        key: chex.PRNGKey,
        distance: chex.Array | None,
    ) -> chex.Array:
        """[B] divergences of q(y|x + r) from q(y|x), whose logits are [B, K].

        `distance` [B] is the `neighbour_distance` of `read`, in the units of x.
        """
        return virtual_adversarial_divergence(
            classify,
            x,
            y_logits,
            key,
            self.consistency_radius,
            distance,
            self.consistency_probe,
        )

    @property
    def use_entropies(self) -> bool:
        """Whether a term of `information` has a weight."""
        return bool(self.confidence_weight or self.balance_weight)

    def information(self, y_logits: chex.Array) -> tuple[chex.Array, chex.Array]:
        """The entropy terms [B] for logits [B, K], and the mutual information."""
        conditional, marginal = entropies(y_logits)
        terms = self.confidence_weight * conditional - self.balance_weight * marginal
        return terms, marginal - conditional.mean()


# Inference functions of games that have a `generator`. A game uses them as methods:
# `decode, sample = components.decode, components.sample`.


def decode(game: Any, net: Networks, code: Code) -> chex.Array:
    """Generates x [B, ...] = G(z)."""
    return game.generator.generate(net, code["z"])


def sample(
    game: Any, net: Networks, n: int, component: chex.Array | None = None
) -> Code:
    """Samples `x` [n, ...] and its code `z` [n, d] from p(x, z)."""
    del component
    z = game.generator.sample_prior(net, n)
    return {"x": game.generator.generate(net, z), "z": z}


def posterior(game: Any, net: Networks, x: chex.Array) -> Gaussian:
    """q(z|x) of an encoder that reads x; its mean and variance are [B, d]."""
    return gaussian_posterior(net, game.generator.normalize(x))


def encode(game: Any, net: Networks, x: chex.Array) -> Code:
    """Infers `z` [B, d], the mean of q(z|x), and `z_log_variance`."""
    q = game.posterior(net, x)
    return {"z": q.mean, "z_log_variance": q.log_variance}


def variations(game: Any, net: Networks, x: chex.Array) -> chex.Array:
    """Generates [B, ...] from z ~ q(z|x) (AIM, algorithm 2)."""
    z = game.posterior(net, x).sample(net.key("variations"))
    return game.generator.generate(net, z)
