"""Kills a run at random moments, again and again, and checks that nothing shows it.

    python -m experiments.kill_test --config=configs/amm_digits.py:runlocal \
        --workdir=runs/kill_test --kills=5

It launches the config undisturbed; then in another directory with `kill -9` at random
moments, drawn over the length of the undisturbed launch, and once more to the end. All
arrays of the final checkpoint, the rows of metrics.jsonl and results.json must be equal
bit for bit; if not, the program says where they differ and ends with exit code 1. What
follows `--` goes to experiments.launch: `-- --config.seed=3 --cpu_devices=2`.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

import jax
import numpy as np
from absl import app, flags

from adversarial_latent.checkpoints import Checkpoints
from adversarial_latent.logging import read_metrics
from adversarial_latent.workdir import read_json
from experiments import summary

_CONFIG = flags.DEFINE_string("config", None, "As launch takes it.", required=True)
_WORKDIR = flags.DEFINE_string("workdir", None, "For both runs.", required=True)
_KILLS = flags.DEFINE_integer("kills", 5, "How often to kill.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the moments.")


def phase(workdir: str) -> str:
    """What a run was doing when it was killed, judged by what it left behind."""
    checkpoints = os.path.join(workdir, "checkpoints")
    names = os.listdir(checkpoints) if os.path.isdir(checkpoints) else []
    steps = sorted(int(name) for name in names if name.isdecimal())
    rows = read_metrics(workdir)
    if any("tmp" in name for name in names):
        doing = "writing a checkpoint"
    elif not rows and not steps:
        doing = "starting or compiling"
    elif os.path.exists(os.path.join(workdir, "figures")):
        doing = "evaluating"
    else:
        doing = "training, compiling again or evaluating"
    logged = rows[-1]["step"] if rows else 0
    return f"{doing}; logged up to step {logged}, checkpoints at {steps}"


def launch(arguments: list[str], workdir: str, kill_after: float | None) -> bool:
    """Launches a run in a process of its own.

    Args:
      arguments: of experiments.launch.
      workdir: directory of the run; the program's output goes to a file beside it.
      kill_after: seconds until it gets SIGKILL; None to let it end.

    Returns:
      whether it ended by itself.

    Raises:
      RuntimeError: if it ended with an error.
    """
    command = [sys.executable, "-m", "experiments.launch", f"--workdir={workdir}"]
    with open(f"{workdir}.log", "ab") as log:
        process = subprocess.Popen([*command, *arguments], stdout=log, stderr=log)
        try:
            code = process.wait(kill_after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return False
    if code != 0:
        raise RuntimeError(f"the run ended with code {code}, see {workdir}.log")
    return True


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
    arguments = [f"--config={_CONFIG.value}", *argv[1:]]
    whole, killed = (os.path.join(_WORKDIR.value, n) for n in ("undisturbed", "killed"))
    if os.path.exists(whole) or os.path.exists(killed):
        raise ValueError(f"{_WORKDIR.value} holds an earlier test: remove it")
    os.makedirs(_WORKDIR.value, exist_ok=True)
    start = time.monotonic()
    launch(arguments, whole, kill_after=None)
    seconds = time.monotonic() - start
    print(f"undisturbed: {seconds:.1f} s", flush=True)
    rng, kills = random.Random(_SEED.value), 0
    while kills < _KILLS.value:
        moment = rng.uniform(0, seconds)
        if launch(arguments, killed, moment):
            # A launch that resumes is shorter. Only results are lost, not the run.
            print(f"  ended before {moment:.1f} s; its results are removed", flush=True)
            os.remove(os.path.join(killed, "results.json"))
            continue
        kills += 1
        print(f"kill {kills} after {moment:.1f} s: {phase(killed)}", flush=True)
    launch(arguments, killed, kill_after=None)
    found = differences(whole, killed)
    if found:
        sys.exit("\n  ".join(["NOT equal:", *found]))
    print(f"equal bit for bit after {kills} kills: all arrays, metrics.jsonl, results")


if __name__ == "__main__":
    with summary.clear_errors():
        app.run(main, flags_parser=summary.parse_flags)
