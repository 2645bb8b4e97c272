r"""Benchmarks a train step: milliseconds, compile time and memory.

    python -m experiments.benchmarks.train_step \
        --config=configs/amm_mnist.py:prior=unit --peer=torch

This is the complete step, with all players, penalties and optimisers, at the config's
batch size. It runs as in `experiments.launch`. Peers take turns with it in this
process:

    plain          the same step in plain JAX (`plain_steps.py`): AAE, GAN, dense AMM
    torch          the same step in eager PyTorch: AMM, AAE, AIM, PixelCNN
    torch_compile  the same with compiled networks; not AMM, whose penalty PyTorch
                   cannot compile
    pythae         the AAE of pythae, with its networks and trainer

Only the ratio of paired times is meaningful, because the speed of a machine varies.
Beside other jobs, the threads of PyTorch wait for each other longer than XLA's: give
all programs one core then, with `OMP_NUM_THREADS=1 taskset -c 0 python ...`.
With --parts, the unavoidable parts of the step (`step_parts.py`) take turns as well;
with --costs, the programs that measure the machine (`machine.py`).
"""

import dataclasses
import functools
import resource
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from absl import flags

from adversarial_latent import parallel, sizing
from adversarial_latent.data import Dataset, Examples, load, parse_image_shape
from adversarial_latent.environment import environment
from adversarial_latent.experiment import Experiment, make_experiment
from experiments import command_line
from experiments.benchmarks import machine
from experiments.benchmarks.step_parts import unavoidable_parts

_POINTS = ("grid25", "ring")
_CONFIG = command_line.define_config("configs/amm_mnist.py")
_PEERS = ("plain", "torch", "torch_compile", "pythae")
_PEER = flags.DEFINE_list("peer", [], f"References to compare with: {_PEERS}.")
_PARTS = flags.DEFINE_bool("parts", False, "Also measure the step's unavoidable parts.")
_COSTS = flags.DEFINE_bool(
    "costs", False, "Also count FLOP and bytes, and measure the machine's rates."
)
_STEPS = flags.DEFINE_integer("steps", 10, "Steps per measurement.", lower_bound=1)
_REPEATS = flags.DEFINE_integer("repeats", 10, "Measurements.", lower_bound=1)
_SHAPE = flags.DEFINE_string(
    "image_shape", None, "Height, width, channels. Default: the config's or 28x28x1."
)
_OUTPUT = command_line.define_path("output", "JSON file for the measurements.")


def _peak_memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _inputs(config: ml_collections.ConfigDict) -> np.ndarray:
    """Random images of the shape that flag or config state, or the config's points."""
    if config.dataset.name in _POINTS and not _SHAPE.value:
        return np.asarray(load(config.dataset).splits["train"].x)
    stated = _SHAPE.value or config.dataset.get("image_shape") or "28x28x1"
    shape = parse_image_shape(stated) or ()
    return np.random.default_rng(0).integers(0, 256, (2000, *shape)).astype(np.uint8)


def _experiment(
    config: ml_collections.ConfigDict, images: np.ndarray
) -> tuple[ml_collections.ConfigDict, Experiment]:
    """The completed config, and its experiment on random images.

    Each call runs the measured steps.
    """
    with config.unlocked():
        config.steps_per_call = _STEPS.value
        config.duration = f"{_STEPS.value}_steps"
        config.evaluators = config.curves = ()  # only steps are measured
    classes = config.game.get("num_components", 1) or 10
    examples = Examples(images, label=np.arange(len(images)) % classes)
    if config.embedding:  # random vectors in place of captions
        shape = (len(images), 1, config.embedding.dim)
        vectors = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        examples = dataclasses.replace(
            examples, captions=(("",),) * len(images), caption_vectors=vectors
        )
    splits = {"train": examples, "test": examples}
    names = tuple(map(str, range(classes)))
    dataset = Dataset("random pixels", splits, "", names)
    config = sizing.fit_to_data(config, dataset)
    return config, make_experiment(config, dataset)


def _steps(experiment: Experiment, seed: int) -> Callable[[], None]:
    """Returns a function that runs the steps."""
    layout, pipeline = experiment.parallel, experiment.pipeline
    state = layout.place(layout.init(experiment.create, seed))
    resident = layout.replicate(pipeline.resident)
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
    """Returns functions that run each part of the steps, as often."""
    order = config.update_order or experiment.game.update_order
    single_phase = len(experiment.game.phases) == 1
    alone = config.trials * jax.device_count() == 1
    if order != "simultaneous" or not single_phase or not alone:
        raise ValueError(
            "--parts requires a game of one phase with simultaneous updates, with one "
            f"trial on one device, not update_order={order!r}, "
            f"phases={len(experiment.game.phases)}, trials={config.trials}, "
            f"devices={jax.device_count()}"
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


def _plain(
    config: ml_collections.ConfigDict, experiment: Experiment, images: np.ndarray
) -> Callable[[], None]:
    """Returns a function that runs as many steps in plain JAX."""
    from experiments.benchmarks import plain_steps

    initial = jax.jit(experiment.create)(jax.random.key(config.seed))
    step, state = plain_steps.build(
        config,
        experiment.game,
        initial.params,
        initial.model_state,
        experiment.num_steps,
    )
    scale = 255 if images.dtype == np.uint8 else 1

    @functools.partial(jax.jit, donate_argnums=0)
    def run(state: Any, images: jax.Array, chosen: jax.Array) -> Any:
        def one(state: Any, indices: jax.Array) -> Any:
            return step(state, images[indices].astype(jnp.float32) / scale)

        return jax.lax.scan(one, state, chosen)

    current, resident = {"state": state}, jax.device_put(images)
    rng = np.random.default_rng(0)

    def call() -> None:
        for _ in range(config.trials):
            shape = (_STEPS.value, config.batch_size)
            chosen = rng.integers(len(images), size=shape, dtype=np.int32)
            current["state"], losses = run(current["state"], resident, chosen)
            jax.block_until_ready((current["state"], losses))

    return call


def _torch(
    config: ml_collections.ConfigDict, images: np.ndarray, compiled: bool
) -> Callable[[], None]:
    """Returns a function that runs as many steps in PyTorch."""
    import torch

    from experiments.benchmarks import torch_amm, torch_games

    if config.game.name == "amm" and not compiled:
        state = torch_amm.build(config, torch.device("cpu"))
        step = functools.partial(torch_amm.step, state)
    else:
        step = torch_games.build(config, compiled)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    pixels = pixels.contiguous(memory_format=torch.channels_last)

    def call() -> None:
        for _ in range(_STEPS.value * config.trials):
            chosen = torch.randint(len(pixels), (config.batch_size,))
            step(pixels[chosen])

    return call


def _peer(
    name: str,
    config: ml_collections.ConfigDict,
    experiment: Experiment,
    images: np.ndarray,
) -> Callable[[], None]:
    """Returns a function that runs as many steps of a peer."""
    if name == "plain":
        return _plain(config, experiment, images)
    if name == "pythae":
        from experiments.benchmarks import pythae_aae

        return pythae_aae.build(config, images, _STEPS.value)
    return _torch(config, images, compiled=name == "torch_compile")


def _costs(
    config: ml_collections.ConfigDict, experiment: Experiment
) -> dict[str, float]:
    pipeline = experiment.pipeline
    batch = pipeline.examples(
        pipeline.resident,
        jax.tree.map(lambda leaf: leaf[0, 0, 0], experiment.next_batches()),
    )
    state = jax.jit(experiment.create)(jax.random.key(config.seed))
    return machine.costs(experiment.train_step, state, batch)


def _seconds(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    """Runs the benchmark and prints the measurements."""
    if unknown := set(_PEER.value) - set(_PEERS):
        raise ValueError(f"--peer must be among {_PEERS}, not {sorted(unknown)}")
    if _OUTPUT.value:
        command_line.check_output(_OUTPUT.value)
    config = _CONFIG.value
    if "pythae" in _PEER.value:
        from experiments.benchmarks import pythae_aae

        pythae_aae.adapt(config)
    images = _inputs(config)
    config, experiment = _experiment(config, images)
    parts = _parts(config, experiment) if _PARTS.value else {}
    calls = {"ours": _steps(experiment, config.seed)}
    first = _seconds(calls["ours"])
    compile_seconds, memory = first - _seconds(calls["ours"]), _peak_memory_mib()
    calls |= parts
    calls |= {name: _peer(name, config, experiment, images) for name in _PEER.value}
    rates = machine.rates() if _COSTS.value else {}
    for name in calls.keys() - {"ours"}:
        calls[name]()  # compiles
    for program, _ in rates.values():
        program()
    steps = _STEPS.value * config.trials
    times = {name: np.empty(_REPEATS.value) for name in (*calls, *rates)}
    for repeat in range(_REPEATS.value):
        for name, measured in calls.items():
            times[name][repeat] = 1000 * _seconds(measured) / steps
        for name, (program, _) in rates.items():
            times[name][repeat] = 1000 * _seconds(program)
    figures = {
        "game": config.game.name,
        "image_shape": list(images.shape[1:]),
        "batch_size": config.batch_size,
        "trials": config.trials,
        "steps_per_call": _STEPS.value,
        "cores": parallel.cores(),
        "milliseconds_per_step": {
            name: command_line.spread(times[name])
            for name in calls
            if name not in parts
        },
        "compile_seconds": compile_seconds,
        "peak_memory_mib": memory,
        "environment": environment(),
    }
    if parts:
        total = np.sum([times[name] for name in parts], axis=0)
        figures["milliseconds_of_parts"] = {
            name: command_line.spread(times[name]) for name in parts
        } | {"sum": command_line.spread(total)}
        figures["ratio_to_parts"] = command_line.spread(times["ours"] / total)
    for name in _PEER.value:
        ratio = times["ours"] / times[name]
        figures[f"ratio_to_{name}"] = command_line.spread(ratio)
    if rates:
        figures["costs"] = machine.shares(
            _costs(config, experiment),
            times["ours"],
            times,
            {name: amount for name, (_, amount) in rates.items()},
        )
    command_line.report_figures(figures, _OUTPUT.value)


if __name__ == "__main__":
    command_line.run(main)
