"""Runs that take a moment: a small game on sixty images of 2x2 pixels."""

import json
import os
from pathlib import Path

import jax
import ml_collections
import numpy as np

from adversarial_latent.checkpoints import Checkpoints
from adversarial_latent.config import default_config, player
from adversarial_latent.logging import TIMES
from tests.toys import amm_config


def write_npz(path: str | os.PathLike[str], size: int = 60, labels: bool = True) -> str:
    """Writes images of three kinds that are easy to tell apart, and their labels."""
    rng = np.random.default_rng(0)
    label = np.arange(size) % 3
    kinds = np.array([[[0, 0], [0, 200]], [[0, 200], [200, 0]], [[200, 0], [0, 0]]])
    x = (kinds[label] + rng.integers(0, 50, (size, 2, 2))).astype(np.uint8)
    np.savez(path, x=x, **({"y": label} if labels else {}))
    return os.fspath(path)


def tiny_config(directory: Path, labels: bool = True) -> ml_collections.ConfigDict:
    """Config of AMM with K = 3 and two trials: 12 steps, logged and saved every 4.

    Reconstructions are evaluated every 6 steps.
    """
    config = default_config()
    config.game = amm_config(penalty_weight=0.0, stratified=False)
    config.dataset.name = "npz"
    config.dataset.path = write_npz(directory / "data.npz", labels=labels)
    config.players = {"discriminator": player(1e-3), "generator": player(1e-3)}
    config.trials = 2
    config.batch_size = 8
    config.duration = "12_steps"
    config.steps_per_call = 2
    config.log_every = config.checkpoint_every = "4_steps"
    config.evaluators = ("clustering", "reconstruction")
    config.curves = ("reconstruction",)
    config.evaluate_every = "6_steps"
    config.selection = "agreement"
    config.paper = {"nmi": 0.5}
    return config


def saved(workdir: str | os.PathLike[str]) -> tuple[int, dict[str, np.ndarray]]:
    """Step and all arrays of a run's newest checkpoint, by path."""
    checkpoints = Checkpoints(os.path.join(workdir, "checkpoints"))
    step, state = checkpoints.latest(), checkpoints.restore_arrays()
    checkpoints.close()
    leaves = jax.tree_util.tree_flatten_with_path(state)[0]
    return step, {jax.tree_util.keystr(path): np.asarray(x) for path, x in leaves}


def logged(workdir: str | os.PathLike[str]) -> list[dict]:
    """Rows of metrics.jsonl without times, which no two runs share."""
    lines = (Path(workdir) / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


def assert_same_run(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> None:
    """Asserts that two work directories hold the same run, bit for bit."""
    (step, arrays), (other_step, others) = saved(a), saved(b)
    assert step == other_step
    assert arrays.keys() == others.keys()
    for name, value in arrays.items():
        assert value.dtype == others[name].dtype
        assert value.tobytes() == others[name].tobytes(), name
    assert logged(a) == logged(b)
    results = [json.loads((Path(run) / "results.json").read_text()) for run in (a, b)]
    for result in results:
        del result["environment"]["commit"]  # somebody may be at work on this tree
    assert results[0] == results[1]
