"""What the programs say to a person at a terminal."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from absl import app, flags, logging


def run(main: Callable[[], None]) -> None:
    """Runs a program on the flags of the command line.

    Args:
      main: the program.
    """

    def program(argv: list[str]) -> None:
        if len(argv) > 1:
            raise app.UsageError(f"unknown arguments: {argv[1:]}")
        logging.set_verbosity(logging.WARNING)  # Orbax has much to say
        main()

    with clear_errors():
        app.run(program, flags_parser=parse_flags)


def parse_flags(
    argv: Sequence[str], registry: Callable[[Sequence[str]], list[str]] = flags.FLAGS
) -> list[str]:
    """Parses a command line, and ends the program with one line if it is wrong.

    Args:
      argv: the program's name and its arguments.
      registry: the flags that there are.

    Returns:
      what is left in `argv` beside the flags.
    """
    try:
        return registry(argv)
    except flags.Error as error:
        # The last line: before it stands the traceback of a config file that failed.
        message = str(error).strip().splitlines()[-1].strip()
        sys.exit(f"error: {message}\n(--help shows the flags)")
    except AttributeError as error:  # of ml_collections
        sys.exit(f"error: the config has no field {error.args[0].args[0]}")


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """Ends the program with one line for errors that are the user's to mend."""
    try:
        yield
    except (ValueError, OSError, RuntimeError, FloatingPointError) as error:
        if os.environ.get("ADVERSARIAL_LATENT_TRACEBACK"):
            raise
        sys.exit(
            f"error: {error}\n"
            "(set ADVERSARIAL_LATENT_TRACEBACK=1 to see where it came from)"
        )


def describe(results: dict[str, Any], workdir: str) -> str:
    """Formats results.json for the terminal.

    Args:
      results: as `train_and_evaluate` returns them.
      workdir: directory of the run.

    Returns:
      a table of numbers and where the report is.
    """
    trials = len(results["seeds"])
    lines = [""]
    if trials > 1:
        lines += [
            f"{'':28}{'chosen trial':>14}{f'mean of {trials}':>12}{'std':>10}",
        ]
    for name, value in results["results"].items():
        line = f"{name:28}{value['chosen']:14.4f}"
        if trials > 1:
            line += f"{value['mean']:12.4f}{value['std']:10.4f}"
        lines.append(line)
    if results["selection"]:
        lines += ["", results["selection"]["protocol"]]
    lines += ["", f"report: {os.path.join(workdir, 'report.html')}"]
    return "\n".join(lines)


def spread(values: np.ndarray) -> dict[str, float]:
    """Least, middle and largest of repeated measurements [repeats]."""
    return {
        "min": float(np.min(values)),
        "median": float(np.median(values)),
        "max": float(np.max(values)),
    }


def report_figures(figures: dict[str, Any], path: str | None) -> None:
    """Prints what a benchmark measured as JSON, and writes it to a file if asked."""
    text = json.dumps(figures, indent=2)
    if path:
        with open(path, "w") as file:
            file.write(text + "\n")
    print(text)
