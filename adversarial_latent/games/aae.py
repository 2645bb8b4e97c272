"""The adversarial autoencoder: a prior is imposed on the code by a discriminator.

Phases take turns on each minibatch:

    reconstruction   encoder and decoder explain x from the code inferred from it
    adversarial      D tells codes drawn from the prior from inferred ones; then the
                     encoder makes inferred codes look like drawn ones
    semi-supervised  the encoder classifies labelled x (if there are labels)
    consistency      what is near x gets the y of x (not in the papers; if asked for)

A code has the parts `y`, on which a categorical prior makes clusters or classes, and
`z`, or one of them; each has a prior and a discriminator. Every phase has an optimiser
of its own. If it is supervised, y is the label of x and not inferred: what is left for
z is style.

Paper: Makhzani et al. 2015, "Adversarial Autoencoders"; phases as in "PixelGAN
Autoencoders", section 2.
"""

import dataclasses
import functools
from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp
import ml_collections
import optax

from adversarial_latent.consistency import virtual_adversarial_divergence
from adversarial_latent.game import Code, Game, Losses, Networks, Outcome, Player
from adversarial_latent.games.building import from_config
from adversarial_latent.losses import adversarial_loss
from adversarial_latent.networks.table import logits
from adversarial_latent.priors import Prior, make_prior


@dataclasses.dataclass(frozen=True)
class AAE(Game):
    """The game of these phases.

    Rows by which the tables are known here: the encoder gives the parts of the code,
    `y` and `z`, and `y_mu`, the logits of y; "discriminator_y" and "discriminator_z"
    take a part, and give the logit `p`; the decoder takes the parts in this order, and
    gives `x`.

    Attributes:
      priors: by part of the code.
      supervised: whether y is the label, which all x must have; what is said of parts
        below is then said of z alone.
      imposed: whether the priors are imposed; if not there is no adversarial phase,
        and there are no discriminators.
      semi_supervised: whether the labels of some examples train q(y|x).
      loss: name of the adversarial loss (`losses.py`).
      input_noise: standard deviation of the noise that x carries when its code is
        inferred in training: q(z|x) is then a universal approximator.
      code_noise: that of the noise on what discriminators see.
      consistency_radius: how far from x is still near, as a part of the distance to
        the nearest other example of the minibatch (`consistency.py`); 0 for no such
        phase.
    """

    priors: Mapping[str, Prior]
    supervised: bool
    imposed: bool
    semi_supervised: bool
    loss: str
    input_noise: float
    code_noise: float
    consistency_radius: float

    @property
    def players(self) -> tuple[Player, ...]:
        """One for each phase; the adversarial one has two."""
        discriminators = tuple(f"discriminator_{part}" for part in self._inferred)
        autoencoder = Player(
            "autoencoder",
            ("encoder", "decoder"),
            self._reconstruction_loss,
            self._reconstruct,
        )
        adversaries = (
            Player(
                "discriminator", discriminators, self._discriminator_loss, self._judge
            ),
            Player("generator", ("encoder",), self._generator_loss, self._judge),
        )
        classifier = Player(
            "classifier", ("encoder",), self._label_loss, self._classify
        )
        consistency = Player(
            "consistency", ("encoder",), self._consistency_loss, self._look_around
        )
        return (
            autoencoder,
            *(adversaries if self.imposed else ()),
            *((classifier,) if self.semi_supervised else ()),
            *((consistency,) if self.consistency_radius else ()),
        )

    @property
    def num_components(self) -> int | None:
        """Number of clusters or classes, if the code has a y."""
        return self.priors["y"].dim if "y" in self.priors else None

    @property
    def uses_labels(self) -> bool:
        """Whether it is semi-supervised or supervised."""
        return self.semi_supervised or self.supervised

    @property
    def conditional(self) -> bool:
        """Whether `encode` takes y from the label of x."""
        return self.supervised

    @property
    def _inferred(self) -> tuple[str, ...]:
        """The parts of the code that the encoder gives."""
        return tuple(p for p in self.priors if not (self.supervised and p == "y"))

    def _seen(self, x: chex.Array) -> chex.Array:
        """Data as networks see them."""
        return x

    def _infer(
        self, net: Networks, x: chex.Array, noisy: bool = True
    ) -> dict[str, chex.Array]:
        """All rows of the encoder's table, of seen x [B, ...] with its noise."""
        if noisy and net.train and self.input_noise:
            x += self.input_noise * jax.random.normal(net.key("input"), x.shape)
        return net("encoder", x)

    def _code(
        self, net: Networks, x: chex.Array, label: chex.Array | None = None
    ) -> Code:
        """The code of x [B, ...], with y from its label [B] if there is one."""
        rows = self._infer(net, self._seen(x))
        code = {part: rows[part] for part in self._inferred}
        if label is not None:
            code["y"] = jax.nn.one_hot(label, self.priors["y"].dim)
        return code

    # The reconstruction phase.

    def _reconstruct(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        x, label = batch["x"], None
        if self.supervised:
            x, label = batch["labelled_x"], batch["label"]
        code = self._code(net, x, label)
        return {"reconstruction": self._unexplained(net, x, code)}

    def _unexplained(self, net: Networks, x: chex.Array, code: Code) -> chex.Array:
        """What is lost of x by its code: [B] mean squared errors."""
        squares = jnp.square(x - self.decode(net, code))
        return squares.mean(tuple(range(1, x.ndim)))

    def _reconstruction_loss(self, net: Networks, outcome: Outcome) -> Losses:
        del net
        return outcome["reconstruction"], {}

    # The adversarial phase.

    def _judge(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Has discriminators judge drawn and inferred codes."""
        inferred = self._code(net, batch["x"])
        drawn = self._draw(net, len(batch["x"]))
        outcome = {}
        for part in self._inferred:
            for side, code in (("real", drawn[part]), ("fake", inferred[part])):
                noise = jax.random.normal(net.key(f"code/{side}/{part}"), code.shape)
                judged = net(f"discriminator_{part}", code + self.code_noise * noise)
                outcome[f"{side}_{part}"] = logits(judged)
        return outcome

    def _discriminator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        del net
        losses, scalars = [], {}
        for part in self._inferred:
            real, fake = outcome[f"real_{part}"], outcome[f"fake_{part}"]
            losses.append(adversarial_loss(self.loss).discriminator(real, fake))
            scalars[f"d_real_{part}"] = jax.nn.sigmoid(real).mean()
            scalars[f"d_fake_{part}"] = jax.nn.sigmoid(fake).mean()
        return functools.reduce(jnp.add, losses), scalars

    def _generator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        del net
        generator_fake = adversarial_loss(self.loss).generator_fake
        losses = [generator_fake(outcome[f"fake_{part}"]) for part in self._inferred]
        return functools.reduce(jnp.add, losses), {}

    # The semi-supervised phase.

    def _classify(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Compares q(y|x) of labelled x with its label."""
        label = batch["label"]
        # A fork: batch statistics remain those of all examples.
        x = self._seen(batch["labelled_x"])
        y_mu = self._infer(net.fork(), x)["y_mu"]  # [M, K]
        right = (y_mu.argmax(-1) == label).astype(y_mu.dtype)
        cross_entropy = optax.softmax_cross_entropy_with_integer_labels(y_mu, label)
        return {"cross_entropy": cross_entropy, "right": right}

    def _label_loss(self, net: Networks, outcome: Outcome) -> Losses:
        del net
        return outcome["cross_entropy"], {"label_accuracy": outcome["right"].mean()}

    # The consistency phase.

    def _look_around(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Compares q(y|x), without noise, with that of what is near x, and noisy."""
        x = self._seen(batch["x"])
        divergence = virtual_adversarial_divergence(
            lambda x: self._infer(net.fork(), x)["y_mu"],
            x,
            self._infer(net.fork(), x, noisy=False)["y_mu"],
            net.key("consistency"),
            self.consistency_radius,
        )
        return {"divergence": divergence}

    def _consistency_loss(self, net: Networks, outcome: Outcome) -> Losses:
        del net
        return outcome["divergence"], {}

    # What a trained one can be asked.

    def _draw(self, net: Networks, n: int, component: chex.Array | None = None) -> Code:
        """Draws n codes from the priors, of given components [n] if any are."""
        code = {
            part: prior.sample(net.key(f"prior/{part}"), n)
            for part, prior in self.priors.items()
        }
        if component is not None:
            code["y"] = jax.nn.one_hot(component, self.priors["y"].dim)
        return code

    def encode(
        self, net: Networks, x: chex.Array, label: chex.Array | None = None
    ) -> Code:
        """Infers the parts of the code: `y` [B, K], probabilities, and `z` [B, d].

        Args:
          net: the networks.
          x: [B, ...].
          label: int32 [B], which y is if it is supervised.
        """
        return self._code(net, x, label)

    def decode(self, net: Networks, code: Code) -> chex.Array:
        """Makes x [B, ...] of a code."""
        return net("decoder", *(code[part] for part in self.priors))["x"]

    def sample(
        self, net: Networks, n: int, component: chex.Array | None = None
    ) -> Code:
        """Draws a code from the priors, and makes `x` [n, ...] of it."""
        code = self._draw(net, n, component)
        return {"x": self.decode(net, code), **code}

    def styles(self, net: Networks, n: int) -> chex.Array:
        """Draws n codes z, and makes x [K, n, ...] of each with each y."""
        classes, code = self.priors["y"].dim, self._draw(net, n)
        repeated = {part: jnp.tile(code[part], (classes, 1)) for part in code}
        repeated["y"] = jnp.repeat(jnp.eye(classes), n, axis=0)
        x = self.decode(net, repeated)
        return x.reshape(classes, n, *x.shape[1:])


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game`, of which `tables` are missing."""
    return ml_collections.ConfigDict(
        {
            "name": "aae",
            # {"y": {"name": "categorical"}, "z": {"name": "gaussian", "std": 1.0}},
            # or one of them; see priors.py.
            "priors": {},
            "num_components": 10,  # K, of y
            "latent_dim": 2,  # d, of z
            "supervised": False,
            "imposed": True,
            "semi_supervised": False,
            "loss": "non_saturating",
            "input_noise": 0.0,
            "code_noise": 0.0,
            "consistency_radius": 0.0,
            "padding": "SAME",
            "kernel_init": "he",
        }
    )


def read_priors(config: ml_collections.ConfigDict) -> dict[str, Prior]:
    """The priors of `config.game`, by part of the code.

    Raises:
      ValueError: if there is no prior, or one of a part that codes do not have, or of
        a y that is not categorical, or a phase of y without a y or with a known one.
    """
    dims = {"y": config.num_components, "z": config.latent_dim}
    if not config.priors or set(config.priors) - set(dims):
        raise ValueError(
            f"config.game.priors has {sorted(config.priors)}: a code has the parts y "
            "and z, or one of them"
        )
    if "y" in config.priors and config.priors.y.name != "categorical":
        raise ValueError(
            f"config.game.priors.y.name={config.priors.y.name!r}: y is categorical"
        )
    if config.supervised and set(config.priors) != set(dims):
        raise ValueError("config.game.supervised needs priors of y and z")
    for field in ("semi_supervised", "consistency_radius"):
        if config[field] and "y" not in config.priors:
            raise ValueError(f"config.game.{field}={config[field]} needs a prior of y")
        if config[field] and config.supervised:
            raise ValueError(
                f"config.game.{field}={config[field]}: supervised, y is not inferred"
            )
    return {
        part: make_prior(dims[part], config.priors[part])
        for part in dims
        if part in config.priors
    }


def make_game(config: ml_collections.ConfigDict) -> AAE:
    """Builds an adversarial autoencoder from `config.game`."""
    return from_config(AAE, config, transposed=("decoder",), priors=read_priors(config))
