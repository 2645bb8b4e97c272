"""SAMM against algorithm 2."""

import functools

import jax
import numpy as np
import pytest
import scipy.special

from adversarial_latent.game import Networks
from adversarial_latent.state import create_state
from adversarial_latent.steps import make_train_step
from tests import toys

KEY = jax.random.key(0)
# Eq. 6: z's tower reads the row y.
ENCODER = """
x        -             1    -  -  -  -  -    -
h        x             6    2  1  -  -  yes  Leak0.2
y_mu     h             {k}  1  1  -  -  -    -
y_sigma  h             {k}  1  1  -  -  -    ExpN
y        y_mu+y_sigma  {k}  -  -  -  -  -    Softmax
hy       h|y           6+3  -  -  -  -  -    -
z_mu     hy            {d}  1  1  -  -  -    -
z_sigma  hy            {d}  1  1  -  -  -    ExpN
z        z_mu+z_sigma  {d}  -  -  -  -  -    -
"""


def samm(**settings):
    networks = {"encoder": toys.HEADER + ENCODER}
    return toys.amm(name="samm", networks=networks, **settings)


def batch(unlabelled=4, labels=(2, 0, 2)):
    return {
        "x": toys.images(1, unlabelled),
        "labelled_x": toys.images(2, len(labels)),
        "label": np.int32(labels),
    }


@pytest.fixture(scope="module")
def game():
    return samm()


@pytest.fixture(scope="module")
def variables(game):
    return toys.jit(game.init)(KEY, batch())


def bind(game, variables, **options):
    return Networks(game.modules, *variables, KEY, **options)


def test_labelled_examples_enter_with_their_label(game, variables):
    """Eq. 4 beside eq. 6: y is given to the last examples, and z's tower sees it."""

    @toys.jit
    def forward(data):
        net = bind(game, variables, train=True)
        outputs = game.forward(net, data)
        return outputs, net("discriminator", *outputs["real"])["p"]

    data = batch()
    outputs, _ = forward(data)
    x, y, z = outputs["real"]
    np.testing.assert_array_equal(
        x, np.concatenate([data["x"], data["labelled_x"]], axis=0)
    )
    np.testing.assert_array_equal(y[4:], np.eye(3)[[2, 0, 2]])
    assert y[:4].max() < 1, "the unlabelled ones are inferred"
    # As many fake triples as real ones, of both games.
    assert [len(part) for part in outputs["fake"]] == [7, 7, 7]
    assert outputs["real_logits"].shape == outputs["fake_logits"].shape == (7,)
    # Other labels change the z of these examples, and nothing of the unlabelled ones.
    relabelled, _ = forward(data | {"label": np.int32([1, 0, 2])})
    np.testing.assert_array_equal(relabelled["real"][2][:4], z[:4])
    differs = np.abs(relabelled["real"][2] - z).max(-1) > 1e-6
    np.testing.assert_array_equal(differs, np.arange(7) == 4)


@pytest.mark.parametrize("labelled", [3, 1])
def test_losses_are_the_sums_of_algorithm_2(labelled, game, variables):
    """1 / 2M for each game; and half of each game's mean where their sizes differ."""
    game = samm(penalty_weight=0.0)
    players = {player.name: player for player in game.players}
    q, p = np.float32(np.random.default_rng(0).normal(0, 2, (2, 3 + labelled)))

    @toys.jit
    def forward(data):
        return game.forward(bind(game, variables, train=True), data)

    outputs = forward(batch(unlabelled=3, labels=[1] * labelled))
    outputs |= {"real_logits": q, "fake_logits": p}
    rho_q, rho_p = scipy.special.expit(np.float64([q, p]))

    def halves(losses):
        return losses[:3].sum() / (2 * 3) + losses[3:].sum() / (2 * labelled)

    expected = {
        "discriminator": halves(-np.log(rho_q)) + halves(-np.log(1 - rho_p)),
        "generator": halves(-np.log(1 - rho_q)) + halves(-np.log(rho_p)),
    }
    for name, value in expected.items():
        losses, _ = players[name].loss(None, outputs)
        assert losses.mean() == pytest.approx(value, rel=1e-5)


def test_weights_of_examples_and_label_loss(variables):
    """The labelled game has its share; labels train q(y|x) if they have a weight."""
    game = samm(penalty_weight=0.0, labelled_share=0.2, label_weight=4.0)
    players = {player.name: player for player in game.players}
    logits = np.float32(np.random.default_rng(0).normal(0, 2, (7, 3)))
    y = np.eye(3, dtype=np.float32)[[2, 0, 2]]

    @toys.jit
    def forward(data):
        return game.forward(bind(game, variables, train=True), data)

    outputs = forward(batch()) | {
        "y_mu": logits,
        "real_logits": logits[:, 0],
        "fake_logits": logits[:, 1],
    }
    losses = np.logaddexp(0, logits[:, 0]) + np.logaddexp(0, -logits[:, 1])
    cross_entropy = -scipy.special.log_softmax(logits[4:], -1)[y == 1].mean()
    loss, scalars = players["generator"].loss(None, outputs)
    expected = 0.8 * losses[:4].mean() + 0.2 * losses[4:].mean() + 4 * cross_entropy
    assert loss.mean() == pytest.approx(expected, rel=1e-5)
    hits = np.mean(logits[4:].argmax(-1) == [2, 0, 2])
    assert scalars["label_accuracy"] == pytest.approx(hits)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_is_a_share(share):
    with pytest.raises(ValueError, match=f"labelled_share={share} must be in"):
        samm(labelled_share=share)


def test_labels_do_not_train_the_classifier_directly(game, variables):
    """Algorithm 2: G_y(x) follows L_{G_y_u}, the unlabelled examples, alone."""

    @toys.jit
    def gradient(params):
        def loss(params):
            net = bind(game, (params, variables[1]), train=True)
            logits = game.forward(net, batch())["real_logits"]
            return logits[4:].sum()  # of the labelled game

        return jax.grad(loss)(params)

    encoder = gradient(variables[0])["encoder"]
    for name, leaf in encoder.items():
        if name.startswith(("y_mu", "y_sigma")):
            np.testing.assert_array_equal(leaf, np.zeros_like(leaf))
    assert np.abs(encoder["z_mu_kernel"]).max() > 0


def test_a_step_learns_and_counts_labels():
    game = samm(frequencies="labels")
    assert set(game.modules) > {"frequencies"}
    optimizers = toys.sgd(game, 0.1)
    step = toys.jit(make_train_step(game, optimizers, num_steps=3))
    state = toys.jit(functools.partial(create_state, game, optimizers, batch=batch()))(
        KEY
    )
    for labels in ([0, 0, 0, 1], [0, 0, 1, 1]):
        data = jax.tree.map(lambda leaf: leaf[None], batch(labels=labels))
        state, metrics = step(state, data)
        assert np.isfinite(list(metrics.values())).all()
    net = Networks(game.modules, state.params, state.model_state, KEY, train=False)
    mixture = game.mixture(net)
    np.testing.assert_allclose(mixture.probabilities, [5 / 8, 3 / 8, 0], atol=1e-6)
    y = game.sample(net, 400, None)["y"]
    assert y[:, 2].sum() == 0, "a class that no label has is never drawn"
    np.testing.assert_allclose(y.mean(0), mixture.probabilities, atol=0.1)


def test_distances_to_neighbours_come_with_both_kinds_of_examples(variables):
    game = samm(consistency_weight=1.0, consistency_neighbour=10)
    data = batch() | {
        "neighbour_distance": np.float32([1, 2, 3, 4]),
        "labelled_neighbour_distance": np.float32([5, 6, 7]),
    }
    net = bind(game, variables, train=True)
    found = game.forward(net, data)["neighbour_distance"]
    np.testing.assert_array_equal(found, np.arange(1, 8))


@pytest.mark.parametrize("frequencies", ["0.5,0.3,0.2", "5,3,2"])
def test_given_frequencies_are_those_of_the_batch(frequencies):
    """Stratified: as often as p(y) says, up to one."""
    game = samm(frequencies=frequencies, stratified=True)
    variables = toys.jit(game.init)(KEY, batch())

    @toys.jit
    def counts(key):
        net = Networks(game.modules, *variables, key, train=True)
        return game.forward(net, batch())["fake"][1].sum(0)

    drawn = [counts(jax.random.key(seed)) for seed in range(300)]
    expected = 7 * np.array([0.5, 0.3, 0.2])
    assert np.abs(drawn - expected).max() < 1
    np.testing.assert_allclose(np.mean(drawn, axis=0), expected, atol=0.1)
    probabilities = game.mixture(bind(game, variables, train=False)).probabilities
    np.testing.assert_allclose(probabilities, [0.5, 0.3, 0.2], rtol=1e-5)


@pytest.mark.parametrize("frequencies", ["0.5,0.5", "a,b,c", "1,1,0", "often"])
def test_frequencies_that_cannot_be_read(frequencies):
    with pytest.raises(ValueError, match="3 positive numbers separated by"):
        samm(frequencies=frequencies)


def test_amm_has_no_labels_to_count():
    with pytest.raises(ValueError, match="'amm' uses no labels"):
        toys.amm(frequencies="labels")


def test_labels_are_read_from_the_batch(game):
    assert game.uses_labels
    assert game.batch_fields == ("x", "labelled_x", "label")
    assert not game.conditional
