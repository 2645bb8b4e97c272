"""A paper's table: its rows are run, one by one, and set beside ours."""

import json
import shutil
import signal
import sys
from pathlib import Path

import pytest
import submitit  # noqa: F401  the first import closes handlers of logging

from adversarial_latent.evaluation.registry import METRICS
from tests.experiments import programs
from tests.runs import logged, saved

# What ml_collections loads a config file with.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:the load_module\(\) method is deprecated:DeprecationWarning"
)

ROOT = Path(__file__).parents[2]
SWEEPS = sorted(ROOT.glob("experiments/sweeps/[!_]*.py"))
CONFIG = """
import pathlib
from tests.runs import tiny_config

def get_config(argument=None):
    return tiny_config(pathlib.Path({directory!r}))
"""
SWEEP = """
from experiments.sweeps import Row, Sweep

def run(name, paper, **overrides):
    fields = {{key.replace("__", "."): value for key, value in overrides.items()}}
    config = {config!r}
    return Row("Ours", name, {{"nmi": paper}}, name, config, fields)

SWEEP = Sweep(
    title="Table 7",
    results=("clustering_error", "nmi", "classifier_agreement"),
    rows=(
        Row("Rival", "toys", {{"nmi": "0.6 ± 0.1", "clustering_error": "20"}}),
        run("wrong", "0.3", game__loss="best"),
        run("absent", "0.4", dataset__path={directory!r} + "/nowhere.npz"),
        run("tiny", "0.5", dataset__path={data!r}),
    ),
)
"""


@pytest.fixture
def sweep(tmp_path, finished_run):
    """Path of a sweep of three runs, of which the last is that of `finished_run`."""
    directory = tmp_path / "sweep"
    directory.mkdir()
    config = directory / "config.py"
    config.write_text(CONFIG.format(directory=str(directory)))
    path = directory / "sweep.py"
    data = str(finished_run.parent / "data.npz")
    path.write_text(
        SWEEP.format(config=str(config), directory=str(directory), data=data)
    )
    return path


def run_sweep(sweep, workdir, *arguments, launch=None):
    """Runs the program, with another `launch` if one is given."""
    program, registry = programs.load("sweep")
    argv = ["sweep", f"--sweep={sweep}", f"--workdir={workdir}", *arguments]
    handler = signal.getsignal(signal.SIGTERM)
    try:
        if launch:
            program.launch = launch
        program.main(registry(argv))
    finally:
        signal.signal(signal.SIGTERM, handler)


def test_runs_resume_and_a_failing_one_does_not_lose_the_others(
    sweep, finished_run, tmp_path, capsys
):
    workdir = tmp_path / "runs"
    tiny = shutil.copytree(finished_run, workdir / "tiny")
    (tiny / "results.json").unlink()  # it was killed while it was evaluated
    with pytest.raises(RuntimeError, match="these runs failed: wrong"):
        run_sweep(sweep, workdir)
    assert logged(tiny) == logged(finished_run)
    assert saved(tiny)[0] == saved(finished_run)[0]
    run = json.loads((finished_run / "results.json").read_text())
    lines = (workdir / "table.md").read_text().splitlines()
    assert lines[0] == "# Table 7"
    errors = lines.index("## Clustering error, %")
    value = run["results"]["clustering_error"]
    assert lines[errors + 4 : errors + 9] == [
        "| Rival | toys | 20 | - | - | - |",
        "| Ours | wrong | - | not run | - | - |",
        "| Ours | absent | - | not run | - | - |",
        f"| Ours | tiny | - | {100 * value['mean']:.2f} ± {100 * value['std']:.2f} (2)"
        f" | {100 * min(value['trials']):.2f} to {100 * max(value['trials']):.2f}"
        f" | {100 * value['chosen']:.2f} |",
        "",
    ]
    nmi = lines.index("## Normalised mutual information")
    mean, std = run["results"]["nmi"]["mean"], run["results"]["nmi"]["std"]
    assert lines[nmi + 4 : nmi + 7] == [
        "| Rival | toys | 0.6 ± 0.1 | - | - | - |",
        "| Ours | wrong | 0.3 | not run | - | - |",
        "| Ours | absent | 0.4 | not run | - | - |",
    ]
    assert lines[nmi + 7].startswith(
        f"| Ours | tiny | 0.5 | {mean:.3f} ± {std:.3f} (2) | "
    )
    missing = lines.index("## Not run")
    assert lines[missing + 2].startswith(
        "- Ours, wrong: Unknown adversarial loss 'best'"
    )
    assert lines[missing + 3].startswith("- Ours, absent: ")
    assert "nowhere.npz" in lines[missing + 3]
    assert lines[missing + 3].endswith(" (see absent.log)")
    assert lines[-1].startswith("- Ours, tiny: 12 steps of seeds 0 to 1 on 4 cpu, ")
    assert f", config {run['config_hash']}: " in lines[-1]
    rows = json.loads((workdir / "table.json").read_text())["rows"]
    assert rows[3]["results"] == run["results"]
    assert rows[3]["departures"] == []
    assert rows[3]["command"] in lines[-1]
    assert "results" not in rows[0]
    out, err = capsys.readouterr()
    assert out.endswith("\n".join(lines) + "\n\n")
    assert "absent: running" not in out
    assert "absent: " in err


def test_rows_beside_each_other(sweep, finished_run, tmp_path, capsys):
    workdir = tmp_path / "runs"
    shutil.copytree(finished_run, workdir / "tiny")
    with pytest.raises(RuntimeError, match="these runs failed: wrong"):
        run_sweep(sweep, workdir, "--executor=local", "--workers=2")
    _, wrong, absent, tiny = json.loads((workdir / "table.json").read_text())["rows"]
    assert wrong["not_run"].startswith("Unknown adversarial loss 'best'")
    assert "nowhere.npz" in absent["not_run"]
    run = json.loads((finished_run / "results.json").read_text())
    assert tiny["results"] == run["results"]
    out, err = capsys.readouterr()
    assert "wrong: running, see" in out
    assert "absent: running" not in out
    assert "wrong: Unknown adversarial loss" in err


def test_index_and_departures(sweep, finished_run, tmp_path):
    workdir = tmp_path / "runs"
    launched = []

    def launch(command, log):
        launched.append(command)
        Path(log).write_text("")
        return True

    arguments = ("--index=2", "--", "--config.seed=3", "--config.trials=5")
    run_sweep(sweep, workdir, *arguments, "--cpu_devices=1", launch=launch)
    (command,) = launched
    data = finished_run.parent / "data.npz"
    assert command == [
        *(sys.executable, "-m", "experiments.launch"),
        f"--config={sweep.parent / 'config.py'}",
        f"--config.dataset.path={data}",
        "--config.seed=3",
        "--config.trials=5",
        "--cpu_devices=1",
        f"--workdir={workdir}/tiny",
    ]
    rows = json.loads((workdir / "table.json").read_text())["rows"]
    reasons = [row.get("not_run") for row in rows]
    assert reasons == [None, "not yet", "not yet", "not finished yet"]
    assert (workdir / "table.md").read_text().count("\n## ") == 3  # not: agreement
    # The run itself says what ran, not by how the sweep was called last.
    run = shutil.copytree(finished_run, workdir / "tiny")
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"trials": 7}))
    run_sweep(sweep, workdir, "--index=2", "--trials=9", launch=launch)
    assert "--config.trials=9" in launched[-1]
    text = (workdir / "table.md").read_text()
    assert "  - differs in config.trials: 7, not 2\n" in text


def test_a_table_goes_on_where_the_earlier_runs_are_gone(sweep, finished_run, tmp_path):
    def launch(command, log):
        Path(log).write_text("")
        return True

    def rows(workdir, index):
        run_sweep(sweep, workdir, f"--index={index}", launch=launch)
        return json.loads((workdir / "table.json").read_text())["rows"]

    # Where the sweep is stands in one of the fields, too.
    data = finished_run.parent / "data.npz"
    text = sweep.read_text().replace(str(data), "{workdir}/data.npz")
    sweep.write_text(text)
    here, there = tmp_path / "here", tmp_path / "there"
    shutil.copytree(finished_run, here / "tiny")
    there.mkdir()
    for workdir in (here, there):
        shutil.copy(data, workdir)
    (*_, measured) = rows(here, 2)
    assert f"={here}/data.npz --workdir={here}/tiny" in measured["command"]
    assert "results" in measured
    shutil.copy(here / "table.json", there)
    _, wrong, absent, tiny = rows(there, 0)
    assert wrong["not_run"] == "not finished yet"
    assert absent["not_run"] == "not yet"
    assert tiny == measured
    lines = (there / "table.md").read_text().splitlines()
    assert "| Ours | tiny | - | not run | - | - |" not in lines
    assert lines[-2].endswith(f"`{measured['command']}`")
    # A run that has begun does not hide what was measured, and a finished one does.
    assert rows(there, 2)[-1] == measured
    sweep.write_text(text.replace('"tiny", "0.5"', '"tiny", "0.7"'))  # of the paper
    assert rows(there, 2)[-1] == measured | {"paper": {"nmi": "0.7"}}
    run = shutil.copytree(finished_run, there / "tiny")
    found = json.loads((run / "results.json").read_text())
    (run / "results.json").write_text(json.dumps(found | {"step": 13}))
    tiny = rows(there, 2)[-1]
    assert tiny["step"] == 13
    assert f"--workdir={there}/tiny" in tiny["command"]
    # What was measured otherwise is another run.
    shutil.rmtree(run)
    assert rows(there, 0)[-1] == tiny
    for old, new in (
        ("dataset__path='{workdir}", "seed=1, dataset__path='{workdir}"),
        ('Row("Ours", name,', 'Row("Ours", f"new {name}",'),
    ):
        shutil.copy(here / "table.json", there)
        assert text.count(old) == 1
        sweep.write_text(text.replace(old, new))
        assert rows(there, 2)[-1]["not_run"] == "not finished yet"


def test_only_print(sweep, tmp_path, capsys):
    run_sweep(sweep, tmp_path / "runs", "--only_print", "--trials=3")
    wrong, absent, tiny = capsys.readouterr().out.splitlines()
    assert wrong == (
        f"python -m experiments.launch --config={sweep.parent / 'config.py'} "
        f"--config.game.loss=best --config.trials=3 --workdir={tmp_path}/runs/wrong"
    )
    assert absent.endswith("/absent")
    assert tiny.endswith("/tiny")
    assert not (tmp_path / "runs").exists()


def test_what_is_wrong_is_said_before_anything_runs(sweep, tmp_path):
    def launch(command, log):
        raise AssertionError("nothing may be run")

    workdir = tmp_path / "runs"
    with pytest.raises(ValueError, match="--index=3: there are 3 runs"):
        run_sweep(sweep, workdir, "--index=3", launch=launch)
    with pytest.raises(SystemExit, match="config has no field 'foo'"):
        run_sweep(sweep, workdir, "--", "--config.foo=1", launch=launch)
    for flag, message in (
        ("--workers=2", "--workers needs --executor=local or"),
        ("--slurm=partition=gpu", "--slurm needs --executor=slurm"),
    ):
        with pytest.raises(ValueError, match=message):
            run_sweep(sweep, workdir, flag, launch=launch)
    with pytest.raises(FileNotFoundError):
        run_sweep(tmp_path / "no.py", workdir, launch=launch)
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(ValueError, match=r"empty\.py does not define SWEEP"):
        run_sweep(tmp_path / "empty.py", workdir, launch=launch)
    text = sweep.read_text()
    for old, new, message in (
        ('"clustering_error", "nmi"', '"error", "nmi"', r"unknown results \['error'\]"),
        (
            '"clustering_error", "nmi"',
            '"nmi"',
            r"does not show \['clustering_error'\]",
        ),
        ('run("wrong"', 'run("tiny"', "several runs have the same name"),
        ('run("wrong"', 'run(""', "a run has a name and a config"),
    ):
        sweep.write_text(text.replace(old, new))
        with pytest.raises(ValueError, match=message):
            run_sweep(sweep, workdir, launch=launch)
    assert not workdir.exists()


def test_a_launch_is_stopped_gently_and_its_end_is_logged(tmp_path):
    program, _ = programs.load("sweep")
    log = tmp_path / "log"
    script = (
        "import signal, sys, time; print('started', flush=True);"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('saved')));"
        "time.sleep(60)"
    )
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        with pytest.raises(KeyboardInterrupt):
            program.launch([sys.executable, "-c", script], str(log))
    finally:
        signal.signal(signal.SIGALRM, handler)
    assert log.read_text() == "started\nsaved\n"
    assert program.failure(str(log)) is None
    kill = "import os; os.kill(os.getpid(), 9)"
    assert not program.launch([sys.executable, "-c", kill], str(log))
    assert program.failure(str(log)) == "the launch ended with code -9"
    assert program.launch([sys.executable, "-c", ""], str(log))
    assert log.read_text() == ""


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_sweeps_of_the_papers(path, monkeypatch):
    """Their configs can be read, and know the same numbers of the paper."""
    monkeypatch.chdir(ROOT)
    program, _ = programs.load("sweep")
    sweep = program.read_sweep(str(path))
    assert f"--sweep={path.relative_to(ROOT)}" in path.read_text()
    assert sweep.runs
    for row in sweep.rows:
        numbers = {
            name: float(text.split(" ± ")[0])
            / (100 if METRICS[name].unit == "%" else 1)
            for name, text in row.paper.items()
        }
        if not row.name:
            assert numbers, row
            continue
        config = program.read_config(program.launch_command(row, "runs"))
        assert config.trials == row.overrides["trials"] >= 3
        if row.paper or config.paper:
            assert numbers == pytest.approx(config.paper.to_dict()), row
