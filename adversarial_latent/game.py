"""Games: networks, phases with a forward pass each, and players with losses.

A game defines *what* is computed. It knows nothing about devices, optimisers, files or
loops: `steps.py` makes it a train step, and `model.py` a trained model.

    batch --forward--> outputs --loss of each player--> gradients of its networks

A game has one or more phases. Each phase evaluates the networks once, in `forward`. Its
outputs are arrays by name. The losses of its players read only these outputs.
"""

import contextlib
import copy
import dataclasses
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from flax.errors import FlaxError

from adversarial_latent.inputs import InputError
from adversarial_latent.random_keys import unrolled

if TYPE_CHECKING:
    from adversarial_latent.distributions import GaussianMixture

Batch = Mapping[str, chex.Array]
"""Minibatch by field, see `Game.batch_fields`."""
Outputs = dict[str, Any]
"""Outputs of a forward pass: floating-point arrays, or tuples of them, by name."""
Code = dict[str, chex.Array]
"""Parts of a code by name: `z` [B, d], `y` [B, K], or both."""
Losses = tuple[chex.Array, dict[str, chex.Array]]
"""[B] losses of a player, and scalars by name for the log."""
UpdateOrder = Literal["simultaneous", "alternating"]
Optimizers = Mapping[str, tuple[optax.GradientTransformation, optax.OptState]]

# What a network may raise if its inputs or options do not fit.
_MISFITS = (AssertionError, KeyError, TypeError, ValueError, FlaxError)


@jax.tree_util.register_pytree_with_keys_class
class NetworkOutputs(dict):
    """Outputs of one network by name; the error for a missing one names the network.

    Attributes:
      network: the network's name in errors.
    """

    def __init__(self, outputs: Mapping[str, chex.Array], network: str):
        super().__init__(outputs)
        self.network = network

    def __missing__(self, name: str) -> Any:
        raise InputError(
            f"{self.network} has no output {name!r}, which the game reads; it has "
            + ", ".join(self)
        )

    def tree_flatten_with_keys(self) -> tuple[Any, Any]:
        """Flattens like a dict, in the order of the names."""
        names = tuple(sorted(self))
        children = tuple((jax.tree_util.DictKey(name), self[name]) for name in names)
        return children, (names, self.network)

    @classmethod
    def tree_unflatten(cls, aux: Any, children: Any) -> "NetworkOutputs":
        """The inverse of `tree_flatten_with_keys`."""
        names, network = aux
        return cls(dict(zip(names, children, strict=True)), network)


class Networks:
    """A game's networks, bound to variables and randomness for one evaluation.

    `net("decoder", y, z)` evaluates the network of that name. Batch statistics that
    networks collect in training mode are stored in `model_state`. Random streams are
    derived from names, so that an additional network or sample leaves the others
    unchanged.

    Attributes:
      params: `{network: parameters}`.
      model_state: `{network: {collection: statistics}}`, as updated so far.
      train: whether networks are in training mode (batch statistics and dropout).
      progress: completed fraction of the training, from 0 to 1, for losses whose
        weights change during training. It is computed only if used, so that the step of
        a game without such losses does not depend on the length of the run.
      optimizers: `{player: (optimiser, its state)}` in a train step, for losses that
        look ahead to another player's update.
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        params: Mapping[str, chex.ArrayTree],
        model_state: Mapping[str, chex.ArrayTree],
        key: chex.PRNGKey,
        *,
        train: bool,
        progress: Callable[[], chex.Array] | chex.Array | float = 1.0,
        optimizers: Optimizers | None = None,
        initializing: bool = False,
        game: str = "",
    ):
        self.params = dict(params)
        self.model_state = dict(model_state)
        self.train = train
        self._progress = progress
        self.optimizers = dict(optimizers or {})
        self._modules = modules
        self._key = unrolled(key)
        self._num_keys: dict[str, int] = {}  # by stream
        self._initializing = initializing
        self._game = game

    @property
    def progress(self) -> chex.Array | float:
        """Completed fraction of the training, see the attributes."""
        return self._progress() if callable(self._progress) else self._progress

    def fork(self) -> "Networks":
        """A copy, whose keys and batch statistics do not affect the original.

        For evaluations that must not change the batch statistics: of perturbed examples
        in a penalty, or of generated ones if the statistics must be those of data.
        """
        fork = copy.copy(self)
        fork.params = dict(self.params)
        fork.model_state = dict(self.model_state)
        fork.optimizers = dict(self.optimizers)
        fork._num_keys = dict(self._num_keys)
        return fork

    def key(self, name: str) -> chex.PRNGKey:
        """Returns the next key of the stream `name`, a new one at each call."""
        index = self._num_keys.get(name, 0)
        self._num_keys[name] = index + 1
        stream = zlib.crc32(f"{name}/{index}".encode())
        return jax.random.fold_in(self._key, stream)

    def __call__(self, name: str, *inputs: chex.Array, **options: Any) -> Any:
        """Evaluates the network `name`, in training mode if `train`.

        Raises:
          InputError: there is no such network, or the inputs do not fit it.
        """
        if name not in self._modules:
            raise InputError(
                f"{self._described(name)} is missing; the game has the networks "
                f"{', '.join(self._modules) or '(none)'}"
            )
        module = self._modules[name]
        rngs = {
            "dropout": self.key(f"{name}/dropout"),
            "noise": self.key(f"{name}/noise"),
        }
        with self._misfits(name):
            if self._initializing and name not in self.params:
                rngs["params"] = self.key(f"{name}/params")
                variables = dict(module.init(rngs, *inputs, train=True, **options))
                self.params[name] = variables.pop("params", {})
                self.model_state[name] = variables
            variables = {"params": self.params[name], **self.model_state[name]}
            if not self.train:
                outputs = module.apply(
                    variables, *inputs, train=False, rngs=rngs, **options
                )
            else:
                outputs, updates = module.apply(
                    variables,
                    *inputs,
                    train=True,
                    rngs=rngs,
                    mutable=list(self.model_state[name]),
                    **options,
                )
                self.model_state[name] = {**self.model_state[name], **updates}
        if isinstance(outputs, Mapping):
            return NetworkOutputs(outputs, self._described(name))
        return outputs

    @contextlib.contextmanager
    def _misfits(self, name: str) -> Iterator[None]:
        """Lets errors within a network name it and its game."""
        try:
            yield
        except InputError:
            raise
        except _MISFITS as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise InputError(f"{self._described(name)}: {reason}") from error

    def _described(self, name: str) -> str:
        return f"the network {name!r} of the game {self._game!r}"


def in_one_batch(
    evaluate: Callable[[chex.Array], chex.Array], *parts: chex.Array
) -> list[chex.Array]:
    """Evaluates a network on several minibatches at once.

    Batch norm then uses the statistics of all of them. After training, all minibatches
    share the running statistics. With separate statistics in training, minibatches that
    differ, such as codes of the prior and inferred codes, would be normalised
    differently from then.

    Args:
      evaluate: a function of [N, ...], for example `lambda z: net("decoder", z)["x"]`.
      *parts: n minibatches, all [B, ...].

    Returns:
      the n outputs [B, ...].
    """
    return jnp.split(evaluate(jnp.concatenate(parts)), len(parts))


@dataclasses.dataclass(frozen=True)
class Player:
    """One side of a game: the networks that it trains, and the loss that it minimises.

    Attributes:
      name: unique in the game; key of the player's optimiser in the config.
      trains: names of the networks that its optimiser updates. Players of different
        phases may train the same network, each with its own optimiser.
      loss: `(net, outputs) -> ([B] losses, {name: scalar})`. `outputs` are those of
        the phase. `net` is for losses that evaluate networks again, such as penalties.
        Gradients reach the player's networks through both.
    """

    name: str
    trains: tuple[str, ...]
    loss: Callable[[Networks, Outputs], Losses]


@dataclasses.dataclass(frozen=True)
class Phase:
    """A forward pass, and the players whose losses read its outputs.

    Attributes:
      name: unique in the game.
      forward: `(net, batch) -> outputs`. Gradients flow back through all outputs.
      players: in the order in which they are updated. Those of one phase train
        different networks, unless updates alternate.
    """

    name: str
    forward: Callable[[Networks, Batch], Outputs]
    players: tuple[Player, ...]


@dataclasses.dataclass(frozen=True)
class Game:
    """Base of all games. A game adds its settings, `phases` and inference functions.

    Inference functions are pure functions of `net` that a trained game offers:
    `encode`, `sample_code`, `decode`, `sample`, `styles`, `variations`, `log_prob` and
    `mixture`. A game overrides those that it has; `can` says which.

    Attributes:
      modules: `{network: Flax module}`; modules take `(*inputs, train=...)`.
      num_components: K, number of mixture components, clusters or classes; None
        if there are none.
      update_order: "simultaneous": all players of a phase are updated from the same
        parameters and minibatch, and share one forward pass. "alternating": one player
        after the other, each from the parameters that the previous update gave. In both
        cases phases take turns. This is the order of the game's paper;
        `config.update_order` can override it.
    """

    modules: Mapping[str, nn.Module]
    num_components: int | None = dataclasses.field(default=None, kw_only=True)

    update_order: ClassVar[UpdateOrder] = "simultaneous"

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases, in the order in which they take turns."""
        raise NotImplementedError

    @property
    def players(self) -> tuple[Player, ...]:
        """The players of all phases."""
        return tuple(player for phase in self.phases for player in phase.players)

    @property
    def batch_fields(self) -> tuple[str, ...]:
        """Fields of the batch that `forward` reads.

        "x" is float32 [B, ...], as the networks see it (images in [0, 1]).
        "labelled_x" [M, ...] comes with "label", int32 [M]; components are classes
        then. "captioned_x" [M, ...] comes with "caption", float32 [M, C, D]: vectors of
        the C captions of each example. These are sampled independently of "x". The
        fields of `quantities` are added to these.
        """
        return ("x",)

    @property
    def quantities(self) -> Mapping[str, Callable[[Any], Any]]:
        """Numbers that the game reads with each example, and that are computed once.

        `{name: function}`, where the function maps all training x, float32 [N, ...], to
        float32 [N]. The batch has `NAME` [B] beside "x", and `labelled_NAME` [M] or
        `captioned_NAME` [M] beside "labelled_x" or "captioned_x".
        """
        return {}

    @property
    def uses_labels(self) -> bool:
        """Whether the game learns from labels; components are classes then."""
        return "label" in self.batch_fields

    @property
    def uses_captions(self) -> bool:
        """Whether the game learns from captions; `sample` then requires one."""
        return "caption" in self.batch_fields

    @property
    def conditional(self) -> bool:
        """Whether `encode` requires the label of x."""
        return False

    @property
    def log_prob_given_code(self) -> bool:
        """Whether `log_prob` is log p(x|z) with the code z inferred from x."""
        return False

    def bind(
        self,
        params: Mapping[str, chex.ArrayTree],
        model_state: Mapping[str, chex.ArrayTree],
        key: chex.PRNGKey,
        **settings: Any,
    ) -> Networks:
        """Binds the networks to variables; settings are those of `Networks`."""
        name = type(self).__name__
        return Networks(self.modules, params, model_state, key, game=name, **settings)

    def forward(self, net: Networks, batch: Batch) -> Outputs:
        """Runs all phases, one after the other, and returns their outputs."""
        outputs: Outputs = {}
        for phase in self.phases:
            outputs |= phase.forward(net, batch)
        return outputs

    def init(
        self, key: chex.PRNGKey, batch: Batch
    ) -> tuple[dict[str, chex.ArrayTree], dict[str, chex.ArrayTree]]:
        """Initialises every network in one forward pass of all phases.

        Args:
          key: random key.
          batch: an example batch; only its shapes matter.

        Returns:
          `(params, model_state)`, both `{network: tree}`.

        Raises:
          InputError: a network does not fit its inputs, lacks an output, or is missing.
          ValueError: a network is not evaluated in any phase.
        """
        net = self.bind({}, {}, key, train=False, initializing=True)
        self.forward(net, batch)
        if unused := set(self.modules) - set(net.params):
            raise ValueError(f"networks that no phase evaluates: {sorted(unused)}")
        return net.params, net.model_state

    # Inference functions. The base class has none.

    def can(self, ability: str) -> bool:
        """Whether the game has this inference function, such as "encode"."""
        own = getattr(type(self), ability, None)
        return own is not None and own is not getattr(Game, ability)

    def encode(self, net: Networks, x: chex.Array) -> Code:
        """Infers the code of x [B, ...]; a `conditional` game also takes its label."""
        raise NotImplementedError

    def sample_code(self, net: Networks, x: chex.Array) -> Code:
        """Samples the code of x [B, ...] from the inference distribution q(y, z|x)."""
        raise NotImplementedError

    def decode(self, net: Networks, code: Code) -> chex.Array:
        """Generates x [B, ...] from codes, as `encode` and `sample` return them."""
        raise NotImplementedError

    def sample(
        self, net: Networks, n: int, component: chex.Array | None = None
    ) -> Code:
        """Samples `x` [n, ...] and its code; `component` [n] may fix the components."""
        raise NotImplementedError

    def styles(self, net: Networks, n: int) -> chex.Array:
        """Samples n styles, and generates x [K, n, ...] of each in every component."""
        raise NotImplementedError

    def variations(self, net: Networks, x: chex.Array) -> chex.Array:
        """Samples z ~ q(z|x) for each x [B, ...], and decodes it: [B, ...]."""
        raise NotImplementedError

    def log_prob(self, net: Networks, x: chex.Array) -> chex.Array:
        """Log-density [B] of x [B, ...], in nats."""
        raise NotImplementedError

    def mixture(self, net: Networks) -> "GaussianMixture":
        """The prior p(z) = sum_k p(y=k) p(z|y=k)."""
        raise NotImplementedError
