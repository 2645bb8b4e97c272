"""A directory of what is costly to compute from data: decoded pixels and features.

It is `ADVERSARIAL_LATENT_CACHE`, else `adversarial_latent` in `XDG_CACHE_HOME` or
`~/.cache`. An entry is a file of raw numbers and a JSON file that describes it. Entries
that were not used for 30 days are deleted when a new one is written. Compiled programs
are kept in a folder of it (`compilation.py`).
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import filelock
import numpy as np

from adversarial_latent.data.lazy import LazyArray, rows_of_file
from adversarial_latent.inputs import printable

VARIABLE = "ADVERSARIAL_LATENT_CACHE"
_OURS = re.compile(r"[0-9a-f]{32}\.(bin|json|lock|new)")
_UNUSED = 30 * 24 * 3600  # seconds


class CacheError(OSError):
    """The cache cannot be written, for example because the disk is full."""


def directory() -> Path:
    """Returns the directory of the cache, which may not exist."""
    if path := os.environ.get(VARIABLE):
        return Path(path).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "adversarial_latent"


def key_of(*parts: str | bytes | np.ndarray) -> str:
    """Returns the key of an entry: a hash of all that determines its content."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        content = (
            part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        )
        content = (
            np.ascontiguousarray(content)
            if isinstance(content, np.ndarray)
            else content
        )
        digest.update(f"{memoryview(content).nbytes} ".encode())
        digest.update(content)
    return digest.hexdigest()


def cached(
    key: str, write: Callable[[BinaryIO], Mapping[str, Any]]
) -> tuple[LazyArray, dict[str, Any]]:
    """Returns an entry of the cache, and writes it before if it does not exist.

    Of several processes that need the same entry, one writes it and the others wait.

    Args:
      key: result of `key_of`.
      write: writes the array to a file, and returns its description: "shape", "dtype",
        perhaps the "offset" of the array in the file, and anything else. The
        description must be JSON.

    Returns:
      `(array, description)`.

    Raises:
      CacheError: the cache cannot be written.
    """
    folder = directory()
    content, described = folder / f"{key}.bin", folder / f"{key}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / f"{key}.lock"):
            if not described.exists():
                _delete_unused(folder)
                _write(content, described, write)
            for path in (content, described):
                os.utime(path)
            description = json.loads(described.read_bytes())
            shape, dtype = tuple(description["shape"]), np.dtype(description["dtype"])
            offset = description.get("offset", 0)
            return rows_of_file(content, shape, dtype, offset), description
    except (OSError, NotImplementedError) as error:
        raise CacheError(
            f"the cache {printable(str(folder))} cannot be written ({error}); set "
            f"{VARIABLE} to a directory with more space"
        ) from error


def check_space(file: BinaryIO, size: int) -> None:
    """Checks that the disk of a file of the cache has room for `size` bytes.

    Raises:
      OSError: it has not.
    """
    free = shutil.disk_usage(file.name).free
    if free < size:
        raise OSError(f"needs {size / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free")


def _write(
    content: Path, described: Path, write: Callable[[BinaryIO], Mapping[str, Any]]
) -> None:
    """Writes both files, the description last: its existence makes them an entry."""
    new = content.with_suffix(".new")
    try:
        with new.open("wb") as file:
            description = write(file)
        os.replace(new, content)
        new.write_text(json.dumps(description))
        os.replace(new, described)
    finally:
        new.unlink(missing_ok=True)


def _delete_unused(folder: Path) -> None:
    for path in folder.iterdir():
        # The user may keep other files in this folder.
        with contextlib.suppress(FileNotFoundError):  # another process was faster
            unused = time.time() - path.stat().st_mtime > _UNUSED
            if unused and _OURS.fullmatch(path.name):
                path.unlink()
