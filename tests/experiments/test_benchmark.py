"""The benchmark program measures what it says; no time is judged here."""

import json

import pytest

from tests.experiments import programs

# ml_collections loads config files in a way that Python warns of.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:the load_module\(\) method is deprecated:DeprecationWarning"
)
_CONFIG = "--config=configs/amm_digits.py:runlocal"


def test_figures(tmp_path, capsys):
    output = tmp_path / "figures.json"
    programs.run(
        "benchmark",
        _CONFIG,
        "--image_shape=8x8x1",
        "--steps=2",
        "--repeats=3",
        f"--output={output}",
    )
    figures = json.loads(output.read_text())
    assert json.loads(capsys.readouterr().out) == figures
    ours = figures["milliseconds_per_step"]["ours"]
    assert 0 < ours["min"] <= ours["median"] <= ours["max"]
    assert figures["compile_seconds"] > 0
    assert figures["peak_memory_mib"] > 50
    assert (figures["game"], figures["batch_size"], figures["trials"]) == ("amm", 8, 2)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--peer=keras", "--peer is torch or nothing"),
        ("--image_shape=8", "image_shape"),
    ],
)
def test_wrong_flags(flag, message):
    with pytest.raises(SystemExit, match=message):
        programs.run("benchmark", _CONFIG, flag)
