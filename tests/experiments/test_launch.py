"""The program that trains: what it says, what it refuses, how it stops."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.experiments import programs
from tests.runs import assert_same_run, logged, saved, write_npz

# What ml_collections loads a config file with.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:the load_module\(\) method is deprecated:DeprecationWarning"
)

ROOT = Path(__file__).parents[2]
CONFIG = """
import pathlib
from tests.runs import tiny_config

def get_config(argument=None):
    config = tiny_config(pathlib.Path({directory!r}))
    config.duration = argument or "12_steps"
    return config
"""


@pytest.fixture
def config(tmp_path):
    """Path of a config file."""
    path = tmp_path / "config.py"
    path.write_text(CONFIG.format(directory=str(tmp_path)))
    return path


def launch(config, workdir, *flags):
    programs.run("launch", f"--config={config}", f"--workdir={workdir}", *flags)


def test_the_results_of_a_finished_run_are_shown(
    finished_run, tmp_path, config, capsys
):
    """Here it only evaluates, as when it was killed while it did."""
    run = tmp_path / "run"
    run.mkdir()
    for name in ("checkpoints", "config.json", "dataset.json", "environment.json"):
        os.symlink(finished_run / name, run / name)
    (run / "metrics.jsonl").write_bytes((finished_run / "metrics.jsonl").read_bytes())
    path = finished_run.parent / "data.npz"
    launch(config, run, f"--config.dataset.path={path}")
    assert_same_run(run, finished_run)
    out, err = capsys.readouterr()
    lines = [line for line in out.splitlines() if line]
    assert lines[0].split()[:5] == ["chosen", "trial", "mean", "of", "2"]
    assert [line.split()[0] for line in lines[1:12]] == [
        "clustering_error",
        "clustering_accuracy",
        "clustering_error_from_z",
        "clustering_accuracy_from_z",
        "clustering_error_from_sampled_z",
        "clustering_accuracy_from_sampled_z",
        "nmi",
        "ari",
        "classifier_agreement",
        "classifier_agreement_from_sampled_z",
        "reconstruction_mse",
    ]
    assert lines[12].startswith("Trial ")
    assert lines[13] == f"report: {run / 'report.html'}"
    assert [line.split()[:4] for line in lines[14:]] == [
        ["next:", "python", "-m", f"experiments.{name}"]
        for name in ("predict", "sample")
    ]
    for line in lines[14:]:
        assert line.endswith(f"--workdir={run}")
    assert err == ""


def test_the_work_directory_of_another_config(finished_run, config):
    before = {path: path.stat().st_mtime_ns for path in finished_run.rglob("*.json*")}
    with pytest.raises(SystemExit, match="contains a run with another config"):
        launch(config, finished_run, "--config.batch_size=4", "--config.seed=3")
    with pytest.raises(
        SystemExit, match=r"config\.batch_size: 8 there, 4 here\n.*dataset\.path: "
    ):
        launch(config, finished_run, "--config.batch_size=4")
    assert before == {
        path: path.stat().st_mtime_ns for path in finished_run.rglob("*.json*")
    }


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--config.foo=1", "the config has no field 'foo'"),
        ("--config.game.losss=hinge", "the config has no field .*losss"),
        ("--config.batch_size=x", "flag --config.batch_size=x: invalid literal"),
        ("--cpu_devices=0", "flag --cpu_devices=0: "),
        ("--workdirr=a", "Unknown command line flag 'workdirr'"),
        ("--config.game.name=amn", "unknown game 'amn'"),
        ("--config.game.loss=best", "'best'"),
        ("--config.dataset.name=digit", "unknown data set 'digit'"),
        ("--config.evaluators=('cluster',)", "unknown evaluator 'cluster'"),
        ("--config.selection=best", "unknown criterion 'best' in config.selection"),
        ("--config.duration=5", "cannot read duration '5'"),
        ("--config.batch_size=-1", r"config\.batch_size=-1 must be at least 1"),
        (
            "--config.player.generator.learning_rate=1",
            "no field 'player.generator.learning_rate'; did you mean "
            "'players.generator.learning_rate'",
        ),
        (
            "--config.players.generatr.learning_rate=1",
            "did you mean 'players.generator.learning_rate'",
        ),
        ("--config.dataset.nam=x", "did you mean 'dataset.name'"),
        (
            "--config.batch_size.x=1",
            "no field 'batch_size.x'; did you mean 'batch_size'",
        ),
        (
            "--config.evaluators[0]=x",
            r"no field 'evaluators\[0\]'; did you mean 'evalu",
        ),
        ("--config.zzzz=1", "no field 'zzzz'; it has batch_size, che"),
        ("--config.=1", "no field ''"),
        ("--config.trials=1.5", "flag --config.trials=1.5: invalid literal"),
        ("--config.ema_decay=1.5", r"config\.ema_decay=1\.5 must be in \[0, 1\)"),
        ("--config.seed=99999999999", "config.seed=99999999999 must be in"),
        (
            "--config.players.generator.learning_rate=-1",
            "learning_rate=-1.0 must be at",
        ),
        ("--config.game.y_gradient=2", r"config\.game\.y_gradient=2\.0 must be in"),
        ("--config.game={}", "the config has no field 'name'"),
        ("--config.players={}", r"config\.players has \[\]"),
        ("--config.game=1", "Failed to parse '1' as a ConfigDict"),
        ("--config.evaluators=(1", "Error while parsing|unknown evaluator"),
    ],
)
def test_wrong_configs_end_with_one_line(tmp_path, config, flag, message):
    with pytest.raises(SystemExit, match=message) as end:
        launch(config, tmp_path / "run", flag)
    assert str(end.value).startswith("error: ")
    assert len(str(end.value).splitlines()) <= 2
    assert not list((tmp_path / "run").glob("checkpoints/[0-9]*"))


def test_wrong_arguments_of_the_config(tmp_path):
    config = ROOT / "configs" / "amm_digits.py"
    for argument, message in (
        ("kk=3", r"unknown config argument 'kk'; known: \['k', 'runlocal'\]"),
        ("k=ten", "config argument 'k' must be of type int, not 'ten'"),
    ):
        with pytest.raises(SystemExit, match=message) as end:
            launch(f"{config}:{argument}", tmp_path / "run")
        assert len(str(end.value).splitlines()) <= 2
    with pytest.raises(SystemExit, match=r"No such file or directory: .*nothing\.py"):
        launch(tmp_path / "nothing.py", tmp_path / "run")
    with pytest.raises(SystemExit, match=r"did you mean '.*/amm_digits\.py'\?"):
        launch(config.with_name("am_digits.py"), tmp_path / "run")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def get_config(:\n", r"config\.py: SyntaxError: invalid syntax .*line 1"),
        ("import nothing_like_it\n", r"config\.py: ModuleNotFoundError: No module"),
        ("x = 1\n", r"config\.py does not define get_config"),
        (
            "def get_config():\n  pass\n",
            r"config\.py: get_config must return a ConfigDict",
        ),
        ("def get_config():\n  {}['a']\n", r"config\.py: KeyError: 'a'"),
        ("\x00", r"config\.py: .*null bytes"),
    ],
)
def test_config_files_with_mistakes(tmp_path, text, message):
    path = tmp_path / "config.py"
    path.write_text(text)
    with pytest.raises(SystemExit, match=message) as end:
        launch(path, tmp_path / "run")
    assert len(str(end.value).splitlines()) == 2


def test_a_work_directory_that_cannot_be_made(tmp_path, config):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match=r"error: .*Not a directory: .*file/run"):
        launch(config, tmp_path / "file" / "run")


def test_the_home_directory_is_known(tmp_path, config, monkeypatch):
    """Nothing is trained: that the error is about `duration` says the rest was read."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SystemExit, match="cannot read duration 'x'"):
        programs.run(
            "launch", "--config=~/config.py:x", "--workdir=~/run", "--config.seed=1"
        )


def bad_data(tmp_path):
    """Flags that point to data which is not sound, and what is wrong with it."""
    x, y = np.zeros((20, 2, 2), np.float32), np.arange(20) % 3

    def npz(name, **arrays):
        np.savez(tmp_path / f"{name}.npz", **arrays)
        return (f"--config.dataset.path={tmp_path / name}.npz",)

    def folder(name, files):
        for file, size in files.items():
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            if size is None:
                (tmp_path / name / file).write_bytes(b"no image")
            else:
                Image.new("L", size).save(tmp_path / name / file)
        (tmp_path / name).mkdir(exist_ok=True)
        path = f"--config.dataset.path={tmp_path / name}"
        return "--config.dataset.name=folder", path

    nan = x.copy()
    nan[7, 0, 0] = np.nan
    (tmp_path / "cut.npz").write_bytes(
        Path(write_npz(tmp_path / "whole.npz")).read_bytes()[:200]
    )
    return [
        (npz("nan", x=nan), "1 examples contain NaN or infinity, first at 7"),
        (npz("range", x=x + 2), r"float images must lie in \[0, 1\]"),
        (npz("label", x=x, y=y + 0.5), "labels must be integers or text, not float64"),
        (npz("length", x=x, y=y[1:]), "20 examples need labels of shape"),
        (
            npz("shape", x=np.zeros((20, 3, 3), np.uint8)),
            r"config\.game\.networks do not fit examples of shape 3x3x1: ",
        ),
        (
            (f"--config.dataset.path={tmp_path / 'cut.npz'}",),
            "not an npz file of plain arrays, or corrupt",
        ),
        (folder("empty", {}), "the folder contains no images"),
        (folder("corrupt", {"a.png": (2, 2), "b.png": None}), "b.png: not an image"),
        (
            folder("mixed", {"a.png": (2, 2), "c/b.png": (2, 2)}),
            "contains both folders",
        ),
        (
            ("--config.dataset.name=folder", "--config.dataset.path=nowhere"),
            "no folder at 'nowhere'",
        ),
        (
            (
                "--config.dataset.name=tfds:mnist",
                "--config.dataset.path=",
                f"--config.dataset.data_dir={tmp_path / 'tfds'}",
            ),
            "mnist",
        ),
    ]


def test_data_that_is_not_sound_ends_with_one_clear_error(tmp_path, config):
    for flags, message in bad_data(tmp_path):
        with pytest.raises(SystemExit, match=message) as end:
            launch(config, tmp_path / "run", *flags)
        assert str(end.value).startswith("error: "), flags
        assert "Traceback" not in str(end.value)
    assert not list((tmp_path / "run").glob("checkpoints/[0-9]*"))


def test_sigterm_saves_and_ends_well(tmp_path, config):
    """In a process of its own, as a scheduler does it."""
    command = [
        *(sys.executable, "-m", "experiments.launch"),
        *(f"--config={config}:2000000_steps", f"--workdir={tmp_path / 'run'}"),
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process:
        metrics = tmp_path / "run" / "metrics.jsonl"
        while process.poll() is None and not (metrics.exists() and metrics.read_text()):
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert out == ""
    assert f"Stopped; saved in {tmp_path / 'run'}. Launch again to resume." in err
    bar = err.split("Stopped")[0]
    assert "amm:" in bar
    assert "/2000000 [" in bar
    assert "<" in bar.split("/2000000 [")[-1]  # the time left
    for noise in ("Traceback", "Warning", "checkpoint_manager"):
        assert noise not in err, err
    step, _ = saved(tmp_path / "run")
    assert step >= logged(tmp_path / "run")[-1]["step"]
