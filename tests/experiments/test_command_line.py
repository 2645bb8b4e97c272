"""What a person at the terminal reads."""

import os

import ml_collections
import pytest
from absl import flags

from adversarial_latent.inputs import InputError, MissingInputError
from experiments import command_line
from tests.experiments import programs


def results(trials, selection=None):
    values = [0.25, 0.75][:trials]
    number = {"mean": 0.5, "std": 0.25, "trials": values, "chosen": values[0]}
    return {
        "results": {"nmi": number},
        "seeds": [0, 1][:trials],
        "selection": selection,
    }


def test_one_trial():
    lines = command_line.describe(results(1), "runs/a").splitlines()
    assert [line.split() for line in lines if line] == [
        ["nmi", "0.2500"],
        ["report:", "runs/a/report.html"],
    ]


def test_several_trials():
    text = command_line.describe(results(2, {"protocol": "Trial 0 won."}), "runs/a")
    lines = [line for line in text.splitlines() if line]
    assert lines[0].split() == ["chosen", "trial", "mean", "of", "2", "std"]
    assert lines[1].split() == ["nmi", "0.2500", "0.5000", "0.2500"]
    assert len(lines[0]) == len(lines[1])
    assert lines[2:] == ["Trial 0 won.", "report: runs/a/report.html"]


def test_long_names_keep_the_columns():
    found = results(2)
    found["results"]["a_name_of_more_than_28_characters"] = found["results"]["nmi"]
    lines = command_line.describe(found, "runs/a").splitlines()[1:4]
    assert len(set(map(len, lines))) == 1
    assert lines[2].startswith("a_name_of_more_than_28_characters  ")


def test_what_is_left_out_ends_with_code_3(capsys):
    command_line.finish(results(1) | {"left_out": {}}, "runs/a")
    assert capsys.readouterr().err == ""
    left_out = {"ari": "not finite: nan", "samples": "too few"}
    with pytest.raises(SystemExit) as end:
        command_line.finish(results(1) | {"left_out": left_out}, "runs/a")
    assert end.value.code == 3
    out, err = capsys.readouterr()
    assert "report: runs/a/report.html" in out
    assert err == (
        "error: left out of the results: ari (not finite: nan); samples (too few)\n"
    )


@pytest.mark.parametrize(
    "error", [ValueError, FileNotFoundError, RuntimeError, FloatingPointError]
)
def test_errors_of_the_user_end_with_a_line(error, monkeypatch):
    monkeypatch.delenv("ADVERSARIAL_LATENT_TRACEBACK", raising=False)
    with (
        pytest.raises(SystemExit, match="error: what is wrong"),
        command_line.clear_errors(),
    ):
        raise error("what is wrong")
    monkeypatch.setenv("ADVERSARIAL_LATENT_TRACEBACK", "1")
    with pytest.raises(error), command_line.clear_errors():
        raise error("what is wrong")


def test_errors_of_the_program_keep_their_traceback():
    with pytest.raises(TypeError), command_line.clear_errors():
        raise TypeError


def parsed(*words, **options):
    """The value of a flag --where of `define_path`."""
    registry = flags.FlagValues()
    where = command_line.define_path(
        "where", "A path.", flag_values=registry, **options
    )
    assert command_line.parse_flags(["program", *words], registry) == ["program"]
    return where.value


def test_paths_know_the_home_directory(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert parsed("--where=~/runs/a") == "/home/me/runs/a"
    assert parsed("--where", "~") == "/home/me"
    assert parsed("--where=a/~/b") == "a/~/b"
    assert parsed() is None
    assert parsed("--where=~/a,b", several=True) == ["/home/me/a", "b"]
    with pytest.raises(SystemExit, match="error: flag --where=: the path is empty"):
        parsed("--where=")
    with pytest.raises(SystemExit, match=r"--where must"):
        parsed(required=True)


def test_outputs_that_can_be_written(tmp_path):
    command_line.check_output(str(tmp_path / "a.png"), ".png", ".npz", "/")
    command_line.check_output(str(tmp_path / "new" / "folder") + "/", ".png", "/")
    assert [path.name for path in tmp_path.iterdir()] == ["new"], "nothing is left"
    assert not list((tmp_path / "new" / "folder").iterdir())
    (tmp_path / "b.csv").write_text("before")
    command_line.check_output(str(tmp_path / "b.csv"))
    assert (tmp_path / "b.csv").read_text() == "before"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("a.jpg", r"--output must end in \.png, \.npz or /, not '.*a\.jpg'"),
        ("nowhere/a.png", "--output cannot be written: .*No such file .*nowhere/a.png"),
        ("folder.png", "--output cannot be written: .*Is a directory"),
        ("file.png/a.png", "--output cannot be written: .*Not a directory"),
        ("file.png/", "--output cannot be written: "),
        ("folder.png/", "is not empty; choose another --output"),
        (f"{'x' * 300}.png", "--output cannot be written: .*File name too long"),
    ],
)
def test_outputs_that_cannot_be_written(tmp_path, output, message):
    (tmp_path / "file.png").write_text("")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "folder.png" / "something").write_text("")
    with pytest.raises(InputError, match=message):
        command_line.check_output(os.path.join(tmp_path, output), ".png", ".npz", "/")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("predict", ("--workdir=nowhere", "--input=nowhere")),
        ("sample", ("--workdir=nowhere",)),
        ("compare", ("--workdirs=nowhere", "--figure=samples")),
        ("benchmarks.sampler", ()),
        ("checks.fuzz_configs", ()),
    ],
)
def test_outputs_are_looked_at_before_anything_is_done(name, arguments, tmp_path):
    with pytest.raises(SystemExit, match="error: --output cannot be written"):
        programs.run(name, *arguments, f"--output={tmp_path / 'not' / 'there.png'}")


def test_a_field_that_a_config_lacks():
    with (
        pytest.raises(SystemExit, match="error: the config has no field 'game'"),
        command_line.clear_errors(),
    ):
        _ = ml_collections.ConfigDict({"seed": 0}).game
    with pytest.raises(AttributeError), command_line.clear_errors():
        _ = "text".game


def test_python_files(tmp_path):
    path = tmp_path / "sweep.py"
    path.write_text("VALUE = 3\n")
    assert command_line.load_file(str(path)).VALUE == 3
    with pytest.raises(
        MissingInputError, match=r"swep\.py'; did you mean '.*sweep\.py'"
    ):
        command_line.load_file(str(tmp_path / "swep.py"))
    path.write_text("raise RuntimeError('what happened')\n")
    with pytest.raises(InputError, match=r"sweep\.py: RuntimeError: what happened"):
        command_line.load_file(str(path))


@pytest.mark.parametrize("text", ["a\x1eb", "a\u2028b", "a\x85b", "a\rb", "caf\udce9"])
def test_what_was_typed_does_not_break_the_line(text):
    with pytest.raises(SystemExit) as ended, command_line.clear_errors():
        raise ValueError(f"no field {text}")
    message, hint = str(ended.value).splitlines()
    assert message.startswith("error: no field ")
    assert hint.startswith("(set ")
    message.encode()
