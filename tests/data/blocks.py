"""Features for tests, and functions that are none."""

import numpy as np

calls: list[tuple[int, ...]] = []


def block_means(images: np.ndarray) -> np.ndarray:
    """Means of the four quarters of images [B, H, W, C]: [B, 4 C]."""
    assert images.dtype == np.uint8
    calls.append(images.shape)
    rows, columns = (np.array_split(np.arange(n), 2) for n in images.shape[1:3])
    means = [images[:, r][:, :, c].mean((1, 2)) for r in rows for c in columns]
    return np.concatenate(means, axis=1)


def versioned(images: np.ndarray) -> np.ndarray:
    """Like `block_means`."""
    return block_means(images)


def flat(images: np.ndarray) -> np.ndarray:
    """One number for an image, but not as a row."""
    return images.mean((1, 2, 3))


def nan(images: np.ndarray) -> np.ndarray:
    """No numbers."""
    return np.full((len(images), 2), np.nan)


def growing(images: np.ndarray) -> np.ndarray:
    """More numbers for each batch."""
    calls.append(images.shape)
    return np.zeros((len(images), len(calls)), np.float32)


def failing(images: np.ndarray) -> np.ndarray:
    """Raises an error."""
    raise KeyError("weights")


number = 3
