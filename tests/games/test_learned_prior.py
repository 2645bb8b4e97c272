"""The learned-prior AAE: losses from its equations, and what each player trains."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.special
import scipy.stats

from adversarial_latent.consistency import virtual_adversarial_divergence
from adversarial_latent.game import Networks
from adversarial_latent.games import learned_prior, make_game
from adversarial_latent.state import create_state
from adversarial_latent.steps import make_train_step
from tests import toys

KEY = jax.random.key(3)
K, NOISE, CODE = 3, 2, 5
TABLES = {
    "encoder": """
x  -  4  -  -  -  -  -    -
h  x  8  1  1  -  -  yes  ReLU
z  h  5  1  1  -  -  -    -
""",
    "decoder": """
z  -  5  -  -  -  -  -    -
h  z  8  1  1  -  -  yes  ReLU
x  h  4  1  1  -  -  -    Tanh
""",
    "code_generator": """
s  -    3    -  -  -  -  -    -
n  -    2    -  -  -  -  -    -
c  s|n  3+2  -  -  -  -  -    -
h  c    8    1  1  -  -  yes  ReLU
z  h    5    1  1  -  -  -    -
""",
    "code_discriminator": """
z  -  5  -  -  -  -  -  -
h  z  8  1  1  -  -  -  Leak0.2
p  h  1  1  1  -  -  -  -
""",
    "image_discriminator": """
x         -         4  -  -  -  -  -    -
features  x         8  1  1  -  -  yes  Leak0.2
p         features  1  1  1  -  -  -    -
s         features  3  1  1  -  -  -    -
""",
}
AAE_PHASE = {
    "code_discriminator": ("code_discriminator",),
    "encoder": ("encoder",),
    "decoder": ("decoder",),
}
IMPROVEMENT = {
    "image_discriminator": ("image_discriminator",),
    "generator": ("code_generator", "decoder"),
}


def config(*, without=(), **settings):
    """`config.game`, without some of the networks."""
    made = learned_prior.default_config()
    made.update(
        noise_dim=NOISE,
        num_components=K,
        condition="label",
        mutual_information=0.5,
        reconstruction_weights=(10.0, 3.0),
        kernel_init="lecun",
        networks={
            name: toys.HEADER + text
            for name, text in TABLES.items()
            if name not in without
        },
    )
    made.update(settings)
    return made


def unconditional(*, without=(), **settings):
    """Likewise of a game without s."""
    made = config(without=without, condition="", mutual_information=0.0, **settings)
    if "code_generator" in made.networks:
        made.networks.code_generator = toys.HEADER + (
            "n - 2 - - - - - -\nz n 5 1 1 - - - -\n"
        )
    if "image_discriminator" in made.networks:
        *rows, _ = made.networks.image_discriminator.strip().splitlines()
        made.networks.image_discriminator = "\n".join(rows)
    return made


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return {
        "x": np.float32(rng.random((6, 4))),
        "labelled_x": np.float32(rng.random((6, 4))),
        "label": np.int32([0, 1, 2, 2, 1, 0]),
    }


@pytest.fixture(scope="module")
def game():
    return make_game(config())


@pytest.fixture(scope="module")
def variables(game, batch):
    return toys.jit(game.init)(KEY, batch)


def networks(game, variables, train=True):
    return Networks(game.modules, *variables, KEY, train=train)


def forward(game, variables, batch, name):
    """Outputs of the phase of player `name`, its losses, scalars and networks."""
    ((phase, player),) = (
        (phase, player)
        for phase in game.phases
        for player in phase.players
        if player.name == name
    )
    net = networks(game, variables)
    outputs = phase.forward(net, batch)
    losses, scalars = player.loss(net, outputs)
    return outputs, losses, scalars, net


def changed(before, after):
    """Names of the networks of which anything is not the same, bit for bit."""
    return {
        name
        for name in before
        if any(
            not np.array_equal(old, new)
            for old, new in zip(
                jax.tree.leaves(before[name]), jax.tree.leaves(after[name]), strict=True
            )
        )
    }


def seen(batch):
    """Labelled images as networks see them."""
    return 2 * batch["labelled_x"] - 1


def decode_as_one(net, *codes):
    """Images of several kinds of codes: the decoder's batch norm is of all of them."""
    decoded = net("decoder", np.concatenate(codes))["x"]
    return np.split(np.asarray(decoded), len(codes))


def trained(game):
    return {player.name: player.trains for player in game.players}


def softplus(x):
    return -scipy.special.log_expit(-np.float64(x))


def cross_entropy(logits, label):
    log_probabilities = scipy.special.log_softmax(np.float64(logits), axis=1)
    return -log_probabilities[np.arange(len(label)), label]


# Players.


def test_players_are_those_of_algorithm_1(game):
    assert trained(game) == AAE_PHASE | IMPROVEMENT
    assert list(trained(game)) == [*AAE_PHASE, *IMPROVEMENT]
    assert game.uses_labels
    assert game.num_components == K
    fixed = make_game(config(without=("code_generator",), prior="fixed"))
    assert trained(fixed) == AAE_PHASE | IMPROVEMENT | {"generator": ("decoder",)}


def test_switched_off_all_together_it_is_an_adversarial_autoencoder():
    plain = {"prior": "fixed", "similarity": "pixel"}
    without = ("code_generator", "image_discriminator")
    aae = make_game(unconditional(without=without, **plain))
    assert trained(aae) == AAE_PHASE
    assert set(aae.modules) == set(AAE_PHASE)
    assert aae.num_components is None
    assert not aae.uses_labels
    # An image discriminator that nobody needs is trained all the same, if it is there.
    optional = make_game(unconditional(without=("code_generator",), **plain))
    assert trained(optional) == AAE_PHASE | IMPROVEMENT | {"generator": ("decoder",)}


def test_each_player_trains_its_own_networks(game, variables, batch):
    """All others stay, bit for bit: D_I where its features compare images, too."""
    names = list(trained(game))

    @toys.jit
    def step(rates):
        optimizers = {name: optax.sgd(rates[name]) for name in names}
        state = create_state(game, optimizers, KEY, batch)
        state = dataclasses.replace(
            state, params=variables[0], model_state=variables[1]
        )
        take = make_train_step(game, optimizers, update_order="alternating")
        return take(state, jax.tree.map(lambda leaf: leaf[None], batch))

    for updated in names:
        after, metrics = step({name: 0.1 * (name == updated) for name in names})
        assert changed(variables[0], after.params) == set(trained(game)[updated])
        assert np.isfinite([float(value) for value in metrics.values()]).all()


# Losses.


def test_code_discriminator_tells_the_prior_from_inferred_codes(game, variables, batch):
    outputs, losses, scalars, _ = forward(game, variables, batch, "code_discriminator")
    real, fake = np.float64(outputs["real"]), np.float64(outputs["fake"])
    np.testing.assert_allclose(losses, softplus(-real) + softplus(fake), rtol=1e-5)
    mean = scipy.special.expit(real).mean(), scipy.special.expit(fake).mean()
    found = scalars["d_code_real"], scalars["d_code_fake"]
    np.testing.assert_allclose(found, mean, rtol=1e-5)
    net = networks(game, variables)
    code = net("encoder", seen(batch))["z"]
    logits = net("code_discriminator", code)["p"][:, 0]
    np.testing.assert_allclose(logits, fake, rtol=1e-4, atol=1e-6)
    # The prior's codes are CG's, of the minibatch's labels.
    net = networks(game, variables)
    z = jax.random.normal(net.key("z"), (6, NOISE))
    code = net("code_generator", jnp.eye(K)[batch["label"]], z)["z"]
    logits = net("code_discriminator", code)["p"][:, 0]
    np.testing.assert_allclose(logits, real, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("similarity", ["learned", "pixel"])
def test_encoder_and_decoder_reconstruct(variables, batch, similarity):
    game = make_game(config(similarity=similarity))
    net = networks(game, variables)
    x = seen(batch)
    x_rec = net("decoder", net("encoder", x)["z"])["x"]
    if similarity == "learned":
        both = net("image_discriminator", jnp.concatenate([x, x_rec]))["features"]
        x, x_rec = jnp.split(both, 2)
    squares = np.square(np.float64(x) - np.float64(x_rec)).mean(1)
    outputs, losses, scalars, _ = forward(game, variables, batch, "encoder")
    expected = softplus(-outputs["fake"]) + 10 * squares
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert scalars["reconstruction"] == pytest.approx(squares.mean(), rel=1e-4)
    _, losses, _, _ = forward(game, variables, batch, "decoder")
    np.testing.assert_allclose(losses, 3 * squares, rtol=1e-4)


def test_learned_similarity_sees_contrast(game, variables, batch):
    """Statistics of each side alone would give half the contrast no distance."""
    x = batch["x"] - batch["x"].mean(0)

    def similarity(x_rec):
        net = networks(game, variables)
        return float(game._dissimilarity(net, None, x, x_rec).mean())

    assert similarity(x) == pytest.approx(0, abs=1e-10)
    assert similarity(0.5 * x) > 0.1 * similarity(np.roll(x, 1, 0))
    assert similarity(-x) > similarity(0.5 * x)


def test_the_aae_phase_does_not_change_the_statistics_of_images(game, variables, batch):
    *_, net = forward(game, variables, batch, "decoder")
    assert "image_discriminator" not in changed(variables[1], net.model_state)


def test_image_discriminator_tells_images_from_both_that_are_made(
    game, variables, batch
):
    outputs, losses, scalars, net = forward(
        game, variables, batch, "image_discriminator"
    )
    real, noise, rec = (np.float64(outputs[side]) for side in ("real", "noise", "rec"))
    net_real = networks(game, variables)
    discriminated = net_real("image_discriminator", seen(batch))
    np.testing.assert_allclose(discriminated["p"][:, 0], real, rtol=1e-4, atol=1e-6)
    # With labels Q learns from them.
    q_loss = cross_entropy(discriminated["s"], batch["label"])
    expected = softplus(-real) + softplus(noise) + softplus(rec) + 0.5 * q_loss
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert scalars["q_loss"] == pytest.approx(q_loss.mean(), rel=1e-5)
    # Statistics are those of real images, and of nothing else.
    for name, value in net_real.model_state["image_discriminator"].items():
        found = net.model_state["image_discriminator"][name]
        jax.tree.map(np.testing.assert_array_equal, value, found)


def test_batch_norm_of_the_decoder_is_of_prior_and_inferred_codes(
    game, variables, batch
):
    """Of both as one batch, so that samples look as they did in training."""
    *_, net = forward(game, variables, batch, "generator")
    expected = networks(game, variables)
    s = jnp.eye(K)[batch["label"]]
    z = jax.random.normal(expected.key("z"), (6, NOISE))
    code = expected("code_generator", s, z), expected("encoder", seen(batch))
    decode_as_one(expected, *(rows["z"] for rows in code))
    for name, value in expected.model_state["decoder"].items():
        found = net.model_state["decoder"][name]
        chex.assert_trees_all_close(found, value, rtol=1e-5)
    # The AAE phase, which sees inferred codes only, leaves no trace in it ...
    *_, net = forward(game, variables, batch, "decoder")
    assert "decoder" not in changed(variables[1], net.model_state)
    # ... unless there is no other phase.
    without = ("code_generator", "image_discriminator")
    plain = {"prior": "fixed", "similarity": "pixel", "noise_dim": CODE}
    aae = make_game(unconditional(without=without, **plain))
    *_, net = forward(aae, variables, batch, "decoder")
    assert "decoder" in changed(variables[1], net.model_state)


def test_penalty_on_the_image_discriminator(batch):
    """Of a linear one: the squared length of what it multiplies images by."""
    linear = """
x  -  4  -  -  -  -  -  -
f  x  8  1  1  -  -  -  -
p  f  1  1  1  -  -  -  -
s  f  3  1  1  -  -  -  -
"""
    made = config(penalty_weight=0.7, similarity="pixel")
    made.networks.image_discriminator = toys.HEADER + linear
    game = make_game(made)
    variables = toys.jit(game.init)(KEY, batch)
    outputs, losses, scalars, _ = forward(game, variables, batch, "image_discriminator")
    expected = softplus(-outputs["real"]) + softplus(outputs["noise"])
    expected += softplus(outputs["rec"]) + 0.5 * np.float64(outputs["q_losses"])
    net = networks(game, variables)
    p = net("image_discriminator", np.eye(5, 4, dtype=np.float32))["p"][:, 0]
    penalty = np.square(np.float64(p[:4]) - np.float64(p[4])).sum()
    assert scalars["image_discriminator/penalty"] == pytest.approx(penalty, rel=1e-4)
    np.testing.assert_allclose(losses, expected + 0.7 * penalty, rtol=1e-4)


def test_generator_makes_images_look_real_and_tell_their_s(game, variables, batch):
    outputs, losses, scalars, _ = forward(game, variables, batch, "generator")
    net = networks(game, variables)
    s = jnp.eye(K)[batch["label"]]
    z = jax.random.normal(net.key("z"), (6, NOISE))
    code, inferred = net("code_generator", s, z), net("encoder", seen(batch))
    x_noise, x_rec = decode_as_one(net, code["z"], inferred["z"])
    noise = net("image_discriminator", x_noise)
    rec = net("image_discriminator", x_rec)
    information = cross_entropy(noise["s"], batch["label"])
    expected = softplus(-noise["p"][:, 0]) + softplus(-rec["p"][:, 0])
    expected += 0.5 * information
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    np.testing.assert_allclose(outputs["noise"], noise["p"][:, 0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(outputs["rec"], rec["p"][:, 0], rtol=1e-4, atol=1e-6)
    assert scalars["information_loss"] == pytest.approx(information.mean(), rel=1e-4)


def test_labels_belong_to_their_images(game, variables, batch):
    """Examples in another order, with their labels, have the same losses of Q."""
    order = np.array([3, 1, 5, 0, 4, 2])
    other = batch | {key: batch[key][order] for key in ("labelled_x", "label")}
    one, *_ = forward(game, variables, batch, "image_discriminator")
    two, *_ = forward(game, variables, other, "image_discriminator")
    np.testing.assert_allclose(two["q_losses"], one["q_losses"][order], rtol=1e-4)
    # The images without labels are of no account.
    other = batch | {"x": batch["x"] + 1}
    for name in trained(game):
        one, two = (forward(game, variables, b, name)[0] for b in (batch, other))
        jax.tree.map(np.testing.assert_array_equal, one, two)


def test_without_labels_q_learns_what_was_generated(variables, batch):
    game = make_game(config(condition="categorical"))
    assert not game.uses_labels
    assert game.num_components == K
    unlabelled = {"x": batch["x"]}
    outputs, *_ = forward(game, variables, unlabelled, "image_discriminator")
    np.testing.assert_array_equal(outputs["q_losses"], outputs["information"])
    net = networks(game, variables)
    s = jax.nn.one_hot(jax.random.randint(net.key("s"), (6,), 0, K), K)
    z = jax.random.normal(net.key("z"), (6, NOISE))
    code, inferred = net("code_generator", s, z), net("encoder", 2 * batch["x"] - 1)
    x_noise, _ = decode_as_one(net, code["z"], inferred["z"])
    logits = net("image_discriminator", x_noise)["s"]
    expected = cross_entropy(logits, np.asarray(s.argmax(1)))
    np.testing.assert_allclose(outputs["information"], expected, rtol=1e-4)


def test_q_is_consistent_sure_and_balanced_on_real_images(variables, batch):
    settings = {"condition": "categorical", "consistency_radius": 0.5}
    plain = make_game(config(**settings))
    weights = {"consistency": 0.7, "confidence": 0.4, "balance": 0.2}
    settings |= {f"{term}_weight": weight for term, weight in weights.items()}
    careful = make_game(config(**settings))
    _, losses, scalars, net = forward(careful, variables, batch, "image_discriminator")
    x = 2 * batch["x"] - 1
    q = networks(careful, variables)("image_discriminator", x)["s"]
    divergence = np.asarray(
        virtual_adversarial_divergence(
            lambda x: networks(careful, variables)("image_discriminator", x)["s"],
            x,
            q,
            networks(careful, variables).key("consistency"),
            0.5,
        )
    )
    q = scipy.special.softmax(q, 1)
    entropy, balance = scipy.stats.entropy(q, axis=1), scipy.stats.entropy(q.mean(0))
    assert divergence.max() > 1e-3
    assert scalars["consistency"] == pytest.approx(divergence.mean(), rel=1e-3)
    assert scalars["information"] == pytest.approx(balance - entropy.mean(), rel=1e-3)
    _, without, _, plain_net = forward(plain, variables, batch, "image_discriminator")
    expected = without + 0.7 * divergence + 0.4 * entropy - 0.2 * balance
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    # Images that only this looked at leave no trace in the batch statistics.
    assert not changed(plain_net.model_state, net.model_state)


def test_games_without_s(batch):
    game = make_game(unconditional())
    variables = jax.eval_shape(game.init, KEY, batch)
    for name in trained(game):
        outputs, scalars, code, drawn = jax.eval_shape(
            lambda variables, name=name: (
                *forward(game, variables, batch, name)[::2],
                game.encode(networks(game, variables, train=False), batch["x"]),
                game.sample(networks(game, variables, train=False), 4),
            ),
            variables,
        )
        assert not {"information", "q_losses"} & set(outputs)
        assert not {"information_loss", "q_loss"} & set(scalars)
        assert set(code) == {"z"}
        assert set(drawn) == {"x", "z"}


def test_codes_of_a_fixed_prior_are_s_and_z(variables):
    game = make_game(config(without=("code_generator",), prior="fixed"))
    drawn = game.sample(networks(game, variables, train=False), 400)
    assert drawn["z"].shape == (400, CODE)
    np.testing.assert_array_equal(drawn["z"][:, :K], drawn["y"])
    z = np.asarray(drawn["z"][:, K:])
    assert z.mean() == pytest.approx(0, abs=5 / np.sqrt(800))
    assert z.std() == pytest.approx(1, abs=5 / np.sqrt(1600))


# Inference.


def test_samples_are_of_their_component(game, variables):
    net = networks(game, variables, train=False)
    drawn = game.sample(net, 300)
    counts = np.bincount(drawn["y"].argmax(1), minlength=K)
    assert counts.min() > 70
    component = jnp.array([2, 0, 1, 1])
    chosen = game.sample(networks(game, variables, train=False), 4, component)
    np.testing.assert_array_equal(chosen["y"].argmax(1), component)
    net = networks(game, variables, train=False)
    z = jax.random.normal(net.key("z"), (4, NOISE))
    code = net("code_generator", jnp.eye(K)[component], z)["z"]
    np.testing.assert_allclose(chosen["z"], code, rtol=1e-6)
    x = net("decoder", code)["x"]
    np.testing.assert_allclose(chosen["x"], (1 + x) / 2, rtol=1e-5)
    np.testing.assert_allclose(game.decode(net, chosen), chosen["x"], rtol=1e-5)


def test_styles_are_kept_from_row_to_row(game, variables):
    styles = game.styles(networks(game, variables, train=False), 4)
    assert styles.shape == (K, 4, 4)
    for component in range(K):
        net = networks(game, variables, train=False)
        same = game.sample(net, 4, jnp.full(4, component))
        np.testing.assert_allclose(styles[component], same["x"], rtol=1e-5)


def test_codes_and_probabilities_of_s(game, variables, batch):
    net = networks(game, variables, train=False)
    code = game.encode(net, batch["x"])
    x = 2 * batch["x"] - 1
    np.testing.assert_allclose(code["z"], net("encoder", x)["z"], rtol=1e-5)
    y = scipy.special.softmax(net("image_discriminator", x)["s"], axis=1)
    np.testing.assert_allclose(code["y"], y, rtol=1e-5)


def test_a_reparametrised_encoder_is_noisy_in_training_only(batch):
    noisy = """
x        -             4  -  -  -  -  -  -
z_mu     x             5  1  1  -  -  -  -
z_sigma  x             5  1  1  -  -  -  ExpN
z        z_mu+z_sigma  5  -  -  -  -  -  -
"""
    made = config()
    made.networks.encoder = toys.HEADER + noisy
    game = make_game(made)
    variables = toys.jit(game.init)(KEY, batch)
    net = networks(game, variables, train=False)
    mean = net("encoder", 2 * batch["x"] - 1, noise=False)["z_mu"]
    np.testing.assert_array_equal(game.encode(net, batch["x"])["z"], mean)
    one, *_ = forward(game, variables, batch, "encoder")
    wide = jax.tree.map(lambda leaf: leaf, variables)
    wide[0]["encoder"]["z_sigma_bias"] += 1.0
    two, *_ = forward(game, wide, batch, "encoder")
    assert not np.allclose(one["reconstruction"], two["reconstruction"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"similarity": "features"}, "similarity='features' must be one of .'learned'"),
        ({"prior": "gaussian"}, "prior='gaussian' must be one of .'learned', 'fixed'"),
        ({"condition": "text"}, "condition='text' must be one of"),
        ({"condition": ""}, "mutual_information needs a condition"),
        ({"mutual_information": 0.0}, "only Q uses labels"),
        (
            {"condition": "caption", "consistency_weight": 1.0},
            "consistency_weight=1.0 needs a Q that infers labels or clusters",
        ),
        (
            {"condition": "caption", "balance_weight": 0.5},
            "balance_weight=0.5 needs a Q that infers labels or clusters",
        ),
        ({"prior": "fixed"}, r"must have .*, not .*'code_generator'"),
        ({"loss": "least"}, "'least'"),
        ({"penalty": "r3"}, "unknown penalty 'r3'"),
        (
            {"without": ("image_discriminator",)},
            r"must have .*'image_discriminator'.*, not",
        ),
    ],
)
def test_what_cannot_be(settings, message):
    with pytest.raises(ValueError, match=message):
        make_game(config(**settings))


# Captions.

CAPTIONED_DISCRIMINATOR = """
x         -                 4  -  -  -  -  -    -
caption   -                 4  -  -  -  -  -    -
features  x                 8  1  1  -  -  yes  Leak0.2
h         features|caption  6  1  1  -  -  -    Leak0.2
p         h                 1  1  1  -  -  -    -
s         features          3  1  1  -  -  -    -
t         caption           3  1  1  -  -  -    -
"""


@pytest.fixture(scope="module")
def captioned():
    """The game whose s is one of two vectors [4] of each example."""
    made = config(condition="caption", num_components=10)
    texts = made.networks
    texts.code_generator = texts.code_generator.replace(
        "s  -    3  ", "s  -    4  "
    ).replace("3+2", "6")
    texts.image_discriminator = CAPTIONED_DISCRIMINATOR
    return make_game(made)


@pytest.fixture(scope="module")
def described(batch):
    vectors = np.random.default_rng(1).normal(size=(6, 2, 4))
    return {
        "x": batch["x"],
        "captioned_x": batch["labelled_x"],
        "caption": np.float32(vectors),
    }


def test_captions_reach_generator_discriminator_and_q(captioned, described):
    """A random one of x's is s, which Q finds among all of the minibatch."""
    assert captioned.uses_captions
    assert captioned.num_components is None
    assert not captioned.uses_labels
    assert captioned.batch_fields == ("captioned_x", "caption")
    variables = toys.jit(captioned.init)(KEY, described)
    _, s = captioned._images_and_s(networks(captioned, variables), described)
    other = np.abs(described["caption"] - np.asarray(s)[:, None]).sum(-1) > 0
    assert (other.sum(1) == 1).all()
    assert 0 < other[:, 0].sum() < 6
    outputs, losses, scalars, _ = forward(
        captioned, variables, described, "image_discriminator"
    )
    fresh = networks(captioned, variables)
    x, s = captioned._images_and_s(fresh, described)
    rows = fresh("image_discriminator", x, s)
    products = np.einsum("id,jd->ij", np.float64(rows["s"]), np.float64(rows["t"]))
    negative_log_q = cross_entropy(products, np.arange(6))
    np.testing.assert_allclose(outputs["q_losses"], negative_log_q, rtol=1e-5)
    np.testing.assert_allclose(outputs["real"], rows["p"][:, 0], rtol=1e-5)
    assert scalars["q_loss"] == pytest.approx(negative_log_q.mean(), rel=1e-5)
    np.testing.assert_allclose(
        losses,
        softplus(-outputs["real"])
        + softplus(outputs["noise"])
        + softplus(outputs["rec"])
        + 0.5 * negative_log_q,
        rtol=1e-5,
    )
    # Q sees what is generated from the same s.
    shifted = described | {"caption": -described["caption"]}
    after, *_ = forward(captioned, variables, shifted, "generator")
    assert not np.allclose(after["noise"], outputs["noise"])
    assert not np.allclose(after["information"], outputs["information"])


def test_samples_illustrate_vectors(captioned, described):
    variables = toys.jit(captioned.init)(KEY, described)
    net = networks(captioned, variables, train=False)
    vectors = described["caption"][:3, 0]
    code = captioned.sample(net, 3, caption=vectors)
    assert set(code) == {"x", "z"}
    net = networks(captioned, variables, train=False)
    images = captioned.styles(net, 2, caption=vectors)
    assert images.shape == (3, 2, 4)
    z = networks(captioned, variables, train=False)
    noise = captioned._sample_noise(z, 2)
    for row, vector in zip(images, vectors, strict=True):
        s = jnp.broadcast_to(vector, (2, 4))
        expected = captioned.decode(net, {"z": captioned._prior_code(net, noise, s)})
        np.testing.assert_allclose(row, expected, rtol=1e-5, atol=1e-6)
    assert set(captioned.encode(net, described["x"])) == {"z"}
