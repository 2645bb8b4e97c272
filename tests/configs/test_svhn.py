"""Tables 7-10 of AMM, as configs/amm_svhn.py has them: every row, and two steps."""

import functools

import chex
import jax
import numpy as np
import pytest
import tensorflow_datasets as tfds

from adversarial_latent import data
from adversarial_latent.experiment import make_experiment
from adversarial_latent.games import make_game
from adversarial_latent.model import unstack
from configs import amm_svhn, samm_svhn
from tests.data import tiny_tfds

# Of each row: its pixels and channels, or what a vector has of them; dropout of what
# comes in; batch norm; activation. {k} is the number of components.
EXPECTED = {
    "encoder": """
        x        32x32x3   0.0  -    -
        x1       32x32x96  0.0  yes  Leak0.2
        x2       32x32x96  0.0  yes  Leak0.2
        x3       16x16x96  0.0  yes  Leak0.2
        x4       16x16x192 0.0  yes  Leak0.2
        x5       16x16x192 0.0  yes  Leak0.2
        x6       8x8x192   0.0  yes  Leak0.2
        x7       6x6x384   0.0  yes  Leak0.2
        y1       6x6x192   0.0  -    -
        z1       6x6x192   0.0  -    -
        y1a      6x6x192   0.0  yes  Leak0.2
        z1a      6x6x192   0.0  yes  Leak0.2
        y2       6x6x96    0.0  -    -
        z2       6x6x96    0.0  -    -
        y2a      96        0.0  yes  Leak0.2
        z2a      96        0.0  yes  Leak0.2
        y_mu     {k}       0.0  -    -
        y_sigma  {k}       0.0  -    ExpN
        y        {k}       0.0  -    Softmax
        {z_from_y}
        z_mu     64        0.0  -    -
        z_sigma  64        0.0  -    ExpN
        z        64        0.0  -    -
    """,
    "prior": """
        y        {k}       0.0  -    -
        z_mu     64        0.0  -    -
        z_sigma  64        0.0  -    ExpN
        z        64        0.0  -    -
    """,
    "decoder": """
        y        {k}       0.0  -    -
        z        64        0.0  -    -
        y1       512       0.0  -    -
        z1       512       0.0  -    -
        y1a      512       0.0  yes  -
        z1a      512       0.0  yes  Leak0.2
        y2       4x4x256   0.0  -    -
        z2       4x4x256   0.0  -    -
        y2a      4x4x256   0.0  yes  -
        z2a      4x4x256   0.0  yes  Leak0.2
        y3       6x6x256   0.0  -    -
        z3       6x6x256   0.0  -    -
        y3a      6x6x256   0.0  yes  -
        z3a      6x6x256   0.0  yes  Leak0.2
        y4       13x13x128 0.0  -    -
        z4       13x13x128 0.0  -    -
        y4a      13x13x128 0.0  yes  -
        z4a      13x13x128 0.0  yes  Leak0.2
        y5       15x15x128 0.0  -    -
        z5       15x15x128 0.0  -    -
        y5a      15x15x128 0.0  yes  -
        z5a      15x15x128 0.0  yes  Leak0.2
        y6       32x32x3   0.0  -    -
        z6       32x32x3   0.0  -    -
        x        32x32x3   0.0  -    Sigmoid
    """,
    "discriminator": """
        x        32x32x3   0.0  -    -
        y        {k}       0.0  -    -
        z        64        0.0  -    -
        x1       32x32x96  0.0  -    Leak0.2
        x2       32x32x96  0.0  -    Leak0.2
        x3       16x16x96  0.0  -    Leak0.2
        x4       16x16x192 0.1  -    Leak0.2
        x5       16x16x192 0.0  -    Leak0.2
        x6       8x8x192   0.0  -    Leak0.2
        x7       6x6x384   0.1  -    Leak0.2
        x8       6x6x192   0.0  -    Leak0.2
        x9       96        0.0  -    Leak0.2
        y1       96        0.0  -    Leak0.2
        y2       96        0.1  -    Leak0.2
        z1       96        0.0  -    Leak0.2
        z2       96        0.1  -    Leak0.2
        p0       288       0.0  -    -
        p1       288       0.1  -    Leak0.2
        p2       288       0.1  -    Leak0.2
        p        1         0.1  -    -
    """,
}
Z_FROM_Y = """
        z2y      {joined}  0.0  -    -
        z3       96        0.0  yes  Leak0.2
"""
INPUTS = {"x": (32, 32, 3), "z": (64,)}
FACTORIZATIONS = {amm_svhn: 7, samm_svhn: 6}  # as long as the argument says no other

# A step is two thousand small kernels. This halves the time it takes to compile them.
COMPILE_FAST = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_parallel_codegen_split_count": 2,
}


def _conv(width, inputs, outputs):
    """Number of weights and biases of a convolution."""
    return width * width * inputs * outputs + outputs


def _sizes(k, factorization):
    """Number of parameters of each network, counted by hand."""
    images = (
        _conv(3, 3, 96)
        + 2 * _conv(3, 96, 96)
        + _conv(3, 96, 192)
        + 2 * _conv(3, 192, 192)
        + _conv(3, 192, 384)
    )
    tower = _conv(1, 384, 192) + _conv(1, 192, 96)
    image_norms = 2 * (3 * 96 + 3 * 192 + 384)
    tower_norms = 2 * (192 + 96)
    heads = 2 * _conv(1, 96, k) + 2 * _conv(1, 96, 64)
    z_from_y = _conv(1, 96 + k, 96) + 2 * 96 if factorization == 6 else 0
    decoder_tower = (
        _conv(4, 512, 256)
        + _conv(3, 256, 256)
        + _conv(3, 256, 128)
        + _conv(3, 128, 128)
        + _conv(4, 128, 3)
        + 2 * (512 + 256 + 256 + 128 + 128)  # batch norm
    )
    y_and_z = _conv(1, k, 96) + _conv(1, 64, 96) + 2 * _conv(1, 96, 96)
    joint = 2 * _conv(1, 288, 288) + _conv(1, 288, 1)
    return {
        "encoder": images + image_norms + 2 * (tower + tower_norms) + heads + z_from_y,
        "prior": 2 * _conv(1, k, 64),
        "decoder": _conv(1, k, 512) + _conv(1, 64, 512) + 2 * decoder_tower,
        "discriminator": images + tower + y_and_z + joint,
    }


def _stated(module):
    """`(argument, value, {network: parameters})` for each line of the docstring."""
    lines = [line.split() for line in module.__doc__.splitlines()]
    (start,) = (i for i, line in enumerate(lines) if line[1:] == list(EXPECTED))
    argument, *networks = lines[start]
    for value, *numbers in lines[start + 1 : lines.index([], start)]:
        sizes = [int(number.replace(",", "")) for number in numbers]
        yield argument, int(value), dict(zip(networks, sizes, strict=True))


def _evaluate(network, k):
    """Shapes of outputs by row, and number of parameters; nothing is computed."""
    rows = network.table.layers
    shapes = {**INPUTS, "y": (k,)}
    inputs = [
        jax.ShapeDtypeStruct((2, *shapes[row.name]), "float32")
        for row in rows
        if not row.inputs
    ]
    rngs = {name: jax.random.key(0) for name in ("params", "dropout", "noise")}
    evaluate = functools.partial(network.init_with_output, rngs, train=True)
    outputs, variables = jax.eval_shape(evaluate, *inputs)
    size = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    return {row: outputs[row.name].shape[1:] for row in rows}, size


@pytest.mark.parametrize(
    ("module", "argument", "value", "stated"),
    [
        pytest.param(module, *line, id=f"{module.__name__}:{line[0]}={line[1]}")
        for module in FACTORIZATIONS
        for line in _stated(module)
    ],
)
def test_every_row(module, argument, value, stated):
    config = module.get_config(f"{argument}={value}").game
    k = value if argument == "k" else 10
    factorization = FACTORIZATIONS[module] if argument == "k" else value
    networks, sizes = make_game(config).modules, {}
    for name, text in EXPECTED.items():
        shapes, sizes[name] = _evaluate(networks[name], k)
        found = [
            [
                row.name,
                "x".join(map(str, shape)),
                str(row.dropout),
                row.batch_norm or "-",
                row.activation or "-",
            ]
            for row, shape in shapes.items()
        ]
        print(f"{name}: {sizes[name]} parameters")
        for cells in found:
            print("  {:8}{:10}{:5}{:5}{}".format(*cells))
        z_from_y = Z_FROM_Y.format(joined=96 + k) if factorization == 6 else ""
        lines = text.format(k=k, z_from_y=z_from_y).splitlines()
        assert found == [line.split() for line in lines if line.strip()]
    assert sizes == stated == _sizes(k, factorization)


@pytest.mark.parametrize(
    ("prior", "learned"),
    [
        ("per_component", {"z_mu", "z_sigma"}),
        ("unit", {"z_mu"}),
        ("independent", set()),
    ],
)
def test_priors(prior, learned):
    rows = amm_svhn.prior_table(prior).fill(k=10, d=64).layers
    assert {row.name for row in rows if row.width} == learned
    assert {row.name for row in rows if row.inputs == ("y",)} == learned


@pytest.mark.parametrize("module", FACTORIZATIONS)
def test_arguments(module):
    config = module.get_config("prior=fixed,extra")
    assert config.dataset.train_split == "train+extra"
    assert type(make_game(config.game).modules["prior"]).__name__ == "Mixture"
    for argument, message in (
        ("factorization=8", "factorization must be 6, 7 or 15, not 8"),
        ("prior=flat", "prior must be one of .*unit.*, not 'flat'"),
    ):
        with pytest.raises(ValueError, match=message):
            module.get_config(argument)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Random images in the format in which TFDS has SVHN."""
    directory = tmp_path_factory.mktemp("tfds")
    builder = tfds.builder(
        "svhn_cropped", data_dir=directory, file_format="array_record"
    )
    rng = np.random.default_rng(0)

    def examples(size):
        x = rng.integers(0, 256, (size, 32, 32, 3), dtype=np.uint8)
        return [
            {"id": str(i), "image": tiny_tfds.png(x[i]), "label": i % 10}
            for i in range(size)
        ]

    tiny_tfds.write(
        directory,
        "svhn_cropped",
        dict(builder.info.features),
        {"train": examples(30), "test": examples(10), "extra": examples(20)},
        builder.info.supervised_keys,
        str(builder.version),
    )
    return directory


@pytest.mark.parametrize(("module", "size"), [(amm_svhn, 30), (samm_svhn, 50)])
def test_two_steps(module, size, data_dir):
    config = module.get_config("runlocal" if size == 30 else "runlocal,extra")
    config.dataset.data_dir = str(data_dir)
    config.batch_size = 4  # the least that four devices take
    dataset = data.load(config.dataset)
    assert len(dataset.splits["train"]) == size
    experiment = make_experiment(config, dataset)
    pipeline = experiment.pipeline
    state = unstack(experiment.parallel.init(experiment.create, 0), 0)
    before = state.params

    def step(state, batch):
        examples = pipeline.examples(pipeline.resident, batch)
        return experiment.train_step(state, examples)

    chex.clear_trace_counter()
    step = jax.jit(chex.assert_max_traces(step, n=1), compiler_options=COMPILE_FAST)
    for _ in range(2):
        # One trial, and one minibatch.
        batch = jax.tree.map(lambda leaf: leaf[0], pipeline.next(1))
        state, metrics = step(state, batch)
    assert state.step == 2
    chex.assert_tree_all_finite((metrics, state.params, state.model_state))
    for network, params in state.params.items():
        for name, param in params.items():
            if name.endswith("_kernel"):
                assert (param != before[network][name]).any(), name
