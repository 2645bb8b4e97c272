"""Train steps in plain JAX, by hand: the reference for the framework's overhead.

The networks are dense, from the tables of the config. Losses, noise, optimisers and the
order of updates are those of the game. There are no players, phases, named streams,
devices or trials here.

    step, state = build(config, experiment.game, params, model_state)
    state, losses = step(state, x)  # x [B, ...], float32; pure, to be compiled
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from adversarial_latent.game import Game
from adversarial_latent.networks.table import Table
from adversarial_latent.networks.table_network import TableNetwork
from adversarial_latent.random_keys import unrolled
from experiments.benchmarks.plain_networks import adam, dense, evaluate


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


def _keys(key: jax.Array, state: State, names: tuple[str, ...]) -> dict[str, jax.Array]:
    """The random keys of a step, by name."""
    keys = jax.random.split(jax.random.fold_in(key, state.step), len(names))
    return dict(zip(names, keys, strict=True))


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
    keys = _keys(key, state, names)
    params, moments = dict(state.params), dict(state.moments)
    statistics = dict(state.statistics)

    def normal(name: str, shape: tuple[int, ...]) -> jax.Array:
        return jax.random.normal(keys[name], shape)

    def network(name: str, own: Any, *inputs: jax.Array) -> tuple[Any, Any]:
        return evaluate(tables[name], own, statistics[name], keys["table"], *inputs)

    def optimise(player: str, own: Any, gradients: Any) -> None:
        updated, moments[player] = adam(
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
        code, of_encoder = network("encoder", own["encoder"], noisy)
        x_rec, of_decoder = network("decoder", own["decoder"], code["z"])
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
        outputs, new = network("encoder", own, noisy)
        return outputs["z"], new

    def discriminate(own: Any, name: str, code: jax.Array) -> jax.Array:
        noise = fields.code_noise * normal(name, code.shape)
        return network("discriminator_z", own, code + noise)[0]["p"]

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
        updated, moments[player] = adam(
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

    def network(name: str, own: Any, *inputs: jax.Array) -> tuple[Any, Any]:
        return evaluate(tables[name], own, state.statistics[name], table_key, *inputs)

    def generator_loss(own: Any) -> Any:
        fake, new = network("generator", own["generator"], z)
        p, _ = network("discriminator", state.params["discriminator"], fake["x"])
        return _bce(p["p"], True), {"generator": new}

    def discriminator_loss(own: Any) -> Any:
        fake, _ = network("generator", state.params["generator"], z)
        own = own["discriminator"]
        of_real, _ = network("discriminator", own, real)
        of_fake, new = network("discriminator", own, fake["x"])
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
        and not fields.prior_learned
        and fields.frequencies == "uniform"
        and fields.stratified
        and fields.consistency_weight
        and not fields.consistency_neighbour
    ):
        raise ValueError(
            "the plain step of amm has the game of configs/amm_digits.py: for another "
            "config, set fields of config.game, such as consistency_neighbour=0"
        )
    names = ("tables", "perturbed", "offset", "z", "direction")
    keys = _keys(key, state, names)
    number, components = len(x), fields.num_components
    points = (
        jnp.arange(number, dtype=jnp.float32) + jax.random.uniform(keys["offset"])
    ) / number
    label = jnp.floor(points * components).astype(jnp.int32)
    y = jax.nn.one_hot(label, components)
    means = game.modules["prior"].initial_means().astype(np.float32)
    z = y @ means + jax.random.normal(keys["z"], (number, fields.latent_dim))

    def network(
        name: str, own: Any, *inputs: jax.Array, key: str = "tables", **options: Any
    ) -> Any:
        statistics = state.statistics[name]
        return evaluate(tables[name], own, statistics, keys[key], *inputs, **options)

    def triples(own: Any) -> Any:
        gradients = {"y": fields.y_gradient}
        inferred, of_encoder = network(
            "encoder", own["encoder"], x, gradients=gradients
        )
        generated, of_decoder = network("decoder", own["decoder"], y, z)
        real = (x, inferred["y"], inferred["z"])
        fake = (generated["x"], y, z)
        return (real, fake, inferred["y_mu"]), {
            "encoder": of_encoder,
            "decoder": of_decoder,
        }

    def discriminate(own: Any, side: Any) -> jax.Array:
        return network("discriminator", own, *side)[0]["p"][:, 0]

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
        outputs, _ = network("encoder", own, moved, key="perturbed")
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
            fields.consistency_probe * distance * direction
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
        conditional = -(jnp.exp(log_q) * log_q).sum(1).mean()
        log_mean = jax.nn.logsumexp(log_q, axis=0) - np.log(number)
        marginal = -(jnp.exp(log_mean) * log_mean).sum()
        loss += fields.confidence_weight * conditional
        return loss - fields.balance_weight * marginal, new

    players = {"discriminator": discriminator_loss, "generator": generator_loss}
    return _simultaneously(config, num_steps, state, players)
