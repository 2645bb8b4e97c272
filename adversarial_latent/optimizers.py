"""Builds the optimiser of each player from `config.players.NAME`."""

from typing import Any

import jax.numpy as jnp
import ml_collections
import optax

from adversarial_latent.inputs import InputError

OPTIMIZERS = ("adam", "sgd")
SCHEDULES = ("constant", "cosine", "linear", "tenth", "inverse_sqrt_epoch")


def player(learning_rate: float, **settings: Any) -> ml_collections.ConfigDict:
    """The config of a player's optimiser: Adam unless stated otherwise.

    Args:
      learning_rate: initial learning rate.
      **settings: other fields, listed below.

    Returns:
      the fields of `config.players.NAME`.
    """
    fields = ml_collections.ConfigDict(
        {
            "optimizer": "adam",  # or sgd
            "learning_rate": learning_rate,
            # constant; cosine or linear (to 0 at the end); tenth (of the rate, from
            # `decay_from` on); inverse_sqrt_epoch (AIM)
            "schedule": "constant",
            "decay_from": 0.0,  # fraction of the run before the decay begins
            "b1": 0.5,
            "b2": 0.999,
            "eps_root": 0.0,  # of adam, inside its root; positive if it is unrolled
            "momentum": 0.0,  # of sgd
            "clip_norm": 0.0,  # largest norm of the gradient; 0 for no clipping
            "weight_decay": 0.0,  # decoupled from the gradient, as in AdamW
            "repeats": 1,  # updates in one turn; alternating updates only
        }
    )
    if unknown := set(settings) - set(fields):
        raise ValueError(f"a player has no {sorted(unknown)}, only {list(fields)}")
    fields.update(settings)
    return fields


def make_optimizer(
    config: ml_collections.ConfigDict, num_steps: int, steps_per_epoch: int
) -> optax.GradientTransformation:
    """Builds a player's optimiser from the fields of `player`.

    Args:
      config: `config.players.NAME`.
      num_steps: train steps of the run (not counting repeats).
      steps_per_epoch: train steps in one epoch.

    Returns:
      the transformation of that player's parameters.

    Raises:
      InputError: the optimiser or schedule is unknown.
    """
    for field, known in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
        if config[field] not in known:
            raise InputError(
                f"unknown {field} {config[field]!r}: it must be one of {known}"
            )
    num_steps *= config.repeats
    steps_per_epoch *= config.repeats
    rate = config.learning_rate
    decay_from = min(round(config.decay_from * num_steps), num_steps - 1)
    decay_steps = num_steps - decay_from

    def delayed(schedule: optax.Schedule) -> optax.Schedule:
        return lambda count: schedule(jnp.maximum(count - decay_from, 0))

    schedules = {
        "constant": lambda: rate,
        "cosine": lambda: delayed(optax.cosine_decay_schedule(rate, decay_steps)),
        "linear": lambda: delayed(optax.linear_schedule(rate, 0.0, decay_steps)),
        "tenth": lambda: lambda count: jnp.where(count < decay_from, rate, rate / 10),
        # alpha / sqrt(t) with t = 1, 2, ... the epoch (Kingma & Ba 2014).
        "inverse_sqrt_epoch": lambda: (
            lambda count: rate * (count // steps_per_epoch + 1.0) ** -0.5
        ),
    }
    transformations = []
    if config.clip_norm:
        transformations.append(optax.clip_by_global_norm(config.clip_norm))
    if config.optimizer == "adam":
        transformations.append(
            optax.scale_by_adam(config.b1, config.b2, eps_root=config.eps_root)
        )
    else:
        transformations.append(optax.trace(config.momentum))
    if config.weight_decay:
        transformations.append(optax.add_decayed_weights(config.weight_decay))
    transformations.append(optax.scale_by_learning_rate(schedules[config.schedule]()))
    return optax.chain(*transformations)
