"""Draws from a trained run: a PNG with a grid of images, an npz, or a folder of PNGs.

python -m experiments.sample --workdir=runs/digits --output=samples.png
python -m experiments.sample --workdir=runs/digits --output=threes.npz --component=3
python -m experiments.sample --workdir=runs/digits --output=samples/ --num=50000
python -m experiments.sample --workdir=runs/flowers --output=pink.png \
    --caption="the flower has five pink petals"

A folder, of an image each, is what most programs take that score generated images.
"""

import os

import numpy as np
from absl import flags
from PIL import Image

from adversarial_latent.workdir import load
from experiments import summary

_WORKDIR = summary.define_path("workdir", "Directory of the run.", required=True)
_OUTPUT = summary.define_path(
    "output", "A .png or .npz file, or a folder, which ends in /.", required=True
)
_NUM = flags.DEFINE_integer("num", 64, "How many to draw.", lower_bound=1)
_COMPONENT = flags.DEFINE_integer("component", None, "Draw from this component only.")
_CAPTION = flags.DEFINE_string("caption", None, "What a text-to-image model shows.")
_TRIAL = flags.DEFINE_integer("trial", None, "Trial; if not given, the chosen one.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the draws.", lower_bound=0)
_SCALE = flags.DEFINE_integer(
    "scale", 4, "Pixels of the PNG for one of the image's.", lower_bound=1
)


def image_sheet(images: np.ndarray, scale: int) -> Image.Image:
    """Lays images out in a square sheet.

    Args:
      images: float [N, H, W, C] in [0, 1], C = 1 or 3.
      scale: how many pixels wide one pixel is drawn.

    Returns:
      the sheet, with one pixel of white between images.

    Raises:
      ValueError: if these are no images.
    """
    if images.ndim != 4:
        raise ValueError(
            f"samples of shape {images.shape[1:]} are no images; write a .npz instead"
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
      FileExistsError: if something is in the folder, which might be of another run.
      ValueError: if these are no images.
    """
    if os.path.isdir(folder) and os.listdir(folder):
        raise FileExistsError(f"{folder} is not empty; choose another --output")
    os.makedirs(folder, exist_ok=True)
    for number, image in enumerate(images):
        _to_pillow(image).save(os.path.join(folder, f"{number:05}.png"))


def _to_pillow(image: np.ndarray) -> Image.Image:
    if image.ndim != 3 or image.shape[-1] not in (1, 3):
        raise ValueError(
            f"samples of shape {image.shape} are no images; write a .npz instead"
        )
    pixels = (np.clip(image, 0, 1) * 255).round().astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def main() -> None:
    """Draws and writes."""
    output = _OUTPUT.value
    summary.check_output(output, ".png", ".npz", "/")
    model = load(_WORKDIR.value, _TRIAL.value)
    drawn = model.sample(
        _NUM.value, _SEED.value, _COMPONENT.value, caption=_CAPTION.value
    )
    if output.endswith(".npz"):
        np.savez_compressed(output, **drawn)
    elif output.endswith("/"):
        save_images(drawn["x"], output)
    else:
        image_sheet(drawn["x"], _SCALE.value).save(output)
    print(f"{_NUM.value} samples in {output}")


if __name__ == "__main__":
    summary.run(main)
