"""Trains every game on data of many shapes, with networks that size themselves.

    python -m experiments.checks.shapes --output=shapes.json

Each combination trains two steps, saves, loads, encodes, decodes and samples. The
output lists combinations with their seconds or errors; the exit code is 1 if there is
an error.
"""

import importlib
import sys
import tempfile
import time
from pathlib import Path

import jax
import ml_collections
import numpy as np
from absl import flags

import adversarial_latent
from adversarial_latent import games, run_data
from adversarial_latent.experiment import make_experiment
from adversarial_latent.sizing import fit_to_data
from adversarial_latent.train import train_and_evaluate
from experiments import command_line

_OUTPUT = command_line.define_path("output", "JSON file for the output.")
_ONLY = flags.DEFINE_list("games", [], "Names of games; all if empty.")

GAMES = {
    "cluster": (
        *("amm", "information", "aae", "learned_prior", "infogan", "pixelgan"),
    ),
    "classify": ("samm", "aae", "pixelgan"),
    "autoencode": ("aim", "aae", "learned_prior", "ali", "alice", "veegan"),
    "generate": (
        *("gan", "aim", "ali", "unrolled_gan", "learned_prior", "amm"),
        "conditional_ali",
    ),
}
IMAGES = ((8, 8, 1), (20, 30, 3), (28, 28, 1), (64, 64, 3), (128, 128, 4))
VECTORS = ((2,), (30,), (1000,))
SHAPES = IMAGES + VECTORS
IMAGES_ONLY = ("pixelgan",)


def get_config(task: str, argument: str) -> ml_collections.ConfigDict:
    """The config of a task."""
    return importlib.import_module(f"configs.{task}").get_config(argument)


def small_config(
    task: str, game: str, shape: tuple[int, ...], directory: Path
) -> ml_collections.ConfigDict:
    """A task on random data of a shape: two steps of narrow networks."""
    path = directory / f"{'x'.join(map(str, shape))}.npz"
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, *shape)).astype(np.float32)
    if len(shape) == 3:
        x = (x * 40 + 128).clip(0, 255).astype(np.uint8)
    np.savez(path, x=x, y=np.arange(30) % 2)
    config = get_config(task, f"game={game},runlocal")
    config.dataset.update(name="npz", path=str(path), max_side=0)
    config.update(duration="2_steps", steps_per_call=1, trials=1, evaluators=())
    config.selection = ""
    games.use_preset(config.game, "auto(width=2)")
    return config


def trace(task: str, game: str, shape: tuple[int, ...], directory: Path) -> None:
    """Builds a task and traces its train step, without compiling it."""
    config = small_config(task, game, shape, directory)
    dataset = run_data.load_examples(config, str(directory))
    experiment = make_experiment(fit_to_data(config, dataset), dataset)
    state, batch = experiment.abstract_inputs()
    after, _ = jax.eval_shape(experiment.train_step, state, batch)
    assert jax.tree.structure(after) == jax.tree.structure(state)


def run(task: str, game: str, shape: tuple[int, ...], directory: Path) -> None:
    """Trains two steps, saves, loads, encodes, decodes and samples.

    Raises:
      AssertionError: a result has the wrong shape, or is not finite.
    """
    config = small_config(task, game, shape, directory)
    workdir = str(directory / f"{task}_{game}")
    train_and_evaluate(config, workdir)
    model = adversarial_latent.load(workdir)
    results = {"sample": model.sample(3)["x"]} if model.can("sample") else {}
    if model.can("encode"):
        x = np.random.default_rng(0).random((3, *shape), np.float32)
        code = model.encode(x, np.zeros(3, np.int32) if model.conditional else None)
        results |= {f"code {part}": value for part, value in code.items()}
        if model.can("decode"):
            results["decode"] = model.decode(code)
    for name, value in results.items():
        assert len(value) == 3
        assert np.isfinite(value).all(), name
        assert name.startswith("code") or value.shape[1:] == shape, (name, value.shape)


def main() -> None:
    """Runs all combinations."""
    outcomes, failures = {}, 0
    for shape in SHAPES:
        for task, names in GAMES.items():
            for game in names:
                if _ONLY.value and game not in _ONLY.value:
                    continue
                if game in IMAGES_ONLY and len(shape) == 1:
                    continue
                name = f"{task} {game} {'x'.join(map(str, shape))}"
                start = time.perf_counter()
                with tempfile.TemporaryDirectory() as directory:
                    try:
                        run(task, game, shape, Path(directory))
                        outcomes[name] = f"{time.perf_counter() - start:.1f} s"
                    except Exception as error:  # all are failures to be reported
                        outcomes[name] = f"{type(error).__name__}: {error}"
                        failures += 1
                print(f"{name}: {outcomes[name]}", flush=True)
                # A process may map only so many compiled programs (Linux: 65,530).
                jax.clear_caches()
    command_line.report_figures(
        {"combinations": len(outcomes), "failures": failures, "outcomes": outcomes},
        _OUTPUT.value,
    )
    if failures:
        sys.exit(1)


if __name__ == "__main__":
    command_line.run(main)
