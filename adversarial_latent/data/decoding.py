"""Decodes image files on all cores, into the cache or into memory."""

import collections
import dataclasses
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from absl import logging

from adversarial_latent.data import cache
from adversarial_latent.data.lazy import LazyArray
from adversarial_latent.data.shapes import common_shape
from adversarial_latent.inputs import (
    ImageShape,
    InputError,
    center_crop,
    decode_image,
    printable,
    probe_image,
    read_bytes,
    resize,
    warnings_in_log,
)
from adversarial_latent.logging import progress_bar

T = TypeVar("T")

_VERSION = "1"  # raise it when the same files are decoded to other pixels
_FEW = 1000  # images that are decoded at every load, because it takes a moment
_CHUNK = 64  # images of one task
_CHUNK_BYTES = 8 << 20  # at most, decoded


@dataclasses.dataclass(frozen=True)
class Decoder:
    """How image files become pixels.

    Attributes:
      shape: shape of all images; None to choose it from theirs, see `common_shape`.
      max_side: limit of the chosen shape, 0 for none.
      crop: side of the central square that is cut out before, 0 for the whole image.
      skip_unreadable: whether to leave out files that cannot be decoded.
      remedy: what the error about such a file proposes besides.
    """

    shape: ImageShape | None = None
    max_side: int = 0
    crop: int = 0
    skip_unreadable: bool = False
    remedy: str = ""

    def read(self, file: str, shape: ImageShape) -> np.ndarray | InputError:
        """Reads an image in a thread; returns the error if it cannot be read."""
        name = printable(file)
        # A crop comes before resizing.
        first = None if self.crop else shape
        try:
            image = decode_image(read_bytes(file), name, upright=True, shape=first)
        except InputError as error:
            return error
        if not self.crop:
            return image
        image = center_crop(image, self.crop, name)
        return resize(image, shape)


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
      use_cache: whether 1,000 or more images are stored in the cache, from which the
        next load reads them. They are then a `LazyArray`.
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


def read_shapes(root: Path, files: Sequence[str]) -> Iterator[ImageShape]:
    """Yields the shapes of images in order, from the headers of their files.

    Raises:
      InputError: a file is not an image.
    """
    for _, shape in _in_threads(_probe, files, "reading sizes", root):
        if isinstance(shape, InputError):
            raise shape
        yield shape


def _stat(file: str) -> tuple[int, int]:
    """What changes with the content of a file."""
    try:
        found = os.stat(file)
        return found.st_size, found.st_mtime_ns
    except OSError:  # it cannot be read either, and decoding says why
        return -1, -1


def _into_memory(root: Path, files: Sequence[str], decoder: Decoder) -> Decoded:
    shape, found, chunks = _decode(root, files, decoder)
    x = np.empty((len(files), *shape), np.uint8)
    size = 0
    for chunk in chunks:
        x[size : size + len(chunk)] = chunk
        size += len(chunk)
    return _decoded(files, x[:size], found)


def _into_file(
    root: Path, files: Sequence[str], decoder: Decoder, file: BinaryIO
) -> dict[str, Any]:
    shape, found, chunks = _decode(root, files, decoder)
    cache.check_space(file, len(files) * int(np.prod(shape)))
    size = 0
    for chunk in chunks:
        file.write(chunk)
        size += len(chunk)
    return {"shape": (size, *shape), "dtype": "|u1", **found}


def _decoded(
    files: Sequence[str], x: np.ndarray | LazyArray, found: dict[str, Any]
) -> Decoded:
    """Reports what was done to the images, now or when they were cached."""
    notes = [found["resized"]] if found["resized"] else []
    if notes:
        logging.info("%s", found["resized"])
    unreadable = found["unreadable"]  # pairs of an index and a reason
    if unreadable:
        notes.append(f"{len(unreadable)} unreadable files skipped")
        logging.warning(
            "%d of %d files are unreadable and skipped; the first: %s",
            len(unreadable),
            len(files),
            unreadable[0][1],
        )
    skipped = [index for index, _ in unreadable]
    return Decoded(x, np.delete(np.arange(len(files)), skipped), tuple(notes))


def _decode(
    root: Path, files: Sequence[str], decoder: Decoder
) -> tuple[ImageShape, dict[str, Any], Iterator[np.ndarray]]:
    """Returns the shape, a record that is complete at the end, and chunks of pixels."""
    unreadable: list[tuple[int, str]] = []
    found = {"resized": "", "unreadable": unreadable}

    def check(index: int, result: T | InputError) -> list[T]:
        """The result, or nothing if the file is skipped."""
        if not isinstance(result, InputError):
            return [result]
        if not decoder.skip_unreadable:
            raise InputError(f"{result}{decoder.remedy}") from result
        unreadable.append((index, str(result)))
        return []

    shape = decoder.shape
    if shape is None:
        shapes: list[ImageShape] = []
        for index, probed in _in_threads(_probe, files, "reading sizes", root):
            shapes += check(index, probed)
        if not shapes:
            raise _none_readable(root, unreadable)
        if decoder.crop:
            shapes = [(decoder.crop, decoder.crop, shape[-1]) for shape in shapes]
        shape, found["resized"] = common_shape(np.array(shapes), decoder.max_side)
    read = functools.partial(decoder.read, shape=shape)
    known = {index for index, _ in unreadable}

    def chunks() -> Iterator[np.ndarray]:
        size = max(1, min(_CHUNK, _CHUNK_BYTES // int(np.prod(shape))))
        chunk: list[np.ndarray] = []
        for index, image in _in_threads(read, files, "decoding", root, size):
            if index not in known:
                chunk += check(index, image)
            if len(chunk) == size:
                yield np.stack(chunk)
                chunk = []
        if chunk:
            yield np.stack(chunk)
        unreadable.sort()
        if len(unreadable) == len(files):
            raise _none_readable(root, unreadable)

    return shape, found, chunks()


def _probe(file: str) -> ImageShape | InputError:
    try:
        return probe_image(file)
    except InputError as error:
        return error


def _none_readable(root: Path, unreadable: list[tuple[int, str]]) -> InputError:
    return InputError(
        f"{printable(str(root))}: none of the {len(unreadable)} files is a readable "
        f"image; the first: {unreadable[0][1]}"
    )


def _in_threads(
    function: Callable[[str], T],
    files: Sequence[str],
    description: str,
    root: Path,
    chunk: int = _CHUNK,
) -> Iterator[tuple[int, T]]:
    """Yields the indices of files and the results of a function, in order.

    Pillow decodes without holding Python's lock, so that threads use all cores. Few
    chunks are pending at a time, which bounds the memory.
    """
    threads = os.cpu_count() or 1
    starts = collections.deque(range(0, len(files), chunk))
    pending: collections.deque[tuple[int, Future[list[T]]]] = collections.deque()

    def run(start: int) -> list[T]:
        return [function(file) for file in files[start : start + chunk]]

    with (
        warnings_in_log(printable(str(root))),
        progress_bar(len(files), 0, description, unit="image", delay=2.0) as progress,
        ThreadPoolExecutor(threads) as pool,
    ):
        try:
            while starts or pending:
                while starts and len(pending) < 2 * threads:
                    start = starts.popleft()
                    pending.append((start, pool.submit(run, start)))
                start, future = pending.popleft()
                results = future.result()
                yield from enumerate(results, start)
                progress.update(len(results))
        finally:
            for _, future in pending:
                future.cancel()
