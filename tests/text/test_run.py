"""A text-to-image run from end to end: encoder, classifier, game and sampling."""

import dataclasses
import json

import jax
import ml_collections
import numpy as np
import pytest
from PIL import Image

import adversarial_latent
from adversarial_latent import text, train
from adversarial_latent.config import default_config
from adversarial_latent.data import load
from adversarial_latent.experiment import make_experiment
from adversarial_latent.export import exported_model
from adversarial_latent.games import classifier, learned_prior
from adversarial_latent.optimizers import player
from tests.experiments import programs

NETWORKS = {
    "encoder": "x - 3 - - - - - -\nz x 5 4 1 - - - -\n",
    "decoder": "transposed\nz - 5 - - - - - -\nx z 3 4 1 - - - Tanh\n",
    "code_generator": "s - 6 - - - - - -\nn - 2 - - - - - -\nz s|n 5 1 1 - - - -\n",
    "code_discriminator": "z - 5 - - - - - -\np z 1 1 1 - - - -\n",
    "image_discriminator": (
        "x - 3 - - - - - -\ncaption - 6 - - - - - -\n"
        "features x 4 4 1 - - - Leak0.2\nh features|caption 4 1 1 - - - Leak0.2\n"
        "p h 1 1 1 - - - -\ns features 3 1 1 - - - -\nt caption 3 1 1 - - - -\n"
    ),
}


@pytest.fixture(scope="module")
def config():
    """Two steps on flowers of 4x4 pixels, of which there are fifty."""
    made = default_config()
    made.dataset.update(name="flowers", image_shape="4x4x3", limit=50)
    made.game = learned_prior.default_config()
    made.game.update(
        noise_dim=2,
        condition="caption",
        mutual_information=1.0,
        networks=NETWORKS,
    )
    made.update_order = "alternating"
    names = ["code_discriminator", "encoder", "decoder"]
    names += ["image_discriminator", "generator"]
    made.players = {name: player(1e-3) for name in names}
    made.embedding = text.default_config()
    made.embedding.update(dim=6, word_dim=3, steps=2, batch_size=4)
    made.sentences = ("a red flower", "a blue flower")
    made.evaluators = made.curves = ("captions",)
    made.classifier = default_config()
    made.classifier.dataset.update(made.dataset)
    made.classifier.dataset.held_out = 0.0
    made.classifier.game = classifier.default_config()
    made.classifier.game.update(
        num_components=336,
        factors=(7, 4, 3, 4),
        networks={
            "classifier": "x - 3 - - - - - -\nz x 4 4 1 - - - -\ny z 18 1 1 - - - -"
        },
    )
    made.classifier.players = {"classifier": player(1e-3)}
    for part in (made, made.classifier):
        part.batch_size, part.steps_per_call, part.duration = 8, 1, "2_steps"
    return made


@pytest.fixture(scope="module")
def run(_in_a_hurry, config, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("captioned")
    train.train_and_evaluate(config, str(workdir))
    return workdir


def test_what_a_run_leaves(run):
    results = json.loads((run / "results.json").read_text())["results"]
    attributes = ("colour", "petals", "shape", "centre")
    assert set(results) == {
        "caption_accuracy",
        *(f"caption_accuracy_{attribute}" for attribute in attributes),
        "classifier_error",
    }
    row = json.loads((run / "metrics.jsonl").read_text())
    assert "test/caption_accuracy_petals" in row
    for name in ("captions", "sentences"):
        with Image.open(run / "figures" / f"{name}.png") as image:
            assert image.size[0] > 100
    assert "Accuracy of illustrations: petals" in (run / "report.html").read_text()


def test_a_trained_model_takes_captions(run):
    model = adversarial_latent.load(str(run))
    red = model.sample(3, caption="a red flower")["x"]
    assert red.shape == (3, 4, 4, 3)
    np.testing.assert_array_equal(red, model.sample(3, caption="a red flower")["x"])
    both = ["a red flower", "a blue flower"]
    assert not np.array_equal(red[:2], model.sample(2, caption=both)["x"])
    assert model.styles(4, captions=both).shape == (2, 4, 4, 4, 3)
    for arguments, message in (
        ({}, "generates from captions; give one"),
        ({"caption": both}, "3 samples need 1 or 3 captions, not 2"),
        ({"caption": "a red flower", "component": 1}, "a caption, not both"),
        ({"caption": "xyzzy"}, "'xyzzy' has no word that the sentence encoder"),
    ):
        with pytest.raises(ValueError, match=message):
            model.sample(3, **arguments)
    model.embedding = None
    with pytest.raises(ValueError, match="has no embedding of captions"):
        model.sample(3, caption="a red flower")


def test_an_exported_model_takes_vectors_of_captions(run, tmp_path):
    path = str(tmp_path / "model.zip")
    programs.run("export", f"--workdir={run}", f"--output={path}", "--platforms=cpu")
    model, exported = adversarial_latent.load(str(run)), exported_model.load(path)
    both = ["a red flower", "a blue flower"]
    vectors = model.embedding(both)
    for found, expected in (
        (exported.sample(2, 1, caption=vectors), model.sample(2, 1, caption=both)),
        (
            {"x": exported.styles(3, 1, captions=vectors)},
            {"x": model.styles(3, 1, captions=both)},
        ),
    ):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, atol=1e-5)
    with pytest.raises(ValueError, match="the model has no 'sample'; it has"):
        exported.sample(2)


def test_sampling_program(run, tmp_path):
    output = tmp_path / "pink.png"
    arguments = (f"--workdir={run}", f"--output={output}", "--num=4")
    programs.run("sample", *arguments, "--caption=a pink flower")
    with Image.open(output) as image:
        assert image.size == (2 * 5 * 4, 2 * 5 * 4)


def test_two_devices_see_what_one_sees(config):
    """Captions are cut for devices as images are."""
    dataset = text.with_vectors(
        load(config.dataset), lambda texts: np.ones((len(texts), 6)), 6
    )
    vectors = dataset.splits["train"].caption_vectors
    numbered = vectors * np.arange(len(vectors), dtype=np.float32)[:, None, None]
    train_split = dataclasses.replace(dataset.splits["train"], caption_vectors=numbered)
    dataset = dataclasses.replace(
        dataset, splits={**dataset.splits, "train": train_split}
    )
    experiment = make_experiment(config, dataset)
    batch = experiment.pipeline.next(1)
    first = {name: indices[0, 0] for name, indices in batch.items()}
    seen = experiment.pipeline.examples(experiment.pipeline.resident, first)
    assert seen["caption"].shape == (8, 5, 6)
    np.testing.assert_array_equal(seen["caption"][:, 0, 0], first["captioned_x"])
    images = train_split.as_float()[first["captioned_x"]]
    np.testing.assert_array_equal(seen["captioned_x"], images)


def test_a_game_of_captions_needs_their_vectors(config, tmp_path):
    with pytest.raises(ValueError, match=r"of 'flowers' are not embedded: see text"):
        make_experiment(config, load(config.dataset))
    without = config.copy_and_resolve_references()
    without.embedding = ml_collections.ConfigDict()
    with pytest.raises(ValueError, match=r"learns from captions: set config.embedding"):
        train.train_and_evaluate(without, str(tmp_path))
    useless = config.copy_and_resolve_references()
    useless.game.update(condition="", mutual_information=0.0)
    useless.game.networks.code_generator = "n - 2 - - - - - -\nz n 5 1 1 - - - -"
    with pytest.raises(ValueError, match=r"does not use captions: leave"):
        train.train_and_evaluate(useless, str(tmp_path))
    assert not list(tmp_path.iterdir())


# ml_collections loads config files in a way that Python warns of.
@pytest.mark.filterwarnings(
    r"ignore:the load_module\(\) method is deprecated:DeprecationWarning"
)
def test_steps_are_measured_with_random_vectors(config):
    """As experiments.benchmarks.train_step does, which has no captions."""
    program, registry = programs.load("benchmarks.train_step")
    registry(["benchmark", "--steps=3"])
    images = np.zeros((16, 4, 4, 3), np.uint8)
    _, experiment = program._experiment(ml_collections.ConfigDict(config), images)
    (vectors,) = {
        leaf.shape
        for leaf in jax.tree.leaves(experiment.pipeline.resident)
        if leaf.dtype == np.float32
    }
    assert vectors == (16, 1, 6)
    state = jax.eval_shape(experiment.create, jax.random.key(0))
    assert set(state.params) == set(NETWORKS)
