"""Samples from a trained run; writes a PNG grid, an .npz file, or a folder of PNGs.

python -m experiments.sample --workdir=runs/digits --output=samples.png
python -m experiments.sample --workdir=runs/digits --output=threes.npz --component=3
python -m experiments.sample --workdir=runs/digits --output=samples/ --num=50000
python -m experiments.sample --workdir=runs/flowers --output=pink.png \
    --caption="the flower has five pink petals"

Most programs that score generated images read a folder with one file per image. If the
run learned from standardised vectors, x in the .npz is in their original units.
"""

import os

import numpy as np
from absl import flags
from PIL import Image

from adversarial_latent import run_data
from adversarial_latent.workdir import load
from experiments import command_line

_WORKDIR = command_line.define_path("workdir", "Directory of the run.", required=True)
_OUTPUT = command_line.define_path(
    "output", "A .png or .npz file, or a folder that ends in /.", required=True
)
_NUM = flags.DEFINE_integer("num", 64, "Number of samples.", lower_bound=1)
_COMPONENT = flags.DEFINE_integer("component", None, "Sample only this component.")
_CAPTION = flags.DEFINE_string("caption", None, "Caption for a text-to-image model.")
_TRIAL = flags.DEFINE_integer("trial", None, "Trial. Default: the chosen one.")
_SEED = flags.DEFINE_integer("seed", 0, "Random seed.", lower_bound=0)
_SCALE = flags.DEFINE_integer(
    "scale", 4, "Width in the PNG of one pixel of an image.", lower_bound=1
)


def image_sheet(images: np.ndarray, scale: int) -> Image.Image:
    """Arranges images in a square grid.

    Args:
      images: float [N, H, W, C] in [0, 1], C = 1 or 3.
      scale: width in the sheet of one pixel of an image.

    Returns:
      the grid, with a white line of one pixel between images.

    Raises:
      ValueError: the samples are not images.
    """
    if images.ndim != 4:
        raise ValueError(
            f"samples of shape {images.shape[1:]} are not images; write an .npz instead"
        )
    columns = int(np.ceil(np.sqrt(len(images))))
    rows = -(-len(images) // columns)
    images = np.pad(images, [(0, rows * columns - len(images))] + [(0, 0)] * 3)
    images = np.pad(images, [(0, 0), (0, 1), (0, 1), (0, 0)], constant_values=1.0)
    _, height, width, channels = images.shape
    sheet = images.reshape(rows, columns, height, width, channels)
    sheet = sheet.transpose(0, 2, 1, 3, 4).reshape(
        rows * height, columns * width, channels
    )
    return _to_pillow(sheet.repeat(scale, axis=0).repeat(scale, axis=1))


def save_images(images: np.ndarray, folder: str) -> None:
    """Writes float images [N, H, W, C] in [0, 1] to FOLDER/00000.png and so on.

    Raises:
      FileExistsError: the folder is not empty; its files may belong to another run.
      ValueError: the samples are not images.
    """
    if os.path.isdir(folder) and os.listdir(folder):
        raise FileExistsError(f"{folder} is not empty; choose another --output")
    os.makedirs(folder, exist_ok=True)
    for number, image in enumerate(images):
        _to_pillow(image).save(os.path.join(folder, f"{number:05}.png"))


def _to_pillow(image: np.ndarray) -> Image.Image:
    if image.ndim != 3 or image.shape[-1] not in (1, 3):
        raise ValueError(
            f"samples of shape {image.shape} are not images; write an .npz instead"
        )
    pixels = (np.clip(image, 0, 1) * 255).round().astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def main() -> None:
    """Samples, and writes the output."""
    output = _OUTPUT.value
    command_line.check_output(output, ".png", ".npz", "/")
    model = load(_WORKDIR.value, _TRIAL.value)
    samples = model.sample(
        _NUM.value, _SEED.value, _COMPONENT.value, caption=_CAPTION.value
    )
    if scaling := run_data.read_scaling(_WORKDIR.value):
        samples["x"] = scaling.invert(samples["x"])
    if output.endswith(".npz"):
        np.savez_compressed(output, **samples)
    elif output.endswith("/"):
        save_images(samples["x"], output)
    else:
        image_sheet(samples["x"], _SCALE.value).save(output)
    print(f"{_NUM.value} samples in {output}")


if __name__ == "__main__":
    command_line.run(main)
