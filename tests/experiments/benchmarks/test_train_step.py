"""The benchmark program measures what it says; no time is checked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.experiments import programs

# ml_collections loads config files in a way that Python warns of.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:the load_module\(\) method is deprecated:DeprecationWarning"
)
PARTS = ("--image_shape=8x8x1", "--parts")


def test_figures(tmp_path):
    """In a process of its own, which has one device."""
    config = tmp_path / "config.py"
    config.write_text(
        "import pathlib\n"
        "from tests.runs import tiny_config\n"
        "def get_config():\n"
        f"    config = tiny_config(pathlib.Path({str(tmp_path)!r}))\n"
        "    config.game.penalty_weight = 1.0\n"
        "    config.trials = 1\n"
        "    return config\n"
    )
    output = tmp_path / "figures.json"
    command = (
        sys.executable,
        "-m",
        "experiments.benchmarks.train_step",
        f"--config={config}",
    )
    flags = ("--image_shape=2x2x1", "--steps=2", "--repeats=3", f"--output={output}")
    settings = {"XLA_FLAGS": "", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    done = subprocess.run(
        (*command, *flags, "--parts"),
        cwd=Path(__file__).parents[3],
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(output.read_text())
    assert json.loads(done.stdout) == figures
    assert list(figures["milliseconds_per_step"]) == ["ours"]
    ours = figures["milliseconds_per_step"]["ours"]
    assert 0 < ours["min"] <= ours["median"] <= ours["max"]
    assert figures["compile_seconds"] > 0
    assert figures["peak_memory_mib"] > 50
    assert (figures["game"], figures["batch_size"], figures["trials"]) == ("amm", 8, 1)
    parts = figures["milliseconds_of_parts"]
    assert list(parts) == [
        *("encoder", "prior", "decoder", "discriminator 1", "discriminator 2"),
        *("loss of discriminator", "sum"),
    ]
    total = parts.pop("sum")
    assert sum(part["min"] for part in parts.values()) <= total["min"]
    assert sum(part["max"] for part in parts.values()) >= total["max"]
    ratio = figures["ratio_to_parts"]
    assert ours["min"] / total["max"] <= ratio["median"] <= ours["max"] / total["min"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--peer=keras",), "--peer must be among .*, not .'keras'"),
        (("--image_shape=8",), "image_shape"),
        (PARTS, "not update_order='simultaneous', phases=1, trials=2, devices=4"),
        (
            (*PARTS, "--config.update_order=alternating"),
            "not update_order='alternating', phases=1",
        ),
        (
            (*PARTS, "--config=configs/pixelgan_digits.py:runlocal"),
            "not update_order='alternating'",
        ),
    ],
)
def test_wrong_flags(flags, message):
    config = "--config=configs/amm_digits.py:runlocal"
    with pytest.raises(SystemExit, match=message):
        programs.run("benchmarks.train_step", config, *flags)
