"""What a game is: networks, one round of play, and players with opposing losses.

A game says *what* is computed. It knows nothing about devices, optimisers, files
or loops: `steps.py` turns it into a train step, `model.py` into a trained model.
"""

import copy
import dataclasses
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

Outcome = dict[str, chex.Array]
Code = dict[str, chex.Array]
Losses = tuple[chex.Array, dict[str, chex.Array]]
"""[B] losses of a player, and scalars by name for the log."""
Optimizers = Mapping[str, tuple[optax.GradientTransformation, optax.OptState]]


class Networks:
    """A game's networks, bound to variables and randomness for one evaluation.

    `net("decoder", y, z)` evaluates the network of that name. Statistics which a
    network collects in training mode are gathered in `model_state`, and random
    streams are derived from names, so that adding a network or a draw leaves the
    others as they were.

    Attributes:
      params: `{network: parameters}`.
      model_state: `{network: {collection: statistics}}`, as updated so far.
      train: whether batch statistics and dropout are those of training.
      progress: part of the training that is done, from 0 to 1, for losses that
        change as it goes on. Computed only where it is used, so that the step of a
        game without such losses does not depend on how long the run is.
      optimizers: `{player: (optimiser, its state)}` in a train step, for losses that
        foresee another player's moves.
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
    ):
        self.params = dict(params)
        self.model_state = dict(model_state)
        self.train = train
        self._progress = progress
        self.optimizers = dict(optimizers or {})
        self._modules = modules
        self._key = key
        self._draws: dict[str, int] = {}
        self._initializing = initializing

    @property
    def progress(self) -> chex.Array | float:
        """Part of the training that is done, see the attributes."""
        return self._progress() if callable(self._progress) else self._progress

    def fork(self) -> "Networks":
        """The same networks, whose draws and statistics are not kept in these.

        For losses that differentiate a network which collects statistics.
        """
        fork = copy.copy(self)
        fork.params = dict(self.params)
        fork.model_state = dict(self.model_state)
        fork.optimizers = dict(self.optimizers)
        fork._draws = dict(self._draws)
        return fork

    def key(self, name: str) -> chex.PRNGKey:
        """Returns a fresh key of the stream `name`: a new one at each call."""
        draw = self._draws.get(name, 0)
        self._draws[name] = draw + 1
        stream = zlib.crc32(f"{name}/{draw}".encode())
        return jax.random.fold_in(self._key, stream)

    def __call__(self, name: str, *inputs: chex.Array, **options: Any) -> Any:
        """Evaluates network `name`, in training mode if these networks are."""
        module = self._modules[name]
        rngs = {
            "dropout": self.key(f"{name}/dropout"),
            "noise": self.key(f"{name}/noise"),
        }
        if self._initializing and name not in self.params:
            rngs["params"] = self.key(f"{name}/params")
            variables = dict(module.init(rngs, *inputs, train=True, **options))
            self.params[name] = variables.pop("params", {})
            self.model_state[name] = variables
        variables = {"params": self.params[name], **self.model_state[name]}
        if not self.train:
            return module.apply(variables, *inputs, train=False, rngs=rngs, **options)
        output, updates = module.apply(
            variables,
            *inputs,
            train=True,
            rngs=rngs,
            mutable=list(self.model_state[name]),
            **options,
        )
        self.model_state[name] = {**self.model_state[name], **updates}
        return output


def in_one_batch(
    evaluate: Callable[[chex.Array], chex.Array], *parts: chex.Array
) -> list[chex.Array]:
    """Evaluates a network on several minibatches at once.

    Where they differ, as codes of the prior and inferred ones do, batch norm should
    have the statistics of all of them. If it had each one's own in training, what comes
    of one alone would be normalised otherwise after training than during it.

    Args:
      evaluate: a function of [N, ...], as `lambda z: net("decoder", z)["x"]`.
      *parts: n minibatches, all [B, ...].

    Returns:
      n results [B, ...].
    """
    return jnp.split(evaluate(jnp.concatenate(parts)), len(parts))


@dataclasses.dataclass(frozen=True)
class Player:
    """One side of a game: the networks it trains, and what it wants.

    Attributes:
      name: unique in the game; the config gives the player's optimiser by it.
      trains: names of the networks that it moves. Players that move one after the
        other may train the same ones, each with an optimiser of its own.
      loss: `(net, outcome) -> ([B] losses, {name: scalar})`. `outcome` is what
        `play` returned; `net` gives the networks, for penalties that evaluate
        them again. Gradients reach the player's networks along both ways.
      play: `(net, batch) -> outcome`, the phase of the game in which this player
        moves; None for `Game.play`, the round that all players share.
    """

    name: str
    trains: tuple[str, ...]
    loss: Callable[[Networks, Outcome], Losses]
    play: Callable[[Networks, Mapping[str, chex.Array]], Outcome] | None = None


@dataclasses.dataclass(frozen=True)
class Game:
    """Base of all games. A subclass adds its settings, `players` and `play`.

    A game of phases, in which each player has a `play` of its own, needs no other.

    It also defines what a trained game can be asked, of `encode`, `decode`, `sample`,
    `log_prob` and so on (`model.py`), as pure functions of `net`: a game without an
    encoder has no `encode`.

    Attributes:
      networks: `{name: module}`; modules take `(*inputs, train=...)`.
    """

    networks: Mapping[str, nn.Module]

    @property
    def players(self) -> tuple[Player, ...]:
        """The players, in the order in which they move."""
        raise NotImplementedError

    @property
    def num_components(self) -> int | None:
        """Number of mixture components, clusters or classes; None without any."""
        return None

    @property
    def uses_labels(self) -> bool:
        """Whether batches must hold labelled examples; components are classes then."""
        return False

    @property
    def captioned(self) -> bool:
        """Whether it learns from captions, and `sample` has to be told one."""
        return False

    @property
    def conditional(self) -> bool:
        """Whether `encode` has to be told the label of x."""
        return False

    @property
    def log_prob_given_code(self) -> bool:
        """Whether `log_prob` is that of x given the code inferred from it."""
        return False

    def play(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Plays one round and returns whatever the players' losses need.

        By default the phases of all players, one after the other.

        Args:
          net: the networks.
          batch: "x" is [B, ...], scaled as the networks see it; a game that
            `uses_labels` also gets "labelled_x" [M, ...] and "label" int32 [M],
            drawn independently of x; one that is `captioned` gets "label" float32
            [M, C, D], vectors of the C captions of each example.

        Returns:
          Floating-point arrays by name; gradients flow back through all of them.
        """
        outcome: Outcome = {}
        for player in self.players:
            if player.play is None:
                raise NotImplementedError(f"{type(self).__name__} has no `play`")
            outcome |= player.play(net, batch)
        return outcome

    def init(
        self, key: chex.PRNGKey, batch: Mapping[str, chex.Array]
    ) -> tuple[dict[str, chex.ArrayTree], dict[str, chex.ArrayTree]]:
        """Initialises every network by playing one round.

        Args:
          key: random key.
          batch: an example batch; only its shapes matter.

        Returns:
          `(params, model_state)`, both `{network: tree}`.
        """
        net = Networks(self.networks, {}, {}, key, train=False, initializing=True)
        self.play(net, batch)
        if missing := set(self.networks) - set(net.params):
            raise ValueError(f"networks never played in `play`: {sorted(missing)}")
        return net.params, net.model_state
