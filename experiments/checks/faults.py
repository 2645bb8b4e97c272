"""Injects random faults into runs and checks that the results do not change.

    python -m experiments.checks.faults --workdir=/mnt/small/faults --faults=100

Each config is first launched undisturbed. It is then launched in other directories,
where random faults occur at random moments of its phases (starting, training, writing a
checkpoint, evaluating):

    SIGKILL         the process is killed
    SIGTERM         the process is stopped
    second launch   the same run is launched again while it is active
    disk full       nothing can be written for some time
    damage          a file of the run is truncated, overwritten with zeros, or deleted

After each fault the run is launched again. It must resume, or say in one line why it
cannot; the file named there is then restored. At the end, the arrays of the last
checkpoint, the rows of metrics.jsonl and results.json must equal those of the
undisturbed run bit for bit. Only damaged rows of metrics.jsonl may be missing. --output
receives the faults and their effects as JSON and as a table. The exit code is 1 if a
run is lost or ends with a traceback.

The disk is filled only if --workdir is on a small separate file system, such as
`mount -t tmpfs -o size=256m tmpfs /mnt/small`.
"""

import collections
import dataclasses
import functools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags

from adversarial_latent.checkpoints import Checkpoints
from adversarial_latent.environment import environment
from adversarial_latent.logging import TIMES, read_metrics
from adversarial_latent.workdir import read_json
from experiments import command_line

_CONFIGS = flags.DEFINE_list(
    "configs",
    [
        "configs/amm_digits.py:runlocal",
        "configs/grid25.py:runlocal",
        "configs/ring.py:game=gan,runlocal",
    ],
    "Configs, as for experiments.launch.",
)
_WORKDIR = command_line.define_path("workdir", "Directory of all runs.", required=True)
_OUTPUT = command_line.define_path("output", "Folder for results.json and table.md.")
_KINDS = flags.DEFINE_list(
    "kinds",
    ["SIGKILL", "SIGTERM", "second launch", "disk full", "damage"],
    "Kinds of faults.",
)
_FAULTS = flags.DEFINE_integer("faults", 5, "Number of faults.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the kinds and moments of faults.")
_OVERRIDES = flags.DEFINE_list(
    "overrides",
    ["duration=600_steps", "checkpoint_every=100_steps", "log_every=50_steps"],
    "Fields to set in every config.",
)

_PHASES = ("starting", "training", "writing a checkpoint", "evaluating")
_FAULTS_OF_A_RUN = 6
_SMALL = 1 << 30  # bytes; larger file systems are not filled
_TIMEOUT = 600.0  # seconds per launch


class Watch:
    """Observes the progress of a launch through its files.

    Attributes:
      workdir: directory of the run.
      last_step: step of the final checkpoint, if known.
    """

    def __init__(self, workdir: str, last_step: int | None):
        self.workdir = workdir
        self.last_step = last_step
        self._rows = len(read_metrics(workdir))

    def checkpoints(self) -> list[str]:
        """Names of the checkpoints, including unfinished ones."""
        folder = os.path.join(self.workdir, "checkpoints")
        return os.listdir(folder) if os.path.isdir(folder) else []

    def is_in(self, phase: str) -> bool:
        """Whether the launch has reached `phase`."""
        if phase == "starting":
            return True
        if phase == "training":
            return len(read_metrics(self.workdir)) > self._rows
        if phase == "writing a checkpoint":
            return any("tmp" in name for name in self.checkpoints()) and self.is_in(
                "training"
            )
        return str(self.last_step) in self.checkpoints()


@dataclasses.dataclass
class Launch:
    """A launch in a separate process; its output goes to a file."""

    arguments: list[str]
    workdir: str

    def __enter__(self) -> "Launch":
        command = [sys.executable, "-m", "experiments.launch"]
        command += [f"--workdir={self.workdir}", *self.arguments]
        self._log = Path(f"{_logs()}/{time.time_ns()}.log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        return self

    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process.poll() is None

    def send(self, number: int) -> None:
        """Sends a signal to the process."""
        self._process.send_signal(number)

    def end(self) -> tuple[int, str]:
        """Waits for the process to end.

        Returns:
          exit code and output.

        Raises:
          RuntimeError: the launch exceeds the time limit.
        """
        try:
            code = self._process.wait(_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"a launch hangs, see {self._log}") from None
        return code, self._log.read_text(errors="replace")

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.wait()


@functools.cache
def _logs() -> str:
    """The folder of the launches' output, which is not on the disk that is filled."""
    return tempfile.mkdtemp(prefix="fault_test_")


def error_line(text: str) -> str | None:
    """Returns a launch's error line; None if it is not unique or has a traceback."""
    if "Traceback (most recent call last)" in text:
        return None
    lines = [line for line in text.splitlines() if line.startswith("error: ")]
    return lines[0] if len(lines) == 1 else None


def final_arrays(workdir: str) -> dict[str, np.ndarray]:
    """Returns all arrays of a run's last checkpoint, by path."""
    checkpoints = Checkpoints(os.path.join(workdir, "checkpoints"))
    state = {"last": checkpoints.latest(), "state": checkpoints.restore_arrays()}
    checkpoints.close()
    leaves = jax.tree_util.tree_flatten_with_path(state)[0]
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def differences(a: str, b: str, rows_lost: bool = False) -> list[str]:
    """Lists where two finished runs differ; empty if they are equal bit for bit.

    Args:
      a: directory of an undisturbed run.
      b: directory of another run.
      rows_lost: whether b's metrics.jsonl was damaged, so that rows may be missing.
    """
    found = []
    arrays_a, arrays_b = final_arrays(a), final_arrays(b)
    for name in sorted(arrays_a.keys() | arrays_b.keys()):
        one, other = arrays_a.get(name), arrays_b.get(name)
        if one is None or other is None or one.tobytes() != other.tobytes():
            found.append(f"array {name}")
    rows = [
        [json.dumps(row | dict.fromkeys(TIMES)) for row in read_metrics(workdir)]
        for workdir in (a, b)
    ]
    if not set(rows[1]) <= set(rows[0]) if rows_lost else rows[0] != rows[1]:
        found.append("metrics.jsonl")
    if read_json(a, "results.json") != read_json(b, "results.json"):
        found.append("results.json")
    return found


@dataclasses.dataclass
class Undisturbed:
    """The undisturbed run of a config.

    Attributes:
      name: the config.
      arguments: arguments of the launch.
      workdir: directory of the run.
      last_step: step of the final checkpoint.
      seconds: duration of each phase.
    """

    name: str
    arguments: list[str]
    workdir: str
    last_step: int
    seconds: dict[str, float]


def run_undisturbed(config: str, workdir: str) -> Undisturbed:
    """Launches a config and measures its phases.

    Raises:
      RuntimeError: the launch failed.
    """
    overrides = [f"--config.{field}" for field in _OVERRIDES.value]
    arguments = [f"--config={config}", *overrides]
    watch, names = Watch(workdir, None), None
    start = trained = saved = time.monotonic()
    with Launch(arguments, workdir) as launch:
        while launch.running():
            time.sleep(0.01)
            if trained == start and watch.is_in("training"):
                trained = time.monotonic()
            if watch.checkpoints() != names:
                names, saved = watch.checkpoints(), time.monotonic()
        code, text = launch.end()
    if code:
        raise RuntimeError(f"the undisturbed launch of {config} failed:\n{text}")
    spent = (trained - start, saved - trained, 0.1, time.monotonic() - saved)
    return Undisturbed(
        name=config,
        arguments=arguments,
        workdir=workdir,
        last_step=max(map(int, filter(str.isdecimal, watch.checkpoints()))),
        seconds=dict(zip(_PHASES, spent, strict=True)),
    )


class Disturbed:
    """A run into which faults are injected.

    Attributes:
      workdir: directory of the run.
      rows_lost: whether metrics.jsonl was damaged.
      problems: reasons why the run is lost.
      unclear: faults that ended with a traceback.
    """

    def __init__(self, whole: Undisturbed, workdir: str, rng: random.Random):
        self.workdir = workdir
        self.rows_lost = False
        self.problems: list[str] = []
        self.unclear: list[str] = []
        self._whole = whole
        self._rng = rng
        self._copies: dict[Path, bytes] = {}  # of damaged files

    def saved(self) -> bool:
        """Whether the run has a checkpoint, which can be damaged."""
        return any(map(str.isdecimal, Watch(self.workdir, None).checkpoints()))

    def finished(self) -> bool:
        """Whether the run has finished."""
        return os.path.exists(os.path.join(self.workdir, "results.json"))

    def inject(self, kind: str) -> str:
        """Injects a fault; returns its effect in a few words."""
        if kind == "damage":
            return self._damage()
        watch = Watch(self.workdir, self._whole.last_step)
        trained = watch.is_in("evaluating")
        phase = self._rng.choice(_PHASES[::3] if trained else _PHASES)
        wait = self._rng.uniform(0, self._whole.seconds[phase])
        with Launch(self._whole.arguments, self.workdir) as launch:
            while launch.running() and not watch.is_in(phase):
                time.sleep(0.001)
            end = time.monotonic() + wait
            while launch.running() and time.monotonic() < end:
                time.sleep(0.001)
            if not launch.running():
                return self._ended(*launch.end(), "had ended before")
            if kind == "SIGKILL":
                return f"killed, {phase}"
            if kind == "SIGTERM":
                launch.send(signal.SIGTERM)
                code, text = launch.end()
                if "Traceback" in text:
                    self.unclear.append(f"SIGTERM, {phase}: {text[-500:]}")
                return f"stopped, {phase}"
            if kind == "second launch":
                with Launch(self._whole.arguments, self.workdir) as other:
                    code, text = other.end()
                if launch.running() and "in use" not in (error_line(text) or ""):
                    self.problems.append(f"second launch, {phase}: {text[-500:]}")
                return self._ended(*launch.end(), f"other one refused, {phase}")
            with _full_disk(self.workdir, self._rng.randrange(100_000)):
                code, text = launch.end()
            return self._ended(code, text, f"full, {phase}")

    def _ended(self, code: int, text: str, words: str) -> str:
        """Classifies the end of a launch that was not killed."""
        if code == 0:
            return words
        line = error_line(text)
        if line is None:
            self.unclear.append(f"{words}: {text[-500:]}")
            return f"{words}: no clear error"
        for path, content in self._copies.items():
            if path.name in line:
                path.write_bytes(content)
                return f"{words}; {path.name} was named and restored"
        return words if "full" in words else self._lost(words, line)

    def _lost(self, words: str, line: str) -> str:
        self.problems.append(f"{words}: {line}")
        return words

    def _damage(self) -> str:
        root = Path(self.workdir)
        steps = sorted((root / "checkpoints").glob("[0-9]*"), key=lambda p: p.name)
        newest = [p for p in steps if p.name.isdecimal()]
        newest = sorted(newest, key=lambda path: int(path.name))[-1:]
        files = [p for step in newest for p in step.rglob("*") if p.is_file()]
        files += [p for p in root.iterdir() if p.suffix in (".json", ".jsonl")] * 3
        path = self._rng.choice(sorted(files))
        how = self._rng.choice(("truncated", "zeroed", "deleted"))
        content = path.read_bytes()
        size = len(content)
        if how == "deleted":
            path.unlink()
        else:
            path.write_bytes(
                content[: size // 2] if how == "truncated" else bytes(size)
            )
        self._copies.setdefault(path, content)
        self.rows_lost |= path.name == "metrics.jsonl"
        return f"{path.relative_to(root).parts[0]} {how}"

    def resume(self) -> bool:
        """Resumes the run until it ends; returns whether it finished."""
        for _ in range(len(self._copies) + 1):  # a launch for each file to restore
            with Launch(self._whole.arguments, self.workdir) as launch:
                code, text = launch.end()
            if code == 0:
                return True
            known = len(self.problems) + len(self.unclear)
            self._ended(code, text, "resuming")
            if len(self.problems) + len(self.unclear) > known:
                self.problems.append("resuming: failed")
                return False
        self.problems.append("resuming: refused repeatedly")
        return False


class _full_disk:  # noqa: N801, a context manager
    """Within this context, the file system has at most `left` free bytes."""

    def __init__(self, workdir: str, left: int):
        self._path = Path(f"{workdir}.filler")
        self._left = left

    def __enter__(self) -> None:
        with self._path.open("wb") as file:
            free = shutil.disk_usage(self._path.parent).free
            while free > self._left:
                file.write(bytes(min(1 << 20, free - self._left)))
                file.flush()
                free = shutil.disk_usage(self._path.parent).free

    def __exit__(self, *exception: object) -> None:
        self._path.unlink()


def table(results: dict[str, Any]) -> str:
    """Formats the results as Markdown."""
    lines = [
        f"{results['faults']} faults (seed {results['seed']}) in {results['runs']} "
        f"runs: {results['lost']} runs were lost, {results['equal']} equal an "
        f"undisturbed run bit for bit, and {len(results['unclear'])} errors had a "
        "traceback.",
        "",
        "| fault | effect | times |",
        "|---|---|---|",
    ]
    lines += [
        f"| {kind} | {words} | {count} |"
        for kind, found in results["found"].items()
        for words, count in found.items()
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Injects faults, compares the runs and reports."""
    directory = os.path.abspath(_WORKDIR.value)
    if os.path.exists(directory):
        raise ValueError(f"{directory} exists; remove it or choose another --workdir")
    os.makedirs(directory)
    kinds = tuple(_KINDS.value)
    if shutil.disk_usage(directory).total > _SMALL:
        kinds = tuple(kind for kind in kinds if kind != "disk full")
        print("the disk is not filled: the file system is too large", flush=True)
    print(f"output of launches: {_logs()}", flush=True)
    start = time.monotonic()
    wholes = [
        run_undisturbed(config, os.path.join(directory, f"undisturbed{number}"))
        for number, config in enumerate(_CONFIGS.value)
    ]
    rng = random.Random(_SEED.value)
    counts: dict[str, collections.Counter[str]] = {
        kind: collections.Counter() for kind in (*kinds, "SIGKILL")
    }
    faults = runs = 0
    lost: list[dict[str, Any]] = []
    unclear: list[str] = []
    while faults < _FAULTS.value:
        whole = wholes[runs % len(wholes)]
        run = Disturbed(whole, os.path.join(directory, f"disturbed{runs}"), rng)
        runs += 1
        for _ in range(min(_FAULTS_OF_A_RUN, _FAULTS.value - faults)):
            if run.finished() and rng.random() < 0.7:
                break
            possible = [kind for kind in kinds if kind != "damage" or run.saved()]
            kind = rng.choice(possible or ["SIGKILL"])
            words = run.inject(kind)
            counts[kind][words] += 1
            faults += 1
            print(f"{faults}. {whole.name}: {kind}: {words}", flush=True)
        if run.resume():
            run.problems += differences(whole.workdir, run.workdir, run.rows_lost)
        unclear += run.unclear
        if run.problems:
            lost.append({"config": whole.name, "problems": run.problems})
            print(f"   LOST: {run.problems}", flush=True)
        else:
            shutil.rmtree(run.workdir)  # saves space
    results = {
        "faults": faults,
        "seed": _SEED.value,
        "configs": _CONFIGS.value,
        "overrides": _OVERRIDES.value,
        "runs": runs,
        "lost": len(lost),
        "equal": runs - len(lost),
        "found": {kind: dict(sorted(found.items())) for kind, found in counts.items()},
        "problems": lost,
        # The details contain local paths; they are in the logs.
        "unclear": [words.partition(": ")[0] for words in unclear],
        "seconds": round(time.monotonic() - start),
        "environment": environment(),
    }
    print(table(results))
    if _OUTPUT.value:
        os.makedirs(_OUTPUT.value, exist_ok=True)
        folder = Path(_OUTPUT.value)
        (folder / "results.json").write_text(json.dumps(results, indent=2) + "\n")
        (folder / "table.md").write_text(table(results))
    if lost or unclear:
        sys.exit(1)


if __name__ == "__main__":
    command_line.run(main)
