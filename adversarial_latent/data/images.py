"""Image files to pixels: every conversion is written out here and nowhere else."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

ImageShape = tuple[int, int, int]


def parse_image_shape(value: Any) -> ImageShape | None:
    """Reads an image shape from a config: '' for none, (H, W, C), or '28x28x1'.

    Raises:
        ValueError: anything else, or channels other than 1 and 3.
    """
    if value in ("", None):
        return None
    parts = (
        value.strip("()").replace("x", ",").split(",")
        if isinstance(value, str)
        else value
    )
    try:
        height, width, channels = (int(part) for part in parts)
    except (TypeError, ValueError):
        raise ValueError(
            f"image_shape={value!r} is not a shape: write height, width and channels "
            "as (28, 28, 1) or '28x28x1'"
        ) from None
    if min(height, width) < 1 or channels not in (1, 3):
        raise ValueError(
            f"image_shape={value!r}: height and width must be positive, and channels "
            "1 (grey) or 3 (colour)"
        )
    return height, width, channels


def shape_text(shape: tuple[int, ...]) -> str:
    """Writes a shape as '28x28x1'."""
    return "x".join(map(str, shape))


def read_image(path: Path) -> np.ndarray:
    """Reads an image file.

    Grey images (1, 8, 16 bit) give one channel, all others three. Transparent parts
    are laid on black, the value 0 that is the background of these data sets. The
    orientation that a camera has noted is applied.

    Returns:
        uint8 [H, W, 1] or [H, W, 3].

    Raises:
        FileNotFoundError: no such file.
        ValueError: not an image, a corrupt or an animated one, or float pixels.
    """
    return _read(path, str(path), upright=True)


def decode_image(encoded: bytes, name: str) -> np.ndarray:
    """Decodes the bytes of an image file like `read_image`, but never turns it.

    Args:
        encoded: PNG, JPEG or whatever else Pillow reads.
        name: what to call the image in errors.
    """
    return _read(io.BytesIO(encoded), name, upright=False)


def center_crop(pixels: np.ndarray, size: int, name: str) -> np.ndarray:
    """Cuts the square in the middle out of an image.

    Args:
        pixels: uint8 [h, w, C].
        size: of the square, in pixels.
        name: what to call the image in errors.

    Returns:
        uint8 [size, size, C].

    Raises:
        ValueError: the image is smaller than the square.
    """
    height, width, _ = pixels.shape
    if min(height, width) < size:
        raise ValueError(
            f"{name}: an image of {height}x{width} pixels, of which no square of "
            f"{size} can be cut (--config.dataset.center_crop)"
        )
    top, left = (height - size) // 2, (width - size) // 2
    return pixels[top : top + size, left : left + size]


def resize(pixels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Fits an image to a shape: centre crop to the aspect ratio, bicubic, channels.

    Args:
        pixels: uint8 [h, w, 1] or [h, w, 3].
        shape: the (H, W, C) wanted.

    Returns:
        uint8 [H, W, C].
    """
    if pixels.shape == shape:
        return pixels
    height, width, channels = shape
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image = image.convert("L" if channels == 1 else "RGB")
    image = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
    return np.asarray(image).reshape(shape)


def _read(file: Path | io.BytesIO, name: str, upright: bool) -> np.ndarray:
    try:
        with Image.open(file) as image:
            # MPO is what some phones call a photograph with a preview in it.
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":
                raise ValueError(f"{name}: has {frames} frames, wanted one")
            image.load()
            turned = ImageOps.exif_transpose(image) if upright else image
            pixels = np.asarray(_to_grey_or_colour(turned, name))
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        reason = "" if isinstance(error, UnidentifiedImageError) else f": {error}"
        raise ValueError(f"{name}: not an image, or a corrupt one{reason}") from error
    return pixels.reshape(*pixels.shape[:2], -1)


def _to_grey_or_colour(image: Image.Image, name: str) -> Image.Image:
    if image.mode == "F":
        raise ValueError(f"{name}: float pixels; store such images in an npz file")
    if image.mode.startswith("I"):  # 16 bit; Pillow's own conversion clips at 255
        wide = np.asarray(image).astype(np.int64)
        if wide.min() < 0 or wide.max() > 65535:
            raise ValueError(f"{name}: pixels outside 0 to 65535")
        return Image.fromarray(((wide + 128) // 257).astype(np.uint8))
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image.convert("RGBA"))
    return image if image.mode == mode else image.convert(mode)
