"""Runs a program of `experiments` inside this process, as often as one likes."""

import functools
import importlib.util
import signal
import sys
import types

import pytest
from absl import flags

from experiments import command_line


def load(name: str) -> tuple[types.ModuleType, flags.FlagValues]:
    """Loads `experiments.NAME` with flags in a registry of its own.

    So several programs with equal flags can be loaded.
    """
    registry = flags.FlagValues()
    with pytest.MonkeyPatch.context() as patch:
        for module, define in (
            (flags, "DEFINE_string"),
            (flags, "DEFINE_integer"),
            (flags, "DEFINE_enum"),
            (flags, "DEFINE_list"),
            (flags, "DEFINE_bool"),
            (flags, "mark_flag_as_required"),
            (command_line, "define_path"),
            (command_line, "define_config"),
        ):
            definition = getattr(module, define)
            patch.setattr(
                module, define, functools.partial(definition, flag_values=registry)
            )
        spec = importlib.util.find_spec(f"experiments.{name}")
        program = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, f"experiments.{name}", program)  # for dataclasses
        spec.loader.exec_module(program)
    return program, registry


def run(name: str, *arguments: str) -> None:
    """Runs `python -m experiments.NAME ARGUMENTS`.

    Raises:
      SystemExit: if the program ends with an error, which it holds.
    """
    program, registry = load(name)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.MonkeyPatch.context() as patch, command_line.clear_errors():
            patch.setattr(sys, "argv", [name, *arguments])  # config_flags looks there
            assert command_line.parse_flags(sys.argv, registry) == [name]
            program.main()
    finally:
        signal.signal(signal.SIGTERM, handler)
