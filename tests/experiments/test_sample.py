"""Draws of a trained run, as a picture or as arrays."""

import os

import numpy as np
import pytest
from PIL import Image

from adversarial_latent.workdir import load
from tests.experiments import programs


def sample(run, output, *more):
    programs.run("sample", f"--workdir={run}", f"--output={output}", *more)


def test_sheet_of_images(finished_run, tmp_path, capsys):
    sample(finished_run, tmp_path / "s.png", "--num=7", "--scale=5", "--trial=1")
    assert capsys.readouterr().out == f"7 samples in {tmp_path / 's.png'}\n"
    with Image.open(tmp_path / "s.png") as image:
        pixels = np.asarray(image)
    # 3 x 3 cells of 2x2 pixels and a white line, each pixel drawn 5 x 5.
    assert pixels.shape == (45, 45)
    small = pixels[::5, ::5]
    np.testing.assert_array_equal(pixels, small.repeat(5, 0).repeat(5, 1))
    assert (small[2::3] == 255).all()
    assert (small[:, 2::3] == 255).all()
    drawn = load(str(finished_run), trial=1).sample(7, seed=0)["x"][..., 0]
    expected = (drawn * 255).round().astype(np.uint8)
    np.testing.assert_array_equal(small[0:2, 3:5], expected[1])
    np.testing.assert_array_equal(small[6:8, 0:2], expected[6])
    assert (small[6:8, 3:5] == 0).all()  # there is no eighth


def test_arrays_of_one_component(finished_run, tmp_path):
    sample(finished_run, tmp_path / "s.npz", "--num=9", "--component=2", "--seed=4")
    with np.load(tmp_path / "s.npz") as file:
        drawn = dict(file)
    assert {name: array.shape for name, array in drawn.items()} == {
        "x": (9, 2, 2, 1),
        "y": (9, 3),
        "z": (9, 2),
    }
    np.testing.assert_array_equal(drawn["y"], [[0, 0, 1]] * 9)
    expected = load(str(finished_run)).sample(9, seed=4, component=2)
    for name, array in expected.items():
        np.testing.assert_array_equal(drawn[name], array)
    sample(finished_run, tmp_path / "t.npz", "--num=9", "--component=2", "--seed=5")
    with np.load(tmp_path / "t.npz") as file:
        assert (file["z"] != drawn["z"]).all()


@pytest.mark.parametrize(
    ("output", "more", "message"),
    [
        ("s.png", "--component=3", "component 3..3 is given, but the model has 3"),
        ("s.png", "--component=-1", "component -1..-1 is given"),
        ("s.jpg", "--num=1", r"--output must end in \.png, \.npz or /, not .*s\.jpg"),
        ("nowhere/s.npz", "--num=1", "No such file or directory: .*nowhere"),
        ("s.png", "--trial=2", "there is no trial 2; the run has 2"),
    ],
)
def test_bad_requests(finished_run, tmp_path, output, more, message):
    with pytest.raises(SystemExit, match=message):
        sample(finished_run, tmp_path / output, more)


@pytest.mark.parametrize("more", ["--num=0", "--scale=0", "--seed=-1"])
def test_flags_out_of_range(finished_run, tmp_path, more):
    with pytest.raises(SystemExit, match=f"error: flag {more}: .* is not a .* integer"):
        sample(finished_run, tmp_path / "s.png", more)


def test_points_are_no_pictures():
    program, _ = programs.load("sample")
    with pytest.raises(ValueError, match=r"samples of shape \(2,\) are not images"):
        program.image_sheet(np.zeros((4, 2)), 1)
    colour = program.image_sheet(np.full((1, 2, 3, 3), 0.5), 1)
    assert (colour.mode, colour.size) == ("RGB", (4, 3))


def test_a_folder_of_images(finished_run, tmp_path):
    folder = tmp_path / "drawn"
    sample(finished_run, f"{folder}/", "--num=3", "--trial=0")
    assert sorted(path.name for path in folder.iterdir()) == [
        "00000.png",
        "00001.png",
        "00002.png",
    ]
    drawn = load(str(finished_run), 0).sample(3)["x"]
    with Image.open(folder / "00002.png") as image:
        pixels = np.asarray(image)
    np.testing.assert_allclose(pixels, 255 * drawn[2, ..., 0], atol=0.501)
    with pytest.raises(SystemExit, match="is not empty; choose another --output"):
        sample(finished_run, f"{folder}/", "--num=3")


def test_a_run_that_was_not_evaluated(finished_run, tmp_path, caplog):
    run = tmp_path / "run"
    run.mkdir()
    for name in ("config.json", "checkpoints"):
        os.symlink(finished_run / name, run / name)
    sample(run, tmp_path / "s.npz", "--num=3")
    assert "no evaluation has chosen one yet: this is trial 0" in caplog.text
    with np.load(tmp_path / "s.npz") as file:
        drawn = load(str(finished_run), 0).sample(3)["x"]
        np.testing.assert_array_equal(file["x"], drawn)
