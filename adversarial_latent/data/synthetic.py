"""Mixtures of Gaussians in the plane, on which mode collapse can be measured."""

import numpy as np
from ml_collections import ConfigDict

from adversarial_latent.data.examples import Dataset, Examples
from adversarial_latent.data.splits import split_rng

GRID_SIGMA = 0.05
RING_SIGMA = 0.01
NUM_TRAIN = 100_000
NUM_TEST = 10_000


def grid_means() -> np.ndarray:
    """Returns the means of grid25, {-4, -2, 0, 2, 4}^2 (AIM, section 5.3): [25, 2]."""
    axis = np.arange(-4, 5, 2, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(25, 2)


def ring_means() -> np.ndarray:
    """Returns 8 distinct means on the unit circle: [8, 2]."""
    # With the end point, the first mean would occur twice.
    angle = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float32)


def mode_names(means: np.ndarray) -> tuple[str, ...]:
    """Returns names of the modes with means [K, 2], used as class names."""
    return tuple(f"({a:.2f}, {b:.2f})" for a, b in means.tolist())


def load_grid25(config: ConfigDict) -> Dataset:
    """Loads 25 Gaussians on a grid; the label is the mode."""
    return _mixture(config, grid_means(), GRID_SIGMA)


def load_ring(config: ConfigDict) -> Dataset:
    """Loads 8 Gaussians on a ring; the label is the mode."""
    return _mixture(config, ring_means(), RING_SIGMA)


def _mixture(config: ConfigDict, means: np.ndarray, sigma: float) -> Dataset:
    splits = {}
    for name, size in (("train", NUM_TRAIN), ("test", NUM_TEST)):
        rng = split_rng(config.split_seed, f"{config.name}/{name}")
        mode = rng.integers(len(means), size=size)
        noise = sigma * rng.standard_normal((size, 2), dtype=np.float32)
        splits[name] = Examples(x=means[mode] + noise.astype(np.float32), label=mode)
    return Dataset(
        name=config.name,
        splits=splits,
        protocol=f"{len(means)} Gaussians, sigma {sigma}, {NUM_TRAIN} fixed training "
        f"and {NUM_TEST} test points drawn by split_seed {config.split_seed}",
        class_names=mode_names(means),
    )
