"""The unavoidable parts of a train step, each as a separate program.

With simultaneous updates in one phase, a step has to run each network of `Game.forward`
once forward and once backward. The same holds for each player's loss that evaluates
networks again, such as a penalty. All other time of a step is overhead. To measure the
overhead, `experiments.benchmarks.train_step --parts` times these parts next to the
step.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp

from adversarial_latent.game import Batch, Game, Networks, Outputs
from adversarial_latent.state import TrainState

Params = dict[str, chex.ArrayTree]


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a step, which runs in a loop as steps do.

    Attributes:
      name: the network, with a number if it is evaluated several times; or the loss.
      work: `input -> outputs and gradients`, a pure function that runs the part once.
      inputs: tree of arrays [num_steps, ...]; `work` takes one slice.
    """

    name: str
    work: Callable[[Any], Any]
    inputs: Any

    def compile(self) -> Callable[[], Any]:
        """Returns a function that runs the part on all inputs and sums the results.

        The sum uses all outputs and gradients, so that none is eliminated as dead code.
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
    """Networks that record their evaluations.

    Attributes:
      names: names of the evaluated networks, in order.
      inputs: inputs and options of each evaluation.
      outputs: outputs of each evaluation, plus its `probes`, if any.
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
class _Evaluation:
    """Evaluates a game in training mode at a given state."""

    game: Game
    state: TrainState
    progress: float

    def networks(
        self, params: Params, key: chex.PRNGKey, probes: list[Any] | None = None
    ) -> _Recorder:
        return _Recorder(
            self.game.modules,
            {**self.state.params, **params},
            self.state.model_state,
            key,
            train=True,
            progress=self.progress,
            probes=probes,
        )

    def forward(
        self,
        batch: Batch,
        key: chex.PRNGKey,
        params: Params | None = None,
        probes: list[Any] | None = None,
    ) -> tuple[Outputs, _Recorder]:
        net = self.networks(params or {}, key, probes)
        return self.game.forward(net, batch), net

    def loss(
        self, player: int, params: Params, outputs: Outputs, key: chex.PRNGKey
    ) -> tuple[chex.Array, _Recorder]:
        net = self.networks(params, key)
        losses, _ = self.game.players[player].loss(net, outputs)
        return losses.mean(), net

    def cotangents(self, batch: Batch, key: chex.PRNGKey) -> list[Any]:
        """Gradients of the losses with respect to the outputs of each network call."""

        def total_loss(probes: list[Any]) -> chex.Array:
            outputs, _ = self.forward(batch, key, probes=probes)
            # Weighted, so that losses of opposite sign do not cancel.
            return sum(
                (1 + player) * self.loss(player, {}, outputs, key)[0]
                for player in range(len(self.game.players))
            )

        outputs = jax.eval_shape(lambda: self.forward(batch, key)[1].outputs)
        return jax.grad(total_loss)(_zeros(outputs))

    def tangents(self, batch: Batch, key: chex.PRNGKey) -> list[Any]:
        """Derivatives of the inputs of each network call along random parameters."""
        leaves, structure = jax.tree.flatten(self.state.params)
        keys = jax.random.split(key, len(leaves))
        directions = [
            jax.random.normal(k, leaf.shape, leaf.dtype)
            for k, leaf in zip(keys, leaves, strict=True)
        ]
        _, tangents = jax.jvp(
            lambda params: self.forward(batch, key, params)[1].inputs,
            (self.state.params,),
            (jax.tree.unflatten(structure, directions),),
        )
        return tangents


def unavoidable_parts(
    game: Game,
    state: TrainState,
    batches: Mapping[str, chex.Array],
    key: chex.PRNGKey,
    progress: float = 0.0,
) -> list[Part]:
    """Splits a simultaneous step of a game into its unavoidable parts.

    Each network call in `forward` is a part. It has a forward pass and one backward
    pass. The backward pass starts at the outputs that a loss depends on. It ends at the
    network's parameters and at the inputs that depend on parameters. Each player's loss
    that evaluates networks is a part, too, with its gradient for the player's networks.

    Args:
      game: the game.
      state: state of one trial.
      batches: minibatches [num_steps, ...] for `forward`; each is used once.
      key: random key.
      progress: as `Networks.progress`.

    Returns:
      the parts, in the order of the game.
    """
    evaluation = _Evaluation(game, state, progress)
    keys = jax.random.split(key, len(jax.tree.leaves(batches)[0]))
    first = jax.tree.map(lambda leaf: leaf[0], batches)
    used = _nonzero(jax.jit(evaluation.cotangents)(first, key))
    learned = _nonzero(jax.jit(evaluation.tangents)(first, key))

    @jax.jit
    def record(batches: Any, keys: chex.PRNGKey) -> tuple[Outputs, list[Any], list]:
        def one(step: Any) -> Any:
            outputs, net = evaluation.forward(*step)
            names[:] = net.names
            return outputs, net.inputs, _choose(evaluation.cotangents(*step), used)

        return jax.lax.map(one, (batches, keys))

    names: list[str] = []
    all_outputs, inputs, cotangents = record(batches, keys)
    parts = []
    for index, name in enumerate(names):
        trained = bool(jax.tree.leaves(state.params[name]))
        if not any(used[index]) or not (trained or any(learned[index])):
            continue
        numbered = f"{name} {1 + names[:index].count(name)}"
        parts.append(
            Part(
                numbered if names.count(name) > 1 else name,
                _evaluation(evaluation, name, used[index], learned[index]),
                (keys, inputs[index], cotangents[index]),
            )
        )
    outputs = jax.tree.map(lambda leaf: leaf[0], all_outputs)
    for player in range(len(game.players)):
        evaluated = jax.eval_shape(
            lambda player=player: evaluation.loss(player, {}, outputs, key)[1].outputs
        )
        if evaluated:
            name = f"loss of {game.players[player].name}"
            parts.append(Part(name, _own_loss(evaluation, player), (keys, all_outputs)))
    return parts


def _evaluation(
    evaluation: _Evaluation, name: str, used: list[bool], learned: list[bool]
) -> Callable[[Any], Any]:
    def work(step: Any) -> Any:
        key, recorded, cotangents = step
        leaves, structure = jax.tree.flatten(recorded)

        def evaluate(
            own: chex.ArrayTree, variable: list[chex.Array]
        ) -> list[chex.Array]:
            variables = iter(variable)
            inputs, options = jax.tree.unflatten(
                structure,
                [
                    next(variables) if is_variable else leaf
                    for leaf, is_variable in zip(leaves, learned, strict=True)
                ],
            )
            output = evaluation.networks({name: own}, key)(name, *inputs, **options)
            return _choose([output], [used])[0]

        variable = _choose([recorded], [learned])[0]
        output, pullback = jax.vjp(evaluate, evaluation.state.params[name], variable)
        return output, pullback(cotangents)

    return work


def _own_loss(evaluation: _Evaluation, player: int) -> Callable[[Any], Any]:
    trains = evaluation.game.players[player].trains
    own = {network: evaluation.state.params[network] for network in trains}

    def work(step: Any) -> Any:
        key, outputs = step
        return jax.value_and_grad(
            lambda own: evaluation.loss(player, own, outputs, key)[0]
        )(own)

    return work


def _zeros(shapes: Any) -> Any:
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


def _nonzero(trees: list[Any]) -> list[list[bool]]:
    """Whether each leaf of each tree has a non-zero element."""
    return [[bool(leaf.any()) for leaf in jax.tree.leaves(tree)] for tree in trees]


def _choose(trees: list[Any], chosen: list[list[bool]]) -> list[list[chex.Array]]:
    """The chosen leaves of each tree."""
    return [
        [
            leaf
            for leaf, choice in zip(jax.tree.leaves(tree), mask, strict=True)
            if choice
        ]
        for tree, mask in zip(trees, chosen, strict=True)
    ]
