"""Command lines of the programs: flags, error messages and terminal output."""

import contextlib
import importlib.util
import json
import logging as python_logging
import os
import re
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import ml_collections
import numpy as np
from absl import app, flags, logging
from ml_collections import config_flags

from adversarial_latent.compilation import keep_compiled_programs
from adversarial_latent.config import did_you_mean, leaves
from adversarial_latent.inputs import InputError, MissingInputError, printable

_INCOMPLETE = 3  # exit code
# Errors that the user can fix.
_USER_ERRORS = (ValueError, OSError, RuntimeError, FloatingPointError, MemoryError)
_TRACEBACK = "ADVERSARIAL_LATENT_TRACEBACK"  # if set, errors keep their traceback
_COMPILATION_CACHE = flags.DEFINE_bool(
    "compilation_cache",
    True,
    "Keep compiled programs in ADVERSARIAL_LATENT_CACHE, so that later runs start "
    "faster.",
)


def run(main: Callable[[], None]) -> None:
    """Parses the flags of the command line and runs a program.

    Args:
      main: the program.
    """

    def program(argv: list[str]) -> None:
        if len(argv) > 1:
            raise app.UsageError(f"unknown arguments: {argv[1:]}")
        logging.set_verbosity(logging.WARNING)  # Orbax logs a lot
        logging.get_absl_logger().addFilter(_is_not_raised)
        if _COMPILATION_CACHE.value:
            keep_compiled_programs()
        main()

    with clear_errors():
        app.run(program, flags_parser=parse_flags)


def _is_not_raised(record: python_logging.LogRecord) -> bool:
    """Whether a log record adds to the errors: Orbax also logs those that it raises."""
    return not (record.exc_info and "orbax" in record.pathname)


def parse_flags(
    argv: Sequence[str], registry: Callable[[Sequence[str]], list[str]] = flags.FLAGS
) -> list[str]:
    """Parses a command line. Exits with a one-line message if it is invalid.

    Args:
      argv: the program's name and its arguments.
      registry: the defined flags.

    Returns:
      the arguments that are not flags.
    """
    try:
        return registry(argv)
    except (flags.Error, TypeError, ValueError) as error:
        _end(error, "(--help shows the flags)")


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """Exits with a one-line message for errors that the user can fix."""
    hint = f"(set {_TRACEBACK}=1 to see where it came from)"
    try:
        yield
    except _USER_ERRORS as error:
        _end(error, hint)
    except AttributeError as error:
        # A ConfigDict raises an AttributeError from a KeyError for a missing field.
        if not error.args or not isinstance(error.args[0], KeyError):
            raise
        name = str(error.args[0].args[0]).splitlines()[0]
        _end(InputError(f"the config has no field {name}"), hint)


def _end(error: Exception, hint: str) -> NoReturn:
    if os.environ.get(_TRACEBACK):
        raise error
    # Threads and exit handlers of libraries may fail again for the same reason.
    threading.excepthook = sys.unraisablehook = lambda _: None
    # User input may contain line breaks or undecodable bytes.
    text = "\n".join(map(printable, str(error).strip().split("\n")))
    sys.exit(f"error: {text or type(error).__name__}\n{hint}")


class _PathParser(flags.ArgumentParser):
    """Parses a path and expands ~ to the home directory."""

    def parse(self, argument: str) -> str:
        if not argument:
            raise ValueError("the path is empty")
        return os.path.expanduser(argument)


class _PathsParser(flags.ListParser):
    """Parses a comma-separated list of paths."""

    def parse(self, argument: str | list[str]) -> list[str]:
        return list(map(_PathParser().parse, super().parse(argument)))


def define_path(
    name: str,
    help_text: str,
    *,
    several: bool = False,
    required: bool = False,
    flag_values: flags.FlagValues = flags.FLAGS,
) -> flags.FlagHolder:
    """Defines a flag for a path or a comma-separated list of paths.

    Args:
      name: name of the flag.
      help_text: description for --help.
      several: whether the flag is a list.
      required: whether the flag must be given. An optional flag defaults to None.
      flag_values: registry of the flag.

    Returns:
      the flag.
    """
    parser = _PathsParser() if several else _PathParser()
    return flags.DEFINE(parser, name, None, help_text, flag_values, required=required)


def check_output(path: str, *endings: str) -> None:
    """Checks, before any work is done, that an output can be written.

    Args:
      path: value of --output: a file, or a folder if it ends in /.
      *endings: allowed endings; any if none are given.

    Raises:
      InputError: the path has another ending, is a folder instead of a file, is a
        folder that is not empty, or cannot be written.
    """
    if endings and not path.endswith(endings):
        known = " or ".join([", ".join(endings[:-1]), *endings[-1:]]).removeprefix(
            " or "
        )
        raise InputError(f"--output must end in {known}, not {path!r}")
    # Only writing shows it: mounts, quotas and permissions differ.
    folder, name = os.path.split(path)
    if not name and os.path.isdir(path) and os.listdir(path):
        raise InputError(f"{path} is not empty; choose another --output")
    probe = path if name else os.path.join(folder, ".can_be_written")
    try:
        if not name:
            os.makedirs(folder, exist_ok=True)
        new = not os.path.lexists(probe)
        with open(probe, "ab"):
            pass
        if new:
            os.remove(probe)
    except OSError as error:
        raise InputError(f"--output cannot be written: {error}") from error


def load_file(path: str) -> types.ModuleType:
    """Runs a Python file, such as a config or a sweep.

    Returns:
      the file as a module.

    Raises:
      MissingInputError: the file does not exist.
      InputError: the file is not a Python file or raises an error.
    """
    if not os.path.isfile(path):
        folder = os.path.dirname(path)
        there = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
        raise MissingInputError(
            f"No such file or directory: {path!r}"
            + did_you_mean(path, [os.path.join(folder, name) for name in there])
        )
    name = f"loaded_{re.sub('[^0-9a-zA-Z]', '_', path)}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look it up there
    with _errors_of(path):
        spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _errors_of(path: str) -> Iterator[None]:
    """Turns any error of a Python file into an InputError that names the file."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if os.environ.get(_TRACEBACK):
            raise
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        message = next(iter(str(error).strip().splitlines()), "")
        raise InputError(f"{path}: {kind}{message}") from error


class _ConfigParser(flags.ArgumentParser):
    """Reads a config from `FILE[:ARGUMENTS]` and checks the fields to be set in it.

    Attributes:
      argv: the command line with flags `--config.FIELD`; None for sys.argv.
    """

    def __init__(self, argv: Sequence[str] | None):
        super().__init__()
        self.argv = argv

    def parse(self, argument: str) -> ml_collections.ConfigDict:
        path, colon, arguments = argument.partition(":")
        path = os.path.expanduser(path)
        module = load_file(path)
        if not hasattr(module, "get_config"):
            raise InputError(f"{path} does not define get_config")
        with _errors_of(path):
            config = module.get_config(*([arguments] if colon else []))
        if not isinstance(config, ml_collections.ConfigDict):
            raise InputError(f"{path}: get_config must return a ConfigDict")
        config.lock()
        for word in sys.argv if self.argv is None else self.argv:
            if match := re.match(r"--?(?:no)?config\.([^=]*)", word):
                _check_field(config, match[1])
        return config


def _check_field(config: ml_collections.ConfigDict, path: str) -> None:
    """Raises an error that suggests the nearest field if the config has no `path`."""
    part: Any = config
    for name in path.split("."):
        if not isinstance(part, ml_collections.ConfigDict) or name not in part:
            known = [field.removeprefix("config.") for field, _ in leaves(config)]
            raise flags.IllegalFlagValueError(
                f"the config has no field {path!r}"
                + (did_you_mean(path, known) or f"; it has {', '.join(config)}")
            )
        part = part[name]


def define_config(
    default: str | None = None,
    *,
    argv: Sequence[str] | None = None,
    flag_values: flags.FlagValues = flags.FLAGS,
) -> flags.FlagHolder:
    """Defines --config=FILE[:ARGUMENTS]; --config.FIELD=VALUE sets a field of it.

    Args:
      default: default of the flag.
      argv: the command line; by default that of this process.
      flag_values: registry of the flag.

    Returns:
      the flag.
    """
    holder = config_flags.DEFINE_config_file(
        "config", lock_config=True, flag_values=flag_values, sys_argv=argv
    )
    flag_values["config"].parser = _ConfigParser(argv)
    if default:
        flags.set_default(holder, default)
    return holder


def describe(results: dict[str, Any], workdir: str) -> str:
    """Formats results.json for the terminal.

    Args:
      results: as `train_and_evaluate` returns them.
      workdir: directory of the run.

    Returns:
      a table of the numbers, and the path of the report.
    """
    trials = len(results["seeds"])
    lines = [""]
    width = max([28, *(len(name) + 2 for name in results["results"])])
    if trials > 1:
        lines += [
            f"{'':{width}}{'chosen trial':>14}{f'mean of {trials}':>12}{'std':>10}",
        ]
    for name, value in results["results"].items():
        line = f"{name:{width}}{value['chosen']:14.4f}"
        if trials > 1:
            line += f"{value['mean']:12.4f}{value['std']:10.4f}"
        lines.append(line)
    if results["selection"]:
        lines += ["", results["selection"]["protocol"]]
    lines += ["", f"report: {os.path.join(workdir, 'report.html')}"]
    return "\n".join(lines)


def finish(results: dict[str, Any], workdir: str, *lines: str) -> None:
    """Prints results.json, and exits with an error if results are missing.

    Args:
      results: as `train_and_evaluate` returns them.
      workdir: directory of the run.
      *lines: lines to be printed after the results.

    Raises:
      SystemExit: with code 3, if results were left out.
    """
    print(describe(results, workdir), *lines, sep="\n")
    if left_out := results.get("left_out"):
        reasons = "; ".join(f"{name} ({why})" for name, why in left_out.items())
        print(f"error: left out of the results: {reasons}", file=sys.stderr)
        sys.exit(_INCOMPLETE)


def spread(values: np.ndarray) -> dict[str, float]:
    """Minimum, median and maximum of repeated measurements [repeats]."""
    return {
        "min": float(np.min(values)),
        "median": float(np.median(values)),
        "max": float(np.max(values)),
    }


def report_figures(figures: dict[str, Any], path: str | None) -> None:
    """Prints a benchmark's measurements as JSON; writes them to `path`, if given."""
    text = json.dumps(figures, indent=2)
    if path:
        with open(path, "w") as file:
            file.write(text + "\n")
    print(text)
