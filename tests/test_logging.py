"""metrics.jsonl, TensorBoard and the progress bar."""

import json
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl import logging
from tensorboardX import SummaryWriter

from adversarial_latent.logging import (
    TIMES,
    CompilationTime,
    Forecast,
    MetricsLog,
    progress_bar,
    read_metrics,
)


def metrics(*values):
    return {"player/loss": np.array(values, np.float32)}


@pytest.fixture
def events(monkeypatch):
    """What goes to TensorBoard: (name, value, step)."""
    written = []
    monkeypatch.setattr(
        SummaryWriter,
        "add_scalar",
        lambda self, name, value, step: written.append((name, value, step)),
    )
    return written


def test_rows(tmp_path, events):
    log = MetricsLog(str(tmp_path), 0)
    log.write(5, metrics(1.5))
    log.write(10, metrics(1.0, 2.0))
    rows = read_metrics(str(tmp_path))  # every row is there as soon as it is written
    log.close()
    for name in TIMES:
        first, second = (row.pop(name) for row in rows)
        assert 0 <= first <= second
    assert rows == [
        {"step": 5, "player/loss": 1.5},
        {"step": 10, "player/loss": 1.5, "trials": {"player/loss": [1.0, 2.0]}},
    ]
    assert events == [("player/loss", 1.5, 5), ("player/loss", 1.5, 10)]
    assert list((tmp_path / "tensorboard").iterdir())


def test_a_resumed_log_drops_what_came_after_the_checkpoint(tmp_path, events):
    rows = [{"step": step, "player/loss": step / 10} for step in (5, 10, 15)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "metrics.jsonl").write_text(lines + '{"step": 20, "play')
    log = MetricsLog(str(tmp_path), 10)
    log.write(15, metrics(3.0))
    log.close()
    resumed = read_metrics(str(tmp_path))
    assert resumed[:2] == rows[:2]
    assert [(row["step"], row["player/loss"]) for row in resumed[2:]] == [(15, 3.0)]


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path):
    assert read_metrics(str(tmp_path)) == []
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2}')
    assert read_metrics(str(tmp_path)) == [{"step": 1}]


def test_the_progress_bar_tells_the_time_left_on_standard_error(capsys, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    bar = progress_bar(100, 20, "amm")
    now[0] += 40.0
    bar.update(40)
    bar.refresh()
    bar.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert "amm:  60%" in err
    assert "60/100" in err
    assert "[00:40<00:40" in err  # 40 steps in 40 s, and 40 are left


@pytest.mark.parametrize("line", ["\0\0\0\n", "[1]\n", '{"loss": 1}\n', "\xff{\n"])
def test_a_damaged_line_is_left_out_and_named(tmp_path, line, caplog):
    text = '{"step": 1}\n' + line + '{"step": 3}\n'
    (tmp_path / "metrics.jsonl").write_text(text, encoding="latin-1")
    with caplog.at_level(logging.WARNING, logger="absl"):
        assert read_metrics(str(tmp_path)) == [{"step": 1}, {"step": 3}]
    assert "metrics.jsonl: line 2 is damaged" in caplog.text


def test_rows_and_curves_that_are_not_due_are_dropped(tmp_path, events):
    row = {"step": 10, "loss": 1.0, "test/mse": 2.0, "trials": {"test/mse": [1.0, 3.0]}}
    rows = [row | {"step": step} for step in (5, 7, 10)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "metrics.jsonl").write_text(lines)

    def due(step, name):
        return step % 10 == 0 if name == "test/mse" else step % 5 == 0

    MetricsLog(str(tmp_path), 10, due).close()
    assert read_metrics(str(tmp_path)) == [
        {"step": 5, "loss": 1.0, "trials": {}},
        row,
    ]


def test_a_forecast_is_made_once_on_the_second_call(capsys, monkeypatch):
    times = iter([100.0, 103.0])  # the first call, which is compiled, took long
    monkeypatch.setattr(time, "perf_counter", lambda: next(times))
    forecast = Forecast(42)
    forecast(np.zeros(1))
    assert not capsys.readouterr().err
    forecast(np.zeros(1))
    assert capsys.readouterr().err == "time: about 2 minutes on this machine\n"
    forecast(np.zeros(1))
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 seconds"), (89, "89 seconds"), (600, "10 minutes"), (9000, "2.5 hours")],
)
def test_a_rough_duration(seconds, words, capsys, monkeypatch):
    times = iter([0.0, seconds])
    monkeypatch.setattr(time, "perf_counter", lambda: next(times))
    forecast = Forecast(3)
    for _ in range(2):
        forecast(np.zeros(1))
    assert f"about {words} on" in capsys.readouterr().err


def test_compilation_is_counted_until_the_end():
    counted = CompilationTime()
    double = jax.jit(lambda x: jnp.tanh(2.0 * x))
    double(jnp.ones(3))
    first = counted.seconds
    assert first > 0
    double(jnp.ones(3))  # is compiled already
    assert counted.seconds == pytest.approx(first)
    counted.close()
    double(jnp.ones(5))
    assert counted.seconds == pytest.approx(first)
