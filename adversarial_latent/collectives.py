"""Averages and maxima over the devices that share a batch, inside a train step."""

import chex
import jax

BATCH_AXIS = "devices"
"""Name of the mapped axis over which a batch is divided."""


def device_mean(tree: chex.ArrayTree) -> chex.ArrayTree:
    """Averages over the devices that share a batch; the identity on one device."""
    return jax.lax.pmean(tree, BATCH_AXIS) if _batch_is_divided() else tree


def device_max(tree: chex.ArrayTree) -> chex.ArrayTree:
    """Largest values on the devices that share a batch; without a derivative."""
    tree = jax.lax.stop_gradient(tree)
    return jax.lax.pmax(tree, BATCH_AXIS) if _batch_is_divided() else tree


def device_index() -> chex.Array | int:
    """Position among the devices that share a batch; 0 on one device."""
    return jax.lax.axis_index(BATCH_AXIS) if _batch_is_divided() else 0


def _batch_is_divided() -> bool:
    try:
        # On one device, a collective would only copy, and divide what can be fused.
        return jax.lax.axis_size(BATCH_AXIS) > 1
    except NameError:  # no such axis is bound
        return False
