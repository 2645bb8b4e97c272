"""Logs of a run in training: metrics.jsonl, TensorBoard, a progress bar."""

import contextlib
import contextvars
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np
import tqdm
from absl import logging
from jax import monitoring

TIMES = ("seconds", "compilation_seconds")
"""Fields of a row that depend on the machine."""

_SHOWN = contextvars.ContextVar("shown", default=True)
_COMPILATION = frozenset(
    f"/jax/core/compile/{name}_duration"
    for name in ("jaxpr_trace", "jaxpr_to_mlir_module", "backend_compile")
)


class CompilationTime:
    """Counts the time that this process spends on tracing and compiling.

    Attributes:
      seconds: the sum since the object was created.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        monitoring.register_event_duration_secs_listener(self._add)

    def _add(self, event: str, duration_secs: float, **details: str | int) -> None:
        del details
        if event in _COMPILATION:
            self.seconds += duration_secs

    def close(self) -> None:
        """Stops counting."""
        monitoring.unregister_event_duration_listener(self._add)


class MetricsLog:
    """Metrics of a run, one JSON object per line, continued when a run resumes.

    A row contains `step`, the wall-clock `seconds` since the log was opened, how many
    of them the process traced and compiled (`compilation_seconds`), and the mean of
    every metric over trials. With several trials, `trials` contains the values
    of each one.

    Attributes:
      num_kept: number of earlier rows that are kept when a run resumes.
    """

    def __init__(
        self,
        workdir: str,
        step: int,
        due: Callable[[int, str], bool] = lambda step, name: True,
    ):
        """Opens the log of a run at `step`, and removes later rows.

        Args:
          workdir: directory of the run.
          step: number of steps that are done.
          due: `due(step, name)`, whether a metric is logged at a step; an empty name
            stands for any metric. Metrics that are not due are removed: the last step
            of a run is always logged, even if it is not due in an extended run.
        """
        # Here, because it imports PyTorch if installed, which takes seconds.
        from tensorboardX import SummaryWriter

        path = os.path.join(workdir, "metrics.jsonl")
        rows = (row for row in read_metrics(workdir) if row["step"] <= step)
        kept = [row for row in (_only_due(row, due) for row in rows) if row]
        self.num_kept = len(kept)
        temporary = f"{path}.new"
        with open(temporary, "w") as file:
            file.writelines(json.dumps(row) + "\n" for row in kept)
        os.replace(temporary, path)
        self._file = open(path, "a")  # noqa: SIM115, closed by `close`
        self._tensorboard = SummaryWriter(
            os.path.join(workdir, "tensorboard"), purge_step=step + 1
        )
        self._start = time.perf_counter()
        self._compilation = CompilationTime()

    def write(self, step: int, metrics: Mapping[str, np.ndarray]) -> None:
        """Writes the metrics of one step, each [T]."""
        row: dict = {
            "step": step,
            "seconds": time.perf_counter() - self._start,
            "compilation_seconds": self._compilation.seconds,
        }
        row |= {name: float(values.mean()) for name, values in metrics.items()}
        if any(len(values) > 1 for values in metrics.values()):
            row["trials"] = {name: values.tolist() for name, values in metrics.items()}
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        for name, values in metrics.items():
            self._tensorboard.add_scalar(name, float(values.mean()), step)

    def close(self) -> None:
        """Closes the files."""
        self._compilation.close()
        self._file.close()
        self._tensorboard.close()


def read_metrics(workdir: str) -> list[dict]:
    """Returns the rows of a run's metrics.jsonl.

    A last line that a crash cut off is skipped. Damaged lines are skipped with a
    warning.

    Args:
      workdir: directory of the run.

    Returns:
      The rows in the order written; empty if nothing was logged.
    """
    path = os.path.join(workdir, "metrics.jsonl")
    if not os.path.exists(path):
        return []
    rows = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith("\n"):
                break
            try:
                row = json.loads(line)
                rows.append({**row, "step": int(row["step"])})
            except (KeyError, TypeError, ValueError):
                logging.warning("%s: line %d is damaged and skipped", path, number)
    return rows


def _only_due(row: dict, due: Callable[[int, str], bool]) -> dict:
    """Returns the row without metrics that are not due; {} if none is due."""
    step = row["step"]
    if not due(step, ""):
        return {}
    kept = {name: value for name, value in row.items() if due(step, name)}
    if "trials" in row:
        kept["trials"] = {
            name: values for name, values in row["trials"].items() if due(step, name)
        }
    return kept


@contextlib.contextmanager
def show_progress(shown: bool) -> Iterator[None]:
    """Whether `announce` and `progress_bar` show anything within this context."""
    token = _SHOWN.set(shown)
    try:
        yield
    finally:
        _SHOWN.reset(token)


def announce(*lines: str) -> None:
    """Writes lines to standard error, above a progress bar if there is one."""
    for line in lines if _SHOWN.get() else ():
        tqdm.tqdm.write(line, file=sys.stderr)


class Forecast:
    """Says once how long the calls of a run will take, measured on the second one.

    The first call is compiled, so its time says nothing.
    """

    def __init__(self, num_calls: int):
        self._left = num_calls
        self._calls = 0
        self._start = 0.0

    def __call__(self, results: Any) -> None:
        """To be called with the results of each call, as soon as it is started."""
        self._calls += 1
        self._left -= 1
        if self._calls > 2:
            return
        jax.block_until_ready(results)
        now = time.perf_counter()
        if self._calls == 2 and self._left:
            seconds = (now - self._start) * self._left
            announce(f"time: about {_in_words(seconds)} on this machine")
        self._start = now


def _in_words(seconds: float) -> str:
    """A rough duration: "5 seconds", "12 minutes" or "3.5 hours"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    if seconds < 5400:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"


def progress_bar(
    total: int, done: int, description: str, unit: str = "step", delay: float = 0.0
) -> tqdm.tqdm:
    """Returns a progress bar, shown on standard error.

    Args:
      total: number of units.
      done: number of units that are done already.
      description: text before the bar.
      unit: what is counted.
      delay: seconds before the bar is shown. With a delay, it is shown only on a
        terminal: it is for work that usually takes a moment.
    """
    return tqdm.tqdm(
        total=total,
        initial=done,
        desc=description,
        unit=unit,
        mininterval=0.5,
        delay=delay,
        disable=not _SHOWN.get() or (None if delay else False),
    )
