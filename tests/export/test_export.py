"""An exported model answers as the model itself, without this package."""

import json
import re
import subprocess
import sys
import zipfile

import flax.linen as nn
import jax
import numpy as np
import pytest

from adversarial_latent import run_data
from adversarial_latent.experiment import make_experiment
from adversarial_latent.export import export_model
from adversarial_latent.export.exported_model import load
from adversarial_latent.games import building, make_game, pixelcnn
from adversarial_latent.inputs import InputError
from adversarial_latent.model import Model
from adversarial_latent.sizing import fit_to_data
from adversarial_latent.workdir import load as load_run
from experiments.checks import exported_client
from tests import toys
from tests.experiments import programs

exported, _ = programs.load("checks.exported")
shapes, _ = programs.load("checks.shapes")

# Finds nothing but what JAX itself needs; then the client runs.
ALONE = """
import runpy, sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder

ALLOWED = {"jax", "jaxlib", "numpy", "ml_dtypes", "opt_einsum", "scipy"}
IN_FILE = {"exported_model", "flatbuffers"}

class Alone(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in IN_FILE and path is None:
            path = [sys.argv[1]]
        elif top not in ALLOWED | IN_FILE | sys.stdlib_module_names and top[0] != "_":
            return None
        return super().find_spec(name, path, target)

sys.meta_path = [BuiltinImporter, FrozenImporter, Alone]
for name in ("adversarial_latent", "flax"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{name} can be imported")
runpy.run_path(CLIENT, run_name="__main__")
"""
CASES = {  # task, game, shape, examples; together they have all functions
    "mixture": ("cluster", "amm", (8, 8, 1), 6),
    "posterior": ("autoencode", "aim", (12, 14, 3), 4),
    "labels": ("generate", "conditional_ali", (30,), 4),
    "vectors": ("cluster", "aae", (30,), 4),
}


def assert_same(found, expected):
    differ = exported.differences(found, expected)
    assert max(differ.values()) < 1e-5, differ


@pytest.fixture(scope="module")
def file(finished_run, tmp_path_factory):
    """The exported model of `finished_run`."""
    path = str(tmp_path_factory.mktemp("exported") / "model.zip")
    programs.run("export", f"--workdir={finished_run}", f"--output={path}")
    return path


@pytest.fixture(scope="module")
def model(file):
    return load(file)


def test_it_runs_without_this_package(finished_run, file):
    inputs = {"x": toys.images(1, 5)}
    client = f"CLIENT = {exported_client.__file__!r}\n{ALONE}"
    command = [sys.executable, "-I", "-c", client]
    found, printed = exported.run_elsewhere(command, file, inputs)
    assert set(printed["packages"]) - {"exported_model", "flatbuffers"} <= {
        *("jax", "jaxlib", "numpy", "ml_dtypes", "opt_einsum", "scipy"),
        "cython_runtime",  # a part of NumPy
    }
    functions = list(load(file).about["functions"])
    assert {"encode", "decode", "sample", "sample_component", "mixture"} <= {*functions}
    run = load_run(str(finished_run))
    assert_same(found, exported.expected_answers(run, functions, inputs))


def untrained(game, batch, shape):
    """A model of untrained networks; four examples are a batch."""
    variables = toys.jit(game.init)(jax.random.key(0), batch)
    return Model(game, *variables, batch_size=4, example_shape=shape)


def check_all_functions(run, number, path):
    """Exports a model and compares all of its answers."""
    about = export_model(run, path, platforms=["cpu"])
    model, functions = load(str(path)), list(about["functions"])
    shape = (number, *run.example_shape)
    inputs = {"x": np.random.default_rng(0).random(shape, np.float32)}
    if run.conditional:
        inputs["label"] = np.arange(number) % 2
    found = exported_client.answers(model, functions, **inputs)
    if "mixture" in functions:
        found |= exported_client.mixture_answers(model, found["sample z"])
    assert_same(found, exported.expected_answers(run, functions, inputs))
    assert all(each["fixed_batch_size"] is None for each in about["functions"].values())
    return functions, inputs


@pytest.mark.usefixtures("_in_a_hurry")
@pytest.mark.parametrize("case", CASES)
def test_functions_of_all_kinds(case, tmp_path):
    task, name, shape, number = CASES[case]
    config = shapes.small_config(task, name, shape, tmp_path)
    dataset = run_data.load_examples(config, str(tmp_path))
    experiment = make_experiment(fit_to_data(config, dataset), dataset)
    _, batch = experiment.abstract_inputs()
    batch = jax.tree.map(lambda x: np.zeros(x.shape[1:], x.dtype), batch)
    run = untrained(experiment.game, batch, shape)
    _, inputs = check_all_functions(run, number, tmp_path / "model.zip")
    if len(shape) == 3:
        return
    # In the original units of vectors.
    scaling, path = dataset.scaling, str(tmp_path / "units.zip")
    export_model(run, path, platforms=["cpu"], scaling=scaling)
    model = load(path)
    assert model.about["input"]["kind"] == "vectors in their original units"
    x = scaling.invert(inputs["x"])
    assert_same(model.encode(**{**inputs, "x": x}), run.encode(**inputs))
    expected = run.sample(number, seed=1)
    expected["x"] = scaling.invert(expected["x"])
    assert_same(model.sample(number, seed=1), expected)
    assert_same({"x": model.decode(expected)}, {"x": expected["x"]})


@pytest.mark.usefixtures("_in_a_hurry")
def test_pixels_one_by_one(tmp_path):
    config = pixelcnn.default_config()
    settings = {"image_shape": (4, 4, 1), "blocks": 2, "hidden_channels": 4}
    config.pixelcnn = building.pixelcnn_config(**settings, levels=2)
    batch = {"x": np.zeros((2, 4, 4, 1), np.float32)}
    run = untrained(make_game(config), batch, (4, 4, 1))
    functions, _ = check_all_functions(run, 4, tmp_path / "model.zip")
    assert functions == ["sample", "log_prob"]


def test_predictions_are_the_most_probable_components(finished_run, model):
    x = toys.images(2, 9)
    y = load_run(str(finished_run)).encode(x)["y"]
    np.testing.assert_array_equal(model.predict(x), y.argmax(-1))


def test_what_the_file_says_of_itself(finished_run, file):
    printed = subprocess.run(
        [sys.executable, "-I", file], capture_output=True, check=True
    ).stdout
    about = json.loads(printed)
    assert about == load(file).about
    assert about["input"] == {
        "shape": [2, 2, 1],
        "dtype": "float32",
        "range": [0, 1],
        "kind": "images: uint8 pixels divided by 255",
    }
    config = json.loads((finished_run / "results.json").read_text())["config_hash"]
    assert about["config_hash"] == config
    assert (about["steps"], about["num_components"]) == (12, 3)
    assert about["components_are"] == "clusters"
    assert about["platforms"] == ["cpu", "cuda", "tpu"]
    assert about["versions"]["jax"] == jax.__version__
    encode = about["functions"]["encode"]
    assert encode["inputs"] == {"x": {"shape": ["n", 2, 2, 1], "dtype": "float32"}}
    assert encode["outputs"]["y"] == {"shape": ["n", 3], "dtype": "float32"}
    # Discriminators are not needed, and each function lists its own weights.
    used = {name.split("/")[2] for name in encode["weights"]}
    assert used == {"encoder"}
    with zipfile.ZipFile(file) as archive:
        code = [archive.read(each["file"]) for each in about["functions"].values()]
        stored = [name for name in archive.namelist() if name.startswith("weights/")]
        sizes = [np.load(archive.open(name)).size for name in stored]
    assert not any("discriminator" in name for name in stored)
    assert about["num_weights"] == sum(sizes) > 0
    assert not any(b".py" in each for each in code), "paths of this machine"


def test_classes_have_names(classifier_run, tmp_path):
    output = f"--output={tmp_path}/classes.zip"
    programs.run("export", f"--workdir={classifier_run}", output, "--platforms=cpu")
    about = load(f"{tmp_path}/classes.zip").about
    assert (about["components_are"], about["platforms"]) == ("classes", ["cpu"])
    assert about["class_names"] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.encode(np.zeros((1, 2, 2, 1), np.uint8)), "x is uint8.* x / 255"),
        (lambda m: m.encode(np.zeros((1, 3, 2, 1))), r"takes \[N, 2, 2, 1\]"),
        (lambda m: m.encode(np.zeros((0, 2, 2, 1))), "nothing to encode"),
        (lambda m: m.encode(np.full((1, 2, 2, 1), np.nan)), "1 examples contain NaN"),
        (lambda m: m.encode(np.zeros((1, 2, 2, 1)), [0]), "takes x, not x, label"),
        (lambda m: m.decode({"y": np.zeros((1, 3))}), "the code has no z"),
        (lambda m: m.sample(2, component=3), r"component 3\.\.3 is given.* 3 compon"),
        (lambda m: m.sample(2, component=0.5), "must be integers"),
        (lambda m: m.sample(2, seed=-1), r"seed=-1 must be in \[0, 2\*\*32\)"),
        (lambda m: m.sample(0), "nothing to sample"),
        (
            lambda m: m.log_prob(np.zeros((1, 2, 2, 1))),
            "the model has no 'log_prob'; i",
        ),
        (lambda m: m.sample(1, caption=np.zeros(3)), "has no 'sample_caption'"),
    ],
)
def test_bad_requests(model, call, message):
    with pytest.raises(ValueError, match=message):
        call(model)


class Rigid(nn.Module):
    """A network that needs to know the number of examples."""

    @nn.compact
    def __call__(self, x, *, train, **_):
        h = nn.Dense(3)(x.reshape(len(x), -1))
        return {"y_mu": h, "y_sigma": h, "z_mu": h[:, :2], "z_log_variance": h[:, :2]}


def test_a_network_that_needs_to_know_the_number_of_examples(tmp_path):
    class Rounded(type(toys.amm())):
        """A game that encodes by this network."""

        def encode(self, net, x):
            return {"y": net("encoder", x)["y_mu"]}

        def styles(self, net, n):
            return net("encoder", jax.numpy.ones((n, 4)))["y_mu"]

    toy = toys.amm()
    game = Rounded(**{**toy.__dict__, "modules": {"encoder": Rigid()}})
    params = Rigid().init(jax.random.key(0), np.zeros((1, 4)), train=False)["params"]
    run = Model(game, {"encoder": params}, {"encoder": {}}, 4, example_shape=(2, 2, 1))
    game_only = {"encode", "styles"}
    run.can = game_only.__contains__
    about = export_model(run, tmp_path / "model.zip", platforms=["cpu"])
    encode = about["functions"]["encode"]
    assert encode["fixed_batch_size"] == 4
    assert "the network 'encoder' of the game 'Rounded'" in encode["why_fixed"]
    model, x = load(str(tmp_path / "model.zip")), toys.images(1, 6)
    assert_same(
        model.encode(x), {"y": Rigid().apply({"params": params}, x, train=0)["y_mu"]}
    )
    with pytest.raises(ValueError, match="'styles' was not exported: the network 'enc"):
        model.styles(3)


def test_what_cannot_be_exported(finished_run, tmp_path):
    run = load_run(str(finished_run))
    with pytest.raises(InputError, match=r"unknown platforms \['gpu'\]; choose from"):
        export_model(run, tmp_path / "model.zip", platforms=["gpu"])
    run.example_shape = None
    with pytest.raises(InputError, match="the shape of examples is not known"):
        export_model(run, tmp_path / "model.zip")
    with pytest.raises(SystemExit, match=r"--output must end in \.zip"):
        programs.run("export", f"--workdir={finished_run}", f"--output={tmp_path}/m")
    with pytest.raises(SystemExit, match=re.escape("is it the --workdir of a run?")):
        programs.run("export", f"--workdir={tmp_path}", f"--output={tmp_path}/m.zip")
    assert not list(tmp_path.iterdir())


def test_another_layout_of_the_file_is_refused(file, tmp_path):
    with zipfile.ZipFile(file) as archive:
        about = json.loads(archive.read("model.json")) | {"format": 0}
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        archive.writestr("model.json", json.dumps(about))
    with pytest.raises(
        ValueError, match="has format 0, but this loader reads format 1"
    ):
        load(str(tmp_path / "old.zip"))
