"""Configs of experiments: fields, ranges, arguments, durations and hash."""

import difflib
import fnmatch
import fractions
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import ml_collections

from adversarial_latent import data
from adversarial_latent.inputs import InputError
from adversarial_latent.optimizers import OPTIMIZERS, SCHEDULES, player

_SEEDS = 2**31  # number of seeds that NumPy, scikit-learn and JAX all accept
_LARGEST_FLOAT = 3.4e38  # in single precision
_MAX_STEPS = 2**31 - 1  # the step counter is an int32

_UNITS = ("steps", "epochs", "examples")


def read_duration(text: str) -> list[tuple[fractions.Fraction, str]]:
    """Parses a duration.

    Args:
      text: "500_steps", "40_epochs" or "1e6_examples"; or the longest of several, as
        "max(20_epochs, 4000_steps)".

    Returns:
      (number, unit) of each.

    Raises:
      InputError: the text cannot be parsed, or a number is not positive.
    """
    longest = re.fullmatch(r"max\((.+)\)", text)
    parts = longest[1].split(",") if longest else [text]
    pattern = rf"(\d+(?:\.\d+)?(?:e\d+)?)_({'|'.join(_UNITS)})"
    matches = [re.fullmatch(pattern, part.strip(), re.ASCII) for part in parts]
    # Checked as a float first: 1e999999999 as an exact number would take forever.
    if not all(match and 0 < float(match[1]) < _LARGEST_FLOAT for match in matches):
        raise InputError(
            f"cannot read duration {text!r}: write e.g. 500_steps, 40_epochs, "
            "1e6_examples or max(20_epochs, 4000_steps)"
        )
    # A fraction, because 0.07 * 100 > 7 in floating point and would round up to 8.
    return [(fractions.Fraction(match[1]), match[2]) for match in matches if match]


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
    "number_of_clusters.candidates": "[2, 65536]",
    "dataset.test_fraction": "(0, 1)",
    "dataset.held_out": "[0, 1)",
    "dataset.num_validation": "[0, inf)",
    "dataset.split_seed": f"[0, {_SEEDS})",
    "dataset.limit": "[0, inf)",
    "dataset.center_crop": "[0, inf)",
    "dataset.max_side": "[0, inf)",
    "players.*.optimizer": OPTIMIZERS,
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
    # Fields of games: all names that match a pattern have the same range.
    "game.num_components": "[1, 65536]",
    "game.*_dim": "[1, 65536]",
    "game.*_weight": "[0, inf)",
    "game.*_weights": "[0, inf)",
    "game.*_noise": "[0, inf)",
    "game.*_radius": "[0, inf)",
    "game.consistency_neighbour": "[0, 1000]",
    "game.consistency_probe": "(0, inf)",
    "game.*_scale": "(0, inf)",
    "game.pixelcnn.image_shape": "[1, 65536]",
    "game.pixelcnn.levels": "[2, 65536]",
    "game.pixelcnn.blocks": "[1, 1000]",
    "game.pixelcnn.kernel": "[1, 1000]",
    "game.pixelcnn.hidden_channels": "[1, 65536]",
    "game.pixelcnn.code_*": "[1, 65536]",
    "game.priors.*.std": "(0, inf)",
    "trials": "[1, 10000]",
    "trial_loop": ("auto", "vmap", "map"),
    "pipeline": ("auto", "resident", "streaming"),
    "batch_size": "[1, inf)",
    "update_order": ("", "simultaneous", "alternating"),
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
"""Allowed values of config fields, by patterns for the ends of their paths.

A range is an interval, a type, a tuple of names, or a function that parses the value.
Intervals and types apply to each item of a tuple. The first pattern that matches is
used. Numbers without a pattern must be finite.
"""


def default_config() -> ml_collections.ConfigDict:
    """Returns the fields of every experiment. Config files override their values.

    Durations (`duration`, `log_every`, `checkpoint_every`, `evaluate_every`) are
    strings, see `read_duration`.
    """
    return ml_collections.ConfigDict(
        {
            "seed": 0,
            # Trial t equals a run with seed + t. All trials train in one program.
            "trials": 1,
            # How a device runs its trials: vmap, map, or auto (map on CPU).
            "trial_loop": "auto",
            "game": {"name": ""},
            "dataset": data.default_config(),
            # For games that use labels. Each trial samples its own labelled examples.
            "labels": {
                "number": 0,  # labelled training examples, 0 for all
                "balanced": True,  # the same number of each class
                "batch_size": 0,  # labelled examples per step, 0 for `batch_size`
            },
            # Candidates among which the number of clusters is chosen without labels, if
            # game.num_components is 0; none to take what the data say: see `sizing`.
            "number_of_clusters": {
                "candidates": (),
                # Training of a candidate; never longer than that of the run.
                "duration": "max(5_epochs, 1000_steps)",
            },
            "pipeline": "auto",  # resident (on the device), streaming, or auto
            "batch_size": 100,  # over all devices and processes; 0: see `sizing`
            "duration": "1_epochs",
            # simultaneous, alternating, or empty for the order of the game.
            "update_order": "",
            # Optimiser of each player, see `optimizers.player`.
            "players": {},
            "ema_decay": 0.0,
            "steps_per_call": 100,
            "log_every": "500_steps",
            "checkpoint_every": "5000_steps",
            "evaluators": (),  # ("auto",) for all that suit: see `sizing`
            # Evaluators that also run during training, on validation data if available.
            "curves": (),
            "evaluate_every": "1_epochs",
            # Complete config of the classifier of generated images, if any.
            "classifier": {},
            "classifier_workdir": "",  # its directory; empty for WORKDIR/classifier
            # Caption embedding for games that use captions: `text.default_config`.
            "embedding": {},
            "sentences": (),  # sentences for the evaluator "captions"
            "paper": {},  # results of the paper, by the names of our metrics
            "selection": "",  # label-free criterion that chooses among trials
        }
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns the end of an error message that suggests a similar name, if any."""
    near = difflib.get_close_matches(name, list(known), 1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def leaves(
    config: Mapping[str, Any], path: str = "config"
) -> Iterator[tuple[str, Any]]:
    """Yields all values of a config with their paths, which begin with `path`.

    Raises:
      InputError: the name of a field is not a string.
    """
    for name in config:
        if not isinstance(name, str):
            raise InputError(f"{path} has a field {name!r}; names must be strings")
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
    """Checks that all values of a config are in range.

    Args:
      config: a complete config, or a part of one.
      path: path of that part.
      ranges: ranges by pattern, see `RANGES`.

    Raises:
      InputError: a value is out of range, or a whole config has an unknown field. The
        error names the field, value and range.
    """
    known = default_config()
    for name in config if path == "config" else ():
        if name not in known:
            raise InputError(
                f"config has no field {name!r}" + did_you_mean(name, list(known))
            )
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
                    f"unknown {field.rpartition('.')[-1]} {value!r}: {field} must be "
                    "one of "
                    + ", ".join(name or "''" for name in allowed)
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
                f"{path}.players.{name} has the fields {sorted(fields)}, but a player "
                f"has {sorted(player(0.0))}"
            )
    # Trial t uses the seed of the run plus t.
    parts = ((config, path), (config.get("classifier"), f"{path}.classifier"))
    for part, prefix in parts:
        trials = part.get("trials") if part else None
        if trials and not 0 <= part.seed <= _SEEDS - trials:
            raise InputError(
                f"{prefix}.seed={part.seed} must be in [0, {_SEEDS} - {prefix}.trials]"
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
    """Shrinks an experiment to seconds on a laptop, for the argument `runlocal`.

    Networks stay the same. There are few examples, trials and steps, but the run logs,
    saves and evaluates like the full experiment.

    Args:
      config: the config, changed in place.
    """
    config.dataset.num_validation = 0
    config.dataset.limit = 200
    config.labels.number = min(config.labels.number, 20)
    config.trials = min(config.trials, 2)
    config.batch_size = 8
    config.labels.batch_size = min(config.labels.batch_size, 8)
    config.duration = "4_steps"
    candidates = config.number_of_clusters.candidates
    config.number_of_clusters.candidates = candidates[:2]
    config.steps_per_call = 2
    config.log_every = config.checkpoint_every = config.evaluate_every = "2_steps"
    if config.classifier:
        shrink(config.classifier)
    if config.embedding:
        config.embedding.steps = 5


def parse_arguments(argument: str | None, **defaults: Any) -> ml_collections.ConfigDict:
    """Parses the text after the colon in `--config=configs/X.py:k=30,runlocal`.

    Args:
      argument: comma-separated `name=value`; a bare `name` means True.
      **defaults: default values of all arguments, which determine their types.

    Returns:
      The values of all arguments.

    Raises:
      ValueError: an argument is unknown, or a value has the wrong type.
    """
    values = dict(defaults)
    for item in filter(None, (argument or "").split(",")):
        name, _, text = item.partition("=")
        if name not in defaults:
            raise ValueError(
                f"unknown config argument {name!r}; known: {sorted(defaults)}"
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
                f"config argument {name!r} must be of type {kind.__name__}, not "
                f"{text!r}"
            ) from None
    return ml_collections.ConfigDict(values)


def duration_in_steps(duration: str, batch_size: int, num_examples: int) -> int:
    """Converts a duration to train steps.

    Args:
      duration: its text, see `read_duration`.
      batch_size: number of examples in a step.
      num_examples: number of examples in an epoch.

    Returns:
      The number of steps, rounded up.

    Raises:
      InputError: the duration cannot be parsed, is not positive, or is too long.
    """
    per_unit = {"steps": batch_size, "epochs": num_examples, "examples": 1}
    steps = max(
        math.ceil(number * per_unit[unit] / batch_size)
        for number, unit in read_duration(duration)
    )
    if steps > _MAX_STEPS:
        raise InputError(f"duration {duration!r} exceeds {_MAX_STEPS} steps")
    return steps


def config_hash(config: ml_collections.ConfigDict) -> str:
    """Returns a hash of all values of a config: twelve hexadecimal digits."""
    text = json.dumps(json.loads(config.to_json()), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
