"""The train step of all games."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, get_args

import chex
import jax
import jax.numpy as jnp
import optax

from adversarial_latent.collectives import device_index, device_mean
from adversarial_latent.game import (
    Batch,
    Game,
    Networks,
    Outputs,
    Phase,
    Player,
    UpdateOrder,
)
from adversarial_latent.random_keys import unrolled
from adversarial_latent.state import TrainState

TrainStep = Callable[
    [TrainState, Mapping[str, chex.Array]], tuple[TrainState, dict[str, chex.Array]]
]


def look_ahead(
    net: Networks, player: Player, losses: Callable[[Networks], chex.Array]
) -> Networks:
    """Updates a player once more, for unrolled losses.

    Args:
      net: the networks in a train step.
      player: the player to update, with its own optimiser and its current state.
      losses: the player's [B] losses, a function of the networks.

    Returns:
      the networks after the update, differentiable in everything that the losses depend
      on. With Adam, set the player's `eps_root` in the config: the derivative of its
      square root is infinite at zero.
    """
    own = {network: net.params[network] for network in player.trains}

    def loss(own: dict[str, chex.ArrayTree]) -> chex.Array:
        fork = net.fork()
        fork.params |= own
        return losses(fork).mean()

    after = net.fork()
    optimizer, opt_state = net.optimizers[player.name]
    updated, opt_state = _optimize(
        own, device_mean(jax.grad(loss)(own)), optimizer, opt_state
    )
    after.params |= updated
    after.optimizers[player.name] = (optimizer, opt_state)
    return after


def make_train_step(
    game: Game,
    optimizers: Mapping[str, optax.GradientTransformation],
    *,
    num_steps: int = 1,
    update_order: UpdateOrder | None = None,
    repeats: Mapping[str, int] | None = None,
    ema_decay: float = 0.0,
) -> TrainStep:
    """Builds the pure train step of a game.

    Args:
      game: the game.
      optimizers: `{player: transformation}`, each over that player's networks only.
      num_steps: train steps of the run, for losses that depend on `Networks.progress`.
      update_order: see `Game`; the game's own if None.
      repeats: `{player: n}`, number of updates of a player in one turn, each on its own
        minibatch; 1 if not given. Only for alternating updates.
      ema_decay: decay of the moving average of all parameters, 0 for none.

    Returns:
      `train_step(state, batch) -> (state, metrics)` for one trial on one device, which
      `parallel.py` maps over trials and devices. Leaves of `batch` are [R, B, ...],
      where R is the largest number of repeats. Metrics are scalars: `player/loss` etc.

    Raises:
      ValueError: `update_order` is unknown, players that are updated simultaneously
        repeat or share networks, names of players or phases are not unique, or
        `repeats` has an unknown player or a number below 1.
    """
    order = update_order or game.update_order
    if order not in get_args(UpdateOrder):
        raise ValueError(
            f"update_order must be 'simultaneous' or 'alternating', not {order!r}"
        )
    names = [player.name for player in game.players]
    for kind, known in (("players", names), ("phases", [p.name for p in game.phases])):
        if len(set(known)) < len(known):
            raise ValueError(f"names of {kind} must be unique: {known}")
    repeats = dict.fromkeys(names, 1) | dict(repeats or {})
    if set(repeats) != set(names) or min(repeats.values()) < 1:
        raise ValueError(f"repeats must be at least 1 for each of {names}: {repeats}")
    turns = _turns(game, order, repeats)

    def train_step(
        state: TrainState, batch: Mapping[str, chex.Array]
    ) -> tuple[TrainState, dict[str, chex.Array]]:
        key = jax.random.fold_in(unrolled(state.key), state.step)
        key = jax.random.fold_in(key, device_index())
        metrics: dict[str, chex.Array] = {}
        for turn, (phase, players, minibatch) in enumerate(turns):
            state, scalars = _update_players(
                game,
                phase,
                players,
                optimizers,
                state,
                jax.tree.map(lambda leaf, m=minibatch: leaf[m], batch),
                jax.random.fold_in(key, turn),
                functools.partial(_progress, state.step, num_steps),
            )
            metrics |= scalars
        ema_params = state.ema_params
        if ema_decay:
            # At first the average is short, so that it forgets the initial values.
            decay = jnp.minimum(ema_decay, (1 + state.step) / (10 + state.step))
            ema_params = optax.incremental_update(
                state.params, state.ema_params, 1.0 - decay
            )
        state = dataclasses.replace(state, step=state.step + 1, ema_params=ema_params)
        return state, metrics

    return train_step


def _turns(
    game: Game, order: UpdateOrder, repeats: Mapping[str, int]
) -> list[tuple[Phase, tuple[Player, ...], int]]:
    """Lists the updates of a step: phase, players, and index of the minibatch."""
    if order == "alternating":
        return [
            (phase, (player,), minibatch)
            for phase in game.phases
            for player in phase.players
            for minibatch in range(repeats[player.name])
        ]
    if any(count != 1 for count in repeats.values()):
        raise ValueError(
            f"players that are updated simultaneously cannot repeat: {repeats}; set "
            "update_order='alternating'"
        )
    for phase in game.phases:
        owners: dict[str, str] = {}
        for player in phase.players:
            for network in player.trains:
                if network in owners:
                    raise ValueError(
                        f"network {network!r} is trained by both players "
                        f"{owners[network]!r} and {player.name!r} of the phase "
                        f"{phase.name!r}, which are updated simultaneously: set "
                        "update_order='alternating'"
                    )
                owners[network] = player.name
    return [(phase, phase.players, 0) for phase in game.phases]


def _progress(step: chex.Array, num_steps: int) -> chex.Array:
    return jnp.minimum(step / num_steps, 1.0)


def _optimize(
    params: dict[str, chex.ArrayTree],
    gradients: dict[str, chex.ArrayTree],
    optimizer: optax.GradientTransformation,
    opt_state: optax.OptState,
) -> tuple[dict[str, chex.ArrayTree], optax.OptState]:
    with jax.numpy_dtype_promotion("standard"):  # Optax relies on it
        updates, opt_state = optimizer.update(gradients, opt_state, params)
    return optax.apply_updates(params, updates), opt_state


def _norm(tree: chex.ArrayTree) -> chex.Array:
    # As products of vectors, because XLA's CPU compiler stores squares before a sum.
    squares = [jnp.vdot(leaf, leaf) for leaf in jax.tree.leaves(tree)]
    return jnp.sqrt(sum(squares[1:], squares[0]))


def _update_players(
    game: Game,
    phase: Phase,
    players: tuple[Player, ...],
    optimizers: Mapping[str, optax.GradientTransformation],
    state: TrainState,
    batch: Batch,
    key: chex.PRNGKey,
    progress: Callable[[], chex.Array],
) -> tuple[TrainState, dict[str, chex.Array]]:
    """Updates `players` simultaneously: one forward pass, a backward pass for each."""
    bind = functools.partial(
        game.bind, model_state=state.model_state, train=True, progress=progress
    )

    def forward(trained: dict[str, chex.ArrayTree]) -> Any:
        net = bind(params={**state.params, **trained}, key=key)
        outputs = phase.forward(net, batch)
        return outputs, net.model_state

    trained = {
        network: state.params[network]
        for player in players
        for network in player.trains
    }
    outputs, pullback, forward_state = jax.vjp(forward, trained, has_aux=True)
    params, opt_state = dict(state.params), dict(state.opt_state)
    model_state = dict(state.model_state)
    metrics: dict[str, chex.Array] = {}
    for index, player in enumerate(players):
        own = {network: state.params[network] for network in player.trains}
        player_key = jax.random.fold_in(key, index)

        def objective(
            own: dict[str, chex.ArrayTree],
            outputs: Outputs,
            player: Player = player,
            key: chex.PRNGKey = player_key,
        ) -> tuple[chex.Array, dict[str, chex.Array]]:
            net = bind(
                params={**state.params, **own},
                key=key,
                optimizers={
                    name: (optimizers[name], state.opt_state[name])
                    for name in optimizers
                },
            )
            losses, scalars = player.loss(net, outputs)
            chex.assert_rank(losses, 1)
            return losses.mean(), scalars

        (loss, scalars), (direct, cotangents) = jax.value_and_grad(
            objective, argnums=(0, 1), has_aux=True
        )(own, outputs)
        (through_forward,) = pullback(cotangents)
        # The gradients of other players' networks are dead code.
        gradients = jax.tree.map(
            jnp.add, direct, {network: through_forward[network] for network in own}
        )
        gradients, loss, scalars = device_mean((gradients, loss, scalars))
        updated, opt_state[player.name] = _optimize(
            own, gradients, optimizers[player.name], state.opt_state[player.name]
        )
        params |= updated
        # A player updates the batch statistics of its own networks only.
        model_state |= device_mean({network: forward_state[network] for network in own})
        metrics |= {
            f"{player.name}/loss": loss,
            f"{player.name}/grad_norm": _norm(gradients),
        } | scalars
    state = dataclasses.replace(
        state, params=params, opt_state=opt_state, model_state=model_state
    )
    return state, metrics
