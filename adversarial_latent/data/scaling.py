"""Standardisation of vectors by the training split."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from adversarial_latent.data.lazy import LazyArray

_CHUNK_BYTES = 16 << 20


@dataclasses.dataclass(frozen=True, eq=False)
class Scaling:
    """What is subtracted from vectors, and what they are divided by.

    Attributes:
      mean: float32 [D].
      std: float32 [D], 1 for a constant column.
    """

    mean: np.ndarray
    std: np.ndarray

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Standardises vectors, float32 [N, D]."""
        return (x - self.mean) / self.std

    def invert(self, x: np.ndarray) -> np.ndarray:
        """Returns standardised vectors [N, D] in their original units."""
        return x * self.std + self.mean

    def to_json(self) -> dict[str, list[float]]:
        """Returns the numbers for a JSON file."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Scaling":
        """Restores what `to_json` returned."""
        return cls(*(np.array(value[name], np.float32) for name in ("mean", "std")))


def fit_scaling(x: np.ndarray | LazyArray) -> Scaling:
    """Computes mean and standard deviation of vectors, float32 [N, D].

    They are read in chunks, twice.
    """
    low, high = np.inf, -np.inf
    total = np.zeros(x.shape[1])
    for chunk in _chunks(x):
        low, high = np.minimum(low, chunk.min(0)), np.maximum(high, chunk.max(0))
        total += chunk.sum(0, dtype=np.float64)
    mean = total / len(x)
    squares = sum(np.square(chunk - mean).sum(0) for chunk in _chunks(x))
    std = np.where(low == high, 1.0, np.sqrt(squares / len(x)))
    return Scaling(mean.astype(np.float32), std.astype(np.float32))


def _chunks(x: np.ndarray | LazyArray) -> Iterator[np.ndarray]:
    step = max(1, _CHUNK_BYTES // (4 * x.shape[1]))
    for start in range(0, len(x), step):
        yield x[start : start + step]
