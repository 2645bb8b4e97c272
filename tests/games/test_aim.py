"""AIM: what its losses are, and which networks they reach."""

import functools
from dataclasses import fields, replace

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import pytest
import scipy.special
import scipy.stats

from adversarial_latent.game import Networks
from adversarial_latent.games import make_game
from adversarial_latent.games.components import Generator
from adversarial_latent.state import create_state
from adversarial_latent.steps import make_train_step
from tests import toys

KEY = jax.random.key(0)
TABLES = {
    "generator": """
z  -  2  -  -  -  -  -  -
h  z  5  1  1  -  -  -  Leak0.2
x  h  3  1  1  -  -  -  -
""",
    "discriminator": """
x  -  3  -  -  -  -  -  -
h  x  4  1  1  -  -  -  Leak0.2
p  h  1  1  1  -  -  -  -
""",
    "encoder": """
h               -                {channels}  -        -        -  -  -  -
e               h                6           1        1        -  -  -  Leak0.2
z_mu            e                2           1        1        -  -  -  -
z_log_variance  {variance_from}  2           {width}  {width}  -  -  -  -
""",
}


def _aim(features="h", *, identity_covariance=False, **settings):
    """AIM on points in three dimensions, d = 2; AIM- if the covariance is given."""
    fills = {
        "channels": 4 if features else 3,
        "variance_from": "zeros" if identity_covariance else "e",
        "width": "-" if identity_covariance else "1",
    }
    texts = {**TABLES, "encoder": TABLES["encoder"].format(**fills)}
    fields = {
        "name": "aim",
        "latent_dim": 2,
        "loss": "non_saturating",
        "code_weight": (0.5, 0.5),
        "data_scale": 1.0,
        "data_shift": 0.0,
        "features": features,
        "penalty": "gradient",
        "penalty_weight": 0.0,
        "kernel_init": "lecun",
        "networks": {name: toys.HEADER + text for name, text in texts.items()},
    }
    return make_game(ml_collections.ConfigDict(fields | settings))


X = np.float32(np.random.default_rng(0).normal(size=(6, 3)))


@functools.cache
def _variables(features="h", identity_covariance=False):
    game = _aim(features, identity_covariance=identity_covariance)
    return toys.jit(game.init)(KEY, {"x": X})


@pytest.mark.parametrize("identity_covariance", [False, True])
@pytest.mark.parametrize("features", ["h", ""])
def test_code_loss_is_the_negative_log_likelihood(features, identity_covariance):
    """Eq. 8, and that of AIM-, against SciPy."""
    game = _aim(features, identity_covariance=identity_covariance)

    @toys.jit
    def forward(params, model_state):
        net = Networks(game.modules, params, model_state, KEY, train=True)
        outputs = game.forward(net, {"x": X})
        z = jax.random.normal(
            Networks({}, {}, {}, KEY, train=True).key("z"), (len(X), 2)
        )
        x_tilde = net("generator", z)["x"]
        seen = net("discriminator", x_tilde)["h"] if features else x_tilde
        logits = net("discriminator", x_tilde)["p"][:, 0]
        return outputs, z, x_tilde, net("encoder", seen), logits

    outputs, z, x_tilde, encoded, logits = forward(
        *_variables(features, identity_covariance)
    )
    std = np.exp(np.asarray(encoded["z_log_variance"]) / 2)
    assert (std == 1).all() == identity_covariance
    expected = -scipy.stats.norm.logpdf(z, encoded["z_mu"], std).sum(-1)
    np.testing.assert_allclose(outputs["code_loss"], expected, rtol=1e-4)
    np.testing.assert_allclose(outputs["fake"][0], x_tilde, rtol=1e-6)
    np.testing.assert_allclose(outputs["fake_logits"], logits, rtol=1e-4, atol=1e-6)


def test_losses_are_those_of_algorithm_1():
    game = _aim(code_weight=(0.25, 0.25))
    real, fake = np.float32([0.5, -2.0]), np.float32([-1.0, 4.0])
    outputs = {
        "real_logits": jnp.array(real),
        "fake_logits": jnp.array(fake),
        "code_loss": jnp.array([8.0, 12.0]),
    }
    net = Networks({}, {}, {}, KEY, train=True)
    discriminator, generator = game.players
    log_expit = scipy.special.log_expit
    loss, scalars = discriminator.loss(net, outputs)
    np.testing.assert_allclose(loss, -log_expit(real) - log_expit(-fake), rtol=1e-5)
    assert scalars["d_real"] == pytest.approx(scipy.special.expit(real).mean(), 1e-5)
    loss, scalars = generator.loss(net, outputs)
    np.testing.assert_allclose(loss, -log_expit(fake) + [2, 3], rtol=1e-5)
    assert scalars["code_loss"] == 10
    assert discriminator.trains == ("discriminator",)
    assert set(generator.trains) == {"generator", "encoder"}


@pytest.mark.parametrize(
    ("start", "end", "weights"),
    [(8.0, 2.0, [8, 4, 2]), (3.0, 3.0, [3, 3, 3]), (0.0, 0.0, [0, 0, 0])],
)
def test_weight_of_the_code_loss_changes_geometrically(start, end, weights):
    _, generator = _aim(code_weight=(start, end)).players
    outputs = {"fake_logits": jnp.zeros(1), "code_loss": jnp.ones(1)}
    for progress, weight in zip((0.0, 0.5, 1.0), weights, strict=True):
        net = Networks({}, {}, {}, KEY, train=True, progress=jnp.float32(progress))
        loss, _ = generator.loss(net, outputs)
        np.testing.assert_allclose(loss, [np.log(2) + weight], rtol=1e-5)


@pytest.mark.parametrize("features", ["h", ""])
def test_data_scale_and_shift_are_undone_for_the_networks(features):
    """A game on data 4 times as large, and elsewhere, is the same game."""
    params, model_state = _variables(features)

    @functools.partial(toys.jit, static_argnums=(0, 1))
    def results(scale, shift):
        game = _aim(features, data_scale=scale, data_shift=shift)
        net = Networks(game.modules, params, model_state, KEY, train=False)
        outputs = game.forward(net, {"x": scale * X + shift})
        code = game.encode(net, scale * X + shift)
        points = (*outputs.pop("real"), *outputs.pop("fake"), game.decode(net, code))
        points += (game.sample(net, 3, None)["x"],)
        return outputs, code, [(point - shift) / scale for point in points]

    for one, other in zip(
        jax.tree.leaves(results(1.0, 0.0)),
        jax.tree.leaves(results(4.0, 3.0)),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_the_encoder_cannot_be_surer_than_the_floor():
    params, model_state = _variables()
    sure = {**params["encoder"], "z_log_variance_bias": jnp.full(2, -50.0)}
    game = _aim()
    net = Networks(
        game.modules, {**params, "encoder": sure}, model_state, KEY, train=False
    )
    np.testing.assert_array_equal(
        game.encode(net, X)["z_log_variance"], np.full((len(X), 2), -12)
    )


def _step(code_weight):
    """Parameters after one simultaneous step of plain descent, and those before."""
    game = _aim(code_weight=(code_weight, code_weight))
    optimizers = toys.sgd(game)
    create = functools.partial(create_state, game, optimizers)
    state = toys.jit(create)(KEY, {"x": X})
    after, _ = toys.jit(make_train_step(game, optimizers))(state, {"x": X[None]})
    return state, after.params


def test_discriminator_learns_nothing_from_the_code_loss():
    """Which reaches the generator through D's features all the same."""
    state, without = _step(code_weight=0.0)
    _, with_code = _step(code_weight=2.0)
    game = _aim()
    step_key = jax.random.fold_in(jax.random.fold_in(state.key, 0), 0)
    key = jax.random.fold_in(step_key, 0)  # step 0, device 0, turn 0

    @toys.jit
    @jax.grad
    def gradient(params):
        net = Networks(game.modules, params, state.model_state, key, train=True)
        return game.forward(net, {"x": X})["code_loss"].mean()

    gradients = gradient(state.params)
    jax.tree.map(
        np.testing.assert_array_equal,
        with_code["discriminator"],
        without["discriminator"],
    )
    for name in ("generator", "encoder"):
        difference = jax.tree.map(
            lambda a, b: np.asarray(a - b), without[name], with_code[name]
        )
        for leaf, expected in zip(
            jax.tree.leaves(difference), jax.tree.leaves(gradients[name]), strict=True
        ):
            np.testing.assert_allclose(leaf, 2 * expected, rtol=1e-3, atol=1e-5)
    for name in ("generator", "discriminator"):
        # There is a gradient with respect to D's features: D is free not to take it.
        assert np.abs(gradients[name]["h_kernel"]).max() > 1e-3


def test_inference():
    game = _aim()
    variables = _variables()

    @toys.jit
    def infer(key):
        net = Networks(game.modules, *variables, key, train=False)
        code = game.encode(net, X)
        features = net("discriminator", X)["h"]
        drawn = game.sample(net, 4000, None)
        return (
            (code, game.decode(net, code), net("encoder", features)),
            (drawn, game.decode(net, drawn)),
        )

    (code, decoded, encoded), (drawn, drawn_again) = infer(KEY)
    np.testing.assert_array_equal(code["z"], encoded["z_mu"])
    np.testing.assert_array_equal(code["z_log_variance"], encoded["z_log_variance"])
    assert decoded.shape == X.shape
    np.testing.assert_allclose(drawn["x"], drawn_again, rtol=1e-6)
    np.testing.assert_allclose(drawn["z"].mean(0), np.zeros(2), atol=5 / np.sqrt(4000))
    np.testing.assert_allclose(
        np.cov(np.asarray(drawn["z"]).T), np.eye(2), atol=5 * np.sqrt(2 / 4000)
    )
    assert game.num_components is None


@pytest.mark.parametrize("features", ["h", ""])
def test_variations_are_generated_from_the_posterior(features):
    game = _aim(features)

    class Codes(Generator):
        """Gives the codes instead of what is generated from them."""

        def generate(self, net, z):
            return z

    settings = {f.name: getattr(game.generator, f.name) for f in fields(Generator)}
    shows = replace(game, generator=Codes(**settings))
    x = np.repeat(X, 200, axis=0)

    variables = _variables(features)

    @toys.jit
    def vary(key):
        net = Networks(game.modules, *variables, key, train=False)
        return shows.variations(net, x), game.variations(net, x), game.encode(net, x)

    z, generated, code = vary(KEY)
    assert generated.shape == x.shape
    noise = (z - code["z"]) / np.exp(code["z_log_variance"] / 2)  # [1200, 2]
    assert scipy.stats.kstest(np.ravel(noise), "norm").pvalue > 0.01
