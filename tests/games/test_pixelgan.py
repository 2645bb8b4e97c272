"""The PixelGAN autoencoder and the PixelCNN by itself."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adversarial_latent.game import Networks
from adversarial_latent.games import make_game, pixelcnn, pixelgan
from adversarial_latent.games.building import pixelcnn_config
from tests import toys

KEY = jax.random.key(5)
TABLES = {
    "encoder": """
x     -     1    -  -  -  -  -    -
y_mu  x     {k}  2  1  -  -  yes  -
y     y_mu  {k}  -  -  -  -  -    Softmax
z     x     {d}  2  1  -  -  -    -
""",
    "discriminator_y": """
y  -  {k}  -  -  -  -  -  -
p  y  1    1  1  -  -  -  -
""",
    "discriminator_z": """
z  -  {d}  -  -  -  -  -  -
p  z  1    1  1  -  -  -  -
""",
}
DECODER = {
    "image_shape": (2, 2, 1),
    "blocks": 1,
    "hidden_channels": 4,
    "kernel": (2, 3),
}


@pytest.fixture(scope="module")
def game():
    config = pixelgan.default_config()
    config.update(
        priors={"y": {"name": "categorical"}, "z": {"name": "gaussian"}},
        num_components=3,
        networks={name: toys.HEADER + text for name, text in TABLES.items()},
        pixelcnn=pixelcnn_config(**DECODER, conditioning=("invariant",)),
    )
    return make_game(config)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).random((5, 2, 2, 1), np.float32)


@pytest.fixture(scope="module")
def variables(game, x):
    return toys.jit(game.init)(KEY, {"x": x})


def networks(game, variables, train=False):
    return Networks(game.modules, *variables, KEY, train=train)


def test_the_decoder_explains_pixels_given_the_code(game, variables, x):
    reconstruction, *_ = game.phases
    (autoencoder,) = reconstruction.players
    net = networks(game, variables, train=True)
    outputs = reconstruction.forward(net, {"x": x})
    losses, _ = autoencoder.loss(net, outputs)
    net = networks(game, variables, train=True)
    binary = np.float32(x > 0.5)
    rows = net("encoder", binary)
    code = jnp.concatenate([rows["y"], rows["z"]], axis=1)
    np.testing.assert_allclose(losses, -net("decoder", binary, code), rtol=1e-5)
    assert autoencoder.trains == ("encoder", "decoder")
    assert game.update_order == "alternating"


def test_images_given_a_code_have_probabilities(game, variables):
    """All binary images of four pixels, given one code: they sum to one."""
    net = networks(game, variables)
    code = jnp.tile(jnp.array([[0.2, 0.5, 0.3, -1.0, 2.0]]), (16, 1))
    total = np.exp(np.float64(net("decoder", EVERY, code))).sum()
    assert total == pytest.approx(1.0, rel=1e-5)


def test_log_prob_is_that_of_the_inferred_code(game, variables, x):
    net = networks(game, variables)
    inferred = game.encode(net, x)
    code = jnp.concatenate([inferred["y"], inferred["z"]], axis=1)
    expected = net("decoder", np.float32(x > 0.5), code)
    np.testing.assert_allclose(game.log_prob(net, x), expected, rtol=1e-5)
    assert game.log_prob_given_code


def test_samples_follow_the_decoder(game, variables):
    """Frequencies of images are their probabilities given the code."""
    net = networks(game, variables)
    number = 4000
    code = {"y": np.float32([[0, 1, 0]]), "z": np.float32([[1.0, -1.0]])}
    code = {part: np.tile(value, (number, 1)) for part, value in code.items()}
    drawn = np.asarray(toys.jit(lambda: game.decode(net, code))())
    assert drawn.shape == (number, 2, 2, 1)
    found = np.bincount(drawn.reshape(number, 4).astype(int) @ [8, 4, 2, 1])
    vectors = np.concatenate([code["y"], code["z"]], axis=1)[:16]
    probable = np.exp(net("decoder", EVERY, vectors))
    np.testing.assert_allclose(found / number, probable, atol=0.03)
    samples = game.sample(net, 3, jnp.array([2, 0, 1]))
    np.testing.assert_array_equal(samples["y"].argmax(1), [2, 0, 1])
    assert game.variations(net, drawn[:3]).shape == (3, 2, 2, 1)


def pixelcnn_game(**settings):
    config = pixelcnn.default_config()
    config.update(pixelcnn=pixelcnn_config(**DECODER), **settings)
    return make_game(config)


EVERY = np.float32(list(itertools.product([0, 1], repeat=4))).reshape(16, 2, 2, 1)


def test_pixelcnn_alone():
    game = pixelcnn_game()
    (player,) = game.players
    assert player.trains == ("decoder",)
    variables = toys.jit(game.init)(KEY, {"x": EVERY})
    net = networks(game, variables, train=True)
    losses, _ = player.loss(net, game.forward(net, {"x": EVERY}))
    assert np.exp(-np.float64(losses)).sum() == pytest.approx(1.0, rel=1e-5)
    np.testing.assert_allclose(game.log_prob(net, 0.9 * EVERY), -losses, rtol=1e-6)
    assert not game.log_prob_given_code
    assert game.sample(net, 7, None)["x"].shape == (7, 2, 2, 1)


def test_random_rounding_keeps_the_mean():
    """The mean of log p over all ways to round a grey image."""
    game = pixelcnn_game(rounding="random")
    variables = toys.jit(game.init)(KEY, {"x": EVERY})
    net = networks(game, variables)
    grey = np.float32([0.1, 0.9, 0.5, 0.3]).reshape(1, 2, 2, 1)
    found = game.log_prob(net, np.tile(grey, (4000, 1, 1, 1)))
    nearest = pixelcnn_game().log_prob(net, EVERY)
    chance = np.where(EVERY == 1, grey, 1 - grey).prod((1, 2, 3))
    expected = np.sum(chance * np.asarray(nearest))
    assert np.mean(np.asarray(found)) == pytest.approx(expected, abs=0.05)
    np.testing.assert_allclose(game.log_prob(net, EVERY), nearest, rtol=1e-6)
    with pytest.raises(ValueError, match="'up' must be nearest or random"):
        pixelcnn_game(rounding="up")


def test_a_pixelcnn_has_no_other_fields():
    with pytest.raises(ValueError, match=r"a PixelCNN has no \['depth'\], only"):
        pixelcnn_config(depth=3)
