"""AIM's Tables 3 and 4, as configs/aim_*.py have them: every row, game and argument."""

import functools
import re

import chex
import jax
import numpy as np
import pytest
import tensorflow_datasets as tfds

from adversarial_latent import data
from adversarial_latent.evaluation.run import check_evaluation
from adversarial_latent.experiment import make_experiment
from adversarial_latent.games import make_game
from adversarial_latent.model import unstack
from adversarial_latent.optimizers import make_optimizer
from adversarial_latent.state import create_state
from adversarial_latent.steps import make_train_step
from configs import aim_celeba, aim_cifar10, aim_mnist
from tests.configs.test_configs import write_tfds
from tests.configs.test_svhn import COMPILE_FAST
from tests.data import tiny_tfds

KEY = jax.random.key(0)
GAMES = ("aim", "aim_minus", "gan", "ali", "alice", "veegan", "unrolled_gan")
SHAPES = {aim_mnist: (28, 28, 1), aim_cifar10: (64, 64, 3), aim_celeba: (64, 64, 3)}
# Of each row: its pixels and channels, or what a vector has of them; batch norm;
# activation.
GENERATOR_3 = """
    z          32        -    -
    h1         1024      yes  ReLU
    h2         6272      yes  ReLU
    h3         7x7x128   -    -
    h4         14x14x64  yes  ReLU
    x          28x28x1   -    Sigmoid
"""
FEATURES_3 = """
    x          28x28x1   -    -
    h1         14x14x64  -    Leak0.1
    features   7x7x128   yes  Leak0.1
"""
DISCRIMINATOR_3 = """
    c1         1024      yes  Leak0.1
    c2         64        -    -
    p          1         -    -
"""
JOINT_3 = """
    z          32        -    -
    c1x        1024      -    -
    c1z        1024      -    -
"""
INPUT_3 = """
    features   7x7x128   -    -
"""
ENCODER_3 = """
    e1         3x3x64    yes  Leak0.1
    mu         32        yes  Leak0.1
    z_mu       32        -    -
"""
VARIANCE_3 = """
    sigma           32   yes  Leak0.1
    z_log_variance  32   -    -
"""
UNIT_VARIANCE_3 = """
    z_log_variance  32   -    -
"""
GENERATOR_4 = """
    z          64          -    -
    h1         4x4x1024    yes  ReLU
    h2         8x8x512     yes  ReLU
    h3         16x16x256   yes  ReLU
    h4         32x32x128   yes  ReLU
    x          64x64x3     -    Tanh
"""
FEATURES_4 = """
    x          64x64x3     -    -
    h1         32x32x128   -    Leak0.2
    h2         16x16x256   yes  Leak0.2
    h3         8x8x512     yes  Leak0.2
    features   4x4x1024    yes  Leak0.2
"""
DISCRIMINATOR_4 = """
    p          1           -    -
"""
JOINT_4 = """
    z          64          -    -
    c1x        1024        -    -
    c1z        1024        -    -
    c1         1024        yes  Leak0.2
"""
INPUT_4 = """
    features   4x4x1024    -    -
"""
ENCODER_4 = """
    e1         2x2x512     -    Leak0.2
    e2         512         yes  Leak0.2
    e3         2x2x256     yes  Leak0.2
    e4         2x2x128     yes  Leak0.2
    mu         64          yes  Leak0.2
    z_mu       64          -    -
"""
VARIANCE_4 = """
    sigma           64     yes  Leak0.2
    z_log_variance  64     -    -
"""
UNIT_VARIANCE_4 = """
    z_log_variance  64     -    -
"""


def _expected(module, game):
    """Rows of a game's networks: those above, put together as the paper says."""
    if module is aim_mnist:
        generator, features, discriminator, joint = (
            *(GENERATOR_3, FEATURES_3, DISCRIMINATOR_3, JOINT_3),
        )
        inputs, encoder = INPUT_3, ENCODER_3
        variances = VARIANCE_3, UNIT_VARIANCE_3
    else:
        generator, features, discriminator, joint = (
            *(GENERATOR_4, FEATURES_4, DISCRIMINATOR_4, JOINT_4),
        )
        inputs, encoder = INPUT_4, ENCODER_4
        variances = VARIANCE_4, UNIT_VARIANCE_4
    is_joint = game in ("ali", "alice", "veegan")
    texts = {
        "generator": generator,
        "discriminator": features + (joint if is_joint else "") + discriminator,
    }
    if game not in ("gan", "unrolled_gan"):
        texts["encoder"] = (
            (features if is_joint else inputs)
            + encoder
            + variances[game in ("aim_minus", "veegan")]
        )
    return {
        name: [line.split() for line in text.splitlines() if line.strip()]
        for name, text in texts.items()
    }


def _evaluate(network, inputs):
    """`[name, shape, batch norm, activation]` of rows, and the number of parameters."""
    rows = network.table.layers
    given = [
        jax.ShapeDtypeStruct((2, *inputs[row.name]), "float32")
        for row in rows
        if not row.inputs
    ]
    evaluate = functools.partial(network.init_with_output, KEY, train=True)
    outputs, variables = jax.eval_shape(evaluate, *given)
    assert all(row.dropout == 0 for row in rows)
    return [
        [
            row.name,
            "x".join(map(str, outputs[row.name].shape[1:])),
            row.batch_norm or "-",
            row.activation or "-",
        ]
        for row in rows
    ], sum(leaf.size for leaf in jax.tree.leaves(variables.get("params", {})))


def _stated(module):
    """`{game: {network: parameters}}` of the docstring."""
    stated = {}
    (table,) = re.findall(r"Parameters:\n\n(.*?)\n\n", module.__doc__, re.DOTALL)
    header, *lines = (re.split(r" {2,}", line.strip()) for line in table.splitlines())
    assert header[0] == "game"
    for games, *numbers in lines:
        sizes = {
            network: int(number.replace(",", ""))
            for network, number in zip(header[1:], numbers, strict=True)
            if number != "-"
        }
        stated |= dict.fromkeys(games.split(", "), sizes)
    return stated


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("module", [aim_mnist, aim_cifar10])
def test_every_row(module, game):
    config = module.get_config(f"game={game}").game
    expected, found, sizes = _expected(module, game), {}, {}
    image = SHAPES[module]
    features = (7, 7, 128) if module is aim_mnist else (4, 4, 1024)
    inputs = {"x": image, "z": (config.latent_dim,), "features": features}
    for name, network in make_game(config).modules.items():
        found[name], sizes[name] = _evaluate(network, inputs)
    assert found == expected
    assert sizes == _stated(module)[game]


def test_networks_of_celeba_are_those_of_cifar10():
    for game in GAMES:
        ours, theirs = (
            module.get_config(f"game={game}") for module in (aim_celeba, aim_cifar10)
        )
        assert ours.game.to_dict() == theirs.game.to_dict()
        assert ours.players.to_dict() == theirs.players.to_dict()


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("module", [aim_mnist, aim_cifar10])
def test_every_game_takes_a_step_and_infers(module, game):
    """A whole step, and what a model can do, as far as shapes go."""
    config = module.get_config(f"game={game},narrow=16")
    if game == "unrolled_gan":
        config.game.unrolled_steps = 1  # five take their time to trace
    made = make_game(config.game)
    batch = {"x": np.zeros((4, *SHAPES[module]), np.float32)}
    optimizers = {
        name: make_optimizer(fields, 10, 10) for name, fields in config.players.items()
    }
    create = functools.partial(create_state, made, optimizers)
    state = jax.eval_shape(create, KEY, batch)
    step = make_train_step(made, optimizers, num_steps=10)
    batches = {"x": batch["x"][None]}
    after, metrics = jax.eval_shape(step, state, batches)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert {"discriminator/loss", "generator/loss"} <= set(metrics)

    def infer(params, model_state):
        net = made.bind(params, model_state, KEY, train=False)
        drawn = made.sample(net, 3, None)
        if not made.can("encode"):
            return drawn["x"], drawn["z"], made.decode(net, drawn)
        code = made.encode(net, batch["x"])
        return drawn["x"], code["z"], made.decode(net, code)

    generated, z, decoded = jax.eval_shape(infer, state.params, state.model_state)
    assert generated.shape == (3, *SHAPES[module])
    assert z.shape[1] == config.game.latent_dim
    assert decoded.shape[1:] == SHAPES[module]


def test_settings_are_the_papers():
    mnist, cifar = aim_mnist.get_config(), aim_cifar10.get_config()
    for config, dimension, epochs in ((mnist, 32, 400), (cifar, 64, 300)):
        assert config.game.latent_dim == dimension
        assert config.game.code_weight == (1 / dimension, 1 / dimension)
        assert config.game.kernel_init == "0.02"
        assert (config.batch_size, config.duration) == (100, f"{epochs}_epochs")
        assert config.update_order == ""
        assert make_game(config.game).update_order == "simultaneous"
        for fields in config.players.values():
            assert (fields.learning_rate, fields.b1) == (2e-4, 0.5)
            assert fields.schedule == "inverse_sqrt_epoch"
    assert (mnist.game.data_scale, mnist.game.data_shift) == (1.0, 0.0)
    # Tanh's -1 and 1 are the data's 0 and 1.
    scale, shift = cifar.game.data_scale, cifar.game.data_shift
    assert (shift - scale, shift + scale) == (0.0, 1.0)
    unrolled = aim_mnist.get_config("game=unrolled_gan").players
    assert all(fields.eps_root > 0 for fields in unrolled.values())


def test_papers_numbers_stand_where_they_belong():
    """Table 1, typed again."""
    paper = {
        game: aim_mnist.get_config(f"game={game}").paper.to_dict() for game in GAMES
    }
    scores = {"gan": 9.464, "ali": 8.749, "alice": 9.279, "aim_minus": 9.331}
    errors = {"ali": 0.480, "alice": 0.080, "aim_minus": 0.028, "aim": 0.026}
    scores["aim"] = 9.483
    assert {
        game: numbers["classifier_inception_score"]
        for game, numbers in paper.items()
        if numbers
    } == scores
    assert {
        game: numbers["reconstruction_mse"]
        for game, numbers in paper.items()
        if "reconstruction_mse" in numbers
    } == errors
    assert not aim_mnist.get_config("latent=2").paper
    errors = {"ali": 0.672, "alice": 0.416, "aim_minus": 0.037, "aim": 0.019}
    for game in GAMES:
        found = aim_cifar10.get_config(f"game={game}").paper
        assert found.get("reconstruction_mse") == errors.get(game)
        assert not aim_celeba.get_config(f"game={game}").paper


def test_codes_of_two_dimensions():
    for game in GAMES:
        config = aim_mnist.get_config(f"game={game},latent=2")
        infers = game not in ("gan", "unrolled_gan")
        assert ("manifold" in config.evaluators) == infers
        assert ("manifold" in aim_mnist.get_config(f"game={game}").evaluators) is False
        modules = make_game(config.game).modules
        rows = {row.name: row for row in modules["generator"].table.layers}
        assert rows["z"].channels == 2
        if infers:
            rows = {row.name: row for row in modules["encoder"].table.layers}
            assert (rows["mu"].channels, rows["z_mu"].channels) == (32, 2)
            check_evaluation(config, make_game(config.game))


@pytest.mark.parametrize(
    ("module", "argument", "message"),
    [
        (aim_mnist, "game=wgan", "argument game='wgan' must be one of .*'aim_minus'"),
        (aim_celeba, "game=", "argument game='' must be one of"),
        (aim_mnist, "latent=0", "argument latent=0 must be at least 1"),
        (aim_mnist, "narrow=3", r"row 'h1': 1024 channels cannot be divided by 3"),
        (aim_cifar10, "narrow=0", r"row 'h1': 1024 channels cannot be divided by 0"),
        (aim_cifar10, "latent=2", "unknown config argument 'latent'"),
    ],
)
def test_arguments_that_cannot_be(module, argument, message):
    with pytest.raises(ValueError, match=message):
        module.get_config(argument)


def _write_celeba(directory):
    """Noise around grey 140x140 pixels, in the format in which TFDS has CelebA."""
    rng = np.random.default_rng(0)
    builder = tfds.builder("celeb_a", data_dir=directory, file_format="array_record")
    features = builder.info.features

    def example():
        pixels = rng.integers(0, 256, (218, 178, 3), dtype=np.uint8)
        pixels[39:179, 19:159] = 128
        values = {
            name: dict.fromkeys(feature, 1)
            if isinstance(feature, tfds.features.FeaturesDict)
            else 1
            for name, feature in features.items()
        }
        return values | {"image": tiny_tfds.png(pixels)}

    tiny_tfds.write(
        directory,
        "celeb_a",
        dict(features),
        {split: [example() for _ in range(20)] for split in ("train", "test")},
        builder.info.supervised_keys,
        str(builder.version),
    )


def _two_steps(config):
    """Takes them, compiled in a hurry, and returns the data set."""
    config.batch_size, config.trials = 4, 1  # the least that four devices take
    dataset = data.load(config.dataset)
    experiment = make_experiment(config, dataset)
    pipeline = experiment.pipeline
    state = unstack(experiment.parallel.init(experiment.create, 0), 0)
    before = state.params

    @functools.partial(jax.jit, compiler_options=COMPILE_FAST)
    def step(state, batch):
        examples = pipeline.examples(pipeline.resident, batch)
        return experiment.train_step(state, examples)

    for _ in range(2):
        # One trial, and one minibatch.
        batch = jax.tree.map(lambda leaf: leaf[0], pipeline.next(1))
        state, metrics = step(state, batch)
    pipeline.close()
    chex.assert_tree_all_finite((metrics, state.params, state.model_state))
    for network, params in state.params.items():
        for name, param in params.items():
            if name.endswith("_kernel"):
                assert (param != before[network][name]).any(), (network, name)
    return dataset


def test_two_steps_on_mnist(tmp_path):
    config = aim_mnist.get_config("narrow=16,runlocal")
    config.dataset.data_dir = str(tmp_path)
    write_tfds(tmp_path, "mnist")
    _two_steps(config)


def test_two_steps_on_celeba(tmp_path):
    config = aim_celeba.get_config("narrow=16,runlocal")
    config.dataset.data_dir = str(tmp_path)
    _write_celeba(tmp_path)
    x = _two_steps(config).splits["test"].x[:2]
    np.testing.assert_array_equal(x, np.full((2, 64, 64, 3), 128))  # the middle


def test_cifar10_is_scaled(tmp_path):
    config = aim_cifar10.get_config("runlocal")
    config.dataset.data_dir = str(tmp_path)
    write_tfds(tmp_path, "cifar10")
    dataset = data.load(config.dataset)
    assert dataset.example_shape == SHAPES[aim_cifar10]
    assert dataset.num_classes == 10
