"""Kills a run again and again, wherever it is, and checks that nothing shows it.

    python -m experiments.kill_test --config=configs/amm_digits.py:runlocal \
        --workdir=runs/kill_test --kills=5

It launches the config undisturbed; then in another directory with `kill -9` at random
moments of its phases: starting and compiling, training, writing a checkpoint,
evaluating; and once more to the end. All arrays of the final checkpoint, the rows of
metrics.jsonl and results.json must be equal bit for bit; if not, the program says what
differs and ends with exit code 1. What follows `--` goes to experiments.launch:
`-- --config.duration=1000_steps --cpu_devices=2`.
"""

import dataclasses
import json
import os
import random
import subprocess
import sys
import time

import jax
import numpy as np
from absl import app, flags, logging

from adversarial_latent.checkpoints import Checkpoints
from adversarial_latent.logging import read_metrics
from adversarial_latent.workdir import read_json
from experiments import summary

_CONFIG = flags.DEFINE_string("config", None, "As launch takes it.", required=True)
_WORKDIR = flags.DEFINE_string("workdir", None, "For both runs.", required=True)
_KILLS = flags.DEFINE_integer("kills", 5, "How often to kill.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the moments.")

_PHASES = ("starting", "training", "writing a checkpoint", "evaluating")


class Watch:
    """Sees from outside how far a launch has come.

    Attributes:
      workdir: directory of the run.
      last_step: step of its final checkpoint, if known.
    """

    def __init__(self, workdir: str, last_step: int | None):
        self.workdir = workdir
        self.last_step = last_step
        self._rows = len(read_metrics(workdir))

    def checkpoints(self) -> list[str]:
        """Names in the folder of checkpoints, unfinished ones included."""
        folder = os.path.join(self.workdir, "checkpoints")
        return os.listdir(folder) if os.path.isdir(folder) else []

    def is_in(self, phase: str) -> bool:
        """Whether the launch has come to `phase`."""
        if phase == "starting":
            return True
        if phase == "training":
            return len(read_metrics(self.workdir)) > self._rows
        if phase == "writing a checkpoint":
            return any("tmp" in name for name in self.checkpoints()) and self.is_in(
                "training"
            )
        return str(self.last_step) in self.checkpoints()

    def __str__(self) -> str:
        rows = read_metrics(self.workdir)
        logged = rows[-1]["step"] if rows else 0
        return f"logged up to step {logged}, checkpoints {sorted(self.checkpoints())}"


@dataclasses.dataclass
class Launch:
    """A launch in a process of its own; its output goes to a file beside `workdir`."""

    arguments: list[str]
    workdir: str

    def __enter__(self) -> "Launch":
        command = [sys.executable, "-m", "experiments.launch"]
        command += [f"--workdir={self.workdir}", *self.arguments]
        with open(f"{self.workdir}.log", "ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        return self

    def running(self) -> bool:
        """Whether it goes on.

        Raises:
          RuntimeError: if it ended with an error.
        """
        code = self._process.poll()
        if code:
            raise RuntimeError(f"launch ended with code {code}, see {self.workdir}.log")
        return code is None

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.wait()


def run_to_the_end(arguments: list[str], workdir: str) -> dict[str, float]:
    """Launches a run, and returns the seconds that it spent in each phase."""
    watch, names = Watch(workdir, None), None
    start = trained = saved = time.monotonic()
    with Launch(arguments, workdir) as launch:
        while launch.running():
            time.sleep(0.01)
            if trained == start and watch.is_in("training"):
                trained = time.monotonic()
            if watch.checkpoints() != names:
                names, saved = watch.checkpoints(), time.monotonic()
    spent = (trained - start, saved - trained, 0.1, time.monotonic() - saved)
    return dict(zip(_PHASES, spent, strict=True))


def kill_in(phase: str, wait: float, arguments: list[str], watch: Watch) -> bool:
    """Launches a run and kills it `wait` seconds after it came to `phase`.

    Returns:
      whether it was killed; False if it ended before.
    """
    with Launch(arguments, watch.workdir) as launch:
        while launch.running() and not watch.is_in(phase):
            time.sleep(0.001)
        end = time.monotonic() + wait
        while launch.running() and time.monotonic() < end:
            time.sleep(0.001)
        return launch.running()


def final_arrays(workdir: str) -> dict[str, np.ndarray]:
    """All arrays of a run's last checkpoint, by path."""
    checkpoints = Checkpoints(os.path.join(workdir, "checkpoints"))
    state = {"last": checkpoints.latest(), "state": checkpoints.restore_arrays()}
    checkpoints.close()
    leaves = jax.tree_util.tree_flatten_with_path(state)[0]
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def differences(a: str, b: str) -> list[str]:
    """Where two finished runs differ; an empty list if they are equal bit for bit."""
    found = []
    ours, theirs = final_arrays(a), final_arrays(b)
    for name in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(name), theirs.get(name)
        if one is None or other is None or one.tobytes() != other.tobytes():
            found.append(f"array {name}")
    rows = [
        [json.dumps(row | {"seconds": 0}) for row in read_metrics(workdir)]
        for workdir in (a, b)
    ]
    if rows[0] != rows[1]:
        found.append("metrics.jsonl")
    if read_json(a, "results.json") != read_json(b, "results.json"):
        found.append("results.json")
    return found


def main(argv: list[str]) -> None:
    """Runs, kills and compares."""
    logging.set_verbosity(logging.WARNING)
    arguments = [f"--config={_CONFIG.value}", *argv[1:]]
    whole, killed = (os.path.join(_WORKDIR.value, n) for n in ("undisturbed", "killed"))
    if os.path.exists(whole) or os.path.exists(killed):
        raise ValueError(f"{_WORKDIR.value} holds an earlier test: remove it")
    os.makedirs(_WORKDIR.value, exist_ok=True)
    seconds = run_to_the_end(arguments, whole)
    spent = ", ".join(f"{phase} {time:.1f} s" for phase, time in seconds.items())
    print(f"undisturbed: {spent}", flush=True)
    last_step = max(int(name) for name in Watch(whole, None).checkpoints())
    rng = random.Random(_SEED.value)
    # Every phase in turn, but in the order of a run: what is done does not come again.
    phases = [_PHASES[i % len(_PHASES)] for i in range(_KILLS.value)]
    for kill, phase in enumerate(sorted(phases, key=_PHASES.index), start=1):
        wait = rng.uniform(0, seconds[phase] / (1 + phases.count(phase)))
        watch = Watch(killed, last_step)
        if not kill_in(phase, wait, arguments, watch):
            raise RuntimeError(
                f"the run ended before it could be killed while {phase}: make it longer"
            )
        print(f"kill {kill}, {wait:.2f} s into {phase}: {watch}", flush=True)
    run_to_the_end(arguments, killed)
    if found := differences(whole, killed):
        sys.exit("\n  ".join(["NOT equal:", *found]))
    print("equal bit for bit: all arrays, metrics.jsonl, results.json")


if __name__ == "__main__":
    with summary.clear_errors():
        app.run(main, flags_parser=summary.parse_flags)
