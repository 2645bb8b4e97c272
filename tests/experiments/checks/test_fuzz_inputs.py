"""The program that feeds damaged files to the gate, at a small size."""

import json

import numpy as np
import pytest

from adversarial_latent import inputs
from tests.experiments import programs


def fuzz(capsys, *flags):
    programs.run("checks.fuzz_inputs", *flags)
    return json.loads(capsys.readouterr().out)


def test_nothing_gets_through_unchecked(capsys):
    flags = ("--images=150", "--npz=100", "--seed=7")
    figures = fuzz(capsys, *flags)
    assert figures["seed"] == 7
    for part, number in (("images", 150), ("npz", 100)):
        counts = figures[part]
        assert counts["failures"] == []
        assert counts["read"] + counts["refused"] == number
        assert min(counts["read"], counts["refused"]) > 10
        assert sum(counts["kinds"].values()) == number
    assert len(figures["images"]["kinds"]) > 20
    assert fuzz(capsys, *flags) == figures


@pytest.mark.parametrize(
    "error", [KeyError("x"), UserWarning("odd"), inputs.InputError("no name")]
)
def test_what_gets_through_is_a_failure(capsys, monkeypatch, error):
    def leak(path):
        raise error

    monkeypatch.setattr(inputs, "read_image", leak)
    with pytest.raises(SystemExit) as end:
        fuzz(capsys, "--images=3", "--npz=0")
    assert end.value.code == 1
    failures = json.loads(capsys.readouterr().out)["images"]["failures"]
    assert [failure["file"].split(".")[0] for failure in failures] == [
        *("file 0", "file 1", "file 2")
    ]
    assert str(error.args[0]) in failures[0]["error"]


def test_pixels_of_another_form_are_a_failure(capsys, monkeypatch):
    monkeypatch.setattr(inputs, "read_image", lambda path: np.zeros((2, 2)))
    with pytest.raises(SystemExit):
        fuzz(capsys, "--images=1", "--npz=0")
    assert "AssertionError: float64 (2, 2)" in capsys.readouterr().out
