r"""Sets random fields of random configs to random values: does each end well?

    python -m experiments.fuzz_configs --overrides=2000 --seed=0

An override ends well if its run would take a train step, or if the launch ends before
training with one line that says what is wrong. Whatever a launch does before training
is done here: the command line is parsed, the config checked, the data cut, the game
built (and that of its classifier). Then the step is traced on abstract arrays, which
compiles nothing; --run of the small ones are also taken. Configs are those for trying
things out (`runlocal`); data sets of TFDS are made up, in their shapes. What is printed
are counts, and what failed; if something did, the exit code is 1.
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

from adversarial_latent import data, sentences, train
from adversarial_latent.config import leaves
from adversarial_latent.data import Dataset, Examples, flowers, sources
from adversarial_latent.experiment import Experiment, make_experiment
from adversarial_latent.game import Game
from adversarial_latent.inputs import InputError
from adversarial_latent.inputs.images import parse_image_shape
from experiments import summary

_OVERRIDES = flags.DEFINE_integer("overrides", 2000, "How many.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of all choices.", lower_bound=0)
_RUN = flags.DEFINE_integer("run", 20, "How many steps to take.", lower_bound=0)
_CONFIGS = flags.DEFINE_list("configs", [], "Only these, by name; all if empty.")
_OUTPUT = summary.define_path("output", "JSON file for what is printed.")

_SECONDS = 120  # that an override may take
_TFDS = {  # shapes, and numbers of classes
    "mnist": ((28, 28, 1), 10),
    "cifar10": ((32, 32, 3), 10),
    "svhn_cropped": ((32, 32, 3), 10),
    "smallnorb": ((96, 96, 1), 5),
    "celeb_a": ((218, 178, 3), 0),
}
_SMALL = (
    "ring",
    "grid25",
    "amm_digits",
    "samm_digits",
    "classifier",
)
# What may be typed: some of it fits some fields, and most of it none.
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
    """An override takes too long."""


@functools.cache
def _load(dataset: str) -> Dataset:
    """The data of a config's `dataset`, which is given as JSON."""
    return data.load(ml_collections.ConfigDict(json.loads(dataset)))


def _made_up(config: ml_collections.ConfigDict) -> Dataset:
    """Stands for `tfds_source.load_tfds`: as many random images as a test needs."""
    name = config.name.removeprefix("tfds:")
    if name not in _TFDS:
        raise InputError(f"config.dataset.name={config.name!r} is not made up here")
    shape, classes = _TFDS[name]
    shape = parse_image_shape(config.image_shape) or shape
    if max(shape) > 256:
        raise InputError(f"config.dataset.image_shape={config.image_shape!r} is large")
    rng, splits = np.random.default_rng(0), {}
    for split, size in (("train", 300), ("test", 100)):
        x = rng.integers(0, 256, (size, *shape), dtype=np.uint8)
        splits[split] = Examples(x, np.arange(size) % classes if classes else None)
    return Dataset(config.name, splits, "made up", tuple(map(str, range(classes))))


_TFDS_SOURCE = sources.Source(_made_up, sources.SOURCES["tfds"].keys)


def _dataset(config: ml_collections.ConfigDict, workdir: str) -> Dataset:
    """Stands for `sentences.load_dataset`: captions have made-up vectors."""
    dataset = _load(config.dataset.to_json())
    if not config.embedding:
        return dataset
    if config.embedding.name != "recurrent":
        sentences.load_embedding(config, workdir)
    dim = config.embedding.dim
    return sentences.with_embedding(
        dataset, lambda several: np.zeros((len(several), dim), np.float32), dim
    )


_real_init = Game.init
_SHAPES: dict[str, Any] = {}


def _init(game: Game, key: Any, batch: Any) -> Any:
    """Stands for `Game.init`: what was traced once need not be traced again."""
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
    """Tries overrides, and counts how they end.

    Attributes:
      rng: of all choices.
      counts: how many ended how.
      failures: commands that did not end well, with the reason.
      traced: steps that have been traced.
      to_run: how many steps are still to be taken.
    """

    def __init__(self, seed: int, to_run: int = 0, configs: Sequence[str] = ()):
        self.rng = random.Random(seed)
        self.counts = {
            "refused_when_parsed": 0,
            "refused_before_training": 0,
            "would_train": 0,
            "steps_traced": 0,  # as many as differ, those of classifiers among them
            "steps_taken": 0,
            "steps_taken_and_finite": 0,
        }
        self.failures: list[dict[str, str]] = []
        self.traced: set[str] = set()
        self.to_run = to_run
        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        files = sorted(glob.glob(os.path.join(root, "configs", "[!_]*.py")))
        self._files = [path for path in files if not configs or _name(path) in configs]
        self._fields = {path: self._fields_of(path) for path in self._files}
        # Values that are right somewhere else, without tables and sentences.
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
        """Values of a config by the paths of their fields; groups of fields, too."""
        config = parse([f"--config={path}:runlocal"])
        values = {field.removeprefix("config."): v for field, v in leaves(config)}
        groups = {field.rpartition(".")[0] for field in values} - {""}
        return values | {group: {} for group in sorted(groups)}

    def choose(self) -> tuple[str, str, str]:
        """A config's file, the path of a field, and a value, as they would be typed."""
        rng = self.rng
        path = rng.choice(self._files)
        fields = self._fields[path]
        field = rng.choice(list(fields))
        text = str(self._value(fields[field]))
        if rng.random() < 0.05:  # a slip
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
        """Tries one override, and counts how it ends."""
        words = [f"--config={path}:runlocal", f"--config.{field}={text}"]
        stage = "refused_when_parsed"
        try:
            with _time_limit(), summary.clear_errors():
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
        """Traces a step, and takes it if it is small and some are still to be taken."""
        state, batch = experiment.abstract_inputs()
        parts = {name: config[name] for name in ("game", "players", "moves")}
        # Where a number is a float, its step is the same but for a constant, unless it
        # is 0, where some terms are left out.
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
            options = {"xla_backend_optimization_level": 0}  # it runs once
            step_once = jax.jit(experiment.train_step, compiler_options=options)
            _, metrics = step_once(state, batch)
            self.counts["steps_taken"] += 1
            self.counts["steps_taken_and_finite"] += all(
                map(np.isfinite, metrics.values())
            )


def _name(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def parse(words: Sequence[str]) -> ml_collections.ConfigDict:
    """The config that a launch makes of its command line, without the program's name.

    Raises:
      SystemExit: if the command line is wrong.
    """
    registry, argv = flags.FlagValues(), ["launch", *words]
    config = summary.define_config(argv=argv, flag_values=registry)
    summary.parse_flags(argv, registry)
    return config.value


def prepare(
    config: ml_collections.ConfigDict,
    step: Callable[[ml_collections.ConfigDict, Experiment], None],
) -> None:
    """Does what a launch does, with `step(config, experiment)` in place of training.

    Raises:
      Exception: whatever the launch raises.
    """

    def trained(config: ml_collections.ConfigDict, workdir: str) -> bool:
        experiment = make_experiment(config, _dataset(config, workdir))
        for name in ("log_every", "checkpoint_every", "evaluate_every"):
            train._calls(config, experiment, name)
        step(config, experiment)
        experiment.pipeline.close()
        return True

    with (
        tempfile.TemporaryDirectory() as workdir,
        contextlib.chdir(workdir),  # paths may be relative
        mock.patch.object(train, "train", trained),
        mock.patch.object(train, "evaluate", return_value={}),
        mock.patch.object(flowers, "PER_COMBINATION", 1),
        mock.patch.object(Game, "init", _init),
        mock.patch.dict(sources.SOURCES, tfds=_TFDS_SOURCE),
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
    """What is wrong with an error message, if anything.

    Args:
      message: that the launch ends with.
      names: the paths of fields, names that are values of some, and what was typed.
    """
    error, _, hint = message.rpartition("\n")
    known = set(re.findall(r"[^\W\d]+", " ".join(names)))
    if not error.startswith("error: ") or not hint.startswith("("):
        return "no line of clear_errors"
    if len(error.splitlines()) > 1 or "Traceback" in error:
        return "more than a line"
    if not error.removeprefix("error: ").strip():
        return "nothing is said"
    if not known & set(re.findall(r"[^\W\d]+", error)):
        return "names neither field nor value"
    return ""


def main() -> None:
    """Tries overrides and prints the counts."""
    if _OUTPUT.value:
        summary.check_output(_OUTPUT.value)
    start = time.monotonic()
    fuzzer = Fuzzer(_SEED.value, _RUN.value, _CONFIGS.value)
    for number in range(_OVERRIDES.value):
        override = fuzzer.choose()
        fuzzer.try_one(*override)
        if (number + 1) % 100 == 0:
            print(number + 1, fuzzer.counts, file=sys.stderr, flush=True)
            jax.clear_caches()  # or they would fill the memory
    figures = {
        "overrides": _OVERRIDES.value,
        "seed": _SEED.value,
        **fuzzer.counts,
        "failed": len(fuzzer.failures),
        "failures": fuzzer.failures,
        "seconds": round(time.monotonic() - start),
    }
    summary.report_figures(figures, _OUTPUT.value)
    if fuzzer.failures:
        sys.exit(1)


if __name__ == "__main__":
    summary.run(main)
