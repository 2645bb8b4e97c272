"""Benchmarks how a folder of JPEGs is loaded, and what training from disk takes.

    python -m experiments.benchmarks.data_loading --folder=jpegs --images=100000

The folder receives JPEGs of 200x200 pixels, unless it has them. Then three things are
measured one after another, in seconds: one core decodes all of them with Pillow, in a
plain loop with the same resizing; the first load, which decodes on all cores into a
cache in the same folder; the second load, which reads the cache. With
`--in_memory=false`, loads leave the images on disk. On a machine that does other work,
compare the seconds of CPU time.

Finally, two processes train a small autoencoder for some steps and evaluate it, with
`in_memory=False`: one on all images, one on 1,000. Their peak memory should not depend
on the number of images.
"""

import io
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_collections
import numpy as np
from absl import flags
from PIL import Image, ImageOps

from adversarial_latent import data
from adversarial_latent.environment import environment
from adversarial_latent.inputs import parse_image_shape, shape_text
from experiments import command_line

_FOLDER = command_line.define_path(
    "folder", "Folder for JPEGs and cache.", required=True
)
_IMAGES = flags.DEFINE_integer("images", 100_000, "Number of JPEGs.", lower_bound=2)
_SHAPE = flags.DEFINE_string("image_shape", "", "Shape of the images; '' for theirs.")
_IN_MEMORY = flags.DEFINE_bool("in_memory", True, "Whether loads read all pixels.")
_STEPS = flags.DEFINE_integer("steps", 20, "Train steps; 0 for none.", lower_bound=0)
_OUTPUT = command_line.define_path("output", "JSON file for the measurements.")

_SIDE = 200
_PHOTOS = 200  # different pictures
_FEW = flags.DEFINE_integer("few", 1000, "Images for comparison.", lower_bound=2)
_NETWORKS = {  # of an adversarial autoencoder for square images
    "encoder": """
x  -  {channels}  -       -  -  -  -    -
h  x  8           {side}  1  -  -  -    ReLU
z  h  2           1       1  -  -  -    -
""",
    "decoder": """
transposed
z  -  2           -       -  -  -  -    -
x  z  {channels}  {side}  1  -  -  -    Sigmoid
""",
    "discriminator_z": """
z  -  2           -       -  -  -  -    -
p  z  1           1       1  -  -  -    -
""",
}


def _photos() -> list[bytes]:
    """JPEGs with as much detail as photographs: noise of all scales, 10 to 20 kB."""
    rng = np.random.default_rng(0)
    encoded = []
    for _ in range(_PHOTOS):
        x = np.zeros((_SIDE, _SIDE, 3))
        for side, weight in ((4, 60), (12, 30), (40, 15), (_SIDE, 5)):
            noise = rng.normal(128, 60, (side, side, 3)).clip(0, 255).astype(np.uint8)
            scaled = Image.fromarray(noise).resize((_SIDE, _SIDE))
            x += weight * (np.asarray(scaled, float) - 128) / 60
        file = io.BytesIO()
        pixels = (128 + x).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(file, "JPEG", quality=90)
        encoded.append(file.getvalue())
    return encoded


def _write_jpegs(folder: Path, number: int) -> None:
    """Writes JPEGs that all have different content, by a comment."""
    folder.mkdir(parents=True, exist_ok=True)
    if len(os.listdir(folder)) == number:
        return
    photos = _photos()
    for i in range(number):
        photo, text = photos[i % _PHOTOS], f"{i:08}".encode()
        comment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text
        (folder / f"{i:08}.jpg").write_bytes(photo[:2] + comment + photo[2:])


def _one_core(folder: Path, shape: tuple[int, int, int] | None) -> None:
    """Decodes all images as a short program would."""
    for name in sorted(os.listdir(folder)):
        with Image.open(folder / name) as file:
            image = file.convert("RGB" if shape is None or shape[2] == 3 else "L")
        if shape and (image.height, image.width) != shape[:2]:
            size = (shape[1], shape[0])
            image = ImageOps.fit(image, size, Image.Resampling.BICUBIC)
        np.asarray(image)


def _config(folder: Path) -> ml_collections.ConfigDict:
    config = data.default_config()
    config.update(name="folder", path=str(folder), image_shape=_SHAPE.value)
    return config


def _seconds(function: Callable[[], Any]) -> tuple[float, float]:
    """Returns the seconds that a function takes, and those that cores work for it."""
    start = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def _train(settings: dict[str, Any], steps: int) -> int:
    """Trains and evaluates in this process; returns its peak memory in bytes."""
    from adversarial_latent.config import default_config, player
    from adversarial_latent.games import aae
    from adversarial_latent.train import train_and_evaluate

    config = default_config()
    config.dataset.update(settings)
    side, _, channels = parse_image_shape(config.dataset.image_shape) or (0, 0, 0)
    config.game = aae.default_config()
    config.game.update(
        priors={"z": {"name": "gaussian"}},
        latent_dim=2,
        networks={
            name: table.format(channels=channels, side=side)
            for name, table in _NETWORKS.items()
        },
    )
    names = ("autoencoder", "discriminator", "generator")
    config.players = {name: player(1e-3) for name in names}
    config.duration = config.log_every = f"{steps}_steps"
    config.steps_per_call = 1
    config.evaluators = ("reconstruction",)
    with tempfile.TemporaryDirectory() as workdir:
        results = train_and_evaluate(config, workdir)
    if results is None or results["left_out"]:
        raise RuntimeError(f"the run failed: {results and results['left_out']}")
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _peak_memory(folder: Path, shape: tuple[int, int, int]) -> int:
    """Peak memory in bytes of a new process that trains from disk."""
    settings = _config(folder).to_dict()
    settings |= {"in_memory": False, "image_shape": shape_text(shape)}
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_train, (settings, _STEPS.value))


def main() -> None:
    """Runs the benchmark and prints the measurements."""
    shape = parse_image_shape(_SHAPE.value, (1, 3))
    if shape and shape[0] != shape[1]:
        raise ValueError(f"--image_shape={_SHAPE.value} must be square")
    if _OUTPUT.value:
        command_line.check_output(_OUTPUT.value)
    root = Path(_FOLDER.value)
    folder, few = root / f"jpegs_{_IMAGES.value}", root / f"jpegs_{_FEW.value}"
    cache = root / "cache"
    os.environ["ADVERSARIAL_LATENT_CACHE"] = str(cache)
    _write_jpegs(folder, _IMAGES.value)
    _write_jpegs(few, _FEW.value)
    shutil.rmtree(cache, ignore_errors=True)
    config = _config(folder)
    config.in_memory = _IN_MEMORY.value
    times = {
        "one_core": _seconds(lambda: _one_core(folder, shape)),
        "first_load": _seconds(lambda: data.load(config)),
        "second_load": _seconds(lambda: data.load(config)),
    }
    seconds = {name: wall for name, (wall, _) in times.items()}
    figures: dict[str, Any] = {
        "images": _IMAGES.value,
        "image_shape": list(shape or (_SIDE, _SIDE, 3)),
        "in_memory": _IN_MEMORY.value,
        "cores": os.cpu_count(),
        "seconds": seconds,
        "cpu_seconds": {name: cpu for name, (_, cpu) in times.items()},
        "first_load_speedup": seconds["one_core"] / seconds["first_load"],
        "second_load_fraction": seconds["second_load"] / seconds["first_load"],
    }
    if _STEPS.value:
        peak = {
            str(number): _peak_memory(path, shape or (_SIDE, _SIDE, 3))
            for number, path in ((_FEW.value, few), (_IMAGES.value, folder))
        }
        figures["peak_memory_bytes"] = peak
        figures["peak_memory_difference_gib"] = (
            peak[str(_IMAGES.value)] - peak[str(_FEW.value)]
        ) / 2**30
    figures["environment"] = environment()
    command_line.report_figures(figures, _OUTPUT.value)


if __name__ == "__main__":
    command_line.run(main)
