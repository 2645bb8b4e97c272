"""New images in, a table out."""

import csv

import numpy as np
import pytest
from PIL import Image

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
    assert table[0] == ["name", "cluster", "probability"]
    assert [row[0] for row in table[1:]] == [f"scan, {i}.png" for i in range(11)]
    expected = load(str(finished_run)).encode(NEW / np.float32(255))["y"]
    assert [int(row[1]) for row in table[1:]] == expected.argmax(-1).tolist()
    probabilities = np.array([float(row[2]) for row in table[1:]])
    np.testing.assert_allclose(probabilities, expected.max(-1), atol=1e-6)
    assert (probabilities >= 1 / 3).all()
    assert (probabilities <= 1).all()
    assert capsys.readouterr().out == f"11 rows in {tmp_path / 'out.csv'}\n"


def test_npz_gives_the_same_with_codes_of_any_trial(finished_run, tmp_path):
    np.savez(tmp_path / "new.npz", x=NEW)
    plain = predict(finished_run, tmp_path / "new.npz", tmp_path)
    folder = predict(finished_run, save_pngs(tmp_path / "scans"), tmp_path)
    assert [row[1:] for row in plain] == [row[1:] for row in folder]
    for trial in (0, 1):
        table = predict(
            finished_run, tmp_path / "new.npz", tmp_path, "--code", f"--trial={trial}"
        )
        assert table[0] == ["name", "cluster", "probability", "z0", "z1"]
        assert [row[0] for row in table[1:]] == list(map(str, range(11)))
        code = load(str(finished_run), trial).encode(NEW / np.float32(255))
        z = np.array([[float(value) for value in row[3:]] for row in table[1:]])
        np.testing.assert_allclose(z, code["z"], rtol=1e-4)


def test_images_of_another_size_are_resized_on_request(finished_run, tmp_path):
    large = NEW.repeat(3, axis=1).repeat(3, axis=2)
    folder = save_pngs(tmp_path / "large", large)
    with pytest.raises(SystemExit, match=r"error: the model wants 2x2x1, .*--resize"):
        predict(finished_run, folder, tmp_path)
    assert len(predict(finished_run, folder, tmp_path, "--resize")) == 12


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
        "empty": "the folder holds no images",
        "text.png": "not an image, or a corrupt one",
        "cut.npz": "not an npz file of plain arrays, or corrupt",
        "without_x.npz": "wanted an array 'x'",
        "nan.npz": "1 examples hold NaN or infinity, first at 1",
        "range.npz": r"float images must lie in \[0, 1\]",
        "size.npz": "the model wants 2x2x1, size.npz is 4x4x1",
    }


def test_bad_inputs_end_with_one_clear_line(finished_run, tmp_path):
    for name, message in bad_inputs(tmp_path).items():
        with pytest.raises(SystemExit, match=message) as end:
            predict(finished_run, tmp_path / name, tmp_path)
        first, hint = str(end.value).split("\n")
        assert first.startswith("error: ")
        assert "ADVERSARIAL_LATENT_TRACEBACK=1" in hint
    assert not (tmp_path / "out.csv").exists()


def test_bad_flags(finished_run, tmp_path):
    np.savez(tmp_path / "new.npz", x=NEW)
    with pytest.raises(SystemExit, match="trial 7 is asked for; the run has 2"):
        predict(finished_run, tmp_path / "new.npz", tmp_path, "--trial=7")
    with pytest.raises(SystemExit, match="is it the --workdir of a run"):
        predict(tmp_path, tmp_path / "new.npz", tmp_path)
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(SystemExit, match=r"Is a directory: .*out\.csv"):
        predict(finished_run, tmp_path / "new.npz", tmp_path)
