r"""Benchmarks PixelCNN's cached sampler: against a naive one, and by image size.

    python -m experiments.benchmarks.sampler --blocks=15 --hidden_channels=32 \
        --image_shape=28x28x1 --number=16 --repeats=3

Both samplers generate the same images from the same noise, each in one compiled loop.
They take turns in this process. Only the ratio of their times is meaningful, because
the speed of a machine varies. The naive sampler (`naive_sampler.py`) evaluates the
network once per pixel, so its cost is quadratic in the number of pixels. The cost of
the cached sampler is linear. Its exponent is fitted to square images of several sizes.
"""

import functools
import time
from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from adversarial_latent.data import parse_image_shape
from adversarial_latent.environment import environment
from adversarial_latent.networks.pixelcnn import PixelCNN
from adversarial_latent.pixels import Bernoulli
from experiments import command_line
from experiments.benchmarks import naive_sampler

_BLOCKS = flags.DEFINE_integer("blocks", 15, "Residual blocks.", lower_bound=1)
_HIDDEN_CHANNELS = flags.DEFINE_integer(
    "hidden_channels", 32, "Hidden channels.", lower_bound=1
)
_SHAPE = flags.DEFINE_string("image_shape", "28x28x1", "Height, width and channels.")
_SIZES = flags.DEFINE_list(
    "sizes",
    "14,20,28,40,56",
    "Heights of the square images for the fit of the cost.",
)
_NUMBER = flags.DEFINE_integer("number", 16, "Images per sample.", lower_bound=1)
_REPEATS = flags.DEFINE_integer("repeats", 3, "Measurements.", lower_bound=1)
_OUTPUT = command_line.define_path("output", "JSON file for the measurements.")

Sampler = Callable[[int], np.ndarray]


def _compile(
    shape: tuple[int, int, int], methods: dict[str, str | Callable]
) -> tuple[dict[str, Sampler], dict[str, float]]:
    """Compiles samplers of binary images, which are functions of a seed.

    Returns:
      the samplers and their compile times in seconds, by name.
    """
    module = PixelCNN(shape, Bernoulli(), _BLOCKS.value, _HIDDEN_CHANNELS.value)
    x = jnp.zeros((1, *shape))
    variables = jax.jit(lambda key: module.init(key, x, train=True))(jax.random.key(0))
    samplers: dict[str, Sampler] = {}
    seconds = {}
    for name, method in methods.items():
        start = time.perf_counter()
        # A new function, so that no earlier compilation is reused.
        sample = functools.partial(_sample, module, method)
        compiled = jax.jit(sample).lower(variables, jax.random.key(0)).compile()
        seconds[name] = time.perf_counter() - start
        samplers[name] = functools.partial(_run, compiled, variables)
    return samplers, seconds


def _sample(
    module: PixelCNN,
    method: str | Callable,
    variables: chex.ArrayTree,
    key: chex.PRNGKey,
) -> chex.Array:
    rngs = {"noise": key}
    return module.apply(variables, number=_NUMBER.value, method=method, rngs=rngs)


def _run(compiled: Callable, variables: chex.ArrayTree, seed: int) -> np.ndarray:
    return np.asarray(compiled(variables, jax.random.key(seed)))


def _seconds(sampler: Sampler) -> np.ndarray:
    """Measures [repeats] seconds, after one run that is not counted."""
    sampler(0)
    return np.array([_time(sampler, seed) for seed in range(_REPEATS.value)])


def _time(sampler: Sampler, seed: int) -> float:
    start = time.perf_counter()
    sampler(seed)
    return time.perf_counter() - start


def _compare(shape: tuple[int, int, int]) -> dict[str, object]:
    """Measures both samplers in turns."""
    samplers, compile_seconds = _compile(
        shape, {"cached": "sample", "naive": naive_sampler.sample}
    )
    cached, naive = (sampler(0) for sampler in samplers.values())
    times: dict[str, list[float]] = {name: [] for name in samplers}
    for seed in range(_REPEATS.value):
        for name, sampler in samplers.items():
            times[name].append(_time(sampler, seed))
    ratio = np.array(times["naive"]) / np.array(times["cached"])
    return {
        "seconds": {
            name: command_line.spread(np.array(t)) for name, t in times.items()
        },
        "ratio": command_line.spread(ratio),
        "compile_seconds": compile_seconds,
        "different_pixels": int(np.sum(np.abs(cached - naive) > 1e-3)),
    }


def _growth(sizes: list[int], channels: int) -> dict[str, object]:
    """Measures the cached sampler by size, and fits its exponent in pixels."""
    measurements = {}
    fastest = []
    for size in sizes:
        samplers, compile_seconds = _compile((size, size, channels), {"": "sample"})
        seconds = _seconds(samplers[""])
        fastest.append(float(np.min(seconds)))
        measurements[f"{size}x{size}"] = {
            "seconds": command_line.spread(seconds),
            "seconds_per_image": fastest[-1] / _NUMBER.value,
            "microseconds_per_pixel": 1e6 * fastest[-1] / _NUMBER.value / size**2,
            "compile_seconds": compile_seconds[""],
        }
    pixels = np.log(np.square(np.array(sizes, float)))
    exponent = np.polyfit(pixels, np.log(fastest), deg=1)[0]
    return {"cached_by_size": measurements, "exponent_in_pixels": float(exponent)}


def _parse_sizes() -> list[int]:
    try:
        sizes = [int(size) for size in _SIZES.value]
    except ValueError:
        sizes = []
    if len(set(sizes)) < 2 or min(sizes) < 1:
        raise ValueError(f"--sizes must be two or more heights, not {_SIZES.value}")
    return sizes


def main() -> None:
    """Runs the benchmark and prints the measurements."""
    sizes, shape = _parse_sizes(), parse_image_shape(_SHAPE.value)
    if shape is None:
        raise ValueError("--image_shape is missing")
    if _OUTPUT.value:
        command_line.check_output(_OUTPUT.value)
    figures = {
        "image_shape": shape,
        "number": _NUMBER.value,
        "blocks": _BLOCKS.value,
        "hidden_channels": _HIDDEN_CHANNELS.value,
        **_compare(shape),
        **_growth(sizes, shape[2]),
        "environment": environment(),
    }
    command_line.report_figures(figures, _OUTPUT.value)


if __name__ == "__main__":
    command_line.run(main)
