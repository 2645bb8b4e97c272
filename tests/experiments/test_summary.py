"""What a person at the terminal reads."""

import pytest

from experiments import summary


def results(trials, selection=None):
    values = [0.25, 0.75][:trials]
    number = {"mean": 0.5, "std": 0.25, "trials": values, "chosen": values[0]}
    return {
        "results": {"nmi": number},
        "seeds": [0, 1][:trials],
        "selection": selection,
    }


def test_one_trial():
    lines = summary.describe(results(1), "runs/a").splitlines()
    assert [line.split() for line in lines if line] == [
        ["nmi", "0.2500"],
        ["report:", "runs/a/report.html"],
    ]


def test_several_trials():
    text = summary.describe(results(2, {"protocol": "Trial 0 won."}), "runs/a")
    lines = [line for line in text.splitlines() if line]
    assert lines[0].split() == ["chosen", "trial", "mean", "of", "2", "std"]
    assert lines[1].split() == ["nmi", "0.2500", "0.5000", "0.2500"]
    assert len(lines[0]) == len(lines[1])
    assert lines[2:] == ["Trial 0 won.", "report: runs/a/report.html"]


def test_what_is_left_out_ends_with_code_3(capsys):
    summary.finish(results(1) | {"left_out": {}}, "runs/a")
    assert capsys.readouterr().err == ""
    left_out = {"ari": "not finite: nan", "samples": "too few"}
    with pytest.raises(SystemExit) as end:
        summary.finish(results(1) | {"left_out": left_out}, "runs/a")
    assert end.value.code == 3
    out, err = capsys.readouterr()
    assert "report: runs/a/report.html" in out
    assert err == (
        "error: left out, all else is written: ari (not finite: nan); samples (too "
        "few)\n"
    )


@pytest.mark.parametrize(
    "error", [ValueError, FileNotFoundError, RuntimeError, FloatingPointError]
)
def test_errors_of_the_user_end_with_a_line(error, monkeypatch):
    monkeypatch.delenv("ADVERSARIAL_LATENT_TRACEBACK", raising=False)
    with (
        pytest.raises(SystemExit, match="error: what is wrong"),
        summary.clear_errors(),
    ):
        raise error("what is wrong")
    monkeypatch.setenv("ADVERSARIAL_LATENT_TRACEBACK", "1")
    with pytest.raises(error), summary.clear_errors():
        raise error("what is wrong")


def test_errors_of_the_program_keep_their_traceback():
    with pytest.raises(TypeError), summary.clear_errors():
        raise TypeError
