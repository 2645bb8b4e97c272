"""Arrays of npz and npy files that stay on disk."""

import shutil
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from adversarial_latent.data import cache
from adversarial_latent.data.lazy import LazyArray, rows_of_file
from adversarial_latent.inputs import InputError, MissingInputError, printable
from adversarial_latent.inputs.arrays import check_form, check_values, to_stored

_LOCAL_HEADER = 30  # bytes of a zip file before the name of a member
_CHUNK_BYTES = 16 << 20


def open_arrays(path: Path) -> dict[str, LazyArray]:
    """Opens the arrays of an npz or npy file without reading them into memory.

    Those that `np.savez` stored are read in place. Those that `np.savez_compressed`
    stored are decompressed into the cache first. The array of an npy file is "x".

    Raises:
      MissingInputError: the file does not exist.
      InputError: it is no such file, an array is not in C order or holds objects, or
        the cache cannot be written.
    """
    name = printable(str(path))
    if not path.is_file():
        raise MissingInputError(f"no npz file at '{name}' (--config.dataset.path)")
    try:
        if path.suffix == ".npy":
            with path.open("rb") as file:
                return {"x": _rows(path, file, "x")}
        with zipfile.ZipFile(path) as members, path.open("rb") as file:
            return {
                key: _member(path, file, members, info, key)
                for info in members.infolist()
                if (key := info.filename.removesuffix(".npy")) != info.filename
            }
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except cache.CacheError as error:
        raise InputError(
            f"config.dataset.in_memory=False reads {name} from the cache, because it "
            f"is compressed, but {error}; or save it with np.savez"
        ) from error
    except Exception as error:  # NumPy, zipfile and zlib raise many types of errors
        reason = printable(str(error) or type(error).__name__)
        raise InputError(
            f"{name}: not an npz or npy file, or corrupt ({reason}); save it again "
            "with np.savez"
        ) from error


def lazy_inputs(x: LazyArray) -> LazyArray:
    """Checks stored inputs like `check_inputs`, in one pass over floats.

    Raises:
      InputError: the array has another shape or dtype, contains NaN or infinity, or
        is an image with values outside [0, 1].
    """
    check_form(x.shape, x.dtype)
    if x.dtype.kind == "f":
        step = max(1, _CHUNK_BYTES * len(x) // x.nbytes)
        for start in range(0, len(x), step):
            check_values(to_stored(x[start : start + step]), start)
    sample = to_stored(x[:1])
    return x.map(to_stored, sample.shape[1:], sample.dtype)


def _member(
    path: Path,
    file: BinaryIO,
    members: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    key: str,
) -> LazyArray:
    if info.compress_type == zipfile.ZIP_STORED:
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER)
        name, extra = struct.unpack("<HH", header[26:])
        file.seek(info.header_offset + _LOCAL_HEADER + name + extra)
        return _rows(path, file, key)

    def write(target: BinaryIO) -> dict[str, Any]:
        cache.check_space(target, info.file_size)
        with members.open(info) as content:
            shutil.copyfileobj(content, target, _CHUNK_BYTES)
        target.flush()
        with open(target.name, "rb") as written:
            shape, dtype = _header(written, key)
            return {"shape": shape, "dtype": dtype.str, "offset": written.tell()}

    stat = path.stat()
    identity = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns} {key} {info.CRC}"
    return cache.cached(cache.key_of(f"member 1 {identity}"), write)[0]


def _rows(path: Path, file: BinaryIO, key: str) -> LazyArray:
    """The array at the present position of a file."""
    shape, dtype = _header(file, key)
    return rows_of_file(path, shape, dtype, file.tell())


def _header(file: BinaryIO, key: str) -> tuple[tuple[int, ...], np.dtype]:
    """Reads the header of an array in npy format."""
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[np.lib.format.read_magic(file)]
    shape, in_columns, dtype = read(file)
    if not shape:
        raise InputError(f"array '{key}' is a single value; expected one per example")
    if dtype.hasobject:
        raise InputError(f"array '{key}' holds Python objects; save plain numbers")
    if in_columns and len(shape) > 1:
        raise InputError(
            f"array '{key}' is stored by columns, and cannot be read row by row: save "
            "np.ascontiguousarray(x), or set in_memory=True"
        )
    return shape, dtype
