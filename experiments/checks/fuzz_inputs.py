"""Fuzzes the input readers: damaged files must give valid arrays or a clear error.

    python -m experiments.checks.fuzz_inputs --images=2000 --npz=500 --seed=0

Small images in many formats and .npz files are written and damaged at random: bits are
flipped; bytes are deleted, inserted or set to zero; numbers in headers are replaced.
Each file is read like a data set or a user's image. The result must be an array of the
documented form, or an `InputError` that names the file. Anything else, including a
warning, is a failure. Counts and failures are printed as JSON; the exit code is 1 if
there is a failure.
"""

import collections
import io
import json
import struct
import sys
import tempfile
import traceback
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags, logging
from ml_collections import ConfigDict
from PIL import Image

from adversarial_latent import data
from adversarial_latent.inputs import InputError, read_image
from experiments import command_line

_IMAGES = flags.DEFINE_integer("images", 2000, "Number of images.", lower_bound=0)
_NPZ = flags.DEFINE_integer("npz", 500, "Number of .npz files.", lower_bound=0)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the files and the damage.")

# Formats and modes, as named by Pillow.
_FORMATS = (
    *(("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    *(("GIF", "P"), ("BMP", "RGB"), ("BMP", "P"), ("ICO", "RGBA"), ("TGA", "RGBA")),
    *(("JPEG", "L"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("JPEG2000", "RGB")),
    *(("TIFF", "L"), ("TIFF", "RGBA"), ("TIFF", "I;16"), ("TIFF", "F")),
    *(("WEBP", "RGB"), ("WEBP", "RGBA"), ("PCX", "P"), ("SGI", "RGB"), ("PPM", "RGB")),
    *(("PPM", "L"), ("PPM", "I"), ("DDS", "RGBA")),
)
_DTYPES = (*"?bBhHiIlLefdgFO", "U3", "S3", "M8[s]", ">f4", ">u2", "u1,f4")


def main() -> None:
    """Writes, damages and reads files, and prints the counts."""
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.simplefilter("error")
        level = logging.get_verbosity()
        logging.set_verbosity(logging.ERROR)  # hides Pillow's warnings
        try:
            figures = {
                "seed": _SEED.value,
                "images": fuzz(_IMAGES.value, damaged_image, read_one, directory),
                "npz": fuzz(_NPZ.value, damaged_npz, read_arrays, directory),
            }
        finally:
            logging.set_verbosity(level)
    print(json.dumps(figures, indent=2))
    if any(part["failures"] for part in (figures["images"], figures["npz"])):
        sys.exit(1)


def fuzz(
    number: int,
    write: Callable[[np.random.Generator], tuple[str, bytes]],
    read: Callable[[Path], None],
    directory: str,
) -> dict[str, Any]:
    """Reads `number` damaged files.

    Args:
      number: number of files.
      write: returns the kind and content of a file.
      read: reads a file, and raises an error if the result is not valid.
      directory: directory of the files.

    Returns:
      counts by kind and by result, and the failures with their tracebacks.
    """
    kinds, results = collections.Counter(), collections.Counter()
    failures = []
    for i in range(number):
        kind, content = write(np.random.default_rng([_SEED.value, i]))
        path = Path(directory) / f"file {i}.{kind.split()[0].lower()}"
        path.write_bytes(content)
        kinds[kind] += 1
        try:
            read(path)
            results["read"] += 1
        except InputError as error:
            results["refused"] += 1
            if path.name not in str(error):
                failures.append({"file": path.name, "kind": kind, "error": str(error)})
        except Exception:
            failures.append(
                {"file": path.name, "kind": kind, "error": traceback.format_exc()}
            )
        path.unlink()
    return {
        "files": number,
        "kinds": dict(sorted(kinds.items())),
        **results,
        "failures": failures,
    }


def read_one(path: Path) -> None:
    """Reads an image and checks the array."""
    pixels = read_image(path)
    valid = pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[-1] in (1, 3)
    if not valid or not pixels.size:
        raise AssertionError(f"{pixels.dtype} {pixels.shape}")


def read_arrays(path: Path) -> None:
    """Loads an .npz file as a data set and as a user's examples."""
    config = ConfigDict({**data.default_config(), "name": "npz", "path": str(path)})
    data.sources.SOURCES["npz"].load(config)
    data.read_images(path, (4, 4, 1), resize=True)


def damaged_image(rng: np.random.Generator) -> tuple[str, bytes]:
    """Makes a damaged image of a random format; returns its kind and bytes."""
    shape = tuple(rng.integers(1, 40, 2).tolist())
    if rng.random() < 0.1:
        channels = int(rng.integers(1, 5))
        largest = int(rng.choice([255, 65535]))
        pixels = rng.integers(0, largest + 1, (*shape, channels), dtype=np.uint16)
        return f"PNG 16 bit x{channels}", damage(wide_png(pixels), rng)
    kind, mode = _FORMATS[rng.integers(len(_FORMATS))]
    if mode in ("I;16", "I", "F"):
        dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        image = Image.fromarray(rng.integers(0, 60_000, shape).astype(dtype))
    else:
        noise = rng.integers(0, 256, (*shape, 4), dtype=np.uint8)
        image = Image.fromarray(noise).convert("RGB" if mode != "RGBA" else "RGBA")
        image = image.convert(mode)
    file = io.BytesIO()
    image.save(file, kind)
    return f"{kind} {mode}", damage(file.getvalue(), rng)


def damaged_npz(rng: np.random.Generator) -> tuple[str, bytes]:
    """Makes an .npz file with an odd dtype or shape, or with damaged bytes."""
    x, label = rng.integers(0, 256, (6, 4, 4), dtype=np.uint8), rng.integers(0, 3, 6)
    arrays = {"x": x, "y": label, "x_test": x, "y_test": label}
    odd = rng.random() < 0.6
    if odd:
        name = str(rng.choice([*arrays, "x_val", "y_val", "x_train", "other"]))
        shape = arrays.get(name, x).shape
        if rng.random() < 0.4:
            shape = tuple(rng.integers(0, 6, rng.integers(0, 6)).tolist())
        arrays[name] = _odd_array(shape, rng)
    file = io.BytesIO()
    writer = np.savez if rng.random() < 0.7 else np.savez_compressed
    writer(file, allow_pickle=True, **arrays)
    if odd:
        return "npz with an odd array", file.getvalue()
    return "npz with changed bytes", damage(file.getvalue(), rng)


def _odd_array(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    dtype = np.dtype(str(rng.choice(_DTYPES)))
    known = [0, 1, 2, 255, -1, 0.5, np.nan, np.inf, 1e300, 2**40]
    values = rng.choice(known[: rng.integers(1, len(known) + 1)], shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return np.asarray(values).astype(dtype)
        except (TypeError, ValueError):
            return np.zeros(shape, dtype)


def damage(content: bytes, rng: np.random.Generator) -> bytes:
    """Changes up to four places, mostly early ones; 1 of 20 files stays intact."""
    changed = bytearray(content)
    if rng.random() < 0.05:
        return content
    for _ in range(rng.integers(1, 5)):
        reach = len(changed) if rng.random() < 0.5 else min(len(changed), 64)
        if not reach:
            break
        place, length = int(rng.integers(reach)), int(rng.integers(1, 17))
        match rng.integers(6):
            case 0:
                changed[place] ^= 1 << int(rng.integers(8))
            case 1:
                del changed[place : place + length]
            case 2:
                changed[place:place] = rng.bytes(length)
            case 3:
                changed[place : place + length] = bytes(length)
            case 4:
                del changed[place:]
            case 5:  # a number as in headers
                value = int(rng.choice([0, 1, 255, 32767, 65535, 2**31 - 1, 2**32 - 1]))
                order = str(rng.choice(["<", ">"]))
                changed[place : place + 4] = struct.pack(f"{order}I", value)
    return bytes(changed)


def wide_png(pixels: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """Encodes 16-bit pixels, which Pillow cannot write with more than one channel.

    Args:
      pixels: uint16 [H, W, C]: grey, grey and alpha, RGB or RGBA.
      *chunks: types and contents of chunks before the pixels.
    """
    height, width, channels = pixels.shape
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in parts
    )


if __name__ == "__main__":
    command_line.run(main)
