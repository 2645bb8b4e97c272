"""The parts of a step are all of it: their gradients are the game's."""

import chex
import jax
import jax.numpy as jnp
import pytest

from adversarial_latent.game import Networks
from adversarial_latent.state import create_state
from experiments.benchmarks.step_parts import unavoidable_parts
from tests import toys

KEY = jax.random.key(5)
PARTS = [
    *("encoder", "prior", "decoder", "discriminator 1", "discriminator 2"),
    "loss of discriminator",
]


@pytest.fixture(scope="module", autouse=True)
def _compile_fast():
    """What is computed here takes a moment: the time goes to compilation."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="module")
def step():
    """Game, state, batches and keys; D has no dropout, whose draws would differ."""
    table = toys.AMM_TABLES["discriminator"].replace("  0.2  ", "  -  ")
    game = toys.amm(networks={"discriminator": toys.HEADER + table})
    batches = {"x": jnp.asarray(toys.images(0, 2, 4))}
    example = {"x": batches["x"][0]}
    state = jax.jit(lambda: create_state(game, toys.sgd(game), KEY, example))()
    return game, state, batches


@pytest.fixture(scope="module")
def parts(step):
    return {part.name: part for part in unavoidable_parts(*step, KEY)}


def summed_gradients(step, loss):
    """Gradients of `loss(params, networks, batch)` over all steps."""
    game, state, batches = step
    total = jax.tree.map(jnp.zeros_like, state.params)
    for index, key in enumerate(jax.random.split(KEY, 2)):

        def networks(params, key=key):
            return Networks(game.modules, params, state.model_state, key, train=True)

        batch = {"x": batches["x"][index]}
        gradient = jax.jit(jax.grad(loss), static_argnums=1)
        total = jax.tree.map(jnp.add, total, gradient(state.params, networks, batch))
    return total


def test_the_evaluations_of_a_network_give_its_gradient(step, parts):
    """That of D's loss and twice the generators', along all ways but the penalty."""
    game, state, _ = step
    assert list(parts) == PARTS

    def loss(params, networks, batch):
        outputs = game.forward(networks(params), batch)
        net = networks(state.params)
        of_players = [player.loss(net, outputs)[0].mean() for player in game.players]
        return of_players[0] + 2 * of_players[1]

    found = {}
    for name in PARTS[:-1]:
        _, (own, _) = parts[name].compile()()
        network = name.split()[0]
        others = found.get(network, jax.tree.map(jnp.zeros_like, own))
        found[network] = jax.tree.map(jnp.add, others, own)
    chex.assert_trees_all_close(
        found, summed_gradients(step, loss), rtol=1e-4, atol=1e-6
    )


def test_the_loss_with_its_penalty_gives_its_gradient(step, parts):
    game, state, _ = step

    def loss(params, networks, batch):
        outputs = game.forward(networks(state.params), batch)
        return game.players[0].loss(networks(params), outputs)[0].mean()

    _, own = parts["loss of discriminator"].compile()()
    expected = summed_gradients(step, loss)
    assert set(own) == {"discriminator"}
    chex.assert_trees_all_close(
        own["discriminator"], expected["discriminator"], rtol=1e-4, atol=1e-6
    )


def test_only_what_is_needed_is_pulled_back(parts):
    """Outputs on which a loss depends, and inputs that depend on parameters."""
    x, y, z, p = (4, 2, 2, 1), (4, 3), (4, 2), (4, 1)
    expected = {
        "encoder": ([y, z], []),  # x is data
        "prior": ([z], []),
        "decoder": ([x], [z]),  # y is drawn
        "discriminator 1": ([p], [y, z]),
        "discriminator 2": ([p], [x, z]),
    }
    for name, shapes in expected.items():
        outputs, (_, inputs) = parts[name].compile()()
        assert jax.tree.map(jnp.shape, (outputs, inputs)) == shapes
