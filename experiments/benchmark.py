r"""Measures the speed of a train step: milliseconds, compile time, memory.

    python -m experiments.benchmark --config=configs/amm_mnist.py:prior=unit \
        --peer=torch

The step is the whole of it: all players, penalty and optimisers, on batches of the
config's size, run as `experiments.launch` runs it. With --peer=torch the same AMM step
in eager PyTorch (`experiments/torch_amm.py`) takes turns with ours in this process, and
the ratio is that of the pairs: machines drift, so only a ratio means much.
"""

import json
import resource
import time
from collections.abc import Callable

import jax
import numpy as np
from absl import flags
from ml_collections import config_flags

from adversarial_latent.data import Dataset, Examples, parse_image_shape
from adversarial_latent.evaluation.evaluate import environment
from adversarial_latent.train import make_experiment
from experiments import summary

_CONFIG = config_flags.DEFINE_config_file("config", "configs/amm_mnist.py")
_PEER = flags.DEFINE_string("peer", "", "What to race against: torch, or nothing.")
_STEPS = flags.DEFINE_integer("steps", 10, "Steps a measurement.", lower_bound=1)
_REPEATS = flags.DEFINE_integer("repeats", 10, "Measurements.", lower_bound=1)
_SHAPE = flags.DEFINE_string("image_shape", "28x28x1", "Height, width and channels.")
_OUTPUT = flags.DEFINE_string("output", None, "JSON file for the figures.")


def _peak_memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _ours(config, images: np.ndarray) -> tuple[Callable[[], None], int, float]:
    """Returns a call that takes some steps, how many, and the seconds to compile."""
    with config.unlocked():
        config.steps_per_call = _STEPS.value
        config.duration = f"{_STEPS.value}_steps"
    examples = Examples(images)
    dataset = Dataset("random pixels", {"train": examples, "test": examples}, "")
    experiment = make_experiment(config, dataset)
    parallel, pipeline = experiment.parallel, experiment.pipeline
    state = parallel.place(parallel.init(experiment.create, config.seed))
    resident = parallel.replicate(pipeline.resident)
    run = experiment.compile()
    current = {"state": state}

    def call() -> None:
        current["state"], metrics = run(
            current["state"], resident, experiment.next_batches()
        )
        jax.block_until_ready((current["state"], metrics))

    first = _seconds(call)
    return call, _STEPS.value * config.trials, first - _seconds(call)


def _torch(config, images: np.ndarray) -> Callable[[], None]:
    """Returns a call that takes as many steps in PyTorch."""
    import torch

    from experiments import torch_amm

    if config.game.name != "amm" or images.shape[1:] != (28, 28, 1):
        raise ValueError("--peer=torch has the step of configs/amm_mnist.py only")
    state = torch_amm.build(torch.device("cpu"), seed=config.seed)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255

    def call() -> None:
        for _ in range(_STEPS.value * config.trials):
            chosen = torch.randint(len(pixels), (config.batch_size,))
            torch_amm.step(state, pixels[chosen])

    call()
    return call


def _seconds(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _statistics(values: list[float]) -> dict[str, float]:
    return {
        "min": float(np.min(values)),
        "median": float(np.median(values)),
        "max": float(np.max(values)),
    }


def main() -> None:
    """Measures and prints."""
    if _PEER.value not in ("", "torch"):
        raise ValueError(f"--peer is torch or nothing, not {_PEER.value!r}")
    config = _CONFIG.value
    shape = parse_image_shape(_SHAPE.value)
    images = np.random.default_rng(0).integers(0, 256, (2000, *shape), np.uint8)
    call, steps, compile_seconds = _ours(config, images)
    memory = _peak_memory_mib()
    calls = {"ours": call}
    if _PEER.value:
        calls[_PEER.value] = _torch(config, images)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(_REPEATS.value):
        for name, measured in calls.items():
            times[name].append(1000 * _seconds(measured) / steps)
    figures = {
        "game": config.game.name,
        "batch_size": config.batch_size,
        "trials": config.trials,
        "milliseconds_per_step": {
            name: _statistics(values) for name, values in times.items()
        },
        "compile_seconds": compile_seconds,
        "peak_memory_mib": memory,
        "environment": environment(),
    }
    if _PEER.value:
        pairs = [
            ours / theirs
            for ours, theirs in zip(times["ours"], times[_PEER.value], strict=True)
        ]
        figures[f"ratio_to_{_PEER.value}"] = _statistics(pairs)
    text = json.dumps(figures, indent=2)
    if _OUTPUT.value:
        with open(_OUTPUT.value, "w") as file:
            file.write(text + "\n")
    print(text)


if __name__ == "__main__":
    summary.run(main)
