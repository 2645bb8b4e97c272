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
