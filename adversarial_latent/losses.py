"""Adversarial losses per example, computed from logits.

A high logit of the discriminator means "real". The *real* side is the data and, in
games over joint distributions (ALI, AMM), the codes inferred from it. The *fake* side
is generated. The networks behind either side can be trained against the discriminator,
so a game has four losses. With the logit D:

| name              | real         | fake         | generator_real | generator_fake |
|-------------------|--------------|--------------|----------------|----------------|
| non_saturating    | softplus(-D) | softplus(D)  | softplus(D)    | softplus(-D)   |
| saturating        | softplus(-D) | softplus(D)  | -softplus(-D)  | -softplus(D)   |
| wasserstein       | -D           | D            | D              | -D             |
| hinge             | relu(1 - D)  | relu(1 + D)  | D              | -D             |
| kl                | -D           | exp(D - 1)   | D              | -exp(D - 1)    |
| kl_non_saturating | -D           | exp(D - 1)   | D              | -D             |

The discriminator minimises `real` and `fake`. A generator minimises either the negative
of the discriminator's loss on its own side (saturating, kl), or the discriminator's
loss on the opposite side (non_saturating).

All losses map [B] logits to [B] losses; callers take the mean. They are finite, with
finite gradients, at logits of +-100.
"""

import dataclasses
from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp

LogitLoss = Callable[[chex.Array], chex.Array]

# Above this argument, the exponential of the f-GAN losses is continued by its tangent.
_MAX_EXPONENT = 20.0


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
    """The four losses of an adversarial game, as functions from [B] logits to [B].

    Attributes:
      real: the discriminator's loss on the real side.
      fake: the discriminator's loss on the fake side.
      generator_real: the loss of networks that produce the real side, such as the
        encoders of ALI and AMM (algorithm 1 of AMM: -log(1 - rho_q)).
      generator_fake: the generator's loss (-log rho_p).
    """

    real: LogitLoss
    fake: LogitLoss
    generator_real: LogitLoss
    generator_fake: LogitLoss

    def discriminator(
        self, real_logits: chex.Array, fake_logits: chex.Array
    ) -> chex.Array:
        """Discriminator's loss on a minibatch of pairs.

        Args:
          real_logits: [B] logits of the real side.
          fake_logits: [B] logits of the fake side.

        Returns:
          [B] losses, summed over both sides.

        Raises:
          AssertionError: the logits do not both have shape [B].
        """
        chex.assert_equal_shape([real_logits, fake_logits])
        return self.real(real_logits) + self.fake(fake_logits)

    def generators(
        self, real_logits: chex.Array, fake_logits: chex.Array
    ) -> chex.Array:
        """Joint loss of encoder and generator, for games that train both sides.

        Args:
          real_logits: [B] logits of the real side, produced by the encoder.
          fake_logits: [B] logits of the fake side, produced by the generator.

        Returns:
          [B] losses, summed over both sides.

        Raises:
          AssertionError: the logits do not both have shape [B].
        """
        chex.assert_equal_shape([real_logits, fake_logits])
        return self.generator_real(real_logits) + self.generator_fake(fake_logits)


def _continued_exp(x: chex.Array) -> chex.Array:
    """Returns exp(x), continued above `_MAX_EXPONENT` by its tangent.

    float32 overflows at exp(88.7), so a single confident logit would make the run NaN.
    The continuation is convex, with a continuous derivative. It changes the optimal
    discriminator of the f-GAN game, 1 + log(p_real / p_fake), only where the density
    ratio exceeds exp(20) = 5e8. No minibatch has samples of both sides there.
    """
    below = jnp.minimum(x, _MAX_EXPONENT)
    return jnp.exp(below) * (1 + (x - below))


def _per_example(loss: LogitLoss) -> LogitLoss:
    """Rejects logits that are not [B]; [B, 1] would later broadcast to [B, B]."""

    def checked(logits: chex.Array) -> chex.Array:
        chex.assert_rank(logits, 1)
        return loss(logits)

    return checked


def _game(**losses: LogitLoss) -> AdversarialLoss:
    return AdversarialLoss(**{name: _per_example(f) for name, f in losses.items()})


_LOSSES = {
    "non_saturating": _game(
        real=lambda logits: jax.nn.softplus(-logits),
        fake=jax.nn.softplus,
        generator_real=jax.nn.softplus,
        generator_fake=lambda logits: jax.nn.softplus(-logits),
    ),
    "saturating": _game(
        real=lambda logits: jax.nn.softplus(-logits),
        fake=jax.nn.softplus,
        generator_real=lambda logits: -jax.nn.softplus(-logits),
        generator_fake=lambda logits: -jax.nn.softplus(logits),
    ),
    "wasserstein": _game(
        real=jnp.negative,
        fake=jnp.positive,
        generator_real=jnp.positive,
        generator_fake=jnp.negative,
    ),
    "hinge": _game(
        real=lambda logits: jax.nn.relu(1 - logits),
        fake=lambda logits: jax.nn.relu(1 + logits),
        generator_real=jnp.positive,
        generator_fake=jnp.negative,
    ),
    "kl": _game(
        real=jnp.negative,
        fake=lambda logits: _continued_exp(logits - 1),
        generator_real=jnp.positive,
        generator_fake=lambda logits: -_continued_exp(logits - 1),
    ),
    "kl_non_saturating": _game(
        real=jnp.negative,
        fake=lambda logits: _continued_exp(logits - 1),
        generator_real=jnp.positive,
        generator_fake=jnp.negative,
    ),
}


def adversarial_loss(name: str) -> AdversarialLoss:
    """Looks up an adversarial loss.

    Sources: `non_saturating` and `saturating`, Goodfellow et al. 2014 (AMM eq. 13 and
    algorithm 1, AIM eq. 7); `wasserstein`, Arjovsky et al. 2017; `hinge`, Lim and Ye
    2017; `kl`, the f-GAN of Nowozin et al. 2016 as in AIM eq. 6; `kl_non_saturating`,
    the same with the trick of their section 3.2: the generator maximises D(fake), since
    exp(D(fake) - 1) vanishes where D wins. The real side is linear and does not need
    the trick.

    In the two `kl` games, D is not the log-odds. The optimal D is
    1 + log(p_real / p_fake), so the decision boundary is at D = 1. The value of the
    game is then KL(p_real || p_fake). AIM's eq. 3 states KL(p_fake || p_real) instead,
    which does not follow from its eq. 6; this is eq. 6 as printed.

    Args:
      name: one of the names above.

    Returns:
      The four losses; always the same object for a name.

    Raises:
      ValueError: the name is unknown.
    """
    if name not in _LOSSES:
        raise ValueError(
            f"Unknown adversarial loss {name!r}: choose one of {', '.join(_LOSSES)}."
        )
    return _LOSSES[name]
