r"""Measures the speed of a train step: milliseconds, compile time, memory.

    python -m experiments.benchmark --config=configs/amm_mnist.py:prior=unit \
        --peer=torch

The step is the whole of it: all players, penalty and optimisers, on batches of the
config's size, run as `experiments.launch` runs it. With --peer=torch the same AMM step
in eager PyTorch (`experiments/torch_amm.py`) takes turns with ours in this process, and
the ratio is that of the pairs: machines drift, so only a ratio means much. With --parts
so do the parts that no step can do without (`experiments/step_parts.py`).
"""

import dataclasses
import resource
import time
from collections.abc import Callable
from typing import Any

import jax
import ml_collections
import numpy as np
from absl import flags

from adversarial_latent.data import Dataset, Examples, parse_image_shape
from adversarial_latent.evaluation.evaluate import environment
from adversarial_latent.experiment import Experiment, make_experiment
from experiments import summary
from experiments.step_parts import unavoidable_parts

_CONFIG = summary.define_config("configs/amm_mnist.py")
_PEER = flags.DEFINE_string("peer", "", "What to race against: torch, or nothing.")
_PARTS = flags.DEFINE_bool("parts", False, "Measure the step's unavoidable parts, too.")
_STEPS = flags.DEFINE_integer("steps", 10, "Steps a measurement.", lower_bound=1)
_REPEATS = flags.DEFINE_integer("repeats", 10, "Measurements.", lower_bound=1)
_SHAPE = flags.DEFINE_string(
    "image_shape", None, "Height, width and channels; the config's, or 28x28x1."
)
_OUTPUT = summary.define_path("output", "JSON file for the figures.")


def _peak_memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _experiment(config: ml_collections.ConfigDict, images: np.ndarray) -> Experiment:
    """The experiment on random images, whose call takes the steps to be measured."""
    with config.unlocked():
        config.steps_per_call = _STEPS.value
        config.duration = f"{_STEPS.value}_steps"
        config.evaluators = config.curves = ()  # only steps are measured
    classes = config.game.get("num_components", 1)
    examples = Examples(images, label=np.arange(len(images)) % classes)
    if config.embedding:  # random vectors stand for captions
        shape = (len(images), 1, config.embedding.dim)
        vectors = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        examples = dataclasses.replace(
            examples, captions=(("",),) * len(images), embedding=vectors
        )
    splits = {"train": examples, "test": examples}
    names = tuple(map(str, range(classes)))
    return make_experiment(config, Dataset("random pixels", splits, "", names))


def _steps(experiment: Experiment, seed: int) -> Callable[[], None]:
    """Returns a call that takes the steps."""
    parallel, pipeline = experiment.parallel, experiment.pipeline
    state = parallel.place(parallel.init(experiment.create, seed))
    resident = parallel.replicate(pipeline.resident)
    run = experiment.compile()
    current = {"state": state}

    def call() -> None:
        current["state"], metrics = run(
            current["state"], resident, experiment.next_batches()
        )
        jax.block_until_ready((current["state"], metrics))

    return call


def _parts(
    config: ml_collections.ConfigDict, experiment: Experiment
) -> dict[str, Callable[[], None]]:
    """Returns calls that do each part of the steps, as often."""
    if config.moves != "simultaneous" or config.trials * jax.device_count() != 1:
        raise ValueError(
            "--parts is for players that move at once, with one trial on one device: "
            f"not {config.moves!r}, {config.trials} trials on {jax.device_count()} "
            "devices"
        )
    pipeline = experiment.pipeline
    batches = jax.vmap(pipeline.examples, in_axes=(None, 0))(
        pipeline.resident,
        jax.tree.map(lambda leaf: leaf[0, 0, :, 0], experiment.next_batches()),
    )
    key = jax.random.key(config.seed)
    state = jax.jit(experiment.create)(key)

    def waiting(run: Callable[[], Any]) -> Callable[[], None]:
        return lambda: jax.block_until_ready(run())

    parts = unavoidable_parts(experiment.game, state, batches, key)
    return {part.name: waiting(part.compile()) for part in parts}


def _torch(config: ml_collections.ConfigDict, images: np.ndarray) -> Callable[[], None]:
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

    return call


def _seconds(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Measures and prints."""
    if _PEER.value not in ("", "torch"):
        raise ValueError(f"--peer is torch or nothing, not {_PEER.value!r}")
    if _OUTPUT.value:
        summary.check_output(_OUTPUT.value)
    config = _CONFIG.value
    stated = _SHAPE.value or config.dataset.get("image_shape") or "28x28x1"
    shape = parse_image_shape(stated) or ()
    images = np.random.default_rng(0).integers(0, 256, (2000, *shape)).astype(np.uint8)
    experiment = _experiment(config, images)
    parts = _parts(config, experiment) if _PARTS.value else {}
    calls = {"ours": _steps(experiment, config.seed)}
    first = _seconds(calls["ours"])
    compile_seconds, memory = first - _seconds(calls["ours"]), _peak_memory_mib()
    calls |= parts
    if _PEER.value:
        calls[_PEER.value] = _torch(config, images)
    for name in calls.keys() - {"ours"}:
        calls[name]()  # compiles it
    steps = _STEPS.value * config.trials
    times = {name: np.empty(_REPEATS.value) for name in calls}
    for repeat in range(_REPEATS.value):
        for name, measured in calls.items():
            times[name][repeat] = 1000 * _seconds(measured) / steps
    figures = {
        "game": config.game.name,
        "batch_size": config.batch_size,
        "trials": config.trials,
        "milliseconds_per_step": {
            name: summary.spread(times[name]) for name in calls if name not in parts
        },
        "compile_seconds": compile_seconds,
        "peak_memory_mib": memory,
        "environment": environment(),
    }
    if parts:
        total = np.sum([times[name] for name in parts], axis=0)
        figures["milliseconds_of_parts"] = {
            name: summary.spread(times[name]) for name in parts
        } | {"sum": summary.spread(total)}
        figures["ratio_to_parts"] = summary.spread(times["ours"] / total)
    if _PEER.value:
        ratio = times["ours"] / times[_PEER.value]
        figures[f"ratio_to_{_PEER.value}"] = summary.spread(ratio)
    summary.report_figures(figures, _OUTPUT.value)


if __name__ == "__main__":
    summary.run(main)
