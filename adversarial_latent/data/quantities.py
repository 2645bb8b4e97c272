"""Quantities of each training example that are computed once, before training."""

from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np
from absl import logging

from adversarial_latent.data import cache
from adversarial_latent.data.examples import Examples

Quantity = Callable[[np.ndarray], np.ndarray]
"""A function from all x, float32 [N, ...], to a number for each, float32 [N], whose
`repr` states what it computes."""


def compute(
    examples: Examples, quantities: Mapping[str, Quantity], use_cache: bool = True
) -> dict[str, np.ndarray]:
    """Computes quantities of examples, or reads them from the cache.

    Args:
      examples: the training examples.
      quantities: functions by name.
      use_cache: whether results are stored in the cache. Their key is the content of
        the examples and the `repr` of the function.

    Returns:
      float32 [N] by name.
    """
    return {
        name: _compute(examples, name, quantity, use_cache)
        for name, quantity in quantities.items()
    }


def _compute(
    examples: Examples, name: str, quantity: Quantity, use_cache: bool
) -> np.ndarray:
    def computed() -> np.ndarray:
        logging.info("Computing %s of %d examples.", name, len(examples))
        return quantity(examples.as_float()).astype(np.float32)

    def write(file: BinaryIO) -> dict[str, Any]:
        values = computed()
        file.write(values)
        return {"shape": values.shape, "dtype": "<f4"}

    if use_cache and isinstance(examples.x, np.ndarray):
        content = Examples(x=examples.x, max_value=examples.max_value).fingerprint()
        try:
            values, _ = cache.cached(
                cache.key_of("quantity 1", content, repr(quantity)), write
            )
            return values[:]
        except cache.CacheError as error:
            logging.warning("%s; %s is not stored", error, name)
    return computed()
