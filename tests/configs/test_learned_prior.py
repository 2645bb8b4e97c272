"""Tables 2-4 of the learned-prior AAE, as configs/learned_prior_*.py have them."""

import functools

import jax
import numpy as np
import pytest

from adversarial_latent.evaluation.run import check_evaluation
from adversarial_latent.games import make_game
from adversarial_latent.networks.table import Table
from configs import (
    learned_prior_cifar10,
    learned_prior_digits,
    learned_prior_flowers,
    learned_prior_flowers_small,
    learned_prior_mnist,
    learned_prior_mnist_small,
    learned_prior_svhn,
)

KEY = jax.random.key(0)
SHAPES = {
    learned_prior_mnist: (32, 32, 1),
    learned_prior_cifar10: (32, 32, 3),
    learned_prior_svhn: (32, 32, 3),
    learned_prior_mnist_small: (16, 16, 1),
    learned_prior_digits: (8, 8, 1),
}
LABELLED = "condition=label"
# Of each row of tables 2 to 4 with labels: its pixels and channels, or what a vector
# has of them; width and stride; batch norm; activation. A block's rows are indented.
EXPECTED = {
    "encoder": """
        x     32x32x1    -  -     -    -
        x1    32x32x64   3  1     -    ReLU
          x2a 32x32x64   3  1     -    ReLU
          x2b 32x32x64   3  1     -    ReLU
        x2    32x32x64   -  -     -    ReLU
          x3a 16x16x128  3  2     -    ReLU
          x3b 16x16x128  3  1     -    ReLU
          x3s 16x16x128  1  2     -    -
        x3    16x16x128  -  -     -    ReLU
          x4a 8x8x256    3  2     -    ReLU
          x4b 8x8x256    3  1     -    ReLU
          x4s 8x8x256    1  2     -    -
        x4    8x8x256    -  -     -    ReLU
          x5a 4x4x512    3  2     -    ReLU
          x5b 4x4x512    3  1     -    ReLU
          x5s 4x4x512    1  2     -    -
        x5    4x4x512    -  -     -    ReLU
        x6    512        -  Avg4  -    -
        code  128        1  1     yes  ReLU
        z     64         1  1     -    -
""",
    "decoder": """
        z     64         -  -     -    -
        x1    4x4x512    4  1     yes  ReLU
          x2a 8x8x256    4  2     -    ReLU
          x2b 8x8x256    3  1     -    ReLU
          x2s 8x8x256    1  Up2   -    -
        x2    8x8x256    -  -     -    ReLU
          x3a 16x16x128  4  2     -    ReLU
          x3b 16x16x128  3  1     -    ReLU
          x3s 16x16x128  1  Up2   -    -
        x3    16x16x128  -  -     -    ReLU
          x4a 32x32x64   4  2     -    ReLU
          x4b 32x32x64   3  1     -    ReLU
          x4s 32x32x64   1  Up2   -    -
        x4    32x32x64   -  -     -    ReLU
        x     32x32x1    3  1     -    Tanh
""",
    "code_generator": """
        s      10   -  -  -    -
        n      54   -  -  -    -
        noise  64   -  -  -    -
        h      128  1  1  yes  ReLU
        z      64   1  1  yes  -
""",
    "code_discriminator": """
        z   64    -  -  -  -
        h1  1000  1  1  -  Leak0.2
        h2  500   1  1  -  Leak0.2
        h3  200   1  1  -  Leak0.2
        p   1     1  1  -  -
""",
    "image_discriminator": """
        x         32x32x1   -  -  -    -
        x1        16x16x64  4  2  -    Leak0.2
        x2        8x8x128   4  2  yes  Leak0.2
        features  4x4x256   4  2  yes  Leak0.2
        h         1000      4  1  -    Leak0.2
        p         1         1  1  -    -
        s         10        1  1  -    -
""",
}


def example(module, size=4):
    x = np.zeros((size, *SHAPES[module]), np.float32)
    return {"x": x, "labelled_x": x, "label": np.zeros(size, np.int32)}


def variables(module, argument):
    """`(params, model_state)` of the game of an argument, as far as shapes go."""
    game = make_game(module.get_config(argument).game)
    return jax.eval_shape(game.init, KEY, example(module))


def test_every_row():
    game = make_game(learned_prior_mnist.get_config(LABELLED).game)
    inputs = {"x": (32, 32, 1), "z": (64,), "s": (10,), "n": (54,)}
    found = {}
    for name, network in game.modules.items():
        rows = network.table.layers
        given = [
            jax.ShapeDtypeStruct((2, *inputs[row.name]), "float32")
            for row in rows
            if not row.inputs
        ]
        evaluate = functools.partial(network.init_with_output, KEY, train=True)
        outputs, _ = jax.eval_shape(evaluate, *given)
        assert network.table.transposed == (name == "decoder")
        found[name] = [
            [
                row.name,
                "x".join(map(str, outputs[row.name].shape[1:])),
                str(row.width or "-"),
                "".join(map(str, row.pool[:2]))
                if row.pool
                else str(row.stride if row.width else "-"),
                row.batch_norm or "-",
                row.activation or "-",
            ]
            for row in rows
        ]
        assert all(row.dropout == 0 for row in rows)
    assert found == {
        name: [line.split() for line in text.splitlines() if line.strip()]
        for name, text in EXPECTED.items()
    }


def test_residual_blocks_add_what_came_in():
    """Table 3: output = input + residual, by way of a convolution if sizes differ."""
    config = learned_prior_mnist.get_config(LABELLED).game
    rows = {row.name: row for row in Table.parse(config.networks.encoder).layers}
    assert (rows["x2"].inputs, rows["x2"].combine) == (("x1", "x2b"), "+")
    assert (rows["x3"].inputs, rows["x3"].combine) == (("x3s", "x3b"), "+")
    assert rows["x3a"].inputs == rows["x3s"].inputs == ("x2",)
    assert rows["x3b"].inputs == ("x3a",)


def _stated():
    """`{condition: {network: parameters}}` of the docstring."""
    lines = [line.split() for line in learned_prior_mnist.__doc__.splitlines()]
    (start,) = (i for i, line in enumerate(lines) if line[1:2] == ["none"])
    _, *conditions = lines[start]
    stated = {condition: {} for condition in conditions}
    for network, *numbers in lines[start + 1 : lines.index([], start)]:
        for condition, number in zip(conditions, numbers, strict=True):
            stated[condition][network] = int(number.replace(",", ""))
    return stated


@pytest.mark.parametrize("condition", ["none", "label", "categorical"])
def test_numbers_of_parameters(condition):
    params, _ = variables(learned_prior_mnist, f"condition={condition}")
    sizes = {
        network: sum(leaf.size for leaf in jax.tree.leaves(tree))
        for network, tree in params.items()
    }
    assert sizes == _stated()[condition]


@pytest.mark.parametrize(
    ("module", "condition"),
    [(learned_prior_cifar10, "none"), (learned_prior_mnist_small, "categorical")],
)
def test_games_have_a_forward_pass_and_infer(module, condition):
    """All phases, and what a model can do, as far as shapes go."""
    argument, batch = f"condition={condition}", example(module)
    game = make_game(module.get_config(argument).game)

    def infer(params, model_state):
        net = game.bind(params, model_state, KEY, train=False)
        return game.sample(net, 3)["x"], game.encode(net, batch["x"])

    x, code = jax.eval_shape(infer, *variables(module, argument))
    assert x.shape == (3, *SHAPES[module])
    assert ("y" in code) == (condition != "none")


@pytest.mark.parametrize("module", [learned_prior_mnist, learned_prior_cifar10])
def test_dimensions_of_codes_are_the_papers(module):
    first = 8 if module is learned_prior_mnist else 64
    for argument, code, noise in (
        ("", first, first),
        ("latent=2000", 2000, 2000),
        (LABELLED, 64, 54),
        ("condition=categorical", 100, 90),
        ("model=aae,condition=categorical", 100, 90),
    ):
        config = module.get_config(argument).game
        encoder = {row.name: row for row in Table.parse(config.networks.encoder).layers}
        assert (encoder["z"].channels, config.noise_dim) == (code, noise)


def test_the_baseline_is_what_the_paper_says():
    """The same encoder and decoder; with s all but the prior, without it nothing."""
    for condition, networks in (
        ("none", {"encoder", "decoder", "code_discriminator"}),
        ("label", set(EXPECTED) - {"code_generator"}),
    ):
        ours, theirs = (
            learned_prior_mnist.get_config(f"model={model},condition={condition}").game
            for model in ("learned", "aae")
        )
        assert set(theirs.networks) == networks
        for network in networks:
            assert theirs.networks[network] == ours.networks[network]
        assert theirs.prior == "fixed"
        assert theirs.similarity == ("pixel" if condition == "none" else "learned")
        assert theirs.mutual_information == ours.mutual_information
    for argument, noisy in (
        ("model=aae", False),
        ("model=aae,latent=100", True),
        ("latent=100", False),
        ("model=aae,condition=label", False),
    ):
        game = learned_prior_mnist.get_config(argument).game
        assert ("ExpN" in game.networks.encoder) == noisy


def test_each_idea_can_be_switched_off():
    config = learned_prior_cifar10.get_config("prior=fixed").game  # Table 1
    assert (config.prior, config.similarity) == ("fixed", "learned")
    assert set(config.networks) == set(EXPECTED) - {"code_generator"}
    config = learned_prior_mnist.get_config("similarity=pixel").game
    assert (config.prior, config.similarity) == ("learned", "pixel")
    for module in SHAPES:
        for arguments in (
            "prior=fixed,condition=label",
            "similarity=pixel,condition=categorical",
            "model=aae,prior=learned,condition=label",
        ):
            config = module.get_config(arguments)
            game = make_game(config.game)
            assert {player.name for player in game.players} == set(config.players)
            check_evaluation(config, game)


def test_narrow_networks():
    full, narrow = (
        learned_prior_mnist.get_config(argument).game.networks
        for argument in (LABELLED, f"{LABELLED},narrow=8")
    )
    same = {"x", "z", "p", "s", "code"}
    for network in full:
        if network.startswith("code"):
            assert narrow[network] == full[network]
            continue
        pairs = zip(
            Table.parse(full[network]).layers,
            Table.parse(narrow[network]).layers,
            strict=True,
        )
        for one, other in pairs:
            divisor = 1 if one.name in same else 8
            assert other.channels * divisor == one.channels


@pytest.mark.parametrize(
    ("module", "argument", "message"),
    [
        (learned_prior_mnist, "model=vae", "model='vae' must be one of"),
        (learned_prior_mnist, "condition=text", "condition='text' must be one of"),
        (learned_prior_svhn, "condition=none", r"must be one of \('label', 'categor"),
        (learned_prior_mnist, "latent=10,condition=label", "leaves no dimension for"),
        (learned_prior_mnist, "narrow=16", "1000 channels cannot be divided by 16"),
        (learned_prior_digits, "narrow=2", "unknown config argument 'narrow'"),
    ],
)
def test_arguments_that_cannot_be(module, argument, message):
    with pytest.raises(ValueError, match=message):
        module.get_config(argument)


@pytest.mark.parametrize(
    ("module", "argument"),
    [
        (learned_prior_flowers, ""),
        (learned_prior_flowers, "data=oxford,narrow=2"),
        (learned_prior_flowers_small, ""),
        (learned_prior_flowers_small, "latent=60"),
        (learned_prior_flowers_small, "prior=fixed"),
    ],
)
def test_games_of_captions_have_a_forward_pass_and_sample(module, argument):
    """As far as shapes go; also the classifier fits the data."""
    config = module.get_config(argument)
    game = make_game(config.game)
    check_evaluation(config, game)
    pixels = int(config.dataset.image_shape.split("x")[0] or 32)
    x = np.zeros((4, pixels, pixels, 3), np.float32)
    captions = np.zeros((4, 5, 200), np.float32)
    batch = {"x": x, "captioned_x": x, "caption": captions}
    assert config.game.noise_dim == 100  # section 4.3
    assert config.embedding.dim == 200
    assert len(config.sentences) == 9  # figure 14

    def infer(params, model_state):
        net = game.bind(params, model_state, KEY, train=False)
        vectors = captions[:, 0]
        return game.sample(net, 4, caption=vectors), game.styles(net, 2, vectors)

    drawn, styles = jax.eval_shape(infer, *jax.eval_shape(game.init, KEY, batch))
    assert drawn["x"].shape == x.shape
    assert styles.shape == (4, 2, *x.shape[1:])
    classifier = make_game(config.classifier.game)
    assert config.classifier.dataset.image_shape in ("", config.dataset.image_shape)
    labelled = {"x": x, "labelled_x": x, "label": np.zeros(4, np.int32)}
    jax.eval_shape(classifier.init, KEY, labelled)
    names = {"drawn": 336, "oxford": 102}
    data = "oxford" if "oxford" in argument else "drawn"
    assert classifier.num_components == names[data]


def test_captions_of_no_data():
    with pytest.raises(ValueError, match="data='real' must be drawn or oxford"):
        learned_prior_flowers.get_config("data=real")
