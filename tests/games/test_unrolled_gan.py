"""The unrolled GAN, against D trained ahead step by step."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from adversarial_latent.game import Networks
from adversarial_latent.games import unrolled_gan
from adversarial_latent.state import create_state
from adversarial_latent.steps import make_train_step
from tests import toys
from tests.games import points

ADAM = functools.partial(optax.adam, 0.05, b1=0.5, eps_root=1e-8)


# G's loss of the logits of data and of generated points. Saturating, it is the value of
# the game itself, E[log D(x)] + E[log(1 - D(G(z)))].
VALUES = {
    "saturating": lambda real, fake: (
        jnp.log(jax.nn.sigmoid(real)) + jnp.log(jax.nn.sigmoid(-fake))
    ),
    "non_saturating": lambda real, fake: (
        -jnp.log(jax.nn.sigmoid(-real)) - jnp.log(jax.nn.sigmoid(fake))
    ),
}


def _game(steps, loss="saturating"):
    return points.make(unrolled_gan.extend, unrolled_steps=steps, loss=loss)


def _foreseen_loss(game, params, z, steps, opt_state, value):
    """The generator's loss after D took `steps` steps of Adam, written out."""

    def discriminate(discriminator, x):
        net = points.networks(game, ({"discriminator": discriminator}, {}))
        net.model_state = {"discriminator": {}}
        return net("discriminator", x)["p"][:, 0]

    net = points.networks(game, (params, {name: {} for name in params}))
    x_tilde = net("generator", z)["x"]
    own, optimizer = {"discriminator": params["discriminator"]}, ADAM()

    def loss(own):
        real, fake = discriminate(**own, x=points.X), discriminate(**own, x=x_tilde)
        return (jax.nn.softplus(-real) + jax.nn.softplus(fake)).mean()

    for _ in range(steps):
        gradients = jax.grad(loss)(own)
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(gradients, opt_state)
        own = optax.apply_updates(own, updates)
    real, fake = discriminate(**own, x=points.X), discriminate(**own, x=x_tilde)
    return value(real, fake).mean()


@pytest.mark.parametrize("loss", VALUES)
@pytest.mark.parametrize("steps", [0, 3])
def test_generator_descends_on_the_loss_that_it_foresees(steps, loss):
    game = _game(steps, loss)
    optimizers = {"discriminator": ADAM(), "generator": optax.sgd(1.0)}
    create = functools.partial(create_state, game, optimizers)
    state = toys.jit(create)(points.KEY, {"x": points.X})
    # A step before, so that Adam's averages are not those of the beginning.
    train_step = toys.jit(make_train_step(game, optimizers))
    batch = {"x": points.X[None]}
    state, _ = train_step(state, batch)
    after, metrics = train_step(state, batch)

    turn_key = functools.reduce(jax.random.fold_in, (1, 0, 0), state.key)
    net = Networks({}, {}, {}, turn_key, train=True)
    z = jax.random.normal(net.key("z"), (len(points.X), 2))

    def foreseen(generator):
        params = {**state.params, "generator": generator}
        # The state of the chain is that of its only transformation.
        opt_state = state.opt_state["discriminator"]
        return _foreseen_loss(game, params, z, steps, opt_state, VALUES[loss])

    value, gradient = toys.jit(jax.value_and_grad(foreseen))(state.params["generator"])
    assert float(metrics["generator/loss"]) == pytest.approx(float(value), rel=1e-5)
    difference = jax.tree.map(
        jnp.subtract, state.params["generator"], after.params["generator"]
    )
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6),
        difference,
        gradient,
    )


def test_discriminator_is_updated_as_in_a_gan():
    states = []
    for steps in (0, 2):
        game = _game(steps)
        optimizers = {"discriminator": ADAM(), "generator": optax.sgd(1.0)}
        create = functools.partial(create_state, game, optimizers)
        state = toys.jit(create)(points.KEY, {"x": points.X})
        state, _ = toys.jit(make_train_step(game, optimizers))(
            state, {"x": points.X[None]}
        )
        states.append(state)
    jax.tree.map(
        np.testing.assert_array_equal,
        states[0].params["discriminator"],
        states[1].params["discriminator"],
    )
    jax.tree.map(
        np.testing.assert_array_equal,
        states[0].opt_state["discriminator"],
        states[1].opt_state["discriminator"],
    )
    generators = [jax.tree.leaves(state.params["generator"]) for state in states]
    assert not np.allclose(generators[0][0], generators[1][0], atol=1e-6)
