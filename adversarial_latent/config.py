"""Configs: the fields of every experiment, their arguments, durations and hash."""

import fractions
import hashlib
import json
import math
import re
from typing import Any

import jax.numpy as jnp
import ml_collections
import optax

from adversarial_latent import data


def default_config() -> ml_collections.ConfigDict:
    """The fields that every experiment has; a config file sets those that differ.

    Durations (`duration`, `log_every`, `checkpoint_every`, `evaluate_every`) are
    strings: "500_steps", "40_epochs" or "1e6_examples".
    """
    return ml_collections.ConfigDict(
        {
            "seed": 0,
            # Trial t of a run is the run with seed + t; all train in one program.
            "trials": 1,
            # How a device runs its trials: vmap, map, or auto (map on CPU).
            "trial_loop": "auto",
            "game": {"name": ""},
            "dataset": data.default_config(),
            # For games that use labels. Trial t sees a choice of its own.
            "labels": {
                "number": 0,  # labelled training examples, 0 for all
                "balanced": True,  # as many of each class, or drawn from all
                "batch_size": 0,  # in a minibatch, beside the others; 0: as many
            },
            "pipeline": "auto",  # resident (on the device), streaming, or auto
            "batch_size": 100,  # over all devices and processes
            "duration": "1_epochs",
            "moves": "simultaneous",  # or alternating
            "players": {},
            "ema_decay": 0.0,
            "steps_per_call": 100,
            "log_every": "500_steps",
            "checkpoint_every": "5000_steps",
            "evaluators": (),
            # Evaluators whose numbers are followed during training, on validation data
            # where there are any.
            "curves": (),
            "evaluate_every": "1_epochs",
            # A config by itself, for evaluators that judge generated images.
            "classifier": {},
            "classifier_workdir": "",  # its run; empty for WORKDIR/classifier
            # Of captions, for games that learn from them: `sentences.default_config`.
            "embedding": {},
            "sentences": (),  # which the evaluator "captions" illustrates
            "paper": {},  # numbers that the paper reports, by the names of ours
            "selection": "",  # the label-free criterion that chooses among trials
        }
    )


def player(learning_rate: float, **settings: Any) -> ml_collections.ConfigDict:
    """A player's optimiser: Adam unless said otherwise.

    Args:
      learning_rate: at the start.
      **settings: see the fields below.

    Returns:
      the fields of `config.players.NAME`.
    """
    fields = ml_collections.ConfigDict(
        {
            "optimizer": "adam",  # or sgd
            "learning_rate": learning_rate,
            # constant, cosine or linear (to 0 at the end), tenth (of it, from
            # `decay_from` on), inverse_sqrt_epoch (AIM)
            "schedule": "constant",
            "decay_from": 0.0,  # part of the run before any decay begins
            "b1": 0.5,
            "b2": 0.999,
            "eps_root": 0.0,  # of adam, inside its root; above 0 where it is unrolled
            "momentum": 0.0,  # of sgd
            "clip_norm": 0.0,  # largest norm of the gradient; 0 for no clipping
            "weight_decay": 0.0,  # decoupled from the gradient, as in AdamW
            "repeats": 1,  # moves in one turn; alternating games only
        }
    )
    if unknown := set(settings) - set(fields):
        raise ValueError(f"a player has no {sorted(unknown)}, only {list(fields)}")
    fields.update(settings)
    return fields


def shrink(config: ml_collections.ConfigDict) -> None:
    """Makes any experiment end in seconds on a laptop: the argument `runlocal`.

    The game keeps its networks. Data, trials and steps are few, and it still logs,
    saves and evaluates as the whole experiment does.

    Args:
      config: changed in place.
    """
    config.dataset.num_validation = 0
    config.dataset.limit = 200
    config.labels.number = min(config.labels.number, 20)
    config.trials = min(config.trials, 2)
    config.batch_size = 8
    config.labels.batch_size = min(config.labels.batch_size, 8)
    config.duration = "4_steps"
    config.steps_per_call = 2
    config.log_every = config.checkpoint_every = config.evaluate_every = "2_steps"
    if config.classifier:
        shrink(config.classifier)
    if config.embedding:
        config.embedding.steps = 5


def parse_arguments(argument: str | None, **defaults: Any) -> ml_collections.ConfigDict:
    """Reads what stands after the colon of `--config=configs/X.py:k=30,runlocal`.

    Args:
      argument: comma-separated `name=value`; a bare `name` means True.
      **defaults: all names there are, with default values, which give the types.

    Returns:
      the values.

    Raises:
      ValueError: naming an unknown argument or a value of the wrong type.
    """
    values = dict(defaults)
    for item in filter(None, (argument or "").split(",")):
        name, _, text = item.partition("=")
        if name not in defaults:
            raise ValueError(
                f"unknown config argument {name!r}; there are {sorted(defaults)}"
            )
        kind = type(defaults[name])
        try:
            if kind is bool:
                values[name] = {"": True, "true": True, "false": False}[text.lower()]
            else:
                values[name] = kind(text)
        except (KeyError, ValueError):
            raise ValueError(
                f"config argument {name!r} takes a {kind.__name__}, not {text!r}"
            ) from None
    return ml_collections.ConfigDict(values)


def duration_in_steps(duration: str, batch_size: int, num_examples: int) -> int:
    """Converts "500_steps", "40_epochs" or "1e6_examples" to train steps.

    Args:
      duration: a number and its unit.
      batch_size: examples in a step.
      num_examples: examples in an epoch.

    Returns:
      the number of steps, rounded up.

    Raises:
      ValueError: if the duration cannot be read or is not positive.
    """
    pattern = r"(\d+(?:\.\d+)?(?:e\d+)?)_(steps|epochs|examples)"
    match = re.fullmatch(pattern, duration)
    if not match or float(match[1]) <= 0:
        raise ValueError(
            f"cannot read duration {duration!r}: write e.g. 500_steps, 40_epochs or "
            "1e6_examples"
        )
    # A fraction, since 0.07 * 100 > 7 in floating point, which would round up to 8.
    number, unit = fractions.Fraction(match[1]), match[2]
    per_step = {"steps": 1, "epochs": num_examples, "examples": 1}[unit]
    examples_per_step = 1 if unit == "steps" else batch_size
    return math.ceil(number * per_step / examples_per_step)


def make_optimizer(
    config: ml_collections.ConfigDict, num_steps: int, steps_per_epoch: int
) -> optax.GradientTransformation:
    """Builds a player's optimiser from the fields of `player`.

    Args:
      config: `config.players.NAME`.
      num_steps: train steps of the run; a player that repeats makes more moves.
      steps_per_epoch: train steps in one epoch.

    Returns:
      the transformation, to be used over that player's parameters only.

    Raises:
      ValueError: if the optimiser or the schedule has no such name.
    """
    num_steps *= config.repeats
    steps_per_epoch *= config.repeats
    rate = config.learning_rate
    if not 0.0 <= config.decay_from < 1.0:
        raise ValueError(f"decay_from must be in [0, 1), not {config.decay_from}")
    decay_from = round(config.decay_from * num_steps)
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
    if config.schedule not in schedules:
        raise ValueError(
            f"unknown schedule {config.schedule!r}; there are {sorted(schedules)}"
        )
    transformations = []
    if config.clip_norm:
        transformations.append(optax.clip_by_global_norm(config.clip_norm))
    if config.optimizer == "adam":
        transformations.append(
            optax.scale_by_adam(config.b1, config.b2, eps_root=config.eps_root)
        )
    elif config.optimizer == "sgd":
        transformations.append(optax.trace(config.momentum))
    else:
        raise ValueError(f"unknown optimizer {config.optimizer!r}: adam or sgd")
    if config.weight_decay:
        transformations.append(optax.add_decayed_weights(config.weight_decay))
    transformations.append(optax.scale_by_learning_rate(schedules[config.schedule]()))
    return optax.chain(*transformations)


def config_hash(config: ml_collections.ConfigDict) -> str:
    """Twelve hexadecimal digits that stand for all values of a config."""
    text = json.dumps(json.loads(config.to_json()), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
