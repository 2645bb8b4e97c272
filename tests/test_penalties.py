"""Penalties on input gradients against hand-computed gradients."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
from jax.test_util import check_grads

from adversarial_latent import penalties

KEY = jax.random.key(0)


def _examples(seed, batch=5):
    random = np.random.default_rng(seed)
    return {
        "x": jnp.float32(random.uniform(size=(batch, 3, 2))),
        "y": jnp.float32(random.dirichlet(np.ones(4), size=batch)),
        "z": jnp.float32(random.normal(size=(batch, 2))),
    }


def _mlp_params(seed):
    """Weights of 12 -> 8 -> 1, of a size at which penalties and slopes are about 1."""
    random = np.random.default_rng(seed)
    return {
        "first": jnp.float32(0.5 * random.normal(size=(12, 8))),
        "last": jnp.float32(0.5 * random.normal(size=8)),
    }


def _mlp(params, inputs):
    """A smooth discriminator: tree of [B, ...] to [B]."""
    flat = [leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(inputs)]
    hidden = jnp.tanh(jnp.concatenate(flat, axis=-1) @ params["first"])
    return hidden @ params["last"]


PENALTIES = {
    "gradient": lambda logit_fn, real, fake: penalties.gradient_penalty(
        logit_fn, real, fake, KEY
    ),
    "jensen_shannon": penalties.jensen_shannon_penalty,
    "zero_centered": lambda logit_fn, real, fake: penalties.zero_centered_penalty(
        logit_fn, real
    ),
}


def _mlp_penalty(name):
    """A jitted function of (params, real, fake) to [B] penalties."""
    penalty = PENALTIES[name]
    return jax.jit(lambda p, real, fake: penalty(lambda t: _mlp(p, t), real, fake))


def test_linear_discriminator_by_hand():
    weights = {"x": jnp.full((3, 2), 0.5), "y": jnp.ones(4), "z": jnp.array([2.0, 0])}
    squared_norm = 6 * 0.25 + 4 + 4  # jointly over x, y and z

    def logit_fn(inputs):
        return sum(
            jnp.tensordot(inputs[name], w, axes=w.ndim) for name, w in weights.items()
        )

    real, fake = _examples(1), _examples(2)
    found = jax.jit(
        lambda real, fake: {
            name: penalty(logit_fn, real, fake) for name, penalty in PENALTIES.items()
        }
    )(real, fake)
    np.testing.assert_allclose(
        found["gradient"], np.full(5, (np.sqrt(squared_norm) - 1) ** 2), rtol=1e-5
    )
    np.testing.assert_allclose(found["zero_centered"], np.full(5, squared_norm))
    d_real = scipy.special.expit(np.asarray(logit_fn(real)))
    d_fake = scipy.special.expit(np.asarray(logit_fn(fake)))
    np.testing.assert_allclose(
        found["jensen_shannon"],
        squared_norm * ((1 - d_real) ** 2 + d_fake**2),
        rtol=1e-4,
    )


def test_quadratic_discriminator_by_hand():
    matrix = jnp.array([[2.0, 1.0], [1.0, -3.0]])  # logit x'Ax/2, gradient Ax

    def logit_fn(x):
        return 0.5 * jnp.sum(x @ matrix * x, axis=-1)

    x = jnp.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.2, -0.1]])
    norms = np.sqrt(np.array([5.0, 10.0, 13.0, 0.3**2 + 0.5**2]))
    # Between a point and itself lies that point.
    found = jax.jit(lambda: PENALTIES["gradient"](logit_fn, x, x))()
    np.testing.assert_allclose(found, (norms - 1) ** 2, rtol=1e-5)
    found = jax.jit(lambda: PENALTIES["zero_centered"](logit_fn, x, x))()
    np.testing.assert_allclose(found, norms**2, rtol=1e-5)


def test_points_are_uniform_on_the_line():
    n = 4000

    def logit_fn(x):
        return 0.5 * jnp.square(x[:, 0])

    @jax.jit
    def penalty(key):
        real, fake = jnp.full((n, 1), 3.0), jnp.full((n, 1), 1.0)
        return penalties.gradient_penalty(logit_fn, real, fake, key)

    points = 1 + np.sqrt(np.asarray(penalty(KEY)))  # the gradient's norm is the point
    uniform = scipy.stats.uniform(loc=1, scale=2)
    assert scipy.stats.kstest(points, uniform.cdf).pvalue > 0.01
    assert not np.allclose(penalty(KEY), penalty(jax.random.key(1)))


def test_one_position_is_shared_by_all_inputs():
    # x and y move along the same line, so x - y stays 0 and so does the gradient.
    def logit_fn(inputs):
        return 0.5 * jnp.sum(jnp.square(inputs["x"] - inputs["y"]), axis=-1)

    real = {"x": jnp.ones((64, 2)), "y": jnp.ones((64, 2))}
    fake = {"x": jnp.zeros((64, 2)), "y": jnp.zeros((64, 2))}
    found = jax.jit(lambda: PENALTIES["gradient"](logit_fn, real, fake))()
    np.testing.assert_array_equal(found, np.ones(64))


def test_each_example_has_its_own_gradient():
    params, inputs = _mlp_params(0), _examples(1)
    penalty = _mlp_penalty("zero_centered")
    found = penalty(params, inputs, inputs)
    logit_fn = jax.jit(lambda t: _mlp(params, t))
    np.testing.assert_allclose(
        found, _finite_difference_squared_norm(logit_fn, inputs, step=1e-2), rtol=2e-3
    )
    alone = jax.tree.map(lambda leaf: leaf[2:3], inputs)
    np.testing.assert_allclose(penalty(params, alone, alone), found[2:3], rtol=1e-5)


def _finite_difference_squared_norm(logit_fn, inputs, step):
    total = np.zeros(5)
    for name, leaf in inputs.items():
        for index in np.ndindex(leaf.shape[1:]):
            shift = np.zeros(leaf.shape, np.float32)
            shift[(slice(None), *index)] = step
            up = logit_fn({**inputs, name: leaf + shift})
            down = logit_fn({**inputs, name: leaf - shift})
            total += (np.asarray(up - down) / (2 * step)) ** 2
    return total


@pytest.mark.parametrize(
    ("name", "order"), [("gradient", 2), ("jensen_shannon", 1), ("zero_centered", 1)]
)
def test_parameter_gradient_by_finite_differences(name, order):
    real, fake = _examples(3), _examples(4)
    penalty = _mlp_penalty(name)
    # Order 2: an unrolled game differentiates through the discriminator's update.
    check_grads(
        jax.jit(lambda params: jnp.mean(penalty(params, real, fake))),
        (_mlp_params(5),),
        order=order,
        modes=("rev",),
        atol=2e-2,
        rtol=2e-2,
    )


@pytest.mark.parametrize("name", list(PENALTIES))
def test_samples_are_data(name):
    penalty = _mlp_penalty(name)
    gradients = jax.jit(
        jax.grad(lambda *inputs: jnp.sum(penalty(*inputs)), argnums=(0, 1, 2))
    )(_mlp_params(0), _examples(1), _examples(2))
    for leaf in jax.tree.leaves(gradients[0]):
        assert np.any(leaf != 0)
    for leaf in jax.tree.leaves(gradients[1:]):
        np.testing.assert_array_equal(leaf, 0.0)


@pytest.mark.parametrize("name", list(PENALTIES))
def test_no_nan_at_zero_gradient(name):
    params = {"first": jnp.zeros((12, 8)), "last": jnp.zeros(8)}
    penalty = _mlp_penalty(name)

    @jax.jit
    def total(params):
        return jnp.sum(penalty(params, _examples(1), _examples(2)))

    assert total(params) == (5.0 if name == "gradient" else 0.0)
    chex.assert_tree_all_finite(jax.jit(jax.grad(total))(params))


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_jensen_shannon_is_finite_at_confident_logits(sign):
    real, fake = jnp.full((2, 1), sign), jnp.full((2, 1), -sign)

    def loss(weight):
        return jnp.sum(
            penalties.jensen_shannon_penalty(lambda x: x[:, 0] * weight, real, fake)
        )

    value, gradient = jax.jit(jax.value_and_grad(loss))(100.0)
    # Right on both sides costs nothing; wrong on both costs the squared slopes.
    assert float(value) == pytest.approx(0.0 if sign > 0 else 4 * 100.0**2)
    assert float(gradient) == pytest.approx(0.0 if sign > 0 else 8 * 100.0)


def test_column_of_logits_is_refused():
    def logit_fn(x):
        return x @ jnp.ones((2, 1))  # [B, 1]

    x = jnp.ones((3, 2))
    with pytest.raises(AssertionError, match=r"\(3, 1\)"):
        penalties.gradient_penalty(logit_fn, x, x, KEY)
    with pytest.raises(AssertionError, match=r"\(3, 1\)"):
        penalties.jensen_shannon_penalty(logit_fn, x, x)
    with pytest.raises(AssertionError, match=r"\(3, 1\)"):
        penalties.zero_centered_penalty(logit_fn, x)


def test_bad_inputs_are_refused():
    def logit_fn(inputs):
        return jnp.sum(inputs["x"], axis=-1)

    x = {"x": jnp.ones((3, 2))}
    with pytest.raises(AssertionError, match="shape"):
        penalties.gradient_penalty(logit_fn, x, {"x": jnp.ones((4, 2))}, KEY)
    with pytest.raises(AssertionError, match="type"):
        penalties.zero_centered_penalty(logit_fn, {"x": jnp.ones((3, 2), jnp.int32)})
    with pytest.raises(AssertionError, match="shape"):
        penalties.zero_centered_penalty(logit_fn, {**x, "z": jnp.ones((4, 2))})


def test_works_over_trials():
    trials = [(_mlp_params(i), _examples(1 + i), _examples(3 + i)) for i in range(2)]
    penalty = _mlp_penalty("gradient")
    together = jax.vmap(penalty)(*jax.tree.map(lambda *a: jnp.stack(a), *trials))
    for found, trial in zip(together, trials, strict=True):
        np.testing.assert_allclose(found, penalty(*trial), rtol=1e-5)
