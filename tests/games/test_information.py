"""Information maximisation: its value by hand, its gradient, and that it clusters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from adversarial_latent.consistency import NeighbourDistance
from adversarial_latent.games import information, make_game
from tests import toys

KEY = jax.random.key(0)
TABLE = """
x     -  2    -  -  -  -  -  -
y_mu  x  {k}  1  1  -  -  -  -
"""


def game(**settings):
    config = information.default_config()
    config.update(num_components=3, **settings)
    config.networks = {"encoder": toys.HEADER + TABLE}
    return make_game(config)


def loss(made, params, x):
    net = made.bind(params, {"encoder": {}}, KEY, train=True)
    losses, scalars = made.loss(net, made.forward(net, {"x": x}))
    return losses.mean(), scalars


@pytest.fixture
def x():
    return np.float32(np.random.default_rng(0).normal(size=(6, 2)))


def test_the_value_is_that_of_the_entropies(x):
    made = game(consistency_weight=0.0)
    params, _ = made.init(KEY, {"x": x})
    value, scalars = loss(made, params, x)
    logits = np.float64(x @ params["encoder"]["y_mu_kernel"][0, 0])
    log_p = scipy.special.log_softmax(logits, axis=1)
    conditional = -(np.exp(log_p) * log_p).sum(1).mean()
    marginal = scipy.special.entr(np.exp(log_p).mean(0)).sum()
    np.testing.assert_allclose(value, 0.1 * conditional - 0.4 * marginal, rtol=1e-5)
    np.testing.assert_allclose(
        scalars["information"], marginal - conditional, rtol=1e-4
    )
    y = made.encode(made.bind(params, {"encoder": {}}, KEY, train=False), x)["y"]
    np.testing.assert_allclose(y, np.exp(log_p), rtol=1e-5)


def test_consistency_is_added(x):
    params, _ = game().init(KEY, {"x": x})
    without, _ = loss(game(consistency_weight=0.0), params, x)
    for weight in (1.0, 2.0):
        value, scalars = loss(game(consistency_weight=weight), params, x)
        assert scalars["consistency"] > 0
        np.testing.assert_allclose(
            value - without, weight * scalars["consistency"], rtol=1e-4
        )


def test_the_distance_to_a_neighbour_scales_the_perturbation(x):
    made = game(consistency_neighbour=2)
    assert made.quantities == {"neighbour_distance": NeighbourDistance(2)}
    params, _ = made.init(KEY, {"x": x, "neighbour_distance": np.ones(6, np.float32)})

    def consistency(distance):
        net = made.bind(params, {"encoder": {}}, KEY, train=True)
        outputs = made.forward(net, {"x": x, "neighbour_distance": distance})
        return made.loss(net, outputs)[1]["consistency"]

    near, far = (consistency(np.full(6, d, np.float32)) for d in (1e-3, 1.0))
    assert abs(near) < 1e-3 * far


def test_groups_become_clusters():
    """Three groups of points far apart: each gets a value of y of its own."""
    rng = np.random.default_rng(0)
    means = np.array([[3.0, 0.0], [-3.0, 3.0], [-3.0, -3.0]])
    label = np.arange(60) % 3
    x = np.float32(means[label] + 0.1 * rng.normal(size=(60, 2)))
    made = game()
    params, _ = made.init(jax.random.key(1), {"x": x})
    step = jax.jit(jax.grad(lambda params: loss(made, params, x)[0]))
    for _ in range(200):
        params = jax.tree.map(lambda p, g: p - 0.3 * g, params, step(params))
    net = made.bind(params, {"encoder": {}}, KEY, train=False)
    y = jnp.argmax(made.encode(net, x)["y"], -1)
    assert len({(int(a), int(b)) for a, b in zip(label, y, strict=True)}) == 3
    assert len(set(y.tolist())) == 3
