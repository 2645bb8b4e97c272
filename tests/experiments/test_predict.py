"""New images in, a table out."""

import csv
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image
from scipy import special, stats

from adversarial_latent.games.amm import AMM
from adversarial_latent.model import Model
from adversarial_latent.workdir import load
from tests.experiments import programs

NEW = np.random.default_rng(1).integers(0, 256, (11, 2, 2, 1), dtype=np.uint8)


def predict(run, input, tmp_path, *flags):
    output = tmp_path / "out.csv"
    programs.run(
        "predict", f"--workdir={run}", f"--input={input}", f"--output={output}", *flags
    )
    with open(output, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def save_pngs(folder, images=NEW):
    folder.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image[..., 0]).save(folder / f"scan, {i}.png")
    return folder


def test_folder_of_pngs(finished_run, tmp_path, capsys):
    table = predict(finished_run, save_pngs(tmp_path / "scans"), tmp_path)
    assert table[0] == [
        "name",
        "cluster",
        "probability",
        "cluster_from_z",
        "probability_from_z",
        "log_p_z",
    ]
    assert [row[0] for row in table[1:]] == [f"scan, {i}.png" for i in range(11)]
    model = load(str(finished_run))
    code = model.encode(NEW / np.float32(255))
    from_z, log_p_z = mixture_answers(model, code["z"])
    for column, expected in ((1, code["y"]), (3, from_z)):
        assert [int(row[column]) for row in table[1:]] == expected.argmax(-1).tolist()
        probabilities = [float(row[column + 1]) for row in table[1:]]
        np.testing.assert_allclose(probabilities, expected.max(-1), atol=2e-6)
    found = [float(row[5]) for row in table[1:]]
    np.testing.assert_allclose(found, log_p_z, rtol=1e-4)
    assert capsys.readouterr().out == f"11 rows in {tmp_path / 'out.csv'}\n"


def mixture_answers(model, z):
    """p(y|z) [N, K] and log p(z) [N], by SciPy."""
    prior = model.mixture()
    density = stats.norm(prior.mean, np.exp(prior.log_variance / 2))
    joint = density.logpdf(z[:, None]).sum(-1) + special.log_softmax(prior.logits)
    return special.softmax(joint, axis=-1), special.logsumexp(joint, axis=-1)


def test_classes_have_their_names_and_probabilities(classifier_run, tmp_path):
    names = ["cat", "dog", "eel"]
    run = shutil.copytree(classifier_run, tmp_path / "run")
    dataset = json.loads((run / "dataset.json").read_text())
    (run / "dataset.json").write_text(json.dumps(dataset | {"class_names": names}))
    np.savez(tmp_path / "new.npz", x=NEW)
    header, *rows = predict(run, tmp_path / "new.npz", tmp_path, "--probabilities")
    assert header[:6] == [
        "name",
        "class",
        "probability",
        "class_from_z",
        "probability_from_z",
        "log_p_z",
    ]
    assert header[6:9] == [f"p_{name}" for name in names]
    assert header[9:] == [f"p_{name}_from_z" for name in names]
    model = load(str(run))
    code = model.encode(NEW / np.float32(255))
    from_z, _ = mixture_answers(model, code["z"])
    for column, first, expected in ((1, 6, code["y"]), (3, 9, from_z)):
        written = [[float(cell) for cell in row[first : first + 3]] for row in rows]
        np.testing.assert_allclose(written, expected, atol=2e-6)
        assert [row[column] for row in rows] == [names[k] for k in expected.argmax(-1)]


def test_npz_gives_the_same_with_codes_of_any_trial(finished_run, tmp_path):
    np.savez(tmp_path / "new.npz", x=NEW)
    plain = predict(finished_run, tmp_path / "new.npz", tmp_path)
    folder = predict(finished_run, save_pngs(tmp_path / "scans"), tmp_path)
    assert [row[1:] for row in plain] == [row[1:] for row in folder]
    for trial in (0, 1):
        table = predict(
            finished_run, tmp_path / "new.npz", tmp_path, "--code", f"--trial={trial}"
        )
        assert table[0][5:] == ["log_p_z", "z0", "z1"]
        assert [row[0] for row in table[1:]] == list(map(str, range(11)))
        code = load(str(finished_run), trial).encode(NEW / np.float32(255))
        z = np.array([[float(value) for value in row[6:]] for row in table[1:]])
        np.testing.assert_allclose(z, code["z"], rtol=1e-4)


def test_images_of_another_size_are_resized_on_request(finished_run, tmp_path):
    large = NEW.repeat(3, axis=1).repeat(3, axis=2)
    folder = save_pngs(tmp_path / "large", large)
    with pytest.raises(SystemExit, match=r"error: the model takes 2x2x1, .*--resize"):
        predict(finished_run, folder, tmp_path)
    assert len(predict(finished_run, folder, tmp_path, "--resize")) == 12


def test_resized_images_are_cropped_as_in_training(finished_run, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    config["dataset"]["center_crop"] = 6
    (run / "config.json").write_text(json.dumps(config))
    # A white frame, of which the model would see much if it were not cut off.
    large = np.full((11, 12, 10, 1), 255, np.uint8)
    large[:, 3:9, 2:8] = NEW.repeat(3, axis=1).repeat(3, axis=2)
    inside = save_pngs(tmp_path / "inside", large[:, 3:9, 2:8])
    expected = predict(finished_run, inside, tmp_path, "--resize", "--code")
    framed = save_pngs(tmp_path / "framed", large)
    assert predict(run, framed, tmp_path, "--resize", "--code") == expected
    assert predict(finished_run, framed, tmp_path, "--resize", "--code") != expected
    np.savez(tmp_path / "framed.npz", x=large)
    table = predict(run, tmp_path / "framed.npz", tmp_path, "--resize", "--code")
    assert [row[1:] for row in table] == [row[1:] for row in expected]
    small = save_pngs(tmp_path / "small")
    np.savez(tmp_path / "small.npz", x=NEW)
    for path, name in ((small, "scan, 0.png"), (tmp_path / "small.npz", "its images")):
        message = f"{name}: an image of 2x2 pixels is too small for a square of 6"
        with pytest.raises(SystemExit, match=message):
            predict(run, path, tmp_path, "--resize")
        assert len(predict(run, path, tmp_path)) == 12  # ready as they are


def bad_inputs(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    floats = np.zeros((3, 2, 2), np.float32)
    np.savez(tmp_path / "without_x.npz", images=NEW)
    np.savez(
        tmp_path / "nan.npz",
        x=np.where(np.arange(3)[:, None, None] == 1, np.nan, floats),
    )
    np.savez(tmp_path / "range.npz", x=floats + 2)
    np.savez(tmp_path / "size.npz", x=np.zeros((3, 4, 4), np.uint8))
    return {
        "nowhere": "no image, folder or npz file at",
        "empty": "the folder contains no images",
        "text.png": "not an image, or a corrupt one",
        "cut.npz": "not an npz file of plain arrays, or corrupt",
        "without_x.npz": "expected an array 'x'",
        "nan.npz": "1 examples contain NaN or infinity, first at 1",
        "range.npz": r"float images must lie in \[0, 1\]",
        "size.npz": "the model takes 2x2x1, but size.npz is 4x4x1",
    }


def test_bad_inputs_end_with_one_clear_line(finished_run, tmp_path):
    for name, message in bad_inputs(tmp_path).items():
        with pytest.raises(SystemExit, match=message) as end:
            predict(finished_run, tmp_path / name, tmp_path)
        first, hint = str(end.value).split("\n")
        assert first.startswith("error: ")
        assert "ADVERSARIAL_LATENT_TRACEBACK=1" in hint
    assert not (tmp_path / "out.csv").exists()


def test_models_without_components_or_that_want_labels(
    finished_run, tmp_path, monkeypatch
):
    np.savez(tmp_path / "new.npz", x=NEW)
    with monkeypatch.context() as patch:
        patch.setattr(AMM, "conditional", True)
        with pytest.raises(SystemExit, match="from examples and their labels, but no"):
            predict(finished_run, tmp_path / "new.npz", tmp_path)
    monkeypatch.setattr(Model, "num_components", None)
    monkeypatch.delattr(AMM, "mixture")
    encode = AMM.encode
    monkeypatch.setattr(
        AMM, "encode", lambda self, net, x: {"z": encode(self, net, x)["z"]}
    )
    with pytest.raises(SystemExit, match="no classes and no clusters"):
        predict(finished_run, tmp_path / "new.npz", tmp_path, "--probabilities")
    table = predict(finished_run, tmp_path / "new.npz", tmp_path)
    assert table[0] == ["name", "z0", "z1"]


def test_a_model_with_components_alone_has_no_columns_of_z(
    finished_run, tmp_path, monkeypatch
):
    np.savez(tmp_path / "new.npz", x=NEW)
    encode = AMM.encode
    monkeypatch.setattr(
        AMM, "encode", lambda self, net, x: {"y": encode(self, net, x)["y"]}
    )
    monkeypatch.delattr(AMM, "mixture")
    for flags in ((), ("--code",)):
        table = predict(finished_run, tmp_path / "new.npz", tmp_path, *flags)
        assert table[0] == ["name", "cluster", "probability"]
        assert len(table) == 12


def test_bad_flags(finished_run, tmp_path):
    np.savez(tmp_path / "new.npz", x=NEW)
    with pytest.raises(SystemExit, match="there is no trial 7; the run has 2"):
        predict(finished_run, tmp_path / "new.npz", tmp_path, "--trial=7")
    with pytest.raises(SystemExit, match="is it the --workdir of a run"):
        predict(tmp_path, tmp_path / "new.npz", tmp_path)
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(SystemExit, match=r"Is a directory: .*out\.csv"):
        predict(finished_run, tmp_path / "new.npz", tmp_path)


def test_a_run_that_was_not_evaluated(finished_run, tmp_path, caplog):
    """Its first trial answers, and the program says so; names may be any bytes."""
    run = tmp_path / "run"
    run.mkdir()
    for name in ("config.json", "dataset.json", "checkpoints"):
        os.symlink(finished_run / name, run / name)
    folder = tmp_path / "scans"
    folder.mkdir()
    path = os.path.join(os.fsencode(folder), b"caf\xe9.png")
    Image.fromarray(NEW[0, ..., 0]).save(os.fsdecode(path))
    table = predict(run, folder, tmp_path)
    assert "no evaluation has chosen one yet: this is trial 0" in caplog.text
    assert table == predict(run, folder, tmp_path, "--trial=0")
    assert table[1][0] == r"caf\xe9.png"
