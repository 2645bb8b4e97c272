r"""Fuzzes configs: sets random fields of random configs to random values.

    python -m experiments.checks.fuzz_configs --overrides=2000 --seed=0

An override passes if the run would train, or if the launch ends before training with a
one-line error. The check does what a launch does before training: it parses the command
line, checks the config, splits the data, and builds the game and that of the
classifier. It then traces the train step on abstract arrays, without compiling it. For
small configs, up to --run steps are also executed. All configs are `runlocal`, and TFDS
data sets are replaced by random images of the same shapes. The output has counts and
failures; the exit code is 1 if there is a failure.
"""

import contextlib
import functools
import glob
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
import types
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from absl import flags

from adversarial_latent import data, run_data, text, train
from adversarial_latent.config import leaves
from adversarial_latent.data import Dataset, flowers
from adversarial_latent.experiment import Experiment, make_experiment
from adversarial_latent.game import Game
from experiments import command_line
from experiments.checks import made_up

_OVERRIDES = flags.DEFINE_integer("overrides", 2000, "Overrides.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Random seed.", lower_bound=0)
_RUN = flags.DEFINE_integer("run", 20, "Train steps to execute.", lower_bound=0)
_CONFIGS = flags.DEFINE_list("configs", [], "Names of configs; all if empty.")
_OUTPUT = command_line.define_path("output", "JSON file for the output.")

_SECONDS = 120  # time limit of an override
_SMALL = (
    "ring",
    "grid25",
    "amm_digits",
    "samm_digits",
    "classifier",
)
# Values as typed: some fit some fields, most fit none.
_VALUES = (
    *("", "0", "-0", "-1", "1", "2", "7", "1.5", "-0.5", "0.999", "1_000", "0x10"),
    *("1e30", "-1e30", "1e39", "1e308", "1e400", "99999999999", "-99999999999"),
    *("nan", "inf", "-inf", "None", "True", "false", "abc", "é", "~", "~/x", "/"),
    *("()", "(1,)", "(1, 2)", "(-1, 0, 1e30)", "('a', 'b')", "(None,)", "((1,),)"),
    *("[]", "[1", "(", "{}", "{'a': 1}", "{'name': 'gan'}", "{1: 2}", "{'a.b': {}}"),
    *("'", '"', "a,b", "a b", "{k}", "{", "%s", "-", "--", "=", "x" * 5000, "(" * 300),
    *("0_steps", "1_steps", "7_steps", "1e9_steps", "1e999999999_steps", "1_epochs"),
    *("0.001_epochs", "-1_epochs", "1e30_examples", "1_hours", "8x8x1", "0x0x0"),
)


class _LateError(Exception):
    """An override exceeds the time limit."""


@functools.cache
def _load(dataset: str) -> Dataset:
    """Loads the data of `config.dataset`, given as JSON."""
    return data.load(ml_collections.ConfigDict(json.loads(dataset)))


def _load_examples(
    config: ml_collections.ConfigDict, workdir: str, given: Dataset | None
) -> Dataset:
    """Replaces `run_data.load_examples`."""
    del workdir, given
    return _load(config.dataset.to_json())


def _with_caption_vectors(
    dataset: Dataset, config: ml_collections.ConfigDict, workdir: str
) -> Dataset:
    """Replaces `run_data.with_caption_vectors`; vectors of captions are zero."""
    if not config.embedding:
        return dataset
    if config.embedding.name != "recurrent":
        text.load_embedding(config, workdir)
    dim = config.embedding.dim
    return text.with_vectors(
        dataset, lambda captions: np.zeros((len(captions), dim), np.float32), dim
    )


_real_init = Game.init
_SHAPES: dict[str, Any] = {}


def _init(game: Game, key: Any, batch: Any) -> Any:
    """Replaces `Game.init` and traces each game only once."""
    if not isinstance(key, jax.core.Tracer):
        return _real_init(game, key, batch)
    shapes = jax.tree.map(jnp.shape, batch)
    name = f"{game} {shapes}"
    if name not in _SHAPES:
        _SHAPES[name] = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype),
            _real_init(game, key, batch),
        )
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), _SHAPES[name])


class Fuzzer:
    """Tries overrides and counts their results.

    Attributes:
      rng: random generator of all choices.
      counts: numbers of overrides and steps by result.
      failures: failed commands, with the reasons.
      traced: steps that have been traced.
      to_run: number of steps to execute.
    """

    def __init__(self, seed: int, to_run: int = 0, configs: Sequence[str] = ()):
        self.rng = random.Random(seed)
        self.counts = {
            "refused_when_parsed": 0,
            "refused_before_training": 0,
            "would_train": 0,
            "steps_traced": 0,  # different steps, including those of classifiers
            "steps_taken": 0,
            "steps_taken_and_finite": 0,
        }
        self.failures: list[dict[str, str]] = []
        self.traced: set[str] = set()
        self.to_run = to_run
        root = os.path.dirname(
            os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        )
        files = sorted(glob.glob(os.path.join(root, "configs", "[!_]*.py")))
        self._files = [path for path in files if not configs or _name(path) in configs]
        self._fields = {path: self._fields_of(path) for path in self._files}
        # Values that are valid for other fields, except tables and sentences.
        self._names = sorted(
            {
                str(item)
                for fields in self._fields.values()
                for value in fields.values()
                for item in (value, *(value if isinstance(value, tuple) else ()))
                if isinstance(item, (str, tuple)) and len(str(item).split()) < 9
            }
        )

    def _fields_of(self, path: str) -> dict[str, Any]:
        """Returns a config's values by path, including groups of fields."""
        config = parse([f"--config={path}:runlocal"])
        values = {field.removeprefix("config."): v for field, v in leaves(config)}
        groups = {field.rpartition(".")[0] for field in values} - {""}
        return values | {group: {} for group in sorted(groups)}

    def choose(self) -> tuple[str, str, str]:
        """Chooses a config's file, the path of a field, and a value, all as typed."""
        rng = self.rng
        path = rng.choice(self._files)
        fields = self._fields[path]
        field = rng.choice(list(fields))
        text = str(self._value(fields[field]))
        if rng.random() < 0.05:  # a typing error
            at = rng.randrange(len(field))
            field = rng.choice(
                (
                    field[:at] + field[at + 1 :],
                    f"{field}.x",
                    f"{field[:at]}s{field[at:]}",
                )
            )
        return path, field, text

    def _value(self, now: Any) -> Any:
        rng = self.rng
        kind = rng.random()
        if kind < 0.4:
            return rng.choice(_VALUES)
        if kind < 0.5:
            return rng.choice(self._names)
        if isinstance(now, bool):
            return not now
        if isinstance(now, int):
            return rng.choice((now, now + 1, now - 1, 2 * now, rng.randrange(1, 40)))
        if isinstance(now, float):
            return rng.choice((now, 2 * now, now / 2, rng.random(), 10 * rng.random()))
        if isinstance(now, tuple):
            return now[: rng.randrange(len(now) + 1)] * rng.randrange(1, 3)
        return str(now)[: rng.randrange(len(str(now)) + 1)]

    def try_one(self, path: str, field: str, text: str) -> None:
        """Tries one override and counts its result."""
        words = [f"--config={path}:runlocal", f"--config.{field}={text}"]
        stage = "refused_when_parsed"
        try:
            with _time_limit(), command_line.clear_errors():
                config = parse(words)
                stage = "refused_before_training"
                prepare(config, functools.partial(self._step, _name(path) in _SMALL))
            self.counts["would_train"] += 1
        except SystemExit as error:
            self.counts[stage] += 1
            names = {field, text, *self._fields[path], *self._names}
            if reason := _unclear(str(error), names):
                self._fail(words, f"{reason}: {error}")
        except Exception as error:
            self._fail(words, f"{type(error).__name__}: {error}")

    def _fail(self, words: Sequence[str], reason: str) -> None:
        failure = {"command": " ".join(words)[:500], "reason": reason[:2000]}
        self.failures.append(failure)
        print(json.dumps(failure), file=sys.stderr, flush=True)

    def _step(
        self, small: bool, config: ml_collections.ConfigDict, experiment: Experiment
    ) -> None:
        """Traces a step, and executes it if it is small and more steps are due."""
        state, batch = experiment.abstract_inputs()
        parts = {name: config[name] for name in ("game", "players", "update_order")}
        # A float changes only a constant of the step, unless it is 0: some terms are
        # left out then.
        step = str(
            [
                (field, value != 0 if isinstance(value, float) else value)
                for field, value in leaves(parts)
            ]
            + [config.ema_decay > 0, batch]
        )
        if step not in self.traced:
            jax.eval_shape(experiment.train_step, state, batch)
            self.traced.add(step)
            self.counts["steps_traced"] += 1
        if small and self.counts["steps_taken"] < self.to_run:
            batch = experiment.pipeline.examples(
                experiment.pipeline.resident,
                jax.tree.map(lambda leaf: leaf[0, 0, 0], experiment.next_batches()),
            )
            state = experiment.create(jax.random.key(0))
            options = {"xla_backend_optimization_level": 0}  # it runs only once
            step_once = jax.jit(experiment.train_step, compiler_options=options)
            _, metrics = step_once(state, batch)
            self.counts["steps_taken"] += 1
            self.counts["steps_taken_and_finite"] += all(
                map(np.isfinite, metrics.values())
            )


def _name(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def parse(words: Sequence[str]) -> ml_collections.ConfigDict:
    """Returns the config of a launch with these arguments.

    Raises:
      SystemExit: the command line is invalid.
    """
    registry, argv = flags.FlagValues(), ["launch", *words]
    config = command_line.define_config(argv=argv, flag_values=registry)
    command_line.parse_flags(argv, registry)
    return config.value


def prepare(
    config: ml_collections.ConfigDict,
    step: Callable[[ml_collections.ConfigDict, Experiment], None],
) -> None:
    """Runs a launch with `step(config, experiment)` in place of training.

    Raises:
      Exception: any error of the launch.
    """

    def train_one_step(
        config: ml_collections.ConfigDict, workdir: str, dataset: Dataset
    ) -> bool:
        dataset = _with_caption_vectors(dataset, config, workdir)
        experiment = make_experiment(config, dataset)
        train._check_evaluation_of(experiment, config, dataset, workdir)
        for name in ("log_every", "checkpoint_every", "evaluate_every"):
            train._calls(config, experiment, name)
        step(config, experiment)
        experiment.pipeline.close()
        return True

    with (
        tempfile.TemporaryDirectory() as workdir,
        contextlib.chdir(workdir),  # paths may be relative
        mock.patch.object(train, "_train", train_one_step),
        mock.patch.object(run_data, "load_examples", _load_examples),
        mock.patch.object(train, "evaluate", return_value={}),
        mock.patch.object(flowers, "PER_COMBINATION", 1),
        mock.patch.object(Game, "init", _init),
        made_up.tfds_is_made_up(),
    ):
        train.train_and_evaluate(config, os.path.join(workdir, "run"))


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    def stop(number: int, frame: types.FrameType | None) -> None:
        raise _LateError(f"nothing happened for {_SECONDS} seconds")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def _unclear(message: str, names: Collection[str]) -> str:
    """Returns what is wrong with an error message, or an empty string.

    Args:
      message: error message of the launch.
      names: the override, the paths of fields, and names that are values of fields.
    """
    error, _, hint = message.rpartition("\n")
    known = set(re.findall(r"[^\W\d]+", " ".join(names)))
    if not error.startswith("error: ") or not hint.startswith("("):
        return "not a message of clear_errors"
    if len(error.splitlines()) > 1 or "Traceback" in error:
        return "more than one line"
    if not error.removeprefix("error: ").strip():
        return "empty message"
    if not known & set(re.findall(r"[^\W\d]+", error)):
        return "names neither field nor value"
    return ""


def main() -> None:
    """Tries the overrides and prints the counts."""
    if _OUTPUT.value:
        command_line.check_output(_OUTPUT.value)
    start = time.monotonic()
    fuzzer = Fuzzer(_SEED.value, _RUN.value, _CONFIGS.value)
    for number in range(_OVERRIDES.value):
        override = fuzzer.choose()
        fuzzer.try_one(*override)
        if (number + 1) % 100 == 0:
            print(number + 1, fuzzer.counts, file=sys.stderr, flush=True)
            jax.clear_caches()  # they would fill the memory
    figures = {
        "overrides": _OVERRIDES.value,
        "seed": _SEED.value,
        **fuzzer.counts,
        "failed": len(fuzzer.failures),
        "failures": fuzzer.failures,
        "seconds": round(time.monotonic() - start),
    }
    command_line.report_figures(figures, _OUTPUT.value)
    if fuzzer.failures:
        sys.exit(1)


if __name__ == "__main__":
    command_line.run(main)
