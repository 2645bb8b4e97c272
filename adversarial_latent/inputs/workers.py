"""Processes that run functions of this package for another one.

Pillow holds Python's lock for half of the time that a small image takes, so that
threads hardly decode faster than one. These processes import neither JAX nor the main
program, and hence start in a moment, from scripts and notebooks, too.
"""

import contextlib
import os
import pickle
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_PACKAGE = Path(__file__).parents[1]
# The package imports JAX, but without its __init__ this part of it does not.
_PROGRAM = f"""
import sys, types
package = sys.modules["{__name__.partition(".")[0]}"] = types.ModuleType("package")
package.__path__ = [sys.argv[1]]
from {__name__} import serve
serve()
"""


class Worker:
    """A process that runs one function at a time."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(_PACKAGE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )

    def __call__(self, function: Callable[..., T], *arguments: Any) -> T:
        """Runs a function there; arguments and result must be picklable.

        Raises:
          RuntimeError: the process died.
          Exception: what the function raised.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            pickle.dump((function, arguments), self._process.stdin)
            self._process.stdin.flush()
            result, error = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError) as reason:
            raise RuntimeError(
                f"a process that decodes images died (exit code {self._process.wait()})"
            ) from reason
        if error is not None:
            raise error
        return result

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def worker_pool(number: int) -> Iterator[Callable[..., Any]]:
    """Starts workers; yields a function that threads may call like a `Worker`."""
    workers = [Worker() for _ in range(number)]
    idle: queue.Queue[Worker] = queue.Queue()
    for worker in workers:
        idle.put(worker)

    def call(function: Callable[..., T], *arguments: Any) -> T:
        worker = idle.get()
        try:
            return worker(function, *arguments)
        finally:
            idle.put(worker)

    try:
        yield call
    finally:
        for worker in workers:
            worker.close()


def serve() -> None:
    """Runs what a `Worker` sends until its end."""
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing else may be written among the replies
    while True:
        try:
            function, arguments = pickle.load(requests)
        except EOFError:
            return
        reply: tuple[Any, Exception | None]
        try:
            reply = function(*arguments), None
        except Exception as error:  # for the process that asked
            reply = None, error
        pickle.dump(reply, replies)
        replies.flush()
