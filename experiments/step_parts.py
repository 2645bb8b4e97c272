"""What a train step cannot do without: each part of it as a program of its own.

Where all players move at once, a step has to evaluate every network of `Game.play`
once forwards and once backwards on its inputs, and so each player's loss that evaluates
networks again, as a penalty does. Whatever else a step spends its time on could be
saved: to know how much that is, the parts are timed beside the step, see
`experiments.benchmark --parts`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp

from adversarial_latent.game import Game, Networks, Outcome
from adversarial_latent.state import TrainState

Params = dict[str, chex.ArrayTree]


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a step, to be repeated in a loop as steps are.

    Attributes:
      name: of the network, numbered if it is evaluated several times; or of the loss.
      work: `input -> outputs and gradients`, pure: the part, done once.
      inputs: tree of arrays [num_steps, ...], whose slices `work` takes.
    """

    name: str
    work: Callable[[Any], Any]
    inputs: Any

    def compile(self) -> Callable[[], Any]:
        """A call that does the part for all inputs, and sums what comes out.

        All outputs and gradients are needed for that, so that none is dead code.
        """

        @jax.jit
        def run(inputs: Any) -> Any:
            first = jax.tree.map(lambda leaf: leaf[0], inputs)
            zeros = _zeros(jax.eval_shape(self.work, first))

            def body(total: Any, step: Any) -> tuple[Any, None]:
                return jax.tree.map(jnp.add, total, self.work(step)), None

            return jax.lax.scan(body, zeros, inputs)[0]

        return lambda: run(self.inputs)


class _Recorder(Networks):
    """Networks that note what they are evaluated on.

    Attributes:
      names: of the networks evaluated, in that order.
      inputs: what each was given: its inputs, and its options.
      outputs: what each gave, to which `probes`, if there are any, were added.
    """

    def __init__(self, *arguments: Any, probes: list[Any] | None, **settings: Any):
        super().__init__(*arguments, **settings)
        self.names: list[str] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self._probes = probes

    def __call__(self, name: str, *inputs: chex.Array, **options: Any) -> Any:
        output = super().__call__(name, *inputs, **options)
        if self._probes is not None:
            output = jax.tree.map(jnp.add, output, self._probes[len(self.names)])
        self.names.append(name)
        self.inputs.append((inputs, options))
        self.outputs.append(output)
        return output


@dataclasses.dataclass(frozen=True)
class _Round:
    """A round of a game in training mode, at a state."""

    game: Game
    state: TrainState
    progress: float

    def networks(
        self, params: Params, key: chex.PRNGKey, probes: list[Any] | None = None
    ) -> _Recorder:
        return _Recorder(
            self.game.networks,
            {**self.state.params, **params},
            self.state.model_state,
            key,
            train=True,
            progress=self.progress,
            probes=probes,
        )

    def play(
        self,
        batch: Mapping[str, chex.Array],
        key: chex.PRNGKey,
        params: Params | None = None,
        probes: list[Any] | None = None,
    ) -> tuple[Outcome, _Recorder]:
        net = self.networks(params or {}, key, probes)
        return self.game.play(net, batch), net

    def loss(
        self, player: int, params: Params, outcome: Outcome, key: chex.PRNGKey
    ) -> tuple[chex.Array, _Recorder]:
        net = self.networks(params, key)
        losses, _ = self.game.players[player].loss(net, outcome)
        return losses.mean(), net

    def cotangents(
        self, batch: Mapping[str, chex.Array], key: chex.PRNGKey
    ) -> list[Any]:
        """What the losses pull back to the outputs of each evaluation."""

        def total_loss(probes: list[Any]) -> chex.Array:
            outcome, _ = self.play(batch, key, probes=probes)
            # Weighted, so that what opposite players want does not cancel.
            return sum(
                (1 + player) * self.loss(player, {}, outcome, key)[0]
                for player in range(len(self.game.players))
            )

        outputs = jax.eval_shape(lambda: self.play(batch, key)[1].outputs)
        return jax.grad(total_loss)(_zeros(outputs))

    def tangents(self, batch: Mapping[str, chex.Array], key: chex.PRNGKey) -> list[Any]:
        """How the inputs of each evaluation move with the parameters."""
        leaves, structure = jax.tree.flatten(self.state.params)
        keys = jax.random.split(key, len(leaves))
        draws = [
            jax.random.normal(k, leaf.shape, leaf.dtype)
            for k, leaf in zip(keys, leaves, strict=True)
        ]
        _, tangents = jax.jvp(
            lambda params: self.play(batch, key, params)[1].inputs,
            (self.state.params,),
            (jax.tree.unflatten(structure, draws),),
        )
        return tangents


def unavoidable_parts(
    game: Game,
    state: TrainState,
    batches: Mapping[str, chex.Array],
    key: chex.PRNGKey,
    progress: float = 0.0,
) -> list[Part]:
    """Takes a simultaneous step of a game apart.

    Each evaluation in `play` is a part: its forward pass, and one backward pass, from
    those of its outputs on which a loss depends, to its parameters and to those of its
    inputs that depend on parameters themselves. So is each player's loss that evaluates
    networks, with its gradient for the player's networks.

    Args:
      game: the game.
      state: of one trial.
      batches: as `play` takes them, [num_steps, ...]; each is used once.
      key: of all random draws.
      progress: as `Networks.progress`.

    Returns:
      the parts, in the order of the game.
    """
    played = _Round(game, state, progress)
    keys = jax.random.split(key, len(jax.tree.leaves(batches)[0]))
    first = jax.tree.map(lambda leaf: leaf[0], batches)
    used = _nonzero(jax.jit(played.cotangents)(first, key))
    learned = _nonzero(jax.jit(played.tangents)(first, key))

    @jax.jit
    def record(batches: Any, keys: chex.PRNGKey) -> tuple[Outcome, list[Any], list]:
        def one(step: Any) -> Any:
            outcome, net = played.play(*step)
            names[:] = net.names
            return outcome, net.inputs, _choose(played.cotangents(*step), used)

        return jax.lax.map(one, (batches, keys))

    names: list[str] = []
    outcomes, inputs, cotangents = record(batches, keys)
    parts = []
    for index, name in enumerate(names):
        trained = bool(jax.tree.leaves(state.params[name]))
        if not any(used[index]) or not (trained or any(learned[index])):
            continue
        numbered = f"{name} {1 + names[:index].count(name)}"
        parts.append(
            Part(
                numbered if names.count(name) > 1 else name,
                _evaluation(played, name, used[index], learned[index]),
                (keys, inputs[index], cotangents[index]),
            )
        )
    outcome = jax.tree.map(lambda leaf: leaf[0], outcomes)
    for player in range(len(game.players)):
        evaluated = jax.eval_shape(
            lambda player=player: played.loss(player, {}, outcome, key)[1].outputs
        )
        if evaluated:
            name = f"loss of {game.players[player].name}"
            parts.append(Part(name, _own_loss(played, player), (keys, outcomes)))
    return parts


def _evaluation(
    played: _Round, name: str, used: list[bool], learned: list[bool]
) -> Callable[[Any], Any]:
    def work(step: Any) -> Any:
        key, given, cotangents = step
        leaves, structure = jax.tree.flatten(given)

        def evaluate(own: chex.ArrayTree, moving: list[chex.Array]) -> list[chex.Array]:
            moved = iter(moving)
            inputs, options = jax.tree.unflatten(
                structure,
                [
                    next(moved) if moves else leaf
                    for leaf, moves in zip(leaves, learned, strict=True)
                ],
            )
            output = played.networks({name: own}, key)(name, *inputs, **options)
            return _choose([output], [used])[0]

        moving = _choose([given], [learned])[0]
        output, pullback = jax.vjp(evaluate, played.state.params[name], moving)
        return output, pullback(cotangents)

    return work


def _own_loss(played: _Round, player: int) -> Callable[[Any], Any]:
    trains = played.game.players[player].trains
    own = {network: played.state.params[network] for network in trains}

    def work(step: Any) -> Any:
        key, outcome = step
        return jax.value_and_grad(
            lambda own: played.loss(player, own, outcome, key)[0]
        )(own)

    return work


def _zeros(shapes: Any) -> Any:
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


def _nonzero(trees: list[Any]) -> list[list[bool]]:
    """Which leaves of each tree are not zero throughout."""
    return [[bool(leaf.any()) for leaf in jax.tree.leaves(tree)] for tree in trees]


def _choose(trees: list[Any], chosen: list[list[bool]]) -> list[list[chex.Array]]:
    """Those leaves of each tree that are chosen."""
    return [
        [
            leaf
            for leaf, choice in zip(jax.tree.leaves(tree), mask, strict=True)
            if choice
        ]
        for tree, mask in zip(trees, chosen, strict=True)
    ]
