"""Arrays of examples that stay on disk until they are read."""

import hashlib
import os
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_SAMPLED = 256  # examples of a file that stand for its content


class LazyArray:
    """Examples that are read, and decoded if need be, only when they are accessed.

    Supports what the pipelines need of an array [N, ...]: `len`, `shape`, `dtype`, and
    indexing along the first axis, which reads the examples.

    Attributes:
      shape: (N, ...).
      dtype: uint8 or float32.
      nbytes: size of all examples in memory, in bytes.
      source: a hash of the content of the source; "" if only positions identify it.
    """

    def __init__(
        self,
        read: Callable[[np.ndarray], np.ndarray],
        indices: np.ndarray,
        example_shape: tuple[int, ...],
        dtype: Any = np.uint8,
        source: str = "",
    ):
        self._read = read
        self._indices = indices
        self.shape = (len(indices), *example_shape)
        self.dtype = np.dtype(dtype)
        self.nbytes = self.dtype.itemsize * int(np.prod(self.shape, dtype=np.int64))
        self.source = source

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, key: Any) -> np.ndarray:
        chosen = self._indices[key]
        if np.ndim(chosen) == 0:
            return self._read(np.asarray([chosen]))[0]
        return self._read(chosen)

    @property
    def positions(self) -> np.ndarray:
        """Positions of the examples in their source, int [N]."""
        return self._indices

    def subset(self, indices: np.ndarray | slice) -> "LazyArray":
        """Returns the examples at `indices` without reading them."""
        return LazyArray(
            self._read, self._indices[indices], self.shape[1:], self.dtype, self.source
        )

    def map(
        self,
        function: Callable[[np.ndarray], np.ndarray],
        example_shape: tuple[int, ...],
        dtype: Any,
    ) -> "LazyArray":
        """Returns the examples after a function, which is applied when they are read.

        Args:
          function: pure function of a batch of examples [M, ...].
          example_shape: shape of one of its results.
          dtype: their dtype.
        """
        return LazyArray(
            lambda indices: function(self._read(indices)),
            self._indices,
            example_shape,
            dtype,
            self.source,
        )


def rows_of_file(
    path: Path, shape: tuple[int, ...], dtype: np.dtype, offset: int = 0
) -> LazyArray:
    """Returns an array that is stored in a file, without reading it into memory.

    Args:
      path: the file. It stays open, so that it may be deleted.
      shape: shape of the array [N, ...], stored row by row.
      dtype: its dtype in the file.
      offset: position of the array in the file, in bytes.

    Raises:
      OSError: the file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY)
    row = dtype.itemsize * int(np.prod(shape[1:], dtype=np.int64))

    # Positional reads: threads share the file, and unlike pages of a memory map what
    # was read does not count as memory of this process.
    def read(indices: np.ndarray) -> np.ndarray:
        x = np.empty((len(indices), *shape[1:]), dtype)
        rows = x.reshape(-1).view(np.uint8).reshape(len(indices), row)
        for target, index in zip(rows, indices.tolist(), strict=True):
            if os.preadv(descriptor, [target], offset + index * row) != row:
                raise OSError(f"{path} was cut off while it was in use")
        return x

    weakref.finalize(read, os.close, descriptor)
    sampled = np.unique(np.arange(_SAMPLED) * shape[0] // _SAMPLED)[: shape[0]]
    digest = hashlib.blake2b(f"{shape} {dtype.str}".encode(), digest_size=16)
    digest.update(read(sampled))
    return LazyArray(
        read, np.arange(shape[0]), tuple(shape[1:]), dtype, digest.hexdigest()
    )
