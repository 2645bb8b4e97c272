"""An encoder whose codes are matched to priors, shared by AAE and PixelGAN.

Its phases follow the reconstruction phase on each minibatch:

    adversarial      D discriminates between codes sampled from the prior and inferred
                     codes; then the encoder learns to make the two alike
    classification   the encoder classifies labelled x (if there are labels)
    consistency      points near x get the same y as x (optional, not in the papers)

Papers: Makhzani et al. 2015, "Adversarial Autoencoders"; "PixelGAN Autoencoders",
section 2.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp
import ml_collections
import optax

from adversarial_latent.consistency import virtual_adversarial_divergence
from adversarial_latent.game import (
    Batch,
    Code,
    Losses,
    Networks,
    Outputs,
    Phase,
    Player,
)
from adversarial_latent.games.components import logits
from adversarial_latent.losses import adversarial_loss
from adversarial_latent.networks.presets import Recipe, Recipes
from adversarial_latent.priors import Prior, make_prior

_ROWS = {  # last rows of the encoder, by part of the code
    "y": """
y_mu  h     {k}  1  1  -  -  -  -
y     y_mu  {k}  -  -  -  -  -  Softmax
""",
    "z": """
z  h  {d}  1  1  -  -  -  -
""",
}
SIZES = {"y": "{k}", "z": "{d}"}  # of the parts of a code, in a table


@dataclasses.dataclass(frozen=True)
class AdversarialEncoder:
    """The encoder, with a discriminator for each part of the code.

    A code has the parts `y` and `z`, or one of them. A categorical prior on `y` makes
    clusters or classes. Networks: "encoder" maps x to `y`, its logits `y_mu`, and `z`;
    "discriminator_y" and "discriminator_z" map one part to the logit `p`.

    Attributes:
      priors: by part of the code.
      supervised: whether y is the label of x, which every x must have. Then only z is
        inferred and has a discriminator.
      imposed: whether the priors are imposed. Otherwise there are no adversarial phase
        and no discriminators.
      semi_supervised: whether the labels of some examples train q(y|x).
      loss: name of the adversarial loss (`losses.py`).
      input_noise: standard deviation of the noise added to x when its code is inferred
        in training, which makes q(z|x) a universal approximator.
      code_noise: standard deviation of the noise on the inputs of discriminators.
      consistency_radius: size of the neighbourhood of x, as a fraction of the distance
        to the nearest other example of the minibatch (`consistency.py`); 0 for no
        consistency phase.
    """

    priors: Mapping[str, Prior]
    supervised: bool
    imposed: bool
    semi_supervised: bool
    loss: str
    input_noise: float
    code_noise: float
    consistency_radius: float

    def __post_init__(self):
        adversarial_loss(self.loss)

    @property
    def inferred(self) -> tuple[str, ...]:
        """The parts of the code that the encoder infers."""
        return tuple(p for p in self.priors if not (self.supervised and p == "y"))

    @property
    def uses_labels(self) -> bool:
        """Whether the game is semi-supervised or supervised."""
        return self.semi_supervised or self.supervised

    @property
    def batch_fields(self) -> tuple[str, ...]:
        """Fields of the batch that the phases read."""
        return ("x", "labelled_x", "label") if self.uses_labels else ("x",)

    def encode(
        self, net: Networks, x: chex.Array, noisy: bool = True
    ) -> dict[str, chex.Array]:
        """All outputs of the encoder for x [B, ...]; adds noise to x in training."""
        if noisy and net.train and self.input_noise:
            x += self.input_noise * jax.random.normal(net.key("input"), x.shape)
        return net("encoder", x)

    def code(
        self, net: Networks, x: chex.Array, label: chex.Array | None = None
    ) -> Code:
        """The code of x [B, ...], with y from its label [B] if given."""
        encoded = self.encode(net, x)
        code = {part: encoded[part] for part in self.inferred}
        if label is not None:
            code["y"] = jax.nn.one_hot(label, self.priors["y"].dim)
        return code

    def sample_prior(
        self, net: Networks, n: int, component: chex.Array | None = None
    ) -> Code:
        """Samples n codes from the priors; `component` [n], if given, fixes y."""
        code = {
            part: prior.sample(net.key(f"prior/{part}"), n)
            for part, prior in self.priors.items()
        }
        if component is not None:
            code["y"] = jax.nn.one_hot(component, self.priors["y"].dim)
        return code

    def every_component(self, net: Networks, n: int) -> tuple[Code, int]:
        """Samples n codes z, and returns K n codes (each z with every y), and K."""
        classes, code = self.priors["y"].dim, self.sample_prior(net, n)
        repeated = {part: jnp.tile(code[part], (classes, 1)) for part in code}
        repeated["y"] = jnp.repeat(jnp.eye(classes), n, axis=0)
        return repeated, classes

    def phases(
        self, preprocess: Callable[[chex.Array], chex.Array] = lambda x: x
    ) -> tuple[Phase, ...]:
        """The phases that follow the reconstruction phase.

        Args:
          preprocess: applied to x [B, ...] before the encoder.
        """
        discriminators = tuple(f"discriminator_{part}" for part in self.inferred)

        def adversarial(net: Networks, batch: Batch) -> Outputs:
            return self._compare_codes(net, preprocess(batch["x"]))

        def classification(net: Networks, batch: Batch) -> Outputs:
            x = preprocess(batch["labelled_x"])
            return self._classify(net, x, batch["label"])

        def consistency(net: Networks, batch: Batch) -> Outputs:
            return self._perturb(net, preprocess(batch["x"]))

        phases = []
        if self.imposed:
            players = (
                Player("discriminator", discriminators, self._discriminator_loss),
                Player("generator", ("encoder",), self._generator_loss),
            )
            phases.append(Phase("adversarial", adversarial, players))
        if self.semi_supervised:
            player = Player("classifier", ("encoder",), self._label_loss)
            phases.append(Phase("classification", classification, (player,)))
        if self.consistency_radius:
            player = Player("consistency", ("encoder",), self._consistency_loss)
            phases.append(Phase("consistency", consistency, (player,)))
        return tuple(phases)

    # The adversarial phase.

    def _compare_codes(self, net: Networks, x: chex.Array) -> Outputs:
        """Evaluates the discriminators on sampled and inferred codes."""
        inferred = self.code(net, x)
        sampled = self.sample_prior(net, len(x))
        outputs = {}
        for part in self.inferred:
            for side, code in (("real", sampled[part]), ("fake", inferred[part])):
                noise = jax.random.normal(net.key(f"code/{side}/{part}"), code.shape)
                outputs[f"{side}_{part}"] = logits(
                    net(f"discriminator_{part}", code + self.code_noise * noise)
                )
        return outputs

    def _discriminator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        del net
        losses, scalars = [], {}
        for part in self.inferred:
            real, fake = outputs[f"real_{part}"], outputs[f"fake_{part}"]
            losses.append(adversarial_loss(self.loss).discriminator(real, fake))
            scalars[f"d_real_{part}"] = jax.nn.sigmoid(real).mean()
            scalars[f"d_fake_{part}"] = jax.nn.sigmoid(fake).mean()
        return functools.reduce(jnp.add, losses), scalars

    def _generator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        del net
        generator_fake = adversarial_loss(self.loss).generator_fake
        losses = [generator_fake(outputs[f"fake_{part}"]) for part in self.inferred]
        return functools.reduce(jnp.add, losses), {}

    # The classification phase.

    def _classify(self, net: Networks, x: chex.Array, label: chex.Array) -> Outputs:
        """Compares q(y|x) of labelled x with its label."""
        # A fork, so that batch statistics remain those of all examples.
        y_mu = self.encode(net.fork(), x)["y_mu"]  # [M, K]
        correct = (y_mu.argmax(-1) == label).astype(y_mu.dtype)
        cross_entropy = optax.softmax_cross_entropy_with_integer_labels(y_mu, label)
        return {"cross_entropy": cross_entropy, "correct": correct}

    def _label_loss(self, net: Networks, outputs: Outputs) -> Losses:
        del net
        return outputs["cross_entropy"], {"label_accuracy": outputs["correct"].mean()}

    # The consistency phase.

    def _perturb(self, net: Networks, x: chex.Array) -> Outputs:
        """Compares q(y|x), without noise on x, with q(y|x') of noisy x' near x."""
        divergence = virtual_adversarial_divergence(
            lambda x: self.encode(net.fork(), x)["y_mu"],
            x,
            self.encode(net.fork(), x, noisy=False)["y_mu"],
            net.key("consistency"),
            self.consistency_radius,
        )
        return {"divergence": divergence}

    def _consistency_loss(self, net: Networks, outputs: Outputs) -> Losses:
        del net
        return outputs["divergence"], {}


# Inference functions of games with an `encoder`, to be used as methods.


def sample(
    game: Any, net: Networks, n: int, component: chex.Array | None = None
) -> Code:
    """Samples codes from the priors, and generates `x` [n, ...] from them."""
    code = game.encoder.sample_prior(net, n, component)
    return {"x": game.decode(net, code), **code}


def styles(game: Any, net: Networks, n: int) -> chex.Array:
    """Samples n codes z, and generates x [K, n, ...] from each z with every y."""
    code, classes = game.encoder.every_component(net, n)
    x = game.decode(net, code)
    return x.reshape(classes, n, *x.shape[1:])


def recipes(config: ml_collections.ConfigDict) -> Recipes:
    """Networks that size themselves: the encoder, and a discriminator of each part."""
    parts = [part for part in config.priors if not (config.supervised and part == "y")]

    def discriminator(size: str) -> Recipe:
        return lambda preset: preset.mlp(code=size).append("p  h  1  1  1  -  -  -  -")

    networks: dict[str, Recipe] = {
        "encoder": lambda preset: preset.encoder().append(*(_ROWS[p] for p in parts))
    }
    if config.imposed:
        networks |= {
            f"discriminator_{part}": discriminator(SIZES[part]) for part in parts
        }
    return networks


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game` that describe the encoder."""
    return ml_collections.ConfigDict(
        {
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
            "kernel_init": "he",
        }
    )


def read_priors(config: ml_collections.ConfigDict) -> dict[str, Prior]:
    """The priors of `config.game`, by part of the code.

    Raises:
      ValueError: there is no prior, or a prior of an unknown part; the prior of y is
        not categorical; or a phase trains q(y|x) where y is missing or given.
    """
    dims = {"y": config.num_components, "z": config.latent_dim}
    if not config.priors or set(config.priors) - set(dims):
        raise ValueError(
            f"config.game.priors has {sorted(config.priors)}; it must have y, z, or "
            "both"
        )
    if "y" in config.priors and config.priors.y.name != "categorical":
        raise ValueError(
            f"config.game.priors.y.name={config.priors.y.name!r} must be 'categorical'"
        )
    if config.supervised and set(config.priors) != set(dims):
        raise ValueError("config.game.supervised needs priors of y and z")
    for field in ("semi_supervised", "consistency_radius"):
        if config[field] and "y" not in config.priors:
            raise ValueError(f"config.game.{field}={config[field]} needs a prior of y")
        if config[field] and config.supervised:
            raise ValueError(
                f"config.game.{field}={config[field]}: a supervised game does not "
                "infer y"
            )
    return {
        part: make_prior(dims[part], config.priors[part])
        for part in dims
        if part in config.priors
    }


def num_components(priors: Mapping[str, Prior]) -> int | None:
    """Number of clusters or classes; None if the code has no y."""
    return priors["y"].dim if "y" in priors else None
