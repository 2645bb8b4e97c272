"""Conditional ALI against AMM's eq. 4 and 5."""

import jax
import numpy as np
import pytest
import scipy.special

from adversarial_latent.game import Networks
from adversarial_latent.games import amm, conditional_ali
from adversarial_latent.inputs import InputError
from configs import conditional_ali_mnist
from tests import toys

KEY = jax.random.key(0)
ENCODER = """
x        -             1    -  -  -  -  -  -
y        -             {k}  -  -  -  -  -  -
h        x             6    2  1  -  -  -  Leak0.2
hy       h|y           6+3  -  -  -  -  -  -
z_mu     hy            {d}  1  1  -  -  -  -
z_sigma  hy            {d}  1  1  -  -  -  ExpN
z        z_mu+z_sigma  {d}  -  -  -  -  -  -
"""
STANDARD_NORMAL = """
y        -             {k}  -  -  -  -  -  -
z_sigma  zeros         {d}  -  -  -  -  -  ExpN
z_mu     zeros         {d}  -  -  -  -  -  -
z        z_mu+z_sigma  {d}  -  -  -  -  -  -
"""
# Fields of AMM that change what an inferred y learns from.
OF_INFERENCE = {
    "consistency_weight": 0.5,
    "consistency_radius": 0.25,
    "consistency_neighbour": 10,
    "consistency_probe": 1.0,
    "confidence_weight": 0.5,
    "balance_weight": 0.5,
    "y_gradient": 0.5,
}


def make(**settings):
    networks = {
        "encoder": toys.HEADER + ENCODER,
        "prior": toys.HEADER + STANDARD_NORMAL,
    }
    return toys.amm(name="conditional_ali", networks=networks, **settings)


def batch():
    return {"labelled_x": toys.images(2, 3), "label": np.int32([2, 0, 2])}


@pytest.fixture(scope="module")
def game():
    return make()


@pytest.fixture(scope="module")
def variables(game):
    return toys.jit(game.init)(KEY, batch())


def bind(game, variables, **options):
    return Networks(game.modules, *variables, KEY, **options)


def test_labelled_examples_alone_are_in_the_game(game, variables):
    @toys.jit
    def compute(data):
        net = bind(game, variables, train=True)
        outputs = game.forward(net, data)
        code = game.encode(
            bind(game, variables, train=False), data["labelled_x"], data["label"]
        )
        return outputs, code

    data = batch() | {"x": toys.images(1, 4)}
    outputs, code = compute(data)
    x, y, z = outputs["real"]
    np.testing.assert_array_equal(x, data["labelled_x"])
    np.testing.assert_array_equal(y, np.eye(3)[[2, 0, 2]])
    np.testing.assert_array_equal(code["y"], y)
    assert z.shape == code["z"].shape == (3, 2)
    # Unlabelled x are not read, and z depends on the label.
    again, other = compute(data | {"x": data["x"] + 1, "label": np.int32([1, 0, 2])})
    np.testing.assert_array_equal(again["real"][2][1:], z[1:])
    assert not np.array_equal(other["z"][0], code["z"][0])
    # Eq. 5: z is the same for each y.
    mixture = game.mixture(bind(game, variables, train=False))
    np.testing.assert_array_equal(mixture.mean, np.zeros((3, 2)))
    np.testing.assert_array_equal(mixture.log_variance, np.zeros((3, 2)))
    with pytest.raises(ValueError, match="needs the label of x to encode it"):
        game.encode(bind(game, variables, train=False), x)


def test_losses_are_those_of_ali_without_any_terms():
    players = {player.name: player for player in make(penalty_weight=0.0).players}
    real, fake = np.float32(np.random.default_rng(0).normal(0, 2, (2, 3)))
    y = np.eye(3, dtype=np.float32)
    outputs = {"real": (None, y, None), "real_logits": real, "fake_logits": fake}
    log_expit = scipy.special.log_expit
    losses, _ = players["discriminator"].loss(None, outputs)
    np.testing.assert_allclose(losses, -log_expit(real) - log_expit(-fake), rtol=1e-5)
    losses, scalars = players["generator"].loss(None, outputs)
    np.testing.assert_allclose(losses, -log_expit(-real) - log_expit(fake), rtol=1e-5)
    assert {name: float(value) for name, value in scalars.items()} == {"confidence": 1}
    assert set(players["generator"].trains) == {"encoder", "prior", "decoder"}


def test_what_it_reads_and_needs(game):
    assert game.uses_labels
    assert game.batch_fields == ("labelled_x", "label")
    assert game.conditional
    assert game.num_components == 3


def test_config_has_no_field_of_an_inferred_y():
    fields = amm.default_config()
    assert set(OF_INFERENCE) < set(fields)
    own = conditional_ali.extend(fields)
    assert set(fields) - set(own) == set(OF_INFERENCE)
    assert set(own) < set(fields)
    assert {name: own[name] for name in own} == {
        **{name: fields[name] for name in own},
        "name": "conditional_ali",
    }
    assert not set(OF_INFERENCE) & set(conditional_ali_mnist.get_config().game)


@pytest.mark.parametrize(("name", "value"), OF_INFERENCE.items())
def test_fields_of_an_inferred_y_are_refused(name, value):
    message = rf"config\.game of 'conditional_ali' has no field '{name}', only "
    with pytest.raises(InputError, match=message):
        make(**{name: value})
