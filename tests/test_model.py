"""A trained game: batches, seeds and errors."""

import dataclasses

import jax
import numpy as np
import pytest
from scipy import stats

from adversarial_latent.games.amm import AMM
from adversarial_latent.inputs import InputError
from adversarial_latent.model import Model, unstack
from tests import toys


@pytest.fixture(scope="module")
def variables():
    return toys.jit(toys.amm().init)(jax.random.key(0), {"x": toys.images(0, 2)})


@pytest.fixture(scope="module")
def model(variables):
    return Model(toys.amm(), *variables, batch_size=4)


@pytest.fixture(scope="module")
def in_one_batch(variables):
    return Model(toys.amm(), *variables, batch_size=11)


def _of_kind(kind):
    """The toy AMM as a game of a subclass."""
    game = toys.amm()
    return kind(**{f.name: getattr(game, f.name) for f in dataclasses.fields(game)})


class Labelled(AMM):
    """A game that encodes by adding the label to z."""

    conditional = True

    def encode(self, net, x, label):
        z = net("encoder", x, noise=False)["z"]
        return {"z": z + label[:, None].astype(z.dtype)}


@pytest.fixture(scope="module")
def labelled(variables):
    return Model(_of_kind(Labelled), *variables, batch_size=4)


def _assert_close(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert isinstance(value, np.ndarray)
        np.testing.assert_allclose(value, other[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "learned"),
    [
        ({}, True),
        ({"prior_radius": 4.0}, False),
        ({"prior_radius": 4.0, "prior_learned": True}, True),
    ],
)
def test_a_mixture_is_learned_if_it_has_parameters(settings, learned):
    game = toys.amm(**settings)
    init = toys.jit(game.init)
    model = Model(game, *init(jax.random.key(0), {"x": toys.images(0, 2)}))
    assert model.learns_mixture == learned


def test_batches_and_padding_change_no_result(model, in_one_batch):
    x = toys.images(1, 11)
    code = model.encode(x)
    assert code["z"].shape == (11, 2)
    assert code["y"].shape == (11, 3)
    _assert_close(code, in_one_batch.encode(x))
    _assert_close(model.encode(x[5:6]), {k: v[5:6] for k, v in code.items()})
    images = model.decode(code)
    assert images.shape == x.shape
    np.testing.assert_allclose(images, in_one_batch.decode(code), rtol=1e-5)


def test_encoding_is_deterministic_and_takes_any_floats(model):
    x = toys.images(1, 3)
    _assert_close(model.encode(x), model.encode(np.float64(x)))


def test_sampling_is_deterministic_in_the_seed(model):
    one, same = model.sample(6, seed=1), model.sample(6, seed=1)
    for name, value in one.items():
        np.testing.assert_array_equal(value, same[name])
        np.testing.assert_array_equal(value[:3], model.sample(3, seed=1)[name])
    assert not np.array_equal(one["z"], model.sample(6, seed=2)["z"])
    assert len(np.unique(one["z"], axis=0)) == 6, "batches are not copies"
    assert one["x"].shape == (6, 2, 2, 1)
    np.testing.assert_allclose(one["x"], model.decode(one), rtol=1e-5)


def test_sampling_from_components(model):
    np.testing.assert_array_equal(
        model.sample(5, component=2)["y"], np.eye(3)[np.full(5, 2)]
    )
    components = np.array([0, 2, 1, 1, 0, 2])
    drawn = model.sample(6, component=components)
    np.testing.assert_array_equal(drawn["y"], np.eye(3)[components])
    assert len(np.unique(drawn["z"], axis=0)) == 6


def test_inputs_that_the_model_cannot_take(variables, model):
    class Whole(AMM):
        """A game that can be given examples in all ways there are."""

        def log_prob(self, net, x):
            return x.mean(axis=(1, 2, 3))

        def variations(self, net, x):
            return x

    whole = Model(_of_kind(Whole), *variables, example_shape=(2, 2, 1))
    x = toys.images(1, 3)
    bad = {
        r"x is uint8.* x / 255": (255 * x).astype(np.uint8),
        r"x is int64": (255 * x).astype(np.int64),
        r"1 examples contain NaN or infinity, first at 1": np.where(
            np.arange(3)[:, None, None, None] == 1, np.nan, x
        ),
        r"shape \[3, 2, 2\], but the model takes \[N, 2, 2, 1\]": x[..., 0],
        r"shape \[3, 2, 1, 1\]": x[:, :, :1],
    }
    trial = whole.with_parameters(*variables)
    for message, given in bad.items():
        for take in (whole.encode, trial.log_prob, lambda x: trial.variations(x, 2)):
            with pytest.raises(InputError, match=message):
                take(given)
    code = model.encode(x)
    with pytest.raises(InputError, match="3 examples contain NaN"):
        model.decode({**code, "z": np.nan * code["z"]})


@pytest.mark.parametrize("component", [2**32 + 1, np.array([0, 2**32 + 1])])
def test_components_are_not_cut_to_32_bits(model, component):
    with pytest.raises(ValueError, match="4294967297 is given, but the model has"):
        model.sample(2, component=component)
    with pytest.raises(InputError, match="components must be integers, not float64"):
        model.sample(2, component=1.7)


@pytest.mark.parametrize("component", [3, -1, [0, 5]])
def test_no_such_component(model, component):
    with pytest.raises(ValueError, match="is given, but the model has 3 components"):
        model.sample(2, component=component)


def test_nothing_to_compute(model):
    with pytest.raises(ValueError, match="nothing to encode: there are no examples"):
        model.encode(toys.images(0, 0))
    with pytest.raises(ValueError, match="n=0 must be at least 1"):
        model.sample(0)


def test_inference_that_a_game_does_not_have(model):
    assert [model.can(ability) for ability in ("encode", "decode", "sample")] == [
        True
    ] * 3
    gan = Model(toys.normed_gan(), {}, {})
    assert not gan.can("encode")
    assert gan.num_components is None
    assert not gan.classifies
    with pytest.raises(ValueError, match="NormedGan has no 'encode'"):
        gan.encode(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="the model has no components"):
        gan.sample(2, component=0)


def test_mixture_is_the_prior_in_numpy(model, variables):
    mixture = model.mixture()
    assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(mixture))
    prior = variables[0]["prior"]
    mean, log_variance = (
        np.asarray(prior[f"{row}_kernel"])[0, 0] + np.asarray(prior[f"{row}_bias"])
        for row in ("z_mu", "z_sigma")
    )  # [3, 2] each
    np.testing.assert_allclose(mixture.mean, mean, rtol=1e-6)
    np.testing.assert_allclose(mixture.log_variance, log_variance, rtol=1e-6)
    z = np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)
    std = np.exp(log_variance / 2)
    joint = stats.norm(mean, std).pdf(z[:, None]).prod(-1) / 3  # [7, 3], p(z|y) p(y)
    np.testing.assert_allclose(mixture.log_prob(z), np.log(joint.sum(-1)), rtol=1e-5)
    posterior = joint / joint.sum(-1, keepdims=True)
    np.testing.assert_allclose(mixture.posterior(z), posterior, rtol=1e-4)


def test_a_game_without_a_mixture():
    with pytest.raises(ValueError, match="NormedGan has no 'mixture'"):
        Model(toys.normed_gan(), {}, {}).mixture()


@pytest.mark.parametrize("name", ["amm", "samm"])
def test_components_are_classes_where_labels_are_used(name):
    model = Model(toys.amm(name=name), {}, {})
    assert model.classifies == (name == "samm")
    assert not model.conditional


def test_a_conditional_model_takes_the_labels(labelled, model):
    x, label = toys.images(1, 6), np.array([0, 2, 1, 1, 0, 2])
    assert labelled.conditional
    expected = model.encode(x)["z"] + label[:, None]
    np.testing.assert_allclose(labelled.encode(x, label)["z"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (None, "Labelled infers codes from examples and their labels"),
        ([0, 1], r"3 examples need integer labels of shape \(3,\)"),
        ([0.0, 1.0, 2.0], "need integer labels"),
        ([0, 1, 3], r"labels 0\.\.3 are given, but the model has 3 classes"),
        ([0, 1, -1], r"labels -1\.\.1 are given"),
    ],
)
def test_labels_that_do_not_fit(labelled, label, message):
    label = None if label is None else np.array(label)
    with pytest.raises(ValueError, match=message):
        labelled.encode(toys.images(0, 3), label)


def test_labels_that_the_model_does_not_take(model):
    with pytest.raises(ValueError, match="AMM encodes without labels"):
        model.encode(toys.images(0, 3), np.zeros(3, int))


def test_every_function_is_compiled_once(monkeypatch, variables):
    """For batches of any size, and for all trials."""
    traced = []
    encode = AMM.encode

    def counting(self, net, x):
        traced.append(x.shape)
        return encode(self, net, x)

    monkeypatch.setattr(AMM, "encode", counting)
    model = Model(toys.amm(), *variables, batch_size=4)
    codes = model.encode(toys.images(1, 5))
    stacked = jax.tree.map(lambda leaf: np.stack([leaf, 2 * leaf]), variables)
    same, other = (model.with_parameters(*unstack(stacked, trial)) for trial in (0, 1))
    _assert_close(same.encode(toys.images(1, 5)), codes)
    assert not np.allclose(other.encode(toys.images(1, 5))["z"], codes["z"])
    assert traced == [(4, 2, 2, 1)]


@pytest.mark.parametrize("given", [False, True])
def test_log_prob_of_every_example(given, variables):
    class Density(AMM):
        """A game whose density of x falls with its mean."""

        log_prob_given_code = given

        def log_prob(self, net, x):
            return -x.mean(axis=(1, 2, 3))

    model = Model(_of_kind(Density), *variables, batch_size=4)
    assert model.can("log_prob")
    assert model.log_prob_given_code == given
    x = toys.images(1, 6)
    log_prob = model.log_prob(np.float64(x))
    assert log_prob.shape == (6,)
    np.testing.assert_allclose(log_prob, -x.mean(axis=(1, 2, 3)), rtol=1e-6)


def test_a_game_without_a_density(model):
    assert not model.can("log_prob")
    assert not model.log_prob_given_code
    with pytest.raises(ValueError, match="AMM has no 'log_prob'"):
        model.log_prob(toys.images(1, 2))


def test_variations_belong_to_their_example(variables):
    class Noisy(AMM):
        """A game whose variations are the example and noise."""

        def variations(self, net, x):
            return x + jax.random.normal(net.key("variations"), x.shape)

    model = Model(_of_kind(Noisy), *variables, batch_size=4)
    x = 100 * toys.images(1, 3)
    varied = model.variations(x, 5, seed=1)
    assert varied.shape == (3, 5, *x.shape[1:])
    noise = varied - x[:, None]
    assert np.abs(noise).max() < 6
    assert len(np.unique(noise)) == noise.size
    np.testing.assert_array_equal(varied, model.variations(x, 5, seed=1))
