"""Configs: the fields of every experiment, their ranges, arguments, durations, hash."""

import difflib
import fnmatch
import fractions
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax.numpy as jnp
import ml_collections
import optax

from adversarial_latent import data
from adversarial_latent.inputs import InputError

_SEEDS = 2**31  # all that NumPy, scikit-learn and JAX take
_LARGEST_FLOAT = 3.4e38  # in single precision
_MAX_STEPS = 2**31 - 1  # the counter of steps is an int32

_UNITS = ("steps", "epochs", "examples")


def read_duration(text: str) -> tuple[fractions.Fraction, str]:
    """Reads "500_steps", "40_epochs" or "1e6_examples": a number and its unit.

    Raises:
      InputError: if it cannot be read or is not positive.
    """
    pattern = rf"(\d+(?:\.\d+)?(?:e\d+)?)_({'|'.join(_UNITS)})"
    match = re.fullmatch(pattern, text, re.ASCII)
    # Its size is looked at first: the whole number 1e999999999 would never be ready.
    if not match or not 0 < float(match[1]) < _LARGEST_FLOAT:
        raise InputError(
            f"cannot read duration {text!r}: write e.g. 500_steps, 40_epochs or "
            "1e6_examples"
        )
    # A fraction, since 0.07 * 100 > 7 in floating point, which would round up to 8.
    return fractions.Fraction(match[1]), match[2]


SCHEDULES = ("constant", "cosine", "linear", "tenth", "inverse_sqrt_epoch")

Range = str | tuple[str, ...] | type | Callable[[Any], Any]

RANGES: Mapping[str, Range] = {
    "labels.number": "[0, inf)",
    "labels.batch_size": "[0, 1000000]",
    "embedding.dim": "[1, 65536]",
    "embedding.word_dim": "[1, 65536]",
    "embedding.vocabulary": "[1, 1000000]",
    "embedding.steps": "[1, inf)",
    "embedding.batch_size": "[1, 1000000]",
    "embedding.learning_rate": "[0, inf)",
    "embedding.seed": f"[0, {_SEEDS})",
    "dataset.test_fraction": "(0, 1)",
    "dataset.held_out": "[0, 1)",
    "dataset.num_validation": "[0, inf)",
    "dataset.split_seed": f"[0, {_SEEDS})",
    "dataset.limit": "[0, inf)",
    "dataset.center_crop": "[0, inf)",
    "players.*.optimizer": ("adam", "sgd"),
    "players.*.learning_rate": "[0, inf)",
    "players.*.schedule": SCHEDULES,
    "players.*.decay_from": "[0, 1)",
    "players.*.b1": "[0, 1)",
    "players.*.b2": "[0, 1)",
    "players.*.eps_root": "[0, inf)",
    "players.*.momentum": "[0, 1)",
    "players.*.clip_norm": "[0, inf)",
    "players.*.weight_decay": "[0, inf)",
    "players.*.repeats": "[1, 1000]",
    # Games have more names than these; those that end alike have the same range.
    "game.padding": ("VALID", "SAME"),
    "game.num_components": "[1, 65536]",
    "game.*_dim": "[1, 65536]",
    "game.*_weight": "[0, inf)",
    "game.*_weights": "[0, inf)",
    "game.*_noise": "[0, inf)",
    "game.*_radius": "[0, inf)",
    "game.*_scale": "(0, inf)",
    "game.pixelcnn.image_shape": "[1, 65536]",
    "game.pixelcnn.levels": "[2, 65536]",
    "game.pixelcnn.blocks": "[1, 1000]",
    "game.pixelcnn.kernel": "[1, 1000]",
    "game.pixelcnn.map*": "[1, 65536]",
    "game.priors.*.std": "(0, inf)",
    "trials": "[1, 10000]",
    "trial_loop": ("auto", "vmap", "map"),
    "pipeline": ("auto", "resident", "streaming"),
    "batch_size": "[1, inf)",
    "moves": ("simultaneous", "alternating"),
    "ema_decay": "[0, 1)",
    "steps_per_call": "[1, inf)",
    "duration": read_duration,
    "log_every": read_duration,
    "checkpoint_every": read_duration,
    "evaluate_every": read_duration,
    "evaluators": str,
    "curves": str,
    "sentences": str,
}
"""What the values of a config may be, by how their paths end.

An interval of numbers, a type, some names, or a function that reads them; the first two
are of each item of a tuple. Of several patterns the first one counts. Numbers of any
field are finite.
"""


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


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: the nearest known one, if one is."""
    near = difflib.get_close_matches(name, list(known), 1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def leaves(
    config: Mapping[str, Any], path: str = "config"
) -> Iterator[tuple[str, Any]]:
    """All values of a config with their paths, which begin with `path`.

    Raises:
      InputError: if what should be a field's name is something else, as a number.
    """
    for name in config:
        if not isinstance(name, str):
            raise InputError(f"{path} has a field {name!r}, which is no name")
        value = config[name]
        if isinstance(value, (Mapping, ml_collections.ConfigDict)):
            yield from leaves(value, f"{path}.{name}")
        else:
            yield f"{path}.{name}", value


def check_ranges(
    config: ml_collections.ConfigDict,
    path: str = "config",
    ranges: Mapping[str, Range] = RANGES,
) -> None:
    """Refuses values that are out of range.

    Args:
      config: a whole config, or a part of one.
      path: of that part.
      ranges: as `RANGES`.

    Raises:
      InputError: naming the field, its value and its range.
    """
    for field, value in leaves(config, path):
        matching = (
            allowed
            for pattern, allowed in ranges.items()
            if fnmatch.fnmatchcase(field, f"*.{pattern}")
        )
        items = value if isinstance(value, (tuple, list)) else (value,)
        numbers = any(map(_is_number, items))
        allowed = next(matching, "(-inf, inf)" if numbers else object)
        if isinstance(allowed, tuple):
            if value not in allowed:
                raise InputError(
                    f"unknown {field.rpartition('.')[-1]} {value!r}: {field} is one of "
                    + ", ".join(allowed)
                    + did_you_mean(str(value), allowed)
                )
        elif isinstance(allowed, str):
            if not all(_within(item, allowed) for item in items):
                raise InputError(f"{field}={value!r} must be {_in_words(allowed)}")
        elif isinstance(allowed, type):
            if not all(isinstance(item, allowed) for item in items):
                raise InputError(f"{field}={value!r} must be {allowed.__name__}")
        else:
            try:
                allowed(value)
            except ValueError as error:
                raise InputError(f"{field}: {error}") from error
    for name, fields in config.get("players", {}).items():
        if set(fields) != set(player(0.0)):
            raise InputError(
                f"{path}.players.{name} has the fields {sorted(fields)}, and a player "
                f"has {sorted(player(0.0))}"
            )
    # The seed of trial t is that of the run and t.
    for part, at in ((config, path), (config.get("classifier"), f"{path}.classifier")):
        trials = part.get("trials") if part else None
        if trials and not 0 <= part.seed <= _SEEDS - trials:
            raise InputError(
                f"{at}.seed={part.seed} must be in [0, {_SEEDS} - {at}.trials]"
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _bounds(interval: str) -> tuple[float, float]:
    low, high = interval[1:-1].split(", ")
    return float(low), float(high)


def _within(value: Any, interval: str) -> bool:
    low, high = _bounds(interval)
    return (
        _is_number(value)
        and (low <= value if interval.startswith("[") else low < value)
        and (value <= high if interval.endswith("]") else value < high)
        and (isinstance(value, int) or abs(value) <= _LARGEST_FLOAT)
    )


def _in_words(interval: str) -> str:
    low, high = _bounds(interval)
    if math.isfinite(high):
        return f"in {interval}"
    if math.isfinite(low):
        return f"{'at least' if interval[0] == '[' else 'above'} {low:g}, and finite"
    return "finite"


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
                + did_you_mean(name, defaults)
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
      InputError: if the duration cannot be read, is not positive or too long.
    """
    number, unit = read_duration(duration)
    per_step = {"steps": 1, "epochs": num_examples, "examples": 1}[unit]
    examples_per_step = 1 if unit == "steps" else batch_size
    steps = math.ceil(number * per_step / examples_per_step)
    if steps > _MAX_STEPS:
        raise InputError(f"duration {duration!r}: at most {_MAX_STEPS} steps")
    return steps


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
      InputError: if a field is out of range.
    """
    check_ranges(config, "config.players.NAME")
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


def config_hash(config: ml_collections.ConfigDict) -> str:
    """Twelve hexadecimal digits that stand for all values of a config."""
    text = json.dumps(json.loads(config.to_json()), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
