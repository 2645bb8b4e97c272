"""The program that evaluates again."""

import json
import shutil

import numpy as np
import pytest

from adversarial_latent import run_data
from adversarial_latent.evaluation import run as evaluation_run
from adversarial_latent.workdir import claim, read_config
from tests.experiments import programs


def test_the_same_again(finished_run, tmp_path, capsys):
    run = shutil.copytree(finished_run, tmp_path / "run")
    (run / "results.json").unlink()
    programs.run("evaluate", f"--workdir={run}")
    expected = (finished_run / "results.json").read_bytes()
    assert (run / "results.json").read_bytes() == expected
    assert f"report: {run / 'report.html'}" in capsys.readouterr().out


def test_what_cannot_be_evaluated(finished_run, tmp_path):
    with pytest.raises(SystemExit, match="is it the --workdir of a run"):
        programs.run("evaluate", f"--workdir={tmp_path}")
    config = read_config(str(finished_run))
    with (
        claim(str(finished_run), config),
        pytest.raises(SystemExit, match="in use by another live run"),
    ):
        programs.run("evaluate", f"--workdir={finished_run}")


def test_what_is_left_out_is_said(finished_run, tmp_path, capsys):
    """Of a run with a figure of 2-d codes, which its model with components has not."""
    run = shutil.copytree(finished_run, tmp_path / "run")
    config = read_config(str(run))
    config.evaluators = ("manifold", "reconstruction")
    (run / "config.json").write_text(config.to_json())
    with pytest.raises(SystemExit) as end:
        programs.run("evaluate", f"--workdir={run}")
    assert end.value.code == 3
    out, err = capsys.readouterr()
    assert "reconstruction_mse" in out
    last = err.splitlines()[-1]
    assert last.startswith("error: left out of the results: manifold (The eva")
    assert "requires codes z [N, 2] without a component y" in last
    assert "manifold" in (run / "report.html").read_text()


@pytest.fixture
def arrays_alone(finished_run, tmp_path, monkeypatch):
    """A copy of the finished run, of which neither model nor data can be loaded."""

    def gone(*arguments):
        raise AssertionError("only arrays may be read")

    monkeypatch.setattr(run_data, "load", gone)
    monkeypatch.setattr(evaluation_run, "load_trials", gone)
    run = shutil.copytree(finished_run, tmp_path / "run")
    shutil.rmtree(run / "checkpoints")
    return run


def draw_again(run):
    programs.run("evaluate", f"--workdir={run}", "--figures")


def contents(run, pattern):
    return {path.name: path.read_bytes() for path in run.glob(pattern)}


def test_figures_are_drawn_again_from_arrays(arrays_alone, capsys):
    run = arrays_alone
    figures, results = contents(run, "figures/*.png"), contents(run, "*.json")
    report, arrays = (run / "report.html").read_bytes(), contents(run, "arrays/*")
    assert len(figures) == len(arrays) == 5
    shutil.rmtree(run / "figures")
    (run / "report.html").unlink()
    draw_again(run)
    assert contents(run, "figures/*.png") == figures
    assert (run / "report.html").read_bytes() == report
    assert f"report: {run / 'report.html'}" in capsys.readouterr().out
    # They are drawn from the arrays, and the numbers stay.
    path = run / "arrays" / "reconstruction.npz"
    with np.load(path) as file:
        changed = {name: np.zeros_like(array) for name, array in file.items()}
    np.savez(path, **changed)
    (run / "figures" / "reconstruction.png").unlink()
    draw_again(run)
    drawn = contents(run, "figures/*.png")
    assert drawn.pop("reconstruction.png") != figures.pop("reconstruction.png")
    assert drawn == figures
    assert contents(run, "*.json") == results
    assert contents(run, "arrays/*").keys() == arrays.keys()


def test_figures_that_cannot_be_drawn_again(arrays_alone, capsys):
    run = arrays_alone
    before = json.loads((run / "results.json").read_text())
    changed = (run / "arrays" / "reconstruction.npz", run / "metrics.jsonl")
    whole = [path.read_bytes() for path in changed]
    np.savez(changed[0], other=np.zeros(3))
    changed[1].write_text('{"step": 12}\n')  # the report cannot show it
    with pytest.raises(SystemExit) as end:
        draw_again(run)
    assert end.value.code == 3
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: left out of the results: reconstruction (Type")
    assert "report.html (ValueError: " in last
    assert "reconstruction.png" not in contents(run, "figures/*")
    assert len(contents(run, "figures/*")) == 4
    results = json.loads((run / "results.json").read_text())
    assert list(results["left_out"]) == ["reconstruction", "report.html"]
    assert results | {"left_out": {}} == before
    # Once they can be drawn, nothing is left out.
    for path, content in zip(changed, whole, strict=True):
        path.write_bytes(content)
    draw_again(run)
    assert json.loads((run / "results.json").read_text()) == before
    assert len(contents(run, "figures/*")) == 5


def test_what_evaluation_left_out_stays_left_out(arrays_alone, capsys):
    results = json.loads((arrays_alone / "results.json").read_text())
    results["left_out"] = {"manifold": "no plane", "ari": "not finite: nan"}
    (arrays_alone / "results.json").write_text(json.dumps(results))
    with pytest.raises(SystemExit) as end:
        draw_again(arrays_alone)
    assert end.value.code == 3
    assert "manifold (no plane); ari (not finite: nan)" in capsys.readouterr().err
    assert json.loads((arrays_alone / "results.json").read_text()) == results


def test_figures_of_a_run_that_was_not_evaluated(arrays_alone):
    (arrays_alone / "results.json").unlink()
    with pytest.raises(SystemExit, match=r"has no results\.json; evaluate the run"):
        draw_again(arrays_alone)
    assert len(contents(arrays_alone, "figures/*.png")) == 5
