"""The state of a training run: one tree of arrays, as checkpoints save it."""

from collections.abc import Mapping

import chex
import flax
import jax
import jax.numpy as jnp
import optax

from adversarial_latent.game import Game


@flax.struct.dataclass
class TrainState:
    """All state that a train step reads and writes.

    Attributes:
      step: int32 [], number of train steps done.
      params: `{network: parameters}`.
      opt_state: `{player: optimiser state}`, each for that player's networks only.
      model_state: `{network: {collection: statistics}}`, e.g. of batch norm.
      ema_params: moving average of `params`; an empty dict if it is not computed.
      key: root of all random streams; never changes.
    """

    step: chex.Array
    params: dict[str, chex.ArrayTree]
    opt_state: dict[str, optax.OptState]
    model_state: dict[str, chex.ArrayTree]
    ema_params: dict[str, chex.ArrayTree]
    key: chex.PRNGKey


def create_state(
    game: Game,
    optimizers: Mapping[str, optax.GradientTransformation],
    key: chex.PRNGKey,
    batch: Mapping[str, chex.Array],
    *,
    ema: bool = False,
) -> TrainState:
    """Initialises networks and optimisers.

    Args:
      game: the game.
      optimizers: `{player: transformation}`.
      key: root key of the run; initialisation uses its own stream.
      batch: an example batch; only its shapes matter.
      ema: whether to keep a moving average of the parameters.

    Returns:
      The state before the first step.

    Raises:
      ValueError: no player trains a network, or the optimisers do not match the
        players.
    """
    trained = {network for player in game.players for network in player.trains}
    if orphans := set(game.modules) - trained:
        raise ValueError(f"networks that no player trains: {sorted(orphans)}")
    if set(optimizers) != {player.name for player in game.players}:
        raise ValueError(
            f"optimisers are given for {sorted(optimizers)}, but the players are "
            f"{sorted(player.name for player in game.players)}"
        )
    # Steps are folded into the same key, and never reach 2**31.
    params, model_state = game.init(jax.random.fold_in(key, 2**31), batch)
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        opt_state={
            player.name: optimizers[player.name].init(
                {network: params[network] for network in player.trains}
            )
            for player in game.players
        },
        model_state=model_state,
        # A copy, because donated buffers must not be shared.
        ema_params=jax.tree.map(jnp.copy, params) if ema else {},
        key=key,
    )
