"""The one train step of all games: who moves when, and whose gradients go where."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any, Literal

import chex
import jax
import jax.numpy as jnp
import optax

from adversarial_latent.game import Game, Networks, Player
from adversarial_latent.parallel import device_index, device_mean
from adversarial_latent.state import TrainState

Moves = Literal["simultaneous", "alternating"]
TrainStep = Callable[
    [TrainState, Mapping[str, chex.Array]], tuple[TrainState, dict[str, chex.Array]]
]


def _update(
    params: dict[str, chex.ArrayTree],
    gradients: dict[str, chex.ArrayTree],
    optimizer: optax.GradientTransformation,
    opt_state: optax.OptState,
) -> tuple[dict[str, chex.ArrayTree], optax.OptState]:
    with jax.numpy_dtype_promotion("standard"):  # Optax relies on it
        updates, opt_state = optimizer.update(gradients, opt_state, params)
    return optax.apply_updates(params, updates), opt_state


def ahead(
    net: Networks, player: Player, losses: Callable[[Networks], chex.Array]
) -> Networks:
    """Foresees one more move of a player: for losses that are unrolled.

    Args:
      net: the networks in a train step.
      player: who moves, with its own optimiser, from that optimiser's state.
      losses: the player's [B] losses, a function of the networks.

    Returns:
      The networks after the move, as a differentiable function of all that the losses
      depend on. With Adam, set the player's `eps_root` in the config: the derivative
      of its square root is infinite at zero.
    """
    own = {network: net.params[network] for network in player.trains}

    def loss(own: dict[str, chex.ArrayTree]) -> chex.Array:
        fork = net.fork()
        fork.params |= own
        return losses(fork).mean()

    after = net.fork()
    optimizer, opt_state = net.optimizers[player.name]
    moved, opt_state = _update(
        own, device_mean(jax.grad(loss)(own)), optimizer, opt_state
    )
    after.params |= moved
    after.optimizers[player.name] = (optimizer, opt_state)
    return after


def _progress(step: chex.Array, num_steps: int) -> chex.Array:
    return jnp.minimum(step / num_steps, 1.0)


def _move(
    game: Game,
    players: tuple[Player, ...],
    optimizers: Mapping[str, optax.GradientTransformation],
    state: TrainState,
    batch: Mapping[str, chex.Array],
    key: chex.PRNGKey,
    progress: Callable[[], chex.Array],
) -> tuple[TrainState, dict[str, chex.Array]]:
    """Lets `players` move at once: one forward pass, one pull-back for each."""
    phase = players[0].play or game.play

    def play(trained: dict[str, chex.ArrayTree]) -> Any:
        net = Networks(
            game.networks,
            {**state.params, **trained},
            state.model_state,
            key,
            train=True,
            progress=progress,
        )
        outcome = phase(net, batch)
        return outcome, net.model_state

    trained = {
        network: state.params[network]
        for player in players
        for network in player.trains
    }
    outcome, pullback, played_state = jax.vjp(play, trained, has_aux=True)
    params, opt_state = dict(state.params), dict(state.opt_state)
    model_state = dict(state.model_state)
    metrics: dict[str, chex.Array] = {}
    for index, player in enumerate(players):
        own = {network: state.params[network] for network in player.trains}
        player_key = jax.random.fold_in(key, index)

        def objective(own, outcome, player=player, key=player_key):
            net = Networks(
                game.networks,
                {**state.params, **own},
                state.model_state,
                key,
                train=True,
                progress=progress,
                optimizers={
                    name: (optimizers[name], state.opt_state[name])
                    for name in optimizers
                },
            )
            losses, scalars = player.loss(net, outcome)
            chex.assert_rank(losses, 1)
            return losses.mean(), scalars

        (loss, scalars), (direct, cotangents) = jax.value_and_grad(
            objective, argnums=(0, 1), has_aux=True
        )(own, outcome)
        (through_play,) = pullback(cotangents)
        # What the pull-back computes for other players' networks is dead code.
        gradients = jax.tree.map(
            jnp.add, direct, {network: through_play[network] for network in own}
        )
        gradients, loss, scalars = device_mean((gradients, loss, scalars))
        moved, opt_state[player.name] = _update(
            own, gradients, optimizers[player.name], state.opt_state[player.name]
        )
        params |= moved
        # A player keeps the statistics of its own networks, and of no other.
        model_state |= device_mean({network: played_state[network] for network in own})
        metrics |= {
            f"{player.name}/loss": loss,
            f"{player.name}/grad_norm": optax.tree.norm(gradients),
        } | scalars
    state = dataclasses.replace(
        state, params=params, opt_state=opt_state, model_state=model_state
    )
    return state, metrics


def _phases(game: Game) -> list[tuple[Player, ...]]:
    """The players in groups, by what they play; refuses those who cannot move at once.

    Raises:
      ValueError: if two of a group train the same network.
    """
    groups = itertools.groupby(game.players, lambda player: player.play)
    phases = [tuple(players) for _, players in groups]
    for players in phases:
        owners: dict[str, str] = {}
        for player in players:
            for network in player.trains:
                if network in owners:
                    raise ValueError(
                        f"network {network!r} is trained by both players "
                        f"{owners[network]!r} and {player.name!r}, who move at once: "
                        "set moves='alternating'"
                    )
                owners[network] = player.name
    return phases


def make_train_step(
    game: Game,
    optimizers: Mapping[str, optax.GradientTransformation],
    *,
    num_steps: int = 1,
    moves: Moves = "simultaneous",
    repeats: Mapping[str, int] | None = None,
    ema_decay: float = 0.0,
) -> TrainStep:
    """Builds the pure train step of a game.

    Args:
      game: the game.
      optimizers: `{player: transformation}`, each over that player's networks only.
      num_steps: train steps of the run; for games whose losses change with
        `Networks.progress`.
      moves: "simultaneous": all players move at the same parameters and minibatch,
        and share one forward pass (AMM, ALI); if the game has phases, all players of
        a phase, and phases take turns. "alternating": one after the other, each at
        the parameters that the previous one left (AAE, PixelGAN).
      repeats: `{player: n}`, how often a player moves in its turn, each time on a
        minibatch of its own; 1 if not given. Alternating only.
      ema_decay: decay of the moving average of all parameters, 0 for none.

    Returns:
      `train_step(state, batch) -> (state, metrics)`, for one trial on one device,
      to be run by `parallel.py`. Leaves of `batch` are [R, B, ...] with R the
      largest number of repeats. Metrics are scalars: `player/loss` and so on.

    Raises:
      ValueError: if `moves` is unknown, players who move at once repeat or share
        networks, or `repeats` is not a positive number for names of players.
    """
    names = [player.name for player in game.players]
    repeats = dict.fromkeys(names, 1) | dict(repeats or {})
    if set(repeats) != set(names) or min(repeats.values()) < 1:
        raise ValueError(f"repeats are at least 1 for each of {names}, not {repeats}")
    if moves == "simultaneous":
        if any(count != 1 for count in repeats.values()):
            raise ValueError(
                f"players that move simultaneously cannot repeat: {repeats}; "
                "set moves='alternating'"
            )
        turns = [(players, 0) for players in _phases(game)]
    elif moves == "alternating":
        turns = [
            ((player,), minibatch)
            for player in game.players
            for minibatch in range(repeats[player.name])
        ]
    else:
        raise ValueError(
            f"moves must be 'simultaneous' or 'alternating', not {moves!r}"
        )

    def train_step(
        state: TrainState, batch: Mapping[str, chex.Array]
    ) -> tuple[TrainState, dict[str, chex.Array]]:
        key = jax.random.fold_in(state.key, state.step)
        key = jax.random.fold_in(key, device_index())
        metrics: dict[str, chex.Array] = {}
        for turn, (players, minibatch) in enumerate(turns):
            state, moved = _move(
                game,
                players,
                optimizers,
                state,
                jax.tree.map(lambda leaf, m=minibatch: leaf[m], batch),
                jax.random.fold_in(key, turn),
                functools.partial(_progress, state.step, num_steps),
            )
            metrics |= moved
        ema_params = state.ema_params
        if ema_decay:
            # Early on the average is short, so that it forgets the initial values.
            decay = jnp.minimum(ema_decay, (1 + state.step) / (10 + state.step))
            ema_params = optax.incremental_update(
                state.params, state.ema_params, 1.0 - decay
            )
        state = dataclasses.replace(state, step=state.step + 1, ema_params=ema_params)
        return state, metrics

    return train_step
