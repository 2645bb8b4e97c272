r"""Measures PixelCNN's cached sampler: against the naive one, and how its cost grows.

    python -m experiments.sampler_benchmark --blocks=15 --maps=32 \
        --image_shape=28x28x1 --number=16 --repeats=3

Both samplers draw the same images from the same noise, each in one compiled loop, and
take turns in this process: machines drift, so only their ratio means much. The naive
one (`experiments/naive_sampler.py`) evaluates the network once for every pixel: its
cost grows with the square of the number of pixels, the cached one's with the number.
The exponent of the latter is fitted to square images of several sizes.
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
from adversarial_latent.evaluation.evaluate import environment
from adversarial_latent.networks.pixelcnn import PixelCNN
from adversarial_latent.pixels import Bernoulli
from experiments import naive_sampler, summary

_BLOCKS = flags.DEFINE_integer("blocks", 15, "Residual blocks.", lower_bound=1)
_MAPS = flags.DEFINE_integer("maps", 32, "Feature maps.", lower_bound=1)
_SHAPE = flags.DEFINE_string("image_shape", "28x28x1", "Height, width and channels.")
_SIZES = flags.DEFINE_list(
    "sizes",
    "14,20,28,40,56",
    "Heights of the square images that the cost is fitted to.",
)
_NUMBER = flags.DEFINE_integer("number", 16, "Images drawn at once.", lower_bound=1)
_REPEATS = flags.DEFINE_integer("repeats", 3, "Measurements.", lower_bound=1)
_OUTPUT = summary.define_path("output", "JSON file for the figures.")

Sampler = Callable[[int], np.ndarray]


def _compile(
    shape: tuple[int, int, int], methods: dict[str, str | Callable]
) -> tuple[dict[str, Sampler], dict[str, float]]:
    """Samplers of binary images by name, functions of a seed, and compile seconds."""
    module = PixelCNN(shape, Bernoulli(), _BLOCKS.value, _MAPS.value)
    x = jnp.zeros((1, *shape))
    variables = jax.jit(lambda key: module.init(key, x, train=True))(jax.random.key(0))
    samplers: dict[str, Sampler] = {}
    seconds = {}
    for name, method in methods.items():
        start = time.perf_counter()
        # A function of its own, lest it was compiled before.
        draw = functools.partial(_draw, module, method)
        compiled = jax.jit(draw).lower(variables, jax.random.key(0)).compile()
        seconds[name] = time.perf_counter() - start
        samplers[name] = functools.partial(_run, compiled, variables)
    return samplers, seconds


def _draw(
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
    """[repeats] seconds, after a first draw that does not count."""
    sampler(0)
    return np.array([_time(sampler, seed) for seed in range(_REPEATS.value)])


def _time(sampler: Sampler, seed: int) -> float:
    start = time.perf_counter()
    sampler(seed)
    return time.perf_counter() - start


def _race(shape: tuple[int, int, int]) -> dict[str, object]:
    """Both samplers in turns."""
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
        "seconds": {name: summary.spread(np.array(t)) for name, t in times.items()},
        "ratio": summary.spread(ratio),
        "compile_seconds": compile_seconds,
        "different_pixels": int(np.sum(np.abs(cached - naive) > 1e-3)),
    }


def _growth(sizes: list[int], channels: int) -> dict[str, object]:
    """The cached sampler's cost by size, and its exponent in the number of pixels."""
    figures = {}
    fastest = []
    for size in sizes:
        samplers, compile_seconds = _compile((size, size, channels), {"": "sample"})
        seconds = _seconds(samplers[""])
        fastest.append(float(np.min(seconds)))
        figures[f"{size}x{size}"] = {
            "seconds": summary.spread(seconds),
            "seconds_per_image": fastest[-1] / _NUMBER.value,
            "microseconds_per_pixel": 1e6 * fastest[-1] / _NUMBER.value / size**2,
            "compile_seconds": compile_seconds[""],
        }
    pixels = np.log(np.square(np.array(sizes, float)))
    exponent = np.polyfit(pixels, np.log(fastest), deg=1)[0]
    return {"cached_by_size": figures, "exponent_in_pixels": float(exponent)}


def _parse_sizes() -> list[int]:
    try:
        sizes = [int(size) for size in _SIZES.value]
    except ValueError:
        sizes = []
    if len(set(sizes)) < 2 or min(sizes) < 1:
        raise ValueError(f"--sizes are two heights or more, not {_SIZES.value}")
    return sizes


def main() -> None:
    """Measures and prints."""
    sizes, shape = _parse_sizes(), parse_image_shape(_SHAPE.value)
    if shape is None:
        raise ValueError("--image_shape is missing")
    if _OUTPUT.value:
        summary.check_output(_OUTPUT.value)
    figures = {
        "image_shape": shape,
        "number": _NUMBER.value,
        "blocks": _BLOCKS.value,
        "maps": _MAPS.value,
        **_race(shape),
        **_growth(sizes, shape[2]),
        "environment": environment(),
    }
    summary.report_figures(figures, _OUTPUT.value)


if __name__ == "__main__":
    summary.run(main)
