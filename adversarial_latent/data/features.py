"""Features: vectors that a function of the user's computes from images, once."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np
from absl import logging

from adversarial_latent.data import cache
from adversarial_latent.data.examples import Dataset, Examples
from adversarial_latent.data.lazy import LazyArray
from adversarial_latent.inputs import InputError, check_finite, import_object
from adversarial_latent.logging import progress_bar

_BATCH = 256

Function = Callable[[np.ndarray], Any]


def with_features(
    dataset: Dataset, path: str, use_cache: bool = True, in_memory: bool = True
) -> Dataset:
    """Replaces images by features of them; `Examples.images` keeps the images.

    Args:
      dataset: a data set of images.
      path: import path of the function, see `compute`.
      use_cache: whether the features are stored in the cache. Their key is the content
        of the images and the function: its `__version__` if it has this attribute,
        else its source code.
      in_memory: whether to return the features as an array; otherwise as a `LazyArray`.

    Raises:
      InputError: the examples are not images, the function cannot be imported, fails
        or returns something else than features, or the cache is needed and cannot be
        written.
    """
    if len(dataset.example_shape) != 3:
        raise InputError(
            f"config.dataset.features={path!r} are features of images, but "
            f"{dataset.name!r} has vectors: leave it empty"
        )
    splits = {
        name: _with_features(
            part, path, f"{dataset.protocol} {name}", use_cache, in_memory
        )
        for name, part in dataset.splits.items()
    }
    size = splits["train"].example_shape[0]
    return dataclasses.replace(
        dataset,
        splits=splits,
        protocol=f"{dataset.protocol}; {size} features of each image by {path}",
    )


def compute(images: Examples, path: str) -> np.ndarray:
    """Computes the features of images.

    Args:
      images: examples that are images.
      path: import path "package.module:function" of a function from images, uint8
        [B, H, W, C] from 0 to 255 with B at most 256, to features [B, D].

    Returns:
      float32 [N, D].

    Raises:
      InputError: see `with_features`.
    """
    return np.concatenate(list(_batches(images, path, import_object(path))))


def _with_features(
    examples: Examples, path: str, described: str, use_cache: bool, in_memory: bool
) -> Examples:
    """Adds features to a split; its description identifies what its content cannot."""
    function = import_object(path)
    x: np.ndarray | LazyArray | None = None
    if use_cache:
        pixels = Examples(x=examples.x, max_value=examples.max_value).fingerprint()
        if isinstance(examples.x, LazyArray) and not examples.x.source:
            pixels = f"{pixels} of {described}"
        key = cache.key_of("features 1", pixels, path, _version(function, path))
        write = functools.partial(_write, examples, path, function)
        try:
            x, _ = cache.cached(key, write)
        except cache.CacheError as error:
            if not in_memory:
                raise InputError(
                    f"config.dataset.in_memory=False keeps features on disk, but "
                    f"{error}"
                ) from error
            logging.warning("%s; features are not stored", error)
    elif not in_memory:
        raise InputError(
            "config.dataset.in_memory=False keeps features in the cache: set cache=True"
        )
    if x is None:
        x = compute(examples, path)
    return dataclasses.replace(examples, x=x[:] if in_memory else x, images=examples.x)


def _write(
    images: Examples, path: str, function: Function, file: BinaryIO
) -> dict[str, Any]:
    size = 0
    for batch in _batches(images, path, function):
        file.write(np.ascontiguousarray(batch))
        size = batch.shape[1]
    return {"shape": (len(images), size), "dtype": "<f4"}


def _batches(images: Examples, path: str, function: Function) -> Iterator[np.ndarray]:
    """Yields the checked features of all images, float32 [B, D]."""
    dimension = None
    with progress_bar(len(images), 0, path, unit="image", delay=2.0) as progress:
        for start in range(0, len(images), _BATCH):
            x = _as_uint8(images, slice(start, start + _BATCH))
            features = _checked(function, x, path)
            dimension = dimension or features.shape[1]
            if features.shape[1] != dimension:
                raise InputError(
                    f"{path} returned {features.shape[1]} features for images from "
                    f"{start} on, but {dimension} before: return as many for each image"
                )
            yield features
            progress.update(len(x))


def _as_uint8(images: Examples, part: slice) -> np.ndarray:
    """Images as a function of the user's expects them, from 0 to 255."""
    if images.x.dtype == np.uint8 and images.max_value == 255:
        return images.x[part]
    return np.round(255 * images.as_float(part)).astype(np.uint8)


def _checked(function: Function, x: np.ndarray, path: str) -> np.ndarray:
    try:
        features = np.asarray(function(x))
    except Exception as error:  # of the user's code
        raise InputError(
            f"{path} failed on images uint8 {list(x.shape)}: "
            f"{type(error).__name__}: {error}"
        ) from error
    shape = features.shape
    if (
        len(shape) != 2
        or len(features) != len(x)
        or not features.size
        or (features.dtype.kind not in "fiu")
    ):
        raise InputError(
            f"{path} returned {features.dtype} {list(shape)} for images "
            f"{list(x.shape)}; expected numbers [{len(x)}, D], one row per image"
        )
    try:
        return check_finite(features)
    except InputError as error:
        raise InputError(f"features by {path}: {error}") from error


def _version(function: Function, path: str) -> str:
    """Identifies what the function computes."""
    if (version := getattr(function, "__version__", None)) is not None:
        return f"version {version}"
    code = function if inspect.isroutine(function) else type(function)
    try:
        return inspect.getsource(code)
    except (OSError, TypeError) as error:
        raise InputError(
            f"{path} has no source code by which its features could be stored: give it "
            "an attribute __version__, or set config.dataset.cache=False"
        ) from error
