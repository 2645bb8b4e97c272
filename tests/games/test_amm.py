"""AMM against its equations, computed by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from adversarial_latent.consistency import virtual_adversarial_divergence
from adversarial_latent.game import Networks
from adversarial_latent.games import make_game
from configs import amm_mnist, amm_svhn, samm_mnist, samm_svhn
from tests import toys

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def game():
    return toys.amm()


@pytest.fixture(scope="module")
def variables(game):
    return toys.jit(game.init)(KEY, {"x": toys.images(0, 2)})


def _player(game, name):
    return {player.name: player for player in game.players}[name]


# Algorithm 1.

REAL_LOGITS = np.float32([0.5, -2.0, 3.0])
FAKE_LOGITS = np.float32([-1.0, 0.25, 40.0])
OUTPUTS = {
    "real": (None, np.float32([[0.2, 0.8], [1, 0], [0.5, 0.5]]), None),
    "fake": (None, None, None),
    "example_weights": np.ones(3, np.float32),
    "real_logits": jnp.array(REAL_LOGITS),
    "fake_logits": jnp.array(FAKE_LOGITS),
}


def test_losses_are_those_of_algorithm_1():
    game = toys.amm(penalty_weight=0.0)
    # rho is the probability that D gives to "inferred": sigmoid of its logit.
    log_rho_q, log_rho_p, log_1_q, log_1_p = (
        np.log(scipy.special.expit(np.float64(logits)))
        for logits in (REAL_LOGITS, FAKE_LOGITS, -REAL_LOGITS, -FAKE_LOGITS)
    )
    loss, scalars = _player(game, "discriminator").loss(None, OUTPUTS)
    np.testing.assert_allclose(loss, -log_rho_q - log_1_p, rtol=1e-5)
    assert scalars["d_real"] == pytest.approx(np.exp(log_rho_q).mean(), rel=1e-5)
    assert scalars["d_fake"] == pytest.approx(np.exp(log_rho_p).mean(), rel=1e-5)
    loss, scalars = _player(game, "generator").loss(None, OUTPUTS)
    np.testing.assert_allclose(loss, -log_rho_p - log_1_q, rtol=1e-5)
    assert scalars["confidence"] == pytest.approx((0.8 + 1 + 0.5) / 3)


def test_players_divide_the_networks(game):
    trains = {player.name: set(player.trains) for player in game.players}
    assert trains == {
        "discriminator": {"discriminator"},
        "generator": {"encoder", "prior", "decoder"},
    }
    assert game.num_components == 3
    assert not game.uses_labels
    assert not game.conditional


LINEAR_DISCRIMINATOR = """
x   -       1  -  -  -  -  -  -
y   -       3  -  -  -  -  -  -
z   -       2  -  -  -  -  -  -
x1  x       1  2  1  -  -  -  -
p0  x1|y|z  6  -  -  -  -  -  -
p   p0      1  1  1  -  -  -  -
"""


def test_penalty_of_a_linear_discriminator_by_hand():
    """Eq. 18: the gradient is the weights, wherever it is taken."""
    random = np.random.default_rng(0)
    x_kernel = np.float32(random.normal(size=(2, 2, 1, 1)))
    head = np.float32(random.normal(size=6))
    params = {
        "x1_kernel": x_kernel,
        "x1_bias": np.zeros(1, np.float32),
        "p_kernel": head.reshape(1, 1, 6, 1),
        "p_bias": np.zeros(1, np.float32),
    }
    game = toys.amm(
        networks={"discriminator": toys.HEADER + LINEAR_DISCRIMINATOR},
        penalty_weight=5.0,
    )
    net = Networks(
        game.modules,
        {"discriminator": params},
        {"discriminator": {}},
        KEY,
        train=True,
    )
    triple = (toys.images(0, 3), np.float32(np.eye(3)), np.ones((3, 2), np.float32))
    fake = jax.tree.map(lambda leaf: leaf + 1, triple)
    outputs = {**OUTPUTS, "real": triple, "fake": fake}
    loss, scalars = _player(game, "discriminator").loss(net, outputs)
    unpenalised = toys.amm(penalty_weight=0.0)
    plain, _ = _player(unpenalised, "discriminator").loss(None, outputs)
    norm = np.sqrt((head[0] ** 2 * x_kernel**2).sum() + (head[1:] ** 2).sum())
    np.testing.assert_allclose(loss - plain, np.full(3, 5 * (norm - 1) ** 2), rtol=1e-4)
    assert scalars["discriminator/penalty"] == pytest.approx((norm - 1) ** 2, rel=1e-4)


def test_forward_discriminates_both_joint_distributions(game, variables):
    x = toys.images(1, 6)

    @toys.jit
    def forward(params, model_state):
        net = Networks(game.modules, params, model_state, KEY, train=False)
        outputs = game.forward(net, {"x": x})
        # D on its own, on each side alone.
        alone = [
            net("discriminator", *outputs[side])["p"][:, 0] for side in ("real", "fake")
        ]
        return outputs, alone, net("decoder", *outputs["fake"][1:])["x"]

    outputs, (real_logits, fake_logits), decoded = forward(*variables)
    np.testing.assert_allclose(outputs["real_logits"], real_logits, rtol=1e-5)
    np.testing.assert_allclose(outputs["fake_logits"], fake_logits, rtol=1e-5)
    np.testing.assert_array_equal(outputs["real"][0], x)
    np.testing.assert_allclose(outputs["real"][1].sum(-1), np.ones(6), rtol=1e-6)
    assert outputs["real"][2].shape == (6, 2)
    np.testing.assert_allclose(outputs["fake"][0], decoded, rtol=1e-6)
    y = np.asarray(outputs["fake"][1])
    np.testing.assert_array_equal(np.sort(y), np.tile([[0, 0, 1]], (6, 1)))
    assert outputs["fake"][2].shape == (6, 2)


@pytest.mark.parametrize("neighbour", [0, 10])
def test_terms_that_the_paper_does_without(neighbour, variables):
    """Consistency, confidence and balance, from their definitions."""
    distance = np.float32([0.5, 1, 2, 0.1, 0.7, 3]) if neighbour else None
    game = toys.amm(
        consistency_weight=3.0,
        consistency_radius=0.5,
        consistency_neighbour=neighbour,
        consistency_probe=0.8,
        confidence_weight=0.7,
        balance_weight=0.2,
    )
    x = toys.images(1, 6)
    batch = {"x": x} | ({"neighbour_distance": distance} if neighbour else {})
    assert list(game.quantities) == list(batch)[1:]

    @toys.jit
    def losses(params, model_state):
        def bind():
            return Networks(game.modules, params, model_state, KEY, train=True)

        outputs = game.forward(bind(), batch)
        total, scalars = _player(game, "generator").loss(bind(), outputs)
        plain, _ = _player(toys.amm(), "generator").loss(bind(), outputs)
        divergence = virtual_adversarial_divergence(
            # With the dropout that the term's evaluations draw.
            lambda x: bind()("encoder", x)["y_mu"],
            x,
            outputs["y_mu"],
            bind().key("consistency"),
            0.5,
            distance,
            0.8,
        )
        return total - plain, scalars, outputs["y_mu"], divergence

    added, scalars, y_mu, divergence = jax.tree.map(np.asarray, losses(*variables))
    q = scipy.special.softmax(y_mu, -1)
    entropy, balance = scipy.stats.entropy(q, axis=1), scipy.stats.entropy(q.mean(0))
    np.testing.assert_allclose(
        added, 3 * divergence + 0.7 * entropy - 0.2 * balance, rtol=1e-4, atol=1e-5
    )
    assert scalars["generator/consistency"] == pytest.approx(
        divergence.mean(), rel=1e-3
    )
    assert scalars["generator/information"] == pytest.approx(
        balance - entropy.mean(), rel=1e-3, abs=1e-6
    )


# Eq. 6: z's tower reads y.
ENCODER_6 = """
x        -             1        -  -  -  -  -    -
y1       x             6        2  1  -  -  yes  Leak0.2
z1       x             6        2  1  -  -  yes  Leak0.2
y_mu     y1            {k}      1  1  -  -  -    -
y_sigma  y1            {k}      1  1  -  -  -    ExpN
y        y_mu+y_sigma  {k}      -  -  -  -  -    Softmax
zy       z1|y          6+{k}    -  -  -  -  -    -
z_mu     zy            {d}      1  1  -  -  -    -
z_sigma  zy            {d}      1  1  -  -  -    ExpN
z        z_mu+z_sigma  {d}      -  -  -  -  -    -
"""


@pytest.mark.parametrize("name", ["amm", "samm"])
def test_part_of_the_adversarial_gradient_reaches_the_logits_of_y(name):
    """Through D's input y and through z; z's own gradient stays as it is."""
    batch = {"x": toys.images(1, 6)}
    batch |= {"labelled_x": toys.images(2, 3), "label": np.int32([2, 0, 1])}
    settings = {"name": name, "networks": {"encoder": toys.HEADER + ENCODER_6}}

    def loss(encoder, fraction, y_weight):
        game = toys.amm(y_gradient=fraction, **settings)
        params, model_state = game.init(KEY, batch)
        params["encoder"] |= encoder
        # D without its own input y: what remains comes through z.
        kernel = params["discriminator"]["p1_kernel"]
        params["discriminator"]["p1_kernel"] = kernel.at[:, :, 6:9].multiply(y_weight)
        net = Networks(game.modules, params, model_state, KEY, train=True)
        outputs = game.forward(net, batch)
        return _player(game, "generator").loss(net, outputs)[0].mean()

    kernels = ("y_mu_kernel", "y_sigma_kernel", "z_mu_kernel")
    game = toys.amm(**settings)
    encoder = toys.jit(game.init)(KEY, batch)[0]["encoder"]
    encoder = {kernel: encoder[kernel] for kernel in kernels}
    gradients = toys.jit(jax.value_and_grad(loss), static_argnums=(1, 2))
    for y_weight in (1, 0):
        value, full = gradients(encoder, 1.0, y_weight)
        assert np.abs(full["y_mu_kernel"]).max() > 1e-4
        for fraction in (0.01, 0.0):
            same, part = gradients(encoder, fraction, y_weight)
            np.testing.assert_allclose(same, value, rtol=1e-6)
            for kernel in kernels:
                expected = full[kernel] * (1 if kernel[0] == "z" else fraction)
                np.testing.assert_allclose(part[kernel], expected, 1e-4, 1e-7)


def test_z_is_that_of_the_most_probable_y():
    """And y is that of the mean of its noise."""
    encoder = """
x     -     1    -  -  -  -  -  -
y_mu  x     {k}  2  1  -  -  -  -
y     y_mu  {k}  -  -  -  -  -  Softmax
z_mu  y     {d}  1  1  -  -  -  -
z     z_mu  {d}  -  -  -  -  -  -
"""
    game = toys.amm(networks={"encoder": toys.HEADER + encoder})
    x = toys.images(2, 5)
    params, model_state = toys.jit(game.init)(KEY, {"x": x})
    net = Networks(game.modules, params, model_state, KEY, train=False)
    code = game.encode(net, x)
    np.testing.assert_allclose(code["y"].sum(1), np.ones(5), rtol=1e-5)
    assert code["y"].max() < 0.99
    kernel = np.asarray(params["encoder"]["z_mu_kernel"])[0, 0]
    np.testing.assert_allclose(
        code["z"], kernel[np.asarray(code["y"]).argmax(1)], rtol=1e-5
    )


# Which distributions the tables make.


CONFIGS = {
    "amm_mnist": amm_mnist,
    "amm_svhn": amm_svhn,
    "samm_mnist": samm_mnist,
    "samm_svhn": samm_svhn,
}


def _perturbed(params, rows):
    """Changes the kernels of the rows with one of these names."""
    kernels = {f"{row}_kernel" for row in rows} & params.keys()
    assert kernels
    return {
        name: leaf + 0.5 if name in kernels else leaf for name, leaf in params.items()
    }


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize(
    ("factorization", "y_reads_z", "z_reads_y"),
    [(6, False, True), (7, True, False), (15, False, False)],
)
def test_factorization(name, factorization, y_reads_z, z_reads_y):
    """Eq. 6: q(y|x) q(z|x, y); eq. 7: q(z|x) q(y|x, z); eq. 15: q(y|x) q(z|x).

    Of eq. 7 the tables have the layers of z's tower in that of y. Under eq. 6 z depends
    on y alone, inferred or given, and not on the layers of its tower.
    """
    config = CONFIGS[name].get_config(f"factorization={factorization}").game
    encoder = make_game(config).modules["encoder"]
    side = 32 if "svhn" in name else 28
    x = np.random.default_rng(0).uniform(size=(1, side, side, 3 if side == 32 else 1))
    x = np.float32(x)

    def init(key):
        return encoder.init(
            {name: key for name in ("params", "dropout", "noise")}, x, train=False
        )

    # Shapes by tracing, values by NumPy: quicker than compiling an initialisation.
    random = np.random.default_rng(1)
    variables = jax.tree.map(
        lambda leaf: np.float32(0.1 * random.normal(size=leaf.shape)),
        jax.eval_shape(init, KEY),
    )
    statistics = jax.tree.map(np.ones_like, variables["batch_stats"])

    @toys.jit
    def encode(params, y):
        variables = {"params": params, "batch_stats": statistics}
        apply = functools.partial(encoder.apply, variables, x, train=False, noise=False)
        return apply(), apply(given={"y": y})["z"]

    params, first = variables["params"], jnp.eye(config.num_components)[:1]
    before, z_of_first = encode(params, first)
    _, z_of_other = encode(params, first[:, ::-1])
    assert np.array_equal(z_of_first, z_of_other) != z_reads_y, "the given y"
    towers = {tower: [f"{tower}{layer}" for layer in range(1, 6)] for tower in "yz"}
    after_y, z_given_y = encode(_perturbed(params, towers["y"]), first)
    after_z, _ = encode(_perturbed(params, towers["z"]), first)
    assert np.array_equal(before["y"], after_z["y"]) != y_reads_z
    assert np.array_equal(before["z"], after_y["z"]) != z_reads_y
    np.testing.assert_array_equal(z_given_y, z_of_first, "only through y")
    assert not np.array_equal(before["y"], after_y["y"])
    assert not np.array_equal(before["z"], after_z["z"])


@pytest.mark.parametrize("argument", ["factorization=8", "prior=flat"])
def test_unknown_distributions(argument):
    with pytest.raises(ValueError, match=argument.split("=")[0] + " must be"):
        amm_mnist.get_config(argument)


PRIORS = ["unit", "learned", "per_component", "separated", "fixed", "independent"]


@pytest.fixture(scope="module", params=PRIORS)
def prior(request):
    """`(name, parameters, mixture, samples of components 0 and 2)` of a prior."""
    count = 6000
    config = toys.amm_config()
    amm_mnist.set_prior(config, request.param, amm_mnist.prior_table)
    game = make_game(config)

    @toys.jit
    def draw(key):
        params, model_state = game.init(key, {"x": toys.images(0, 2)})
        # Biases start at zero: move them, to have something to compare.
        params["prior"] = jax.tree.map(
            lambda leaf: leaf + 0.3 if leaf.ndim == 1 else leaf, params["prior"]
        )
        net = Networks(game.modules, params, model_state, key, train=False)
        component = jnp.repeat(jnp.array([0, 2]), count)
        drawn = game.sample(net, 2 * count, component)
        return params["prior"], game.mixture(net), drawn["z"].reshape(2, count, -1)

    return request.param, *draw(KEY)


def test_mixture_has_the_moments_of_its_samples(prior):
    _, _, mixture, samples = prior
    count = samples.shape[1]
    np.testing.assert_allclose(mixture.probabilities, np.full(3, 1 / 3), rtol=1e-6)
    for z, k in zip(samples, (0, 2), strict=True):
        variance = np.exp(mixture.log_variance[k])
        np.testing.assert_array_less(
            np.abs(z.mean(0) - mixture.mean[k]), 5 * np.sqrt(variance / count)
        )
        np.testing.assert_allclose(z.var(0), variance, rtol=5 * np.sqrt(2 / count))


def test_log_variance_of_a_prior(prior):
    name, params, mixture, _ = prior
    log_variance = mixture.log_variance
    assert log_variance.shape == mixture.mean.shape == (3, 2)
    means = mixture.mean
    if name == "independent":  # eq. 16: p(z|y) = N(0, I)
        np.testing.assert_array_equal(means, np.zeros((3, 2)))
    else:
        assert np.abs(means[0] - means[2]).max() > 1e-3, "every component has its mean"
    if name in ("unit", "fixed", "separated", "independent"):
        np.testing.assert_array_equal(log_variance, np.zeros((3, 2)))
    assert bool(params) == (name not in ("fixed", "independent"))
    if name in ("fixed", "separated"):
        np.testing.assert_allclose(np.linalg.norm(means, axis=1), 4 * np.ones(3), 1e-5)
    if name == "per_component":  # table 8: a row of each kernel for each component
        np.testing.assert_allclose(
            log_variance,
            params["z_sigma_kernel"][0, 0] + params["z_sigma_bias"][None],
            rtol=1e-5,
        )
        np.testing.assert_allclose(
            means, params["z_mu_kernel"][0, 0] + params["z_mu_bias"][None], rtol=1e-5
        )
    if name == "learned":
        assert params["z_sigma_kernel"].shape == (1, 1, 64, 2)
        assert np.abs(log_variance[0] - log_variance[2]).max() > 1e-4


# Inference.


def test_codes_are_probabilities_and_means_of_the_noise(game, variables):
    x = toys.images(3, 7)

    @toys.jit
    def encode(key):
        net = Networks(game.modules, *variables, key, train=False)
        noisy, sampled = net.fork()("encoder", x), game.sample_code(net.fork(), x)
        return game.encode(net, x), noisy, sampled

    code, noisy, sampled = encode(KEY)
    again, noisy_again, _ = encode(jax.random.key(1))
    assert code["y"].min() >= 0
    np.testing.assert_allclose(code["y"].sum(-1), np.ones(7), rtol=1e-5)
    for name in ("y", "z"):
        np.testing.assert_array_equal(code[name], again[name])
        assert not np.array_equal(noisy[name], noisy_again[name])
        np.testing.assert_array_equal(sampled[name], noisy[name])
    np.testing.assert_allclose(code["z"], noisy["z_mu"], rtol=1e-6)
    np.testing.assert_allclose(
        code["y"], scipy.special.softmax(np.asarray(noisy["y_mu"]), -1), rtol=1e-5
    )


def test_samples_are_of_the_given_component(game, variables):
    @toys.jit
    def sample(component):
        net = Networks(game.modules, *variables, KEY, train=False)
        return game.sample(net, 3000, component), game.sample(net, 4, jnp.arange(4) % 3)

    drawn, chosen = sample(None)
    np.testing.assert_array_equal(chosen["y"], np.eye(3)[[0, 1, 2, 0]])
    assert chosen["x"].shape == (4, 2, 2, 1)
    assert set(np.unique(drawn["y"])) == {0, 1}
    np.testing.assert_array_equal(drawn["y"].sum(-1), np.ones(3000))
    # From p(y), uniform: five standard errors.
    np.testing.assert_allclose(drawn["y"].mean(0), np.full(3, 1 / 3), atol=0.043)


@pytest.mark.parametrize("n", [6, 7])
def test_stratified_components_are_equally_frequent(n, variables):
    game = toys.amm(stratified=True)

    @toys.jit
    def counts(key):
        net = Networks(game.modules, *variables, key, train=True)
        return game.forward(net, {"x": toys.images(0, n)})["fake"][1].sum(0)

    drawn = {tuple(np.asarray(counts(jax.random.key(seed)))) for seed in range(20)}
    if n == 6:
        assert drawn == {(2, 2, 2)}
    else:  # who comes one time more is drawn
        assert drawn == {(3, 2, 2), (2, 3, 2), (2, 2, 3)}


def test_unknown_game():
    with pytest.raises(ValueError, match=r"unknown game 'amn'.*'amm'"):
        make_game(toys.amm_config(name="amn"))
