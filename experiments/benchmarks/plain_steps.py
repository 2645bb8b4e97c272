"""Train steps in plain JAX, by hand: the reference for the framework's overhead.

The networks are dense, from the tables of the config. Losses, noise, optimisers and the
order of updates are those of the game. There are no players, phases, named streams,
devices or trials here.

    step, state = build(config, experiment.game, params, model_state)
    state, losses = step(state, x)  # x [B, ...], float32; pure, to be compiled
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from adversarial_latent.game import Game
from adversarial_latent.networks.table import Layer, Table
from adversarial_latent.networks.table_network import (
    BATCH_NORM_EPSILON,
    BATCH_NORM_MOMENTUM,
    TableNetwork,
)
from adversarial_latent.random_keys import unrolled

_PROBE = 1.5  # as in adversarial_latent/consistency.py


class State(NamedTuple):
    """Everything that a step reads and writes.

    Attributes:
      step: number of steps done.
      params: `{network: {row: arrays by name}}`.
      statistics: `{network: {row: (mean, variance)}}` of batch norm.
      moments: `{player: (first, second)}` of Adam.
      averages: of `params`; empty if there are none.
    """

    step: Any
    params: Any
    statistics: Any
    moments: Any
    averages: Any


Step = Callable[[State, jax.Array], tuple[State, dict[str, jax.Array]]]


def build(
    config: ml_collections.ConfigDict,
    game: Game,
    params: Mapping[str, Any],
    model_state: Mapping[str, Any],
    num_steps: int,
) -> tuple[Step, State]:
    """Builds a step, and its state at the given parameters.

    Args:
      config: a complete config of `aae` with only z, of `gan` or of `amm`, whose
        networks are dense tables.
      game: the game of the config.
      params: initial parameters of one trial.
      model_state: initial statistics.
      num_steps: steps of the run, for schedules.

    Raises:
      ValueError: there is no plain step of this game, or not with these settings.
    """
    steps = {"aae": _aae, "gan": _gan, "amm": _amm}
    if config.game.name not in steps:
        raise ValueError(f"there are plain steps of {list(steps)} only")
    tables = {
        name: module.table
        for name, module in game.modules.items()
        if isinstance(module, TableNetwork)
    }
    first = {name: dense(tables[name], params[name]) for name in tables}
    trained = {
        player.name: {name: first[name] for name in player.trains if name in first}
        for player in game.players
    }
    state = State(
        step=jnp.zeros((), jnp.int32),
        params=first,
        statistics={
            name: {
                row.removesuffix("_norm"): (found["mean"], found["var"])
                for row, found in model_state[name].get("batch_stats", {}).items()
            }
            for name in tables
        },
        moments={
            player: (jax.tree.map(jnp.zeros_like, own),) * 2
            for player, own in trained.items()
        },
        averages=jax.tree.map(jnp.copy, first) if config.ema_decay else {},
    )
    key = unrolled(jax.random.key(config.seed))
    step = functools.partial(
        steps[config.game.name], config, game, tables, num_steps, key
    )
    return step, jax.tree.map(jnp.copy, state)


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
            rows.setdefault(row.name, {}).update(params[f"{row.name}_norm"])
    return rows


def _evaluate(
    table: Table, params: Any, statistics: Any, key: Any, *inputs: jax.Array
) -> tuple[dict[str, jax.Array], Any]:
    """Evaluates a table in training; returns outputs and statistics by row."""
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
            factor = own["scale"] * jax.lax.rsqrt(variance + BATCH_NORM_EPSILON)
            x = x * factor[None] + (own["bias"] - mean * factor)[None]
        if row.activation.startswith("Leak"):
            x = jnp.maximum(x, float(row.activation.removeprefix("Leak")) * x)
        elif row.activation == "ExpN":
            noise = jax.random.normal(jax.random.fold_in(key, len(outputs)), x.shape)
            x = jnp.exp(x / 2) * noise
        elif row.activation:
            x = _ACTIVATIONS[row.activation](x)
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


def _adam(
    settings: ml_collections.ConfigDict,
    num_steps: int,
    step: jax.Array,
    params: Any,
    gradients: Any,
    moments: Any,
) -> tuple[Any, Any]:
    """The parameters after one update, and the moments."""
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


def _average(config: ml_collections.ConfigDict, state: State, params: Any) -> Any:
    if not config.ema_decay:
        return {}
    decay = jnp.minimum(config.ema_decay, (1 + state.step) / (10 + state.step))
    return jax.tree.map(
        lambda a, p: decay * a + (1 - decay) * p, state.averages, params
    )


def _bce(logits: jax.Array, real: bool) -> jax.Array:
    """The non-saturating loss of D, whose output is [B, 1]."""
    return jax.nn.softplus(-logits if real else logits).mean()


def _aae(
    config: ml_collections.ConfigDict,
    game: Game,
    tables: Mapping[str, Table],
    num_steps: int,
    key: jax.Array,
    state: State,
    x: jax.Array,
) -> tuple[State, dict[str, jax.Array]]:
    """Makhzani et al. 2015, algorithm of section 2: D and the encoder after x_rec."""
    del game
    fields = config.game
    if set(fields.priors) != {"z"} or fields.loss != "non_saturating":
        raise ValueError("the plain step of aae has only z, with a Gaussian prior")
    names = ("x", "x_again", "prior", "real", "fake", "table")
    keys = dict(
        zip(
            names,
            jax.random.split(jax.random.fold_in(key, state.step), len(names)),
            strict=True,
        )
    )
    params, moments = dict(state.params), dict(state.moments)
    statistics = dict(state.statistics)

    def normal(name: str, shape: tuple[int, ...]) -> jax.Array:
        return jax.random.normal(keys[name], shape)

    def evaluate(name: str, own: Any, *inputs: jax.Array) -> tuple[Any, Any]:
        return _evaluate(tables[name], own, statistics[name], keys["table"], *inputs)

    def optimise(player: str, own: Any, gradients: Any) -> None:
        updated, moments[player] = _adam(
            config.players[player],
            num_steps,
            state.step,
            own,
            gradients,
            moments[player],
        )
        params.update(updated)

    def reconstruct(own: Any) -> Any:
        noisy = x + fields.input_noise * normal("x", x.shape)
        code, of_encoder = evaluate("encoder", own["encoder"], noisy)
        x_rec, of_decoder = evaluate("decoder", own["decoder"], code["z"])
        loss = jnp.square(x - x_rec["x"]).mean()
        return loss, {"encoder": of_encoder, "decoder": of_decoder}

    own = {name: params[name] for name in ("encoder", "decoder")}
    (reconstruction, new), gradients = jax.value_and_grad(reconstruct, has_aux=True)(
        own
    )
    statistics |= new
    optimise("autoencoder", own, gradients)

    noisy = x + fields.input_noise * normal("x_again", x.shape)
    sampled = fields.priors.z.get("std", 1.0) * normal(
        "prior", (len(x), fields.latent_dim)
    )

    def encode(own: Any) -> Any:
        outputs, new = evaluate("encoder", own, noisy)
        return outputs["z"], new

    def discriminate(own: Any, name: str, code: jax.Array) -> jax.Array:
        noise = fields.code_noise * normal(name, code.shape)
        return evaluate("discriminator_z", own, code + noise)[0]["p"]

    code, pullback, statistics["encoder"] = jax.vjp(
        encode, params["encoder"], has_aux=True
    )

    def discriminator_loss(own: Any) -> jax.Array:
        real = discriminate(own["discriminator_z"], "real", sampled)
        fake = discriminate(own["discriminator_z"], "fake", code)
        return _bce(real, True) + _bce(fake, False)

    own = {"discriminator_z": params["discriminator_z"]}
    of_d, gradients = jax.value_and_grad(discriminator_loss)(own)
    optimise("discriminator", own, gradients)
    # The encoder has not changed since, so that its pass is used once more.
    of_g, cotangent = jax.value_and_grad(
        lambda code: _bce(discriminate(params["discriminator_z"], "fake", code), True)
    )(code)
    (gradient,) = pullback(cotangent)
    optimise("generator", {"encoder": params["encoder"]}, {"encoder": gradient})
    losses = {"autoencoder": reconstruction, "discriminator": of_d, "generator": of_g}
    averages = _average(config, state, params)
    return State(state.step + 1, params, statistics, moments, averages), losses


def _simultaneously(
    config: ml_collections.ConfigDict,
    num_steps: int,
    state: State,
    losses: Mapping[str, Callable[[Any], tuple[jax.Array, Any]]],
) -> tuple[State, dict[str, jax.Array]]:
    """Updates players from the same parameters; a loss also returns statistics."""
    params, moments = dict(state.params), dict(state.moments)
    statistics, values = dict(state.statistics), {}
    for player, loss in losses.items():
        first, _ = moments[player]
        own = {name: state.params[name] for name in first}
        (values[player], new), gradients = jax.value_and_grad(loss, has_aux=True)(own)
        statistics |= {name: new[name] for name in own if name in new}
        updated, moments[player] = _adam(
            config.players[player],
            num_steps,
            state.step,
            own,
            gradients,
            moments[player],
        )
        params |= updated
    averages = _average(config, state, params)
    return State(state.step + 1, params, statistics, moments, averages), values


def _gan(
    config: ml_collections.ConfigDict,
    game: Game,
    tables: Mapping[str, Table],
    num_steps: int,
    key: jax.Array,
    state: State,
    x: jax.Array,
) -> tuple[State, dict[str, jax.Array]]:
    """Goodfellow et al. 2014, with updates of both players from one generated batch."""
    del game
    fields = config.game
    if fields.loss != "non_saturating" or fields.penalty_weight:
        raise ValueError("the plain step of gan has the non-saturating loss alone")
    z_key, table_key = jax.random.split(jax.random.fold_in(key, state.step))
    z = jax.random.normal(z_key, (len(x), fields.latent_dim))
    real = (x - fields.data_shift) / fields.data_scale

    def evaluate(name: str, own: Any, *inputs: jax.Array) -> tuple[Any, Any]:
        return _evaluate(tables[name], own, state.statistics[name], table_key, *inputs)

    def generator_loss(own: Any) -> Any:
        fake, new = evaluate("generator", own["generator"], z)
        p, _ = evaluate("discriminator", state.params["discriminator"], fake["x"])
        return _bce(p["p"], True), {"generator": new}

    def discriminator_loss(own: Any) -> Any:
        fake, _ = evaluate("generator", state.params["generator"], z)
        sides = (evaluate("discriminator", own["discriminator"], side)
                 for side in (real, fake["x"]))  # fmt: skip
        (of_real, _), (of_fake, new) = sides
        loss = _bce(of_real["p"], True) + _bce(of_fake["p"], False)
        return loss, {"discriminator": new}

    players = {"discriminator": discriminator_loss, "generator": generator_loss}
    return _simultaneously(config, num_steps, state, players)


def _amm(
    config: ml_collections.ConfigDict,
    game: Game,
    tables: Mapping[str, Table],
    num_steps: int,
    key: jax.Array,
    state: State,
    x: jax.Array,
) -> tuple[State, dict[str, jax.Array]]:
    """AMM's algorithm 1 with fixed means of p(z|y), and the terms of q(y|x)."""
    fields = config.game
    if not (
        fields.loss == "non_saturating"
        and fields.penalty == "zero_centered"
        and fields.prior_radius
        and fields.stratified
        and fields.consistency_weight
    ):
        raise ValueError("the plain step of amm is that of configs/amm_digits.py")
    names = ("tables", "perturbed", "offset", "z", "direction")
    keys = dict(
        zip(
            names,
            jax.random.split(jax.random.fold_in(key, state.step), len(names)),
            strict=True,
        )
    )
    number, components = len(x), fields.num_components
    points = (
        jnp.arange(number, dtype=jnp.float32) + jax.random.uniform(keys["offset"])
    ) / number
    label = jnp.floor(points * components).astype(jnp.int32)
    y = jax.nn.one_hot(label, components)
    means = game.modules["prior"]._means().astype(np.float32)
    z = y @ means + jax.random.normal(keys["z"], (number, fields.latent_dim))

    def evaluate(name: str, own: Any, *inputs: jax.Array, key: str = "tables") -> Any:
        return _evaluate(tables[name], own, state.statistics[name], keys[key], *inputs)

    def triples(own: Any) -> Any:
        inferred, of_encoder = evaluate("encoder", own["encoder"], x)
        y_tilde, fraction = inferred["y"], fields.y_gradient
        y_tilde = fraction * y_tilde + (1 - fraction) * jax.lax.stop_gradient(y_tilde)
        generated, of_decoder = evaluate("decoder", own["decoder"], y, z)
        real = (x, y_tilde, inferred["z"])
        fake = (generated["x"], y, z)
        return (real, fake, inferred["y_mu"]), {
            "encoder": of_encoder,
            "decoder": of_decoder,
        }

    def discriminate(own: Any, side: Any) -> jax.Array:
        return evaluate("discriminator", own, *side)[0]["p"][:, 0]

    def discriminator_loss(own: Any) -> Any:
        own = own["discriminator"]
        (real, fake, _), _ = triples(state.params)
        loss = _bce(discriminate(own, real), True)
        loss += _bce(discriminate(own, fake), False)
        both = jax.tree.map(lambda r, f: jnp.concatenate([r, f]), real, fake)
        slopes = jax.grad(lambda side: discriminate(own, side).sum())(both)
        squares = [jnp.square(s).reshape(len(s), -1).sum(1) for s in slopes]
        return loss + fields.penalty_weight * sum(squares).mean(), {}

    def divergence(own: Any, clean: jax.Array, moved: jax.Array) -> jax.Array:
        outputs, _ = evaluate("encoder", own, moved, key="perturbed")
        noisy = jax.nn.log_softmax(outputs["y_mu"])
        return (jnp.exp(clean) * (clean - noisy)).sum(1)

    def normalise(step: jax.Array) -> jax.Array:
        square = jnp.square(step).sum(tuple(range(1, step.ndim)), keepdims=True)
        return step * jax.lax.rsqrt(jnp.maximum(square, jnp.finfo(step.dtype).tiny))

    def consistency(own: Any, y_mu: jax.Array) -> jax.Array:
        clean = jax.nn.log_softmax(jax.lax.stop_gradient(y_mu))
        flat = x.reshape(number, -1)
        square = jnp.square(flat).sum(1)
        squares = square[:, None] + square[None] - 2 * flat @ flat.T
        squares = jnp.where(jnp.eye(number, dtype=bool), jnp.inf, squares)
        distance = jnp.sqrt(jnp.maximum(squares.min(1), 0.0))
        distance = distance.reshape(-1, *[1] * (x.ndim - 1))
        direction = normalise(jax.random.normal(keys["direction"], x.shape))
        slope = jax.grad(lambda step: divergence(own, clean, x + step).sum())(
            _PROBE * distance * direction
        )
        direction = normalise(jax.lax.stop_gradient(slope))
        moved = x + fields.consistency_radius * distance * direction
        return divergence(own, clean, moved).mean()

    def generator_loss(own: Any) -> Any:
        (real, fake, y_mu), new = triples(own)
        of_d = state.params["discriminator"]
        loss = _bce(discriminate(of_d, real), False)
        loss += _bce(discriminate(of_d, fake), True)
        loss += fields.consistency_weight * consistency(own["encoder"], y_mu)
        log_q = jax.nn.log_softmax(y_mu)
        mean = jnp.exp(log_q).mean(0)
        conditional = -(jnp.exp(log_q) * log_q).sum(1).mean()
        marginal = -(mean * jnp.log(mean)).sum()
        loss += fields.confidence_weight * conditional
        return loss - fields.balance_weight * marginal, new

    players = {"discriminator": discriminator_loss, "generator": generator_loss}
    return _simultaneously(config, num_steps, state, players)
