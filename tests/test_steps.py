"""Who is updated when, by which gradient: against closed forms and naive gradients."""

import dataclasses
import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from adversarial_latent.game import Networks, Phase, Player
from adversarial_latent.state import create_state
from adversarial_latent.steps import make_train_step
from tests import toys

KEY = jax.random.key(7)


def _values(state):
    return {name: float(tree["value"]) for name, tree in state.params.items()}


def _bilinear_step(*, learning_rate=0.1, steps=1, minibatches=([1.0, 2.0],), **kwargs):
    """Takes `steps` steps on minibatches [R, B]; returns (values, state, metrics)."""
    game = toys.bilinear()
    optimizers = toys.sgd(game, learning_rate)
    x = jnp.array(minibatches)
    state = create_state(
        game, optimizers, KEY, {"x": x[0]}, ema=kwargs.get("ema_decay", 0) > 0
    )
    step = toys.jit(make_train_step(game, optimizers, **kwargs))
    history = []
    for _ in range(steps):
        state, metrics = step(state, {"x": x})
        history.append(_values(state))
    return history, state, metrics


def test_simultaneous_players_are_both_updated_at_the_old_parameters():
    (values,), state, metrics = _bilinear_step(update_order="simultaneous")
    # mean(x) = 1.5; d = 2, g = 3; D's gradient is -g mean(x), and G's d mean(x).
    assert values["d"] == pytest.approx(2 + 0.1 * 3 * 1.5)
    assert values["g"] == pytest.approx(3 - 0.1 * 2 * 1.5)
    assert state.step == 1
    expected = {"d/loss": -9, "g/loss": 9, "d/grad_norm": 4.5, "g/grad_norm": 3}
    assert {name: float(value) for name, value in metrics.items()} == pytest.approx(
        expected
    )


def test_alternating_generator_sees_the_new_discriminator():
    (values,), _, metrics = _bilinear_step(update_order="alternating")
    d = 2 + 0.1 * 3 * 1.5
    assert values["d"] == pytest.approx(d)
    assert values["g"] == pytest.approx(3 - 0.1 * d * 1.5)
    assert metrics["g/loss"] == pytest.approx(d * 3 * 1.5)


def test_repeats_take_a_minibatch_each():
    minibatches = [[1.0, 3.0], [10.0, 30.0], [100.0, 300.0]]
    (values,), _, _ = _bilinear_step(
        update_order="alternating", repeats={"d": 3}, minibatches=minibatches
    )
    d = 2 + 0.1 * 3 * (2 + 20 + 200)
    assert values["d"] == pytest.approx(d)
    assert values["g"] == pytest.approx(3 - 0.1 * d * 2)  # the first minibatch


def test_every_update_is_counted_by_its_own_optimiser():
    game = toys.bilinear()
    optimizers = {"d": optax.adam(0.1), "g": optax.adam(0.1)}
    x = jnp.ones((2, 1))
    state = create_state(game, optimizers, KEY, {"x": x[0]})
    step = make_train_step(
        game, optimizers, update_order="alternating", repeats={"d": 2}
    )
    state, _ = toys.jit(step)(state, {"x": x})
    assert optax.tree.get(state.opt_state["d"], "count") == 2
    assert optax.tree.get(state.opt_state["g"], "count") == 1


def test_moving_average_in_closed_form():
    history, state, _ = _bilinear_step(
        update_order="simultaneous", steps=4, ema_decay=0.2
    )
    # min(0.2, (1 + step) / (10 + step)): the average is short at the start.
    decays = [1 / 10, 2 / 11, 0.2, 0.2]
    for name, start in {"d": 2.0, "g": 3.0}.items():
        expected = np.prod(decays) * start + sum(
            np.prod(decays[i + 1 :]) * (1 - decays[i]) * values[name]
            for i, values in enumerate(history)
        )
        average = float(state.ema_params[name]["value"])
        assert average == pytest.approx(expected, rel=1e-5)


def test_no_moving_average_by_default():
    _, state, _ = _bilinear_step()
    assert state.ema_params == {}


def test_losses_know_how_far_training_is():
    class Timed(toys.Bilinear):
        @property
        def phases(self):
            def loss(net, outputs):
                return outputs["value"], {"progress": jnp.asarray(net.progress)}

            player = Player("all", ("d", "g"), loss)
            return (Phase("bilinear", self.forward, (player,)),)

    game = Timed({"d": toys.Scalar(2.0), "g": toys.Scalar(3.0)})
    optimizers = toys.sgd(game)
    x = jnp.ones((1, 4))
    state = create_state(game, optimizers, KEY, {"x": x[0]})
    step = toys.jit(make_train_step(game, optimizers, num_steps=4))
    progress = []
    for _ in range(6):
        state, metrics = step(state, {"x": x})
        progress.append(float(metrics["progress"]))
    assert progress == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]


@pytest.mark.parametrize(
    "reduce",
    [lambda losses: losses[:, None], lambda losses: losses.mean()],
    ids=["[B, 1]", "scalar"],
)
def test_losses_must_be_per_example(reduce):
    game = toys.bilinear(reduce=reduce)
    optimizers = toys.sgd(game)
    x = jnp.ones((1, 4))
    state = create_state(game, optimizers, KEY, {"x": x[0]})
    with pytest.raises(AssertionError, match="rank"):
        make_train_step(game, optimizers)(state, {"x": x})


def test_unknown_update_order():
    with pytest.raises(ValueError, match="'simultaneous' or 'alternating', not 'turn'"):
        make_train_step(toys.bilinear(), {}, update_order="turn")


class Alternating(toys.Bilinear):
    """The game whose own players are updated in turns."""

    update_order = "alternating"


@pytest.mark.parametrize(
    ("kind", "own"),
    [(toys.Bilinear, "simultaneous"), (Alternating, "alternating")],
)
@pytest.mark.parametrize("given", [None, "simultaneous", "alternating"])
def test_update_order_of_the_game_is_the_default(kind, own, given):
    game = kind({"d": toys.Scalar(2.0), "g": toys.Scalar(3.0)})
    optimizers = toys.sgd(game, 0.1)
    x = jnp.array([[1.0, 2.0]])
    state = create_state(game, optimizers, KEY, {"x": x[0]})
    step = toys.jit(make_train_step(game, optimizers, update_order=given))
    state, _ = step(state, {"x": x})
    d = 2 + 0.1 * 3 * 1.5
    seen = 2 if (given or own) == "simultaneous" else d
    assert _values(state) == pytest.approx({"d": d, "g": 3 - 0.1 * seen * 1.5})


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        (
            (("one", "dg"), ("two", "d")),
            r"names of players must be unique: .'d', 'g', 'd'",
        ),
        ((("one", "dd"),), r"names of players must be unique: .'d', 'd'"),
        (
            (("one", "d"), ("one", "g")),
            r"names of phases must be unique: .'one', 'one'",
        ),
    ],
)
@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
def test_names_are_unique(phases, message, order):
    class Game(toys.Bilinear):
        """A game of these phases, whose players train no network."""

    made = [
        Phase(name, None, tuple(Player(player, (), None) for player in players))
        for name, players in phases
    ]
    Game.phases = tuple(made)
    with pytest.raises(ValueError, match=message):
        make_train_step(Game({}), {}, update_order=order)


def test_simultaneous_players_cannot_repeat():
    with pytest.raises(ValueError, match="update_order='alternating'"):
        make_train_step(toys.bilinear(), {}, repeats={"d": 2})


def test_simultaneous_players_share_no_network():
    class Shared(toys.Bilinear):
        players = (Player("d", ("d", "g"), None), Player("g", ("g",), None))
        phases = (Phase("bilinear", None, players),)

    game = Shared({"d": toys.Scalar(1.0), "g": toys.Scalar(2.0)})
    message = "'g' is trained by both players 'd' and 'g' of the phase 'bilinear'"
    with pytest.raises(ValueError, match=message):
        make_train_step(game, {})
    make_train_step(game, {}, update_order="alternating")


@dataclasses.dataclass(frozen=True)
class Phases(toys.Bilinear):
    """First d and g descend on d g x, then g alone on g x^2, each in its own way."""

    @property
    def phases(self):
        def loss(net, outputs):
            return outputs["loss"], {}

        def second(net, batch):
            return {"loss": net("g", batch["x"]) * batch["x"] ** 2}

        def first(net, batch):
            return {"loss": net("d", batch["x"]) * net("g", batch["x"]) * batch["x"]}

        both = Player("d", ("d",), loss), Player("g", ("g",), loss)
        alone = Player("alone", ("g",), loss)
        return Phase("first", first, both), Phase("second", second, (alone,))


@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
def test_phases_take_turns_and_may_train_the_same_network(order):
    """The second phase sees what players of the first did, at once or not."""
    game = Phases({"d": toys.Scalar(2.0), "g": toys.Scalar(3.0)})
    optimizers = dict.fromkeys("dg", optax.sgd(0.1))
    optimizers["alone"] = optax.sgd(0.01, momentum=0.9)
    x = jnp.array([[1.0, 2.0]])  # mean(x) = 1.5, mean(x^2) = 2.5
    state = create_state(game, optimizers, KEY, {"x": x[0]})
    assert set(state.opt_state) == {"d", "g", "alone"}
    step = toys.jit(make_train_step(game, optimizers, update_order=order))
    d, g, trace = 2.0, 3.0, 0.0
    for _ in range(2):
        state, metrics = step(state, {"x": x})
        seen = d
        d -= 0.1 * g * 1.5
        g -= 0.1 * (seen if order == "simultaneous" else d) * 1.5
        assert metrics["alone/loss"] == pytest.approx(g * 2.5)
        trace = 0.9 * trace + 2.5
        g -= 0.01 * trace
        assert _values(state) == pytest.approx({"d": d, "g": g})


@pytest.mark.parametrize("repeats", [{"discriminator": 2}, {"d": 0}])
def test_impossible_repeats(repeats):
    with pytest.raises(ValueError, match=r"repeats.*\['d', 'g'\]"):
        make_train_step(
            toys.bilinear(), {}, update_order="alternating", repeats=repeats
        )


class Partials(toys.Bilinear):
    """Players of one phase or of two, whose forward is an equal `functools.partial`.

    Attributes:
      several: whether each player has a phase of its own.
      renewed: whether `phases` makes the partial anew each time, or has always one.
      calls: the arguments of all forward passes.
    """

    several = False
    renewed = True

    def __init__(self, *args):
        super().__init__(*args)
        object.__setattr__(self, "calls", [])
        object.__setattr__(self, "kept", functools.partial(self._evaluate, "x"))

    def _evaluate(self, field, net, batch):
        self.calls.append(field)
        return super().forward(net, {"x": batch[field]})

    @property
    def phases(self):
        def forward():
            return functools.partial(self._evaluate, "x") if self.renewed else self.kept

        (phase,) = super().phases
        if not self.several:
            return (dataclasses.replace(phase, forward=forward()),)
        return tuple(
            Phase(player.name, forward(), (player,)) for player in phase.players
        )


@pytest.mark.parametrize("renewed", [True, False])
@pytest.mark.parametrize("several", [True, False])
def test_phases_are_told_apart_by_what_they_are_not_by_their_forward(several, renewed):
    """Two phases stay two, of which the second sees the first; and one stays one."""
    kind = type("Made", (Partials,), {"several": several, "renewed": renewed})
    game = kind({"d": toys.Scalar(2.0), "g": toys.Scalar(3.0)})
    optimizers = toys.sgd(game, 0.1)
    x = jnp.array([[1.0, 2.0]])
    state = create_state(game, optimizers, KEY, {"x": x[0]})
    step = make_train_step(game, optimizers, update_order="simultaneous")
    game.calls.clear()
    state, _ = toys.jit(step)(state, {"x": x})
    assert len(game.calls) == 1 + several, "one forward pass for each phase"
    d = 2 + 0.1 * 3 * 1.5
    seen = d if several else 2
    assert _values(state) == pytest.approx({"d": d, "g": 3 - 0.1 * seen * 1.5})


# The rest is about a GAN with batch norm, dropout and a penalty.


@pytest.fixture(scope="module")
def game():
    return toys.normed_gan(dropout=0.2, penalty_weight=10.0)


@pytest.fixture(scope="module")
def batch():
    return toys.normed_gan_batch(0, 1, 6)


@pytest.fixture(scope="module")
def state(game, batch):
    """The state before the first step of Adam."""
    example = jax.tree.map(lambda leaf: leaf[0], batch)
    create = functools.partial(create_state, game, _adam(game), batch=example)
    return toys.jit(create)(KEY)


def _adam(game):
    return {player.name: optax.adam(0.01) for player in game.players}


def _naive_gradients(game, state, batch):
    """Differentiates each player's loss for itself, from a forward pass of its own."""
    key = jax.random.fold_in(jax.random.fold_in(state.key, state.step), 0)  # device 0
    key = jax.random.fold_in(key, 0)  # the first turn

    def loss(own, index, player):
        params = {**state.params, **own}

        def networks(key):
            return Networks(game.modules, params, state.model_state, key, train=True)

        outputs = game.forward(networks(key), batch)
        return player.loss(networks(jax.random.fold_in(key, index)), outputs)[0].mean()

    gradients = {}
    for index, player in enumerate(game.players):
        own = {name: state.params[name] for name in player.trains}
        gradients |= jax.grad(loss)(own, index, player)
    return gradients


@pytest.fixture(scope="module")
def naive_gradients(game, state, batch):
    first = jax.tree.map(lambda leaf: leaf[0], batch)
    return toys.jit(functools.partial(_naive_gradients, game))(state, first)


def _gradients(game, state, batch):
    """The gradients of a simultaneous step: what plain descent subtracts."""
    optimizers = toys.sgd(game)
    opt_state = {name: optimizers[name].init({}) for name in optimizers}
    step = toys.jit(make_train_step(game, optimizers, update_order="simultaneous"))
    after, _ = step(state.replace(opt_state=opt_state), batch)
    return jax.tree.map(lambda p, q: p - q, state.params, after.params)


def test_one_shared_forward_pass_gives_independent_gradients(
    game, state, batch, naive_gradients
):
    gradients = _gradients(game, state, batch)
    chex.assert_trees_all_close(gradients, naive_gradients, rtol=1e-4, atol=1e-6)
    for name, gradient in naive_gradients.items():
        assert optax.tree.norm(gradient) > 1e-3, f"{name} has something to compare"


def test_penalty_trains_the_discriminator_only(game, state, batch, naive_gradients):
    unpenalised = dataclasses.replace(game, penalty_weight=0.0)
    gradients = _gradients(unpenalised, state, batch)
    chex.assert_trees_all_close(
        gradients["generator"], naive_gradients["generator"], rtol=1e-4, atol=1e-6
    )
    with pytest.raises(AssertionError):
        chex.assert_trees_all_close(
            gradients["discriminator"], naive_gradients["discriminator"], rtol=0.1
        )


@pytest.mark.parametrize("updated", ["discriminator", "generator"])
def test_a_turn_changes_nothing_of_the_other_player(game, state, batch, updated):
    """Bit for bit: parameters, optimiser state and batch statistics."""
    (phase,) = game.phases
    players = tuple(player for player in phase.players if player.name == updated)
    assert len(players) == 1

    class OnePlayer(toys.NormedGan):
        phases = (dataclasses.replace(phase, players=players),)

    one = OnePlayer(game.modules, game.penalty_weight)
    step = make_train_step(one, _adam(one), update_order="alternating")
    after, _ = toys.jit(step)(state, batch)
    for field in ("params", "opt_state", "model_state"):
        for name, before in getattr(state, field).items():
            now = getattr(after, field)[name]
            if name != updated:
                chex.assert_trees_all_equal(now, before)
                continue
            for old, new in zip(
                jax.tree.leaves(before), jax.tree.leaves(now), strict=True
            ):
                assert not np.array_equal(old, new), f"{field} of {name} changed"


def test_several_calls_trace_once(game, state, batch):
    chex.clear_trace_counter()
    step = make_train_step(game, _adam(game), update_order="alternating")
    step = toys.jit(chex.assert_max_traces(step, n=1))
    for calls in range(1, 4):
        state, metrics = step(state, batch)
        assert state.step == calls
    assert np.isfinite([float(value) for value in metrics.values()]).all()
    assert optax.tree.get(state.opt_state["discriminator"], "count") == 3
