"""Decodes image files to pixels. All conversions of images are here."""

import io
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from adversarial_latent.inputs.files import (
    InputError,
    MissingInputError,
    printable,
    read_bytes,
    warnings_in_log,
)

ImageShape = tuple[int, int, int]

_WIDE_GREY = "LA;16B"
_TURNED = (5, 6, 7, 8)  # Exif orientations that exchange width and height
_GREY = ("1", "L", "LA", "La")
# Where formats store an orientation.
_METADATA = {"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"}
# Pillow keeps only the high byte of 16-bit colours. Decoded with the byte orders
# swapped, it keeps the low byte.
_OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def parse_image_shape(
    value: Any, channels: Sequence[int] = (1, 2, 3, 4)
) -> ImageShape | None:
    """Parses an image shape of a config: '' for none, (H, W, C), or '28x28x1'.

    Args:
      value: the value in the config.
      channels: allowed numbers of channels; image files have 1 or 3.

    Raises:
      InputError: the value is not a shape, or has another number of channels.
    """
    if value in ("", None):
        return None
    parts = (
        value.strip("()").replace("x", ",").split(",")
        if isinstance(value, str)
        else value
    )
    try:
        height, width, depth = (int(part) for part in parts)
    except (TypeError, ValueError):
        raise InputError(
            f"image_shape={value!r} is not a shape: give height, width and channels as "
            "(28, 28, 1) or '28x28x1'"
        ) from None
    if min(height, width) < 1 or depth not in channels:
        allowed = ", ".join(map(str, channels))
        raise InputError(
            f"image_shape={value!r}: height and width must be positive, and channels "
            f"one of {allowed}; 1 is grey and 3 is colour"
        )
    return height, width, depth


def shape_text(shape: Iterable[int]) -> str:
    """Formats a shape as '28x28x1'."""
    return "x".join(map(str, shape))


def read_image(path: Path) -> np.ndarray:
    """Reads an image file.

    Grey images (1, 8, 16 bit) become one channel, all others three. Transparency is
    composited on black, the background of these data sets. The Exif orientation is
    applied. 16-bit pixels are scaled to 8 bits. If all of them are below 256, they are
    8-bit values in a wider format, and stay unchanged.

    Returns:
      uint8 [H, W, 1] or [H, W, 3].

    Raises:
      MissingInputError: the file does not exist.
      InputError: it is not an image, is corrupt or animated, or has float pixels.
    """
    name = printable(str(path))
    with warnings_in_log(name):
        return _decode(read_bytes(path), name, upright=True)


def probe_image(path: str | Path) -> ImageShape:
    """Returns the shape of what `read_image` returns, from the header of the file.

    Raises:
      MissingInputError: the file does not exist.
      InputError: it is not an image.
    """
    name = printable(str(path))
    try:
        with open(path, "rb") as file, Image.open(file) as image:
            width, height = image.size
            # A TIFF file is turned when it is opened. Any other without such metadata
            # is not asked for its orientation, because PNG would decode it all.
            if image.format != "TIFF" and not _METADATA.isdisjoint(image.info):
                orientation = image.getexif().get(ExifTags.Base.Orientation)
                if orientation in _TURNED:
                    width, height = height, width
            grey = image.mode in _GREY or image.mode.startswith("I")
            grey |= any(
                _raw_mode(tile) == _WIDE_GREY
                for tile in getattr(image, "tile", None) or ()
            )
    except FileNotFoundError as error:
        raise MissingInputError(f"no file at '{name}'") from error
    except Exception as error:  # decoders raise many types of errors
        raise _not_an_image(name, error) from error
    return (height, width, 1 if grey else 3)


def decode_image(
    encoded: bytes, name: str, upright: bool = False, shape: ImageShape | None = None
) -> np.ndarray:
    """Decodes the content of an image file like `read_image`.

    Warnings of the decoder are not logged with a name, because this runs in threads.

    Args:
      encoded: content of a file in PNG, JPEG or any other format that Pillow reads.
      name: name of the image in errors.
      upright: whether to apply the Exif orientation.
      shape: shape to resize to, see `resize`; None to keep the image as it is.
    """
    return _decode(encoded, name, upright, shape)


def center_crop(pixels: np.ndarray, size: int, name: str) -> np.ndarray:
    """Crops an image to its central square.

    Args:
      pixels: uint8 [h, w, C].
      size: side of the square, in pixels.
      name: name of the image in errors.

    Returns:
      uint8 [size, size, C].

    Raises:
      InputError: the image is smaller than the square.
    """
    height, width, _ = pixels.shape
    if min(height, width) < size:
        raise InputError(
            f"{name}: an image of {height}x{width} pixels is too small for a square of "
            f"{size} (--config.dataset.center_crop)"
        )
    top, left = (height - size) // 2, (width - size) // 2
    return pixels[top : top + size, left : left + size]


def resize(pixels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Crops to the aspect ratio, resizes (bicubic), and converts channels.

    Args:
      pixels: uint8 [h, w, c], with 1 to 4 channels.
      shape: target shape (H, W, C). C differs from c only if both are 1 or 3.

    Returns:
      uint8 [H, W, C].

    Raises:
      InputError: the channels cannot be converted.
    """
    if pixels.shape == shape:
        return pixels
    height, width, channels = shape
    if not {pixels.shape[-1], channels} <= {1, 3}:
        if pixels.shape[-1] != channels:
            raise InputError(
                f"cannot convert images with {pixels.shape[-1]} channels to {channels}"
            )
        # One by one, because Pillow would take the last of them for transparency.
        each = [
            resize(pixels[..., c : c + 1], (height, width, 1)) for c in range(channels)
        ]
        return np.concatenate(each, axis=-1)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return np.asarray(_fit(image, (height, width, channels))).reshape(shape)


def _fit(image: Image.Image, shape: ImageShape) -> Image.Image:
    """Crops, resizes and converts an image of mode L or RGB, see `resize`."""
    height, width, channels = shape
    image = _as_mode(image, "L" if channels == 1 else "RGB")
    if image.size == (width, height):
        return image
    return ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)


def _decode(
    encoded: bytes, name: str, upright: bool, shape: ImageShape | None = None
) -> np.ndarray:
    try:
        image, stored = _open(encoded, name, upright)
        if (wide := _wide_pixels(image, stored, encoded, name, upright)) is not None:
            image = _narrow(wide, name)
        image = _to_grey_or_colour(image, name)
        pixels = np.asarray(_fit(image, shape) if shape else image)
    except InputError:
        raise
    except Exception as error:  # decoders raise many types of errors
        raise _not_an_image(name, error) from error
    return pixels.reshape(*pixels.shape[:2], -1)


def _not_an_image(name: str, error: Exception) -> InputError:
    unknown = isinstance(error, UnidentifiedImageError)
    reason = "" if unknown else f": {printable(str(error)) or type(error).__name__}"
    return InputError(
        f"{name}: not an image, or a corrupt one{reason}; remove it, or save it again "
        "as PNG without metadata"
    )


def _open(
    encoded: bytes, name: str, upright: bool, read_as: str = ""
) -> tuple[Image.Image, str]:
    """Decodes an image, and returns its raw mode, such as "RGB;16B", as well.

    Args:
      encoded: content of the file.
      name: name of the image in errors.
      upright: whether to apply the Exif orientation.
      read_as: raw mode to decode with, instead of that of the file.
    """
    with Image.open(io.BytesIO(encoded)) as image:
        # Some phones store a photograph and its preview as two frames of an MPO file.
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":
            raise InputError(f"{name}: has {frames} frames; expected one")
        stored = ""
        for i, tile in enumerate(getattr(image, "tile", None) or ()):
            stored = _raw_mode(tile)
            if read_as:
                many = isinstance(tile[3], tuple)
                changed = (read_as, *tile[3][1:]) if many else read_as
                image.tile[i] = tuple.__new__(type(tile), (*tile[:3], changed))
        image.load()
        if upright and not _METADATA.isdisjoint(image.info):
            ImageOps.exif_transpose(image, in_place=True)
        return image, stored


def _raw_mode(tile: Any) -> str:
    """The mode in which a part of a file stores its pixels, such as "RGB;16B"."""
    arguments = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
    return str(arguments[0]) if arguments else ""


def _wide_pixels(
    image: Image.Image, stored: str, encoded: bytes, name: str, upright: bool
) -> np.ndarray | None:
    """Pixels of an image with more than 8 bits, int64 [H, W, C]; None for other images.

    Pixels of the transparent colour are 0.
    """
    mode, _, order = stored.partition(";16")
    if image.mode.startswith("I"):
        wide = np.asarray(image).astype(np.int64)[..., None]
    elif stored == _WIDE_GREY:  # no mode of Pillow: decoded as four channels of 8 bits
        four = np.asarray(_open(encoded, name, upright, "RGBA")[0]).astype(np.int64)
        wide = 256 * four[..., ::2] + four[..., 1::2]
    elif mode in ("RGB", "RGBA", "RGBX") and order in _OTHER_BYTE:
        other = f"{mode};16{_OTHER_BYTE[order]}"
        low = np.asarray(_open(encoded, name, upright, other)[0])
        wide = 256 * np.asarray(image).astype(np.int64) + low
    else:
        return None
    if (transparent := image.info.get("transparency")) is not None:
        wide[(wide == transparent).all(-1)] = 0
    return wide


def _narrow(wide: np.ndarray, name: str) -> Image.Image:
    """Converts 16-bit pixels [H, W, C] to an 8-bit image."""
    colours = wide.shape[-1] - (wide.shape[-1] in (2, 4))
    parts = []
    for part in (wide[..., :colours], wide[..., colours:]):
        largest = part.max(initial=0)
        if part.min(initial=0) < 0 or largest > 65535:
            raise InputError(f"{name}: pixels outside 0 to 65535")
        if 0 < largest < 256:
            logging.log_first_n(
                logging.WARNING,
                "%s: all of its 16-bit pixels are below 256, so they are read as 0 to "
                "255; further images of this kind are not reported",
                1,
                name,
            )
        parts.append(part if largest < 256 else (part + 128) // 257)
    narrow = np.concatenate(parts, axis=-1).astype(np.uint8)
    return Image.fromarray(narrow[..., 0] if narrow.shape[-1] == 1 else narrow)


def _to_grey_or_colour(image: Image.Image, name: str) -> Image.Image:
    if image.mode == "F":
        raise InputError(f"{name}: float pixels; save such images in an npz file")
    mode = "L" if image.mode in _GREY else "RGB"
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image.convert("RGBA"))
    return _as_mode(image, mode)


def _as_mode(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)
