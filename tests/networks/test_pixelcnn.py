"""PixelCNN sees what it may, is a distribution, and its two samplers agree."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from adversarial_latent.game import Networks
from adversarial_latent.networks.pixelcnn import PixelCNN
from adversarial_latent.pixels import Bernoulli, LogisticMixture, Softmax, quantize
from experiments.benchmarks import naive_sampler
from tests.toys import jit

KEY = jax.random.key(5)
RELU = {"activation": "relu", "kernel": (3, 5)}
GATED = {"activation": "gated", "kernel": (2, 3)}
ALL = ("invariant", "dependent", "input")


def _make(likelihood=None, shape=(5, 4, 1), batch=2, **settings):
    """A module, variables, images, and codes or None."""
    likelihood = likelihood or Bernoulli()
    settings = {"blocks": 2, "hidden_channels": 8, "code_units": 6, **settings}
    module = PixelCNN(shape, likelihood, **settings)
    rng = np.random.default_rng(1)
    x = rng.integers(0, likelihood.levels, (batch, *shape)) / (likelihood.levels - 1)
    x = jnp.float32(x)
    code = jnp.float32(rng.normal(size=(batch, 3))) if module.conditioning else None
    shapes = jax.eval_shape(lambda: module.init(KEY, x, code, train=True))

    def leaf(struct):  # large enough to matter; initial weights take long to compile
        scale = 1.5 / math.sqrt(math.prod(struct.shape[-3:-1]))
        return jnp.float32(rng.normal(0, scale, struct.shape))

    return module, jax.tree.map(leaf, shapes), x, code


def _outputs(module, variables, x, code=None):
    return module.apply(variables, x, code, train=False, method="outputs")


def _sample(module, variables, code=None, key=KEY, method="sample", **options):
    rngs = {"noise": key}
    return module.apply(variables, code, method=method, rngs=rngs, **options)


def _images(likelihood, shape):
    """All images there are."""
    grid = np.linspace(0, 1, likelihood.levels)
    images = list(itertools.product(grid, repeat=math.prod(shape)))
    return np.float32(images).reshape(-1, *shape)


def _seen(module, variables, x):
    """Whether outputs [H, W, O] depend on [H, W, C], by derivatives at some images."""

    def outputs(x):
        return _outputs(module, variables, x[None])[0]

    jacobian = jit(jax.vmap(jax.jacfwd(outputs)))(x)  # [B, H, W, O, H, W, C]
    return np.any(np.asarray(jacobian) != 0, axis=0)


@pytest.mark.parametrize(
    ("likelihood", "channels", "stacks"),
    [
        (Bernoulli(), 1, RELU),
        (Bernoulli(), 3, GATED),
        (Softmax(3), 3, RELU),
        (LogisticMixture(8, components=2), 3, GATED),
    ],
)
def test_no_pixel_sees_itself_or_later_ones(likelihood, channels, stacks):
    shape = (4, 4, channels)
    module, variables, x, _ = _make(likelihood, shape, batch=4, **stacks)
    seen = _seen(module, variables, x)
    size = seen.shape[2]
    order = np.arange(16).reshape(4, 4)
    earlier = order[None, None] < order[:, :, None, None]  # [H, W, H, W]
    allowed = np.broadcast_to(earlier[:, :, None, :, :, None], seen.shape).copy()
    if likelihood.factorized:  # channel c sees those before it
        channel = np.arange(size) // (size // channels)
        before = np.arange(channels)[None] < channel[:, None]  # [O, C]
        for r, c in np.ndindex(4, 4):
            allowed[r, c, :, r, c] = before
            np.testing.assert_array_equal(seen[r, c, :, r, c], before)
    assert not np.any(seen & ~allowed)
    # The pixel on the left and the one above are seen.
    for r, c in np.ndindex(3, 3):
        assert seen[r, c + 1, :, r, c].all()
        assert seen[r + 1, c, :, r, c].all()


@pytest.mark.parametrize(
    ("kernel", "blocks", "rows"), [((3, 5), 3, 9), ((2, 3), 3, 5), ((1, 3), 2, 1)]
)
def test_receptive_field(kernel, blocks, rows):
    """Figure 2 of PixelGAN: three blocks of 3x5 see nine rows above a pixel."""
    module, variables, x, _ = _make(
        shape=(12, 6, 1), activation="gated", kernel=kernel, blocks=blocks
    )
    seen = _seen(module, variables, x)[11, 3, 0, :, :, 0]  # [H, W]
    assert rows == kernel[0] + blocks * (kernel[0] - 1)
    assert seen[:-1].any(1).tolist() == [False] * (11 - rows) + [True] * rows
    # To the left in its row: m by each layer; far enough here for all.
    assert seen[11].tolist() == [True, True, True, False, False, False]
    # Above it sees as far to the right as to the left: m by each layer above.
    assert seen[10, 3:].all()


@pytest.mark.parametrize(
    ("likelihood", "shape"),
    [
        (Bernoulli(), (2, 3, 1)),
        (Softmax(3), (1, 2, 2)),
        (LogisticMixture(3, components=2), (2, 2, 1)),
    ],
)
def test_draws_are_as_frequent_as_they_are_probable(likelihood, shape):
    module, variables, _, _ = _make(likelihood, shape, activation="gated")
    images = _images(likelihood, shape)
    log_prob = jit(lambda x: module.apply(variables, x, train=False))(images)
    probable = np.exp(np.float64(log_prob))
    assert probable.sum() == pytest.approx(1.0, abs=1e-5)
    assert probable.max() > 3 / len(images)  # it is not uniform

    number = 5000
    draws = jit(lambda: _sample(module, variables, number=number))()
    found = np.zeros(len(images))
    weights = likelihood.levels ** np.arange(math.prod(shape))[::-1]
    index = np.rint(np.asarray(draws).reshape(number, -1) * (likelihood.levels - 1))
    np.add.at(found, (index @ weights).astype(int), 1)
    expected = number * probable / probable.sum()
    rare = expected < 5
    if rare.any():  # they are counted together
        expected = np.append(expected[~rare], expected[rare].sum())
        found = np.append(found[~rare], found[rare].sum())
    assert scipy.stats.chisquare(found, expected).pvalue > 1e-3


@pytest.mark.parametrize(
    ("likelihood", "channels", "stacks", "conditioning"),
    [
        (Bernoulli(), 1, RELU, ()),
        (Bernoulli(), 3, GATED, ALL),
        (Softmax(5), 1, GATED, ("invariant",)),
        (LogisticMixture(8, components=2), 3, RELU, ("dependent",)),
    ],
)
def test_the_cached_sampler_draws_what_the_naive_one_does(
    likelihood, channels, stacks, conditioning
):
    module, variables, _, code = _make(
        likelihood,
        (6, 5, channels),
        batch=3,
        **stacks,
        blocks=3,
        conditioning=conditioning,
        code_channels=2,
    )
    number = None if conditioning else 3

    @jit
    def samplers(code):
        methods = ("sample", naive_sampler.sample)
        return [
            _sample(module, variables, code, number=number, method=method, train=False)
            for method in methods
        ]

    cached, naive = samplers(code)
    assert cached.shape == (3, 6, 5, channels)
    assert 0.1 < np.std(cached) < 0.6
    np.testing.assert_allclose(cached, naive, atol=1e-6)
    on_grid = quantize(cached, likelihood.levels)
    np.testing.assert_allclose(cached, on_grid, atol=1e-6)


def test_log_prob_is_the_sum_over_pixels():
    likelihood = LogisticMixture(8, components=2)
    module, variables, x, code = _make(likelihood, conditioning=ALL)
    outputs = jit(lambda x: _outputs(module, variables, x, code))(x)
    assert outputs.shape == (2, 5, 4, 6)
    total = jit(lambda x: module.apply(variables, x, code, train=True))(x)
    assert total.shape == (2,)
    expected = likelihood.log_prob(outputs, x)
    np.testing.assert_allclose(total, expected.sum((1, 2)), rtol=1e-5)


@pytest.mark.parametrize("conditioning", [(name,) for name in ALL])
def test_the_code_is_seen_by_every_way_in(conditioning):
    module, variables, x, code = _make(
        activation="gated", conditioning=conditioning, code_channels=2
    )

    def loss(variables, code):
        return module.apply(variables, x, code, train=True)[0]

    by_variable, by_code = jit(jax.grad(loss, argnums=(0, 1)))(variables, code)
    assert np.all(np.asarray(by_code[0]) != 0)
    assert not np.any(by_code[1])  # another example's
    added = {
        "invariant": {
            f"{layer}_{stack}_bias_code"
            for layer in ("first", "block")
            for stack in ("vertical", "horizontal")
        },
        "dependent": {"dependent_hidden", "dependent_map", "dependent_project"},
        "input": {"input_hidden", "input_map"},
    }[conditioning[0]]
    plain = _make(activation="gated")[1]["params"]
    assert set(by_variable["params"]) - set(plain) == added
    for name in added:
        for gradient in jax.tree.leaves(by_variable["params"][name]):
            assert np.any(gradient)
            if name.startswith("block"):  # [L, d, F]
                assert np.all(np.any(np.asarray(gradient), axis=(1, 2)))


def test_an_invariant_bias_is_the_same_everywhere():
    module, variables, x, code = _make(
        shape=(9, 9, 1), kernel=(2, 3), blocks=1, conditioning=("invariant",)
    )
    outputs = jit(lambda code: _outputs(module, variables, jnp.zeros_like(x), code))
    effect = outputs(code) - outputs(jnp.zeros_like(code))  # [B, 9, 9, 1]
    inside = np.asarray(effect[:, 3:, 3:-2])  # nothing outside the image is seen there
    assert np.abs(inside).max() > 0.05
    np.testing.assert_allclose(inside - inside[:, :1, :1], 0, atol=1e-5)


def test_maps_are_seen_from_where_they_are_added():
    """A location-dependent bias at its pixel and after it; an input like the image."""

    def seen(way):
        module, variables, x, code = _make(
            activation="gated", conditioning=(way,), batch=4
        )

        def outputs(bias):
            params = variables["params"]
            params = params | {f"{way}_map": params[f"{way}_map"] | {"bias": bias}}
            return _outputs(module, {"params": params}, x, code)

        bias = variables["params"][f"{way}_map"]["bias"]
        jacobian = jit(jax.jacfwd(outputs))(bias)  # [B, H, W, 1, H * W]
        return np.any(np.asarray(jacobian) != 0, axis=0).reshape(20, 20)

    after = np.tri(20, k=-1, dtype=bool)
    assert not np.any(seen("input") & ~after)
    dependent = seen("dependent")
    assert np.all(np.diag(dependent))
    row = np.arange(20) // 4
    assert not np.any(dependent & (row[None] > row[:, None]))


def test_examples_are_drawn_independently():
    module, variables, _, code = _make(Softmax(9), batch=4, conditioning=ALL)
    draw = jit(lambda code, key: _sample(module, variables, code, key))
    x = np.asarray(draw(code, KEY))
    assert len(np.unique(x.reshape(4, -1), axis=0)) == 4
    others = np.asarray(draw(code.at[1].add(3.0), KEY))
    np.testing.assert_array_equal(x[[0, 2, 3]], others[[0, 2, 3]])
    assert np.any(x[1] != others[1])
    assert np.any(x != draw(code, jax.random.key(6)))


@pytest.mark.parametrize("activation", ["relu", "gated"])
def test_many_blocks_start_almost_uniform_and_learn(activation):
    module = PixelCNN((8, 8, 1), Bernoulli(), 20, 8, activation=activation)
    x = quantize(jax.random.uniform(KEY, (4, 8, 8, 1)), 2)
    variables = jit(lambda: module.init(KEY, x, train=True))()

    def loss(variables):
        return -module.apply(variables, x, train=True).mean()

    @jit
    def train(variables):
        def step(variables, _):  # what Adam's first step is
            value, gradient = jax.value_and_grad(loss)(variables)
            update = jax.tree.map(lambda leaf: -3e-3 * jnp.sign(leaf), gradient)
            return jax.tree.map(jnp.add, variables, update), value

        return jax.lax.scan(step, variables, length=30)[1]

    losses = train(variables)
    assert losses[0] == pytest.approx(64 * math.log(2), rel=0.1)
    assert losses[-1] < 0.8 * losses[0]


def test_trials_pass_through_vmap():
    module, variables, x, _ = _make(shape=(3, 3, 1))
    trials = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf]), variables)

    def both(variables):
        log_prob = module.apply(variables, x, train=False)
        return log_prob, _sample(module, variables, number=2)

    found = jit(jax.vmap(both))(trials)
    single = jit(both)
    for i in range(2):
        expected = single(jax.tree.map(lambda leaf, i=i: leaf[i], trials))
        np.testing.assert_allclose(found[0][i], expected[0], rtol=1e-4)
        np.testing.assert_array_equal(found[1][i], expected[1])


def test_it_is_a_network_of_a_game():
    module, _, x, code = _make(shape=(3, 3, 1), conditioning=("invariant",))

    @jit
    def evaluate():
        modules = {"decoder": module}
        net = Networks(modules, {}, {}, KEY, train=False, initializing=True)
        first = net("decoder", x, code)
        trained = Networks(modules, net.params, net.model_state, KEY, train=True)
        net = Networks(modules, net.params, net.model_state, KEY, train=False)
        drawn = net("decoder", code, method="sample")
        return first, trained("decoder", x, code), drawn

    first, again, drawn = evaluate()
    assert first.shape == (2,)
    np.testing.assert_allclose(first, again, rtol=1e-6)
    assert drawn.shape == x.shape


def test_what_does_not_fit_is_refused():
    module, variables, x, _ = _make()
    with pytest.raises(
        ValueError, match="conditioning \\(\\), but got a code of shape \\(2, 3"
    ):
        module.apply(variables, x, jnp.zeros((2, 3)), train=False)
    with pytest.raises(ValueError, match="but got no code"):
        module.clone(conditioning=("input",)).apply(variables, x, train=False)
    with pytest.raises(ValueError, match="a code or the number of images"):
        _sample(module, variables)
    with pytest.raises(ValueError, match="a code or the number of images"):
        _sample(module, variables, jnp.zeros((2, 3)), number=3)
    with pytest.raises(AssertionError, match="shape"):
        module.apply(variables, x[:, 1:], train=False)
    for settings, message in (
        ({"kernel": (3, 4)}, "3, 5, ... columns, not \\(3, 4\\)"),
        ({"blocks": 0}, "at least 1, got 0"),
        ({"activation": "tanh"}, "'relu', 'gated'\\), not 'tanh'"),
        ({"conditioning": ("bias",)}, "not {'bias'}"),
    ):
        with pytest.raises(ValueError, match=message):
            module.clone(**settings).apply(variables, x, train=False)
