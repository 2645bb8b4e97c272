"""Whole runs on features of images, with labels of some, from disk."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from adversarial_latent.experiment import make_experiment
from adversarial_latent.run_data import load as load_data
from adversarial_latent.run_data import read_scaling
from adversarial_latent.train import train_and_evaluate
from adversarial_latent.workdir import load, read_config
from tests.data.blocks import block_means
from tests.experiments import programs
from tests.runs import tiny_config
from tests.toys import AMM_TABLES, HEADER, amm_config

SIZE = 48


def networks():
    """The networks of the toys, for vectors of four numbers."""
    tables = {}
    for name, text in AMM_TABLES.items():
        rows = []
        for line in text.strip().splitlines():
            cells = line.split()
            if name != "prior" and cells[0] == "x":
                cells[2] = "4"
                cells[8] = "-"  # standardised vectors may be negative
            if cells[3] == "2":
                cells[3] = "1"
            rows.append("  ".join(cells))
        tables[name] = HEADER + "\n".join(rows) + "\n"
    return tables


@pytest.fixture(scope="module", params=["amm", "samm"])
def run(request, tmp_path_factory, _in_a_hurry):
    """A run on 48 images of three kinds, of which half are labelled."""
    directory = tmp_path_factory.mktemp(request.param)
    rng = np.random.default_rng(0)
    (directory / "images").mkdir()
    rows = []
    for i in range(SIZE):
        x = rng.integers(0, 60, (6, 4), dtype=np.uint8)
        x[2 * (i % 3) :][:2] += 150
        Image.fromarray(x).save(directory / "images" / f"{i}.png")
        if i % 2:
            rows.append(f"{i}.png,{'abc'[i % 3]}\n")
    (directory / "labels.csv").write_text("".join(rows))
    config = tiny_config(directory)
    config.game = amm_config(
        name=request.param, penalty_weight=0.0, networks=networks()
    )
    if request.param == "amm":
        config.game.stratified = False
    config.update(trials=1, selection="", paper={}, curves=(), duration="4_steps")
    config.evaluators = (
        *(("clustering",) if request.param == "amm" else ("classification",)),
        "reconstruction",
    )
    config.dataset.update(
        name="folder",
        path=str(directory / "images"),
        labels=str(directory / "labels.csv"),
        features="tests.data.blocks:block_means",
        standardize=True,
        in_memory=False,
        test_fraction=0.5,
    )
    results = train_and_evaluate(config, str(directory / "run"))
    return directory / "run", results, directory / "images"


def test_labelled_examples_are_scored_and_images_are_shown(run):
    workdir, results, images = run
    assert results["left_out"] == {}
    scored = read_config(str(workdir)).evaluators[0]
    protocol = results["protocol"]
    assert protocol[scored].startswith("12 examples of the test split of folder")
    assert "24 examples of the test split" in protocol["reconstruction"]
    assert "unlabelled examples: 12 in train, 12 in test" in protocol["data"]
    assert "vectors standardised" in protocol["data"]
    figures = {file.stem for file in (workdir / "figures").iterdir()}
    assert f"{scored}_components" in figures
    assert not {"reconstruction", "samples"} & figures
    with np.load(workdir / "arrays" / f"{scored}_components.npz") as arrays:
        members = arrays["members"]
        assert "generated" not in arrays
    assert members.shape == (3, 10, 6, 4, 1)
    known = {np.asarray(Image.open(images / f"{i}.png")).tobytes() for i in range(SIZE)}
    shown = members[~np.isnan(members).any((2, 3, 4))]
    assert 1 <= len(shown) <= 12
    for image in np.round(255 * shown).astype(np.uint8):
        assert image.tobytes() in known


@pytest.mark.parametrize("run", ["samm"], indirect=True)
def test_only_labelled_examples_are_in_batches_with_labels(run):
    config = read_config(str(run[0]))
    dataset = load_data(config, str(run[0]))
    train = dataset.splits["train"]
    pipeline = make_experiment(config, dataset).pipeline
    batch = pipeline.next(5)
    pipeline.close()
    assert set(np.unique(batch["label"])) == {0, 1, 2}
    rows = {
        vector.tobytes(): label
        for vector, label in zip(train.x, train.label, strict=True)
    }
    pairs = zip(batch["labelled_x"].reshape(-1, 4), batch["label"].ravel(), strict=True)
    assert all(rows[vector.tobytes()] == label for vector, label in pairs)
    assert {rows[vector.tobytes()] for vector in batch["x"].reshape(-1, 4)} >= {-1, 0}


def test_new_images_become_standardised_features(run, tmp_path):
    workdir, _, images = run
    output = tmp_path / "out.csv"
    flags = (f"--workdir={workdir}", f"--input={images}", f"--output={output}")
    programs.run("predict", *flags, "--code")
    with open(output, newline="") as file:
        header, *rows = csv.reader(file)
    assert len(rows) == SIZE
    x = np.stack([np.asarray(Image.open(images / row[0])) for row in rows])[..., None]
    scaling = json.loads((workdir / "dataset.json").read_text())["scaling"]
    vectors = (block_means(x) - scaling["mean"]) / scaling["std"]
    code = load(str(workdir)).encode(vectors.astype(np.float32))
    first = header.index("z0")
    written = np.array([[float(cell) for cell in row[first:]] for row in rows])
    np.testing.assert_allclose(written, code["z"], rtol=1e-3, atol=1e-5)
    large = tmp_path / "large.png"
    Image.fromarray(x[0, ..., 0].repeat(2, 0).repeat(2, 1)).save(large)
    flags = (f"--workdir={workdir}", f"--input={large}", f"--output={output}")
    with pytest.raises(SystemExit, match=r"takes 6x4x1, but large\.png is 12x8x1"):
        programs.run("predict", *flags)
    programs.run("predict", *flags, "--resize")


def test_samples_have_their_original_units(run, tmp_path):
    workdir = str(run[0])
    output = tmp_path / "s.npz"
    programs.run("sample", f"--workdir={workdir}", f"--output={output}", "--num=5")
    drawn = load(workdir).sample(5, seed=0)["x"]
    with np.load(output) as file:
        np.testing.assert_array_equal(file["x"], read_scaling(workdir).invert(drawn))


def test_another_scaling_is_refused(run, tmp_path):
    workdir, _, _ = run
    (tmp_path / "checkpoints" / "4").mkdir(parents=True)
    record = json.loads((workdir / "dataset.json").read_text())
    record["scaling"]["mean"][0] += 1
    (tmp_path / "dataset.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match="vectors were standardised differently"):
        load_data(read_config(str(workdir)), str(tmp_path))
