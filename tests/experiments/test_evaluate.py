"""The program that evaluates again."""

import shutil

import pytest

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
    assert last.startswith("error: left out, all else is written: manifold (The eva")
    assert "needs codes z [N, 2] without a component y" in last
    assert "manifold" in (run / "report.html").read_text()
