"""Figures and curves of several runs, side by side."""

import shutil

import numpy as np
import pytest
from PIL import Image

from experiments import compare
from tests.experiments import programs
from tests.runs import logged


def run(output, *workdirs, **options):
    names = ",".join(map(str, workdirs))
    more = [f"--{name}={value}" for name, value in options.items()]
    programs.run("compare", f"--workdirs={names}", f"--output={output}", *more)


@pytest.fixture
def other_run(finished_run, tmp_path):
    """Another run, whose figure is black."""
    other = shutil.copytree(finished_run, tmp_path / "other")
    with Image.open(other / "figures" / "reconstruction.png") as picture:
        Image.new("RGB", picture.size).save(other / "figures" / "reconstruction.png")
    return other


def test_figures_stand_below_each_other(finished_run, other_run, tmp_path, capsys):
    output = tmp_path / "both.png"
    run(output, finished_run, other_run, figure="reconstruction")
    assert capsys.readouterr().out == f"run, other in {output}\n"
    with Image.open(finished_run / "figures" / "reconstruction.png") as picture:
        one = np.asarray(picture.convert("RGB"))
    with Image.open(output) as picture:
        both = np.asarray(picture)
    height, width, _ = one.shape
    assert both.shape == (2 * (height + 40), width, 3)
    np.testing.assert_array_equal(both[40 : 40 + height], one)
    assert (both[80 + height :] == 0).all()
    for title in (both[:40], both[40 + height : 80 + height]):
        assert 0 < (title < 128).mean() < 0.5  # dark on white


def test_curves_are_those_of_the_runs_over_epochs(finished_run, other_run):
    figure = compare.curves_figure(
        [str(finished_run), str(other_run)], "test/reconstruction_mse"
    )
    (axes,) = figure.axes
    assert axes.get_title() == "reconstruction mse"
    assert [text.get_text() for text in axes.get_legend().texts] == ["other", "run"]
    evaluated = [
        row for row in logged(finished_run) if "test/reconstruction_mse" in row
    ]
    thick = [line for line in axes.lines if line.get_linewidth() > 1]
    for line in thick:
        # 48 examples are six minibatches of 8.
        assert line.get_xdata().tolist() == [row["step"] / 6 for row in evaluated]
        assert line.get_ydata() == pytest.approx(
            [row["test/reconstruction_mse"] for row in evaluated]
        )
    assert len(axes.lines) == 2 * (1 + 2), "a thin line for each trial"


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        ("a.pdf", {"figure": "samples"}, "must end in .png"),
        ("a.png", {}, "either --figure or --curve"),
        ("a.png", {"figure": "samples"}, r"'samples', only \['clustering_comp"),
        ("a.png", {"curve": "loss"}, r"'loss', only \['confidence'"),
    ],
)
def test_what_is_not_there_is_named(output, options, message, finished_run, tmp_path):
    with pytest.raises(SystemExit, match=message):
        run(tmp_path / output, finished_run, **options)
    assert not (tmp_path / output).exists()
