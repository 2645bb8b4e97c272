"""Dense networks and Adam in plain JAX, for the steps of `plain_steps.py`."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections

from adversarial_latent.networks.table import Layer, Table
from adversarial_latent.networks.table_network import (
    BATCH_NORM_EPSILON,
    BATCH_NORM_MOMENTUM,
)


def dense(table: Table, params: Mapping[str, Any]) -> dict[str, dict[str, jax.Array]]:
    """Parameters of a `TableNetwork`, by row, with kernels as matrices [in, out]."""
    rows: dict[str, dict[str, jax.Array]] = {}
    for row in table.layers:
        if row.width is not None:
            kernel = params[f"{row.name}_kernel"]
            if table.transposed:
                kernel = kernel.transpose(2, 0, 1, 3).reshape(kernel.shape[2], -1)
            rows[row.name] = {
                "kernel": kernel.reshape(-1, kernel.shape[-1]),
                "bias": params[f"{row.name}_bias"],
            }
        if row.batch_norm:
            norm = params[f"{row.name}_norm"]
            named = {f"norm_{name}": value for name, value in norm.items()}
            rows.setdefault(row.name, {}).update(named)
    return rows


def evaluate(
    table: Table,
    params: Any,
    statistics: Any,
    key: Any,
    *inputs: jax.Array,
    gradients: Mapping[str, float] | None = None,
) -> tuple[dict[str, jax.Array], Any]:
    """Evaluates a table in training.

    Args:
      table: a table of dense layers.
      params: `{row: arrays by name}`.
      statistics: `{row: (mean, variance)}` of batch norm.
      key: random key, for `ExpN` rows.
      *inputs: one for each input row, [B, ...].
      gradients: those of `TableNetwork`.

    Returns:
      outputs and new statistics by row.

    Raises:
      ValueError: a row is not a dense layer.
    """
    gradients = gradients or {}
    outputs: dict[str, jax.Array] = {}
    statistics, given = dict(statistics), iter(inputs)
    for row in table.layers:
        if not row.inputs:
            outputs[row.name] = next(given)
            continue
        zeros = jnp.zeros((len(inputs[0]), row.channels))
        parts = [zeros if name == "zeros" else outputs[name] for name in row.inputs]
        joined = row.combine == "|"
        x = jnp.concatenate(parts, axis=-1) if joined else sum(parts[1:], parts[0])
        own = params.get(row.name)
        if row.width is not None:
            x = _layer(table, row, own, x)
        if row.batch_norm:
            axes = tuple(range(x.ndim - 1))
            mean, square = x.mean(axes), jnp.square(x).mean(axes)
            variance = jnp.maximum(square - jnp.square(mean), 0.0)
            statistics[row.name] = jax.tree.map(
                lambda old, new: (
                    BATCH_NORM_MOMENTUM * old + (1 - BATCH_NORM_MOMENTUM) * new
                ),
                statistics[row.name],
                (mean, variance),
            )
            factor = own["norm_scale"] * jax.lax.rsqrt(variance + BATCH_NORM_EPSILON)
            x = x * factor[None] + (own["norm_bias"] - mean * factor)[None]
        if row.activation.startswith("Leak"):
            x = jnp.maximum(x, float(row.activation.removeprefix("Leak")) * x)
        elif row.activation == "ExpN":
            noise = jax.random.normal(jax.random.fold_in(key, len(outputs)), x.shape)
            x = jnp.exp(x / 2) * noise
        elif row.activation:
            x = _ACTIVATIONS[row.activation](x)
        if row.name in gradients:
            constant = jax.lax.stop_gradient(x)
            x = constant + gradients[row.name] * (x - constant)
        outputs[row.name] = x
    return outputs, statistics


_ACTIVATIONS = {
    "ReLU": jax.nn.relu,
    "Tanh": jnp.tanh,
    "Sigmoid": jax.nn.sigmoid,
    "Softmax": jax.nn.softmax,
}


def _layer(table: Table, row: Layer, own: Any, x: jax.Array) -> jax.Array:
    if row.stride != 1 or row.pool or row.dropout or row.maxout_pieces > 1:
        raise ValueError(f"row {row.name!r} is not a dense layer")
    x = x.reshape(len(x), -1) @ own["kernel"]
    if table.transposed and row.width != 1:
        x = x.reshape(len(x), row.width, row.width, row.channels)
        return x + own["bias"][None, None, None]
    return x + own["bias"][None]


def adam(
    settings: ml_collections.ConfigDict,
    num_steps: int,
    step: jax.Array,
    params: Any,
    gradients: Any,
    moments: Any,
) -> tuple[Any, Any]:
    """One update by the settings of a player, `config.players.NAME`.

    Args:
      settings: of the player.
      num_steps: steps of the run, for schedules.
      step: number of steps done.
      params: tree of arrays.
      gradients: of the same structure.
      moments: the first and the second, each of the same structure.

    Returns:
      the parameters and the moments after the update.

    Raises:
      ValueError: there is no plain update with these settings.
    """
    if settings.optimizer != "adam" or settings.weight_decay:
        raise ValueError("the plain steps have Adam, without weight decay")
    if settings.clip_norm:
        square = sum(jnp.square(g).sum() for g in jax.tree.leaves(gradients))
        scale = jnp.minimum(1.0, settings.clip_norm * jax.lax.rsqrt(square))
        gradients = jax.tree.map(lambda g: scale * g, gradients)
    rate = settings.learning_rate
    if settings.schedule == "cosine":
        start = min(round(settings.decay_from * num_steps), num_steps - 1)
        done = jnp.clip((step - start) / (num_steps - start), 0.0, 1.0)
        rate = rate * 0.5 * (1 + jnp.cos(math.pi * done))
    elif settings.schedule != "constant":
        raise ValueError(f"the plain steps have no schedule {settings.schedule!r}")
    b1, b2 = settings.b1, settings.b2
    first, second = moments
    first = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, first, gradients)
    second = jax.tree.map(lambda m, g: b2 * m + (1 - b2) * g * g, second, gradients)
    count = (step + 1).astype(jnp.float32)
    correct1, correct2 = 1 - b1**count, 1 - b2**count

    def update(p: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
        root = jnp.sqrt(v / correct2 + settings.eps_root)
        return p - rate * (m / correct1) / (root + 1e-8)

    return jax.tree.map(update, params, first, second), (first, second)
