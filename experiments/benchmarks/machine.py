"""What the machine and a step can at most do: rates, and FLOP and bytes of a step."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_SIZE = 1024  # of the matrices
_PRODUCTS = 8  # in a call
_ELEMENTS = 1 << 25  # of the array that is read and written; far larger than caches


def rates() -> dict[str, tuple[Callable[[], Any], float]]:
    """Programs that measure the machine, compiled by XLA, and how much each does.

    Returns:
      `{name: (call, amount)}`: FLOP of products of float32 matrices, and bytes that are
      read and written by an addition.
    """

    @jax.jit
    def products(matrices: jax.Array) -> jax.Array:
        first = matrices[0]
        return jax.lax.fori_loop(
            0, _PRODUCTS, lambda i, x: x @ first / _SIZE, matrices[1]
        )

    matrices = jnp.ones((2, _SIZE, _SIZE))
    array = jnp.ones(_ELEMENTS)
    add = jax.jit(lambda x: x + 1)
    return {
        "flop": (
            lambda: jax.block_until_ready(products(matrices)),
            2.0 * _PRODUCTS * _SIZE**3,
        ),
        "bytes": (lambda: jax.block_until_ready(add(array)), 8.0 * _ELEMENTS),
    }


def costs(
    train_step: Callable[..., Any], state: Any, batch: Mapping[str, Any]
) -> dict[str, float]:
    """FLOP and bytes accessed in one step, as XLA counts them in the compiled step.

    XLA counts the body of a loop once, whatever its number of iterations.
    """
    compiled = jax.jit(train_step).lower(state, batch).compile()
    analysis = compiled.cost_analysis()
    return {"flop": analysis["flops"], "bytes": analysis["bytes accessed"]}


def shares(
    step: Mapping[str, float],
    milliseconds: np.ndarray,
    rate_milliseconds: Mapping[str, np.ndarray],
    amounts: Mapping[str, float],
) -> dict[str, Any]:
    """Counts of a step, the machine's rates and the step's shares of them.

    Args:
      step: result of `costs`.
      milliseconds: [R] times of a step.
      rate_milliseconds: `{name: [R]}`, times of the programs of `rates`.
      amounts: `{name: amount}` of these programs.
    """
    figures: dict[str, Any] = {}
    for name, amount in amounts.items():
        rate = 1000 * amount / np.median(rate_milliseconds[name])
        own = 1000 * step[name] / np.median(milliseconds)
        figures[name] = {
            "step": step[name],
            "machine_per_second": float(rate),
            "share_of_machine": float(own / rate),
        }
    return figures
