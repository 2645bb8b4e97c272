"""Decodes image files on all cores, into the cache or into memory."""

import collections
import dataclasses
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from absl import logging

from adversarial_latent.data import cache
from adversarial_latent.data.examples import part_of
from adversarial_latent.data.lazy import LazyArray
from adversarial_latent.data.shapes import common_shape
from adversarial_latent.inputs import (
    ImageShape,
    InputError,
    printable,
    warnings_in_log,
)
from adversarial_latent.inputs.decoder import Decoder, probe_files
from adversarial_latent.inputs.workers import worker_pool
from adversarial_latent.logging import progress_bar

_VERSION = "1"  # raise it when the same files are decoded to other pixels
_FEW = 1000  # images that are decoded at every load, because it takes a moment
_CHUNK = 64  # images of one task
_CHUNK_BYTES = 8 << 20  # at most, decoded

# Calls its first argument with the others, in this process or in another one.
Call = Callable[..., Any]
# Returns the function and the arguments for a chunk of files, given its start.
Task = Callable[[int, Sequence[str]], tuple[Any, ...]]


@dataclasses.dataclass(frozen=True, eq=False)
class Decoded:
    """The images of files.

    Attributes:
      x: uint8 [N, H, W, C].
      readable: indices of their files, int64 [N].
      notes: what was resized and skipped, in words.
    """

    x: np.ndarray | LazyArray
    readable: np.ndarray
    notes: tuple[str, ...]


def decode_files(
    root: Path,
    files: Sequence[str],
    decoder: Decoder,
    use_cache: bool = True,
    in_memory: bool = True,
) -> Decoded:
    """Decodes image files.

    Args:
      root: their folder.
      files: the files.
      decoder: how to decode them.
      use_cache: whether 1,000 or more images are decoded by several processes into
        the cache, from which the next load reads them. They are then a `LazyArray`.
      in_memory: whether the images may be decoded into memory. Otherwise they always
        go through the cache.

    Raises:
      InputError: a file cannot be decoded and is not to be skipped, no file can, an
        image is smaller than the crop, or the cache is needed and cannot be written.
    """
    if in_memory and (not use_cache or len(files) < _FEW):
        return _into_memory(root, files, decoder)
    if not use_cache:
        raise InputError(
            "config.dataset.in_memory=False keeps decoded images in the cache: set "
            "cache=True"
        )
    key = cache.key_of(
        f"pixels {_VERSION} {decoder} {root.resolve()}",
        "\0".join(files),
        np.array(list(map(_stat, files))),
    )
    try:
        x, found = cache.cached(
            key, functools.partial(_into_file, root, files, decoder)
        )
    except cache.CacheError as error:
        if not in_memory:
            raise InputError(
                f"config.dataset.in_memory=False keeps decoded images on disk, but "
                f"{error}"
            ) from error
        logging.warning("%s; images are decoded into memory instead", error)
        return _into_memory(root, files, decoder)
    return _decoded(files, x, found)


def _stat(file: str) -> tuple[int, int]:
    """What changes with the content of a file."""
    try:
        found = os.stat(file)
        return found.st_size, found.st_mtime_ns
    except OSError:  # it cannot be read either, and decoding says why
        return -1, -1


def read_shapes(root: Path, files: Sequence[str]) -> list[ImageShape]:
    """Returns the shapes of images, from the headers of their files.

    Raises:
      InputError: a file is not an image.
    """
    shapes, unreadable = _probe(root, files, _here)
    if unreadable:
        raise next(iter(unreadable.values()))
    return shapes


def _into_memory(root: Path, files: Sequence[str], decoder: Decoder) -> Decoded:
    shape, found = _choose_shape(root, files, decoder, _here)
    x = np.zeros((len(files), *shape), np.uint8)

    def task(start: int, part: Sequence[str]) -> tuple[Any, ...]:
        return decoder.decode, part, shape, x[start : start + len(part)]

    _decode(root, files, decoder, _here, task, shape, found)
    return _decoded(files, x, found)


def _into_file(
    root: Path, files: Sequence[str], decoder: Decoder, file: BinaryIO
) -> dict[str, Any]:
    with worker_pool(os.cpu_count() or 1) as call:
        shape, found = _choose_shape(root, files, decoder, call)
        size = len(files) * int(np.prod(shape))
        cache.check_space(file, size)
        file.truncate(size)

        def task(start: int, part: Sequence[str]) -> tuple[Any, ...]:
            return decoder.decode_into_file, part, shape, file.name, start

        _decode(root, files, decoder, call, task, shape, found)
    return {"shape": (len(files), *shape), "dtype": "|u1", **found}


def _here(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function in a thread of this process."""
    return function(*arguments)


def _choose_shape(
    root: Path, files: Sequence[str], decoder: Decoder, call: Call
) -> tuple[ImageShape, dict[str, Any]]:
    """Returns the shape of all images, and a record of what is done to them."""
    if decoder.shape is not None:
        return decoder.shape, {"resized": "", "unreadable": []}
    shapes, unreadable = _probe(root, files, call)
    if unreadable and not decoder.skip_unreadable:
        error = next(iter(unreadable.values()))
        raise InputError(f"{error}{decoder.remedy}") from error
    _check_any(root, files, {i: str(error) for i, error in unreadable.items()})
    if decoder.crop:
        shapes = [(decoder.crop, decoder.crop, shape[-1]) for shape in shapes]
    shape, resized = common_shape(np.array(shapes), decoder.max_side)
    return shape, {"resized": resized, "unreadable": []}


def _probe(
    root: Path, files: Sequence[str], call: Call
) -> tuple[list[ImageShape], dict[int, InputError]]:
    """Returns the shapes of readable images, and the errors of others by index."""
    shapes: list[ImageShape] = []
    unreadable: dict[int, InputError] = {}

    def task(start: int, part: Sequence[str]) -> tuple[Any, ...]:
        return probe_files, part

    for start, results in _in_parallel(root, files, "reading sizes", call, task):
        for index, result in enumerate(results, start):
            if isinstance(result, InputError):
                unreadable[index] = result
            else:
                shapes.append(result)
    return shapes, unreadable


def _decode(
    root: Path,
    files: Sequence[str],
    decoder: Decoder,
    call: Call,
    task: Task,
    shape: ImageShape,
    found: dict[str, Any],
) -> None:
    """Decodes all files, and adds the unreadable ones to the record."""
    chunk = max(1, min(_CHUNK, _CHUNK_BYTES // int(np.prod(shape))))
    reasons: dict[int, str] = {}
    for start, errors in _in_parallel(root, files, "decoding", call, task, chunk):
        for index, error in errors:
            if not decoder.skip_unreadable:
                raise InputError(f"{error}{decoder.remedy}") from error
            reasons[start + index] = str(error)
    _check_any(root, files, reasons)
    found["unreadable"] = list(reasons.items())


def _check_any(root: Path, files: Sequence[str], reasons: dict[int, str]) -> None:
    if len(reasons) == len(files):
        raise InputError(
            f"{printable(str(root))}: none of the {len(files)} files is a readable "
            f"image; the first: {next(iter(reasons.values()))}"
        )


def _decoded(
    files: Sequence[str], x: np.ndarray | LazyArray, found: dict[str, Any]
) -> Decoded:
    """Reports what was done to the images, now or when they were cached."""
    notes = [found["resized"]] if found["resized"] else []
    readable = np.arange(len(files))
    if unreadable := found["unreadable"]:  # pairs of an index and a reason
        notes.append(f"{len(unreadable)} unreadable files skipped")
        logging.warning(
            "%d of %d files are unreadable and skipped; the first: %s",
            len(unreadable),
            len(files),
            unreadable[0][1],
        )
        readable = np.delete(readable, [index for index, _ in unreadable])
        x = part_of(x, readable)
    return Decoded(x, readable, tuple(notes))


def _in_parallel(
    root: Path,
    files: Sequence[str],
    description: str,
    call: Call,
    task: Task,
    chunk: int = _CHUNK,
) -> Iterator[tuple[int, Any]]:
    """Yields the starts of chunks of files, and the results of their tasks, in order.

    Few chunks are pending at a time, which bounds the memory.
    """
    threads = os.cpu_count() or 1
    starts = collections.deque(range(0, len(files), chunk))
    pending: collections.deque[tuple[int, int, Future[Any]]] = collections.deque()
    with (
        warnings_in_log(printable(str(root))),
        progress_bar(len(files), 0, description, unit="image", delay=2.0) as progress,
        ThreadPoolExecutor(threads) as pool,
    ):
        try:
            while starts or pending:
                while starts and len(pending) < 2 * threads:
                    start = starts.popleft()
                    part = files[start : start + chunk]
                    future = pool.submit(call, *task(start, part))
                    pending.append((start, len(part), future))
                start, size, future = pending.popleft()
                yield start, future.result()
                progress.update(size)
        finally:
            for _, _, future in pending:
                future.cancel()
