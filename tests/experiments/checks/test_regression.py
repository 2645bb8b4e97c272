"""Records of what configs compute: equal if nothing changed, and different if so."""

import json
import math
from pathlib import Path

import pytest
from absl import logging

from configs import ring
from tests.experiments import programs

ROOT = Path(__file__).parents[3]
RECORD = {
    "metrics": [{"step": 1, "d/loss": 0.5, "seconds": 0}],
    "results": {"nmi": {"mean": 0.25, "trials": [0.25]}},
    "selection": None,
    "figures": {"modes": "12ab", "samples": "34cd"},
}


@pytest.fixture
def regression():
    """The program, and a function that runs it and returns the exit code."""
    program, registry = programs.load("checks.regression")
    level = logging.get_verbosity()

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            program.main(registry(["regression", *map(str, arguments)]))
        return end.value.code

    yield program, run
    logging.set_verbosity(level)


def test_rename(regression):
    program, _ = regression
    tree = {"a": [{"a": 1, "b": "a"}, "a", 2.5, None], "c": {"b": {"a": [[{"b": 0}]]}}}
    assert program.rename(tree, {"a": "new", "b": "a", "d": "e"}) == {
        "new": [{"new": 1, "a": "a"}, "a", 2.5, None],
        "c": {"a": {"new": [[{"a": 0}]]}},
    }
    assert program.rename(tree, {}) == tree


def test_differences(regression):
    program, _ = regression
    before = {"a": [1, {"b": 2.0}], "c": {"d": [1, 2]}, "e": "x", "same": [0.1, {}]}
    assert program.differences(before, json.loads(json.dumps(before))) == []
    after = {"a": [1, {"b": 2.5}], "c": {"d": [1]}, "f": "x", "same": [0.1, {}]}
    assert program.differences(before, after, "run") == [
        "run/a/1/b: 2.0, now 2.5",
        "run/c/d: [1, 2], now [1]",
        "run/e: 'x', now None",
        "run/f: None, now 'x'",
    ]
    (line,) = program.differences([0.1], [math.nextafter(0.1, 1)], "last digit")
    assert line == "last digit/0: 0.1, now 0.10000000000000002"
    assert program.differences({"a": 1}, [1]) == [": {'a': 1}, now [1]"]


def test_every_config_is_run(regression):
    program, _ = regression
    configs = dict(all_runs := list(program.all_runs()))
    assert len(configs) == len(all_runs), "names are unique"
    files = {path.stem for path in ROOT.glob("configs/[!_]*.py")}
    assert {name.partition(":")[0] for name in configs} == files
    assert program.VARIANTS.keys() <= files
    assert all("runlocal" in name for name in configs.keys() - program.LONGER.keys())
    assert program.LONGER.keys() < configs.keys()


@pytest.mark.usefixtures("_in_a_hurry")
def test_a_run_equals_itself_and_no_other(regression, tmp_path, monkeypatch, capsys):
    program, run = regression
    seed = 0

    def one_run():
        config = ring.get_config("game=gan,runlocal")
        config.update(duration="4_steps", log_every="2_steps", steps_per_call=2)
        config.update(seed=seed, trials=2)
        yield "ring:game=gan,runlocal", config

    monkeypatch.setattr(program, "all_runs", one_run)
    assert run(f"--output={tmp_path / 'before'}") == 0
    (file,) = (tmp_path / "before").iterdir()
    assert file.name == "ring__game-gan,runlocal.json"
    record = json.loads(file.read_text())
    assert [row["step"] for row in record["metrics"]] == [2, 4]
    assert record["results"].keys() > {"modes_captured", "high_quality_fraction"}
    assert record["figures"].keys() == {"modes"}
    assert (record["step"], record["seeds"], record["left_out"]) == (4, [0, 1], [])
    reference = f"--reference={tmp_path / 'before'}"
    capsys.readouterr()
    assert run(f"--output={tmp_path / 'after'}", reference) == 0
    assert (tmp_path / "after" / file.name).read_bytes() == file.read_bytes()
    out = capsys.readouterr().out
    assert " 0 differ" in out
    assert out.endswith("1 runs, 0 with differences or errors\n")
    seed = 1
    assert run(f"--output={tmp_path / 'other'}", reference) == 1
    other = json.loads((tmp_path / "other" / file.name).read_text())
    assert other["seeds"] == [1, 2]
    found = {
        line.partition(": ")[0]: line for line in program.differences(record, other)
    }
    assert found.pop("/figures/modes")
    for step in (0, 1):
        for metric in ("discriminator/loss", "generator/loss", "d_fake"):
            assert f"/metrics/{step}/{metric}" in found
    assert {"/seeds/0", "/seeds/1"} < set(found)
    assert any(path.startswith("/results/") for path in found)
    out = capsys.readouterr().out
    assert f" {len(found)} differ; metrics/0/d_fake: " in out
    assert out.endswith(
        "; other figures: ['figures/modes']\n1 runs, 1 with differences or errors\n"
    )


def recorded(program, run, monkeypatch, folder, *flags, **changes):
    """Runs the program where each of two configs gives `RECORD` with changes."""
    monkeypatch.setattr(program, "all_runs", lambda: iter([("a", 1), ("b:k=2", 2)]))
    monkeypatch.setattr(program, "record", lambda config: RECORD | changes)
    return run(f"--output={folder}", *flags)


def test_what_is_compared(regression, tmp_path, monkeypatch, capsys):
    def compare(*flags, **changes):
        capsys.readouterr()
        settings = (*regression, monkeypatch)
        code = recorded(*settings, tmp_path / "after", reference, *flags, **changes)
        return code, capsys.readouterr().out

    assert recorded(*regression, monkeypatch, tmp_path / "before") == 0
    reference = f"--reference={tmp_path / 'before'}"
    code, out = compare()
    assert code == 0
    assert "0 differ" in out
    # Figures may look different.
    code, out = compare(figures={"modes": "12ab", "samples": "56ef"})
    assert code == 0
    assert out.count("; other figures: ['figures/samples']") == 2
    code, out = compare(results={"nmi": {"mean": 0.5, "trials": [0.25]}})
    assert code == 1
    assert "1 differ; results/nmi/mean: 0.25, now 0.5" in out
    assert out.endswith("2 runs, 2 with differences or errors\n")
    # A metric may have another name.
    metrics = [{"step": 1, "critic/loss": 0.5, "seconds": 0}]
    code, out = compare(metrics=metrics)
    assert code == 1
    assert "metrics/0/d/loss: 0.5, now None" in out
    code, out = compare("--renamed=d/loss:critic/loss,x:y", metrics=metrics)
    assert code == 0


def test_runs_are_chosen(regression, tmp_path, monkeypatch):
    def names(*flags):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        assert recorded(*regression, monkeypatch, folder, *flags) == 0
        return sorted(path.name for path in folder.iterdir())

    assert names() == ["a.json", "b__k-2.json"]
    assert names("--shard=0/2") == ["a.json"]
    assert names("--shard=1/2") == ["b__k-2.json"]
    assert names("--shard=0/1", "--only=k=,none") == ["b__k-2.json"]


def test_errors_are_recorded(regression, tmp_path, monkeypatch, capsys):
    program, run = regression

    def fail(config):
        raise ValueError(f"config {config}")

    assert recorded(program, run, monkeypatch, tmp_path / "before") == 0
    monkeypatch.setattr(program, "record", fail)
    for flags in ((), (f"--reference={tmp_path / 'before'}",)):
        assert run(f"--output={tmp_path / 'after'}", *flags) == 1
        out = capsys.readouterr().out
        assert "ValueError: config 2" in out
        assert out.endswith("2 runs, 2 with differences or errors\n")
        text = (tmp_path / "after" / "a.json").read_text()
        assert json.loads(text) == {"error": "ValueError: config 1"}
