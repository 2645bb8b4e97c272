"""Adversarial losses, per example and computed from logits.

A discriminator's logit says "this is real". The *real* side is the data and, in
games over joint distributions (ALI, AMM), what the encoder infers from it; the
*fake* side is what the generator makes. Either side can be made by a network
that is trained against the discriminator, so a game has four losses. With D the logit:

| name              | real         | fake         | generator_real | generator_fake |
|-------------------|--------------|--------------|----------------|----------------|
| non_saturating    | softplus(-D) | softplus(D)  | softplus(D)    | softplus(-D)   |
| saturating        | softplus(-D) | softplus(D)  | -softplus(-D)  | -softplus(D)   |
| wasserstein       | -D           | D            | D              | -D             |
| hinge             | relu(1 - D)  | relu(1 + D)  | D              | -D             |
| kl                | -D           | exp(D - 1)   | D              | -exp(D - 1)    |
| kl_non_saturating | -D           | exp(D - 1)   | D              | -D             |

The discriminator minimises `real` and `fake`. A generator either minimises the value
function, that is minus the discriminator's loss on its own side (saturating, kl), or
the discriminator's loss on the opposite side (non_saturating).

Everything maps [B] logits to [B] losses; take the mean once, outside. All are finite,
with finite gradients, at logits of +-100.
"""

import dataclasses
from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp

LogitLoss = Callable[[chex.Array], chex.Array]

# The f-GAN exponential continues as its tangent where exp's argument exceeds this.
_MAX_EXPONENT = 20.0


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
    """The four losses of an adversarial game, functions of logits [B] to [B].

    Attributes:
      real: what the discriminator minimises on the real side.
      fake: what the discriminator minimises on the fake side.
      generator_real: what a network minimises that makes the real side's samples, as
        the encoders of ALI and AMM do (algorithm 1 of AMM: -log(1 - rho_q)).
      generator_fake: what the generator minimises (-log rho_p).
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
          [B] losses, the sum of the two sides.

        Raises:
          AssertionError: if the logits are not both of shape [B].
        """
        chex.assert_equal_shape([real_logits, fake_logits])
        return self.real(real_logits) + self.fake(fake_logits)

    def generators(
        self, real_logits: chex.Array, fake_logits: chex.Array
    ) -> chex.Array:
        """Loss of encoder and generator together, where both sides are trained.

        Args:
          real_logits: [B] logits of the real side, made by the encoder.
          fake_logits: [B] logits of the fake side, made by the generator.

        Returns:
          [B] losses, the sum of the two sides.

        Raises:
          AssertionError: if the logits are not both of shape [B].
        """
        chex.assert_equal_shape([real_logits, fake_logits])
        return self.generator_real(real_logits) + self.generator_fake(fake_logits)


def _continued_exp(x: chex.Array) -> chex.Array:
    """Returns exp(x), continued above `_MAX_EXPONENT` by its tangent there.

    float32 overflows at exp(88.7), so that one confident logit would turn the run into
    NaN. The continuation has a continuous derivative and is still convex. It moves the
    best discriminator of the f-GAN game, 1 + log(p_real / p_fake), only where the
    density ratio is above exp(20) = 5e8, where no minibatch has samples of both sides.
    """
    below = jnp.minimum(x, _MAX_EXPONENT)
    return jnp.exp(below) * (1 + (x - below))


def _per_example(loss: LogitLoss) -> LogitLoss:
    """Refuses logits that are not [B]: a [B, 1] would broadcast to [B, B] later."""

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
    exp(D(fake) - 1) vanishes where D wins. (The real side is linear: it needs none.)

    In the two `kl` games D's output is not a log-odds. The best D is
    1 + log(p_real / p_fake), so the boundary lies at D = 1, and the value is then
    KL(p_real || p_fake). (AIM's eq. 3 asks for KL(p_fake || p_real), which its eq. 6
    does not give; here is eq. 6 as printed.)

    Args:
      name: one of the names above.

    Returns:
      The four losses. The same object for the same name.

    Raises:
      ValueError: if there is no such loss.
    """
    if name not in _LOSSES:
        raise ValueError(
            f"Unknown adversarial loss {name!r}: choose one of {', '.join(_LOSSES)}."
        )
    return _LOSSES[name]
