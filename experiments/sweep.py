r"""Runs a paper's table, and writes it with the paper's numbers beside ours.

    python -m experiments.sweep --sweep=experiments/sweeps/amm_table1.py \
        --workdir=runs/amm_table1

Each run is launched in a process of its own, in a directory of its own below --workdir.
Sweep again to go on: runs resume by themselves, and one that fails does not stop the
others. `table.md` and `table.json` hold what is there so far; where data cannot be had,
they say so. A cluster starts one run a job, with --index=0, 1, ...; --only_print shows
the commands. What follows `--` goes to all launches, as
`-- --config.duration=10_epochs`; the table tells such departures from a config. A row
without a finished run below --workdir keeps the results that a `table.json` there has
for it, so that a table can be continued, with --index, where the earlier runs are gone.
"""

import functools
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import filelock
import ml_collections
from absl import app, flags, logging

from adversarial_latent import data
from adversarial_latent.inputs import InputError
from adversarial_latent.workdir import read_json, write_json
from experiments import summary
from experiments.results_table import NUMBERS, our_cells
from experiments.sweeps import Row, Sweep

_SWEEP = summary.define_path("sweep", "File that defines SWEEP.", required=True)
_WORKDIR = summary.define_path("workdir", "For all its runs.", required=True)
_TRIALS = flags.DEFINE_integer("trials", None, "Instead of its own.", lower_bound=1)
_INDEX = flags.DEFINE_integer("index", None, "Which run to do, from 0.", lower_bound=0)
_ONLY_PRINT = flags.DEFINE_bool("only_print", False, "Print the commands, no more.")


def read_sweep(path: str) -> Sweep:
    """Reads a file of `experiments/sweeps`.

    Raises:
      MissingInputError: if there is none.
      InputError: if it is no Python, or defines no SWEEP.
    """
    sweep = getattr(summary.load_file(path), "SWEEP", None)
    if not isinstance(sweep, Sweep):
        raise InputError(f"{path} defines no SWEEP, see experiments/sweeps")
    return sweep


def launch_command(
    row: Row, workdir: str, trials: int | None = None, extra: Sequence[str] = ()
) -> list[str]:
    """What comes after `python` in the command that launches a run.

    Args:
      row: the run.
      workdir: directory of the sweep.
      trials: their number, if not the row's.
      extra: more flags.
    """
    overrides = dict(row.overrides) | ({"trials": trials} if trials else {})
    return [
        *("-m", "experiments.launch"),
        f"--config={row.config}",
        *(
            f"--config.{field}={value}".format(workdir=workdir)
            for field, value in overrides.items()
        ),
        *extra,
        f"--workdir={os.path.join(workdir, row.name)}",
    ]


def _shown(command: Sequence[str]) -> str:
    """A launch's command, as one types it."""
    return shlex.join(["python", *command])


def read_config(command: list[str]) -> ml_collections.ConfigDict:
    """The config that a launch makes of its command."""
    registry = flags.FlagValues()
    config = summary.define_config(argv=command, flag_values=registry)
    summary.parse_flags(command[1:], functools.partial(registry, known_only=True))
    return config.value


def missing_data(config: ml_collections.ConfigDict) -> str | None:
    """Why a run's data cannot be had; None if it can."""
    dataset = config.dataset.copy_and_resolve_references()
    if dataset.name.startswith("tfds:"):
        with dataset.unlocked():
            dataset.in_memory = False  # its images are not looked at here
    try:
        data.load(dataset)
    except (FileNotFoundError, ValueError) as error:
        return str(error)
    return None


def launch(command: list[str], log: str) -> bool:
    """Runs a launch to its end and returns whether that was a good one.

    Args:
      command: of the launch.
      log: file for all that it says; an `error: ` at the end if it failed.

    Raises:
      KeyboardInterrupt: if this process is asked to stop; the launch has saved then.
    """
    with (
        open(log, "w") as file,
        # In a session of its own Ctrl-C reaches it once, by way of this process.
        subprocess.Popen(
            command, stdout=file, stderr=file, start_new_session=True
        ) as process,
    ):
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
    if code and failure(log) is None:  # killed, or a bug
        with open(log, "a") as file:
            file.write(f"\nerror: the launch ended with code {code}\n")
    return code == 0


def failure(log: str) -> str | None:
    """The error at the end of a launch's log, one line; None without any."""
    with open(log, errors="replace") as file:
        errors = [line for line in file if line.startswith("error: ")]
    return errors[-1].removeprefix("error: ").strip() if errors else None


def _leaves(config: Any, path: str = "config") -> Iterator[tuple[str, Any]]:
    """All fields of a config with their values."""
    if isinstance(config, dict):
        for key, value in config.items():
            yield from _leaves(value, f"{path}.{key}")
    else:
        yield path, config


def departures(row: Row, workdir: str, config: dict[str, Any]) -> list[str]:
    """Where a run's config is not the one that the sweep asks for, a line each."""
    asked = read_config(launch_command(row, workdir))
    ours, theirs = dict(_leaves(config)), dict(_leaves(json.loads(asked.to_json())))
    return [
        f"{path}: {ours.get(path, '(nothing)')!r}, not {theirs.get(path)!r}"
        for path in sorted(ours.keys() | theirs.keys())
        if ours.get(path) != theirs.get(path)
    ]


def collect(row: Row, workdir: str) -> dict[str, Any]:
    """What is known of a row: an entry of table.json.

    Args:
      row: the row.
      workdir: directory of the sweep.

    Returns:
      what the row says itself, and for a run either its results, with the parts of
      results.json that tell how they came about, or `not_run`, the reason.
    """
    entry: dict[str, Any] = {
        "model": row.model,
        "setting": row.setting,
        "paper": dict(row.paper),
    }
    if not row.name:
        return entry
    directory = os.path.join(workdir, row.name)
    log = f"{directory}.log"
    entry["command"] = _shown(launch_command(row, workdir))
    if os.path.exists(os.path.join(directory, "results.json")):
        run = read_json(directory, "results.json")
        wanted = ("results", "selection", "seeds", "step", "config_hash", "environment")
        entry |= {key: run[key] for key in wanted}
        entry["departures"] = departures(
            row, workdir, read_json(directory, "config.json")
        )
    elif not os.path.exists(log):
        entry["not_run"] = "not yet"
    elif error := failure(log):
        entry["not_run"] = f"{error.split('. ')[0]} (see {row.name}.log)"
    else:
        entry["not_run"] = "not finished yet"
    return entry


def measured(row: Row, earlier: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """What an earlier table holds of a row's run.

    Args:
      row: the row.
      earlier: entries of that table.

    Returns:
      the entry of the same run, wherever it was made, if that has results.
    """
    for entry in earlier:
        if "results" not in entry:
            continue
        *_, place = shlex.split(entry["command"])
        workdir = place.removeprefix("--workdir=").removesuffix(f"/{row.name}")
        theirs = entry["model"], entry["setting"], entry["command"]
        ours = row.model, row.setting, _shown(launch_command(row, workdir))
        if theirs == ours:
            return entry | {"paper": dict(row.paper)}
    return None


def table(sweep: Sweep, entries: list[dict[str, Any]]) -> str:
    """Formats the rows as Markdown.

    Args:
      sweep: the table.
      entries: as `collect` gives them, of each row.

    Returns:
      a table for each result, the first one with all rows; why runs are missing, and
      how the others were made.
    """
    lines = [f"# {sweep.title}"]
    for result in sweep.results:
        title, form = NUMBERS[result]
        percent = form.endswith("%}")  # without the sign, as papers print it
        header = [
            "",
            f"## {title}{', in percent' if percent else ''}",
            "",
            "| model | setting | paper | ours, mean ± std (trials) "
            "| lowest to highest | chosen without labels |",
            "|---|---|---|---|---|---|",
        ]
        body = []
        for entry in entries:
            if result in entry.get("results", {}):
                cells = our_cells(entry, result, _percent if percent else form.format)
            elif result in entry["paper"] or result == sweep.results[0]:
                cells = ["not run" if "not_run" in entry else "-", "-", "-"]
            else:
                continue
            paper = entry["paper"].get(result, "-")
            row = (entry["model"], entry["setting"], paper, *cells)
            body.append(f"| {' | '.join(row)} |")
        lines += header + body if body else []
    runs = [entry for entry in entries if "results" in entry]
    if missing := [entry for entry in entries if "not_run" in entry]:
        lines += ["", "## Not run", ""]
        lines += [
            f"- {entry['model']}, {entry['setting']}: {entry['not_run']}"
            for entry in missing
        ]
    if runs:
        lines += ["", "## Runs", ""]
    for entry in runs:
        made = entry["environment"]
        lines += [
            f"- {entry['model']}, {entry['setting']}: {entry['step']} steps of seeds "
            f"{entry['seeds'][0]} to {entry['seeds'][-1]} on {made['num_devices']} "
            f"{made['device']}, commit {made['commit']}, config "
            f"{entry['config_hash']}: `{entry['command']}`",
            *(f"  - departs in {departure}" for departure in entry["departures"]),
        ]
    return "\n".join(lines) + "\n"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"


def write_table(sweep: Sweep, workdir: str) -> str:
    """Writes table.md and table.json from what is in `workdir`.

    A row whose run is not there, or not finished, is what table.json says of it.

    Returns:
      what table.md holds.
    """
    # One process at a time: runs of a cluster end at once.
    with filelock.FileLock(os.path.join(workdir, ".table.lock")):
        entries = [collect(row, workdir) for row in sweep.rows]
        if os.path.exists(os.path.join(workdir, "table.json")):
            earlier = read_json(workdir, "table.json")["rows"]
            entries = [
                (measured(row, earlier) if "not_run" in entry else None) or entry
                for row, entry in zip(sweep.rows, entries, strict=True)
            ]
        write_json(workdir, "table.json", {"title": sweep.title, "rows": entries})
        text = table(sweep, entries)
        with open(os.path.join(workdir, "table.md"), "w") as file:
            file.write(text)
    return text


def main(argv: list[str]) -> None:
    """Runs what is to be run, and writes the table."""
    logging.set_verbosity(logging.WARNING)
    sweep, workdir = read_sweep(_SWEEP.value), os.path.normpath(_WORKDIR.value)
    runs = list(sweep.runs)
    if _INDEX.value is not None:
        if _INDEX.value >= len(runs):
            raise ValueError(f"--index={_INDEX.value}: there are {len(runs)} runs")
        runs = [runs[_INDEX.value]]
    commands = [launch_command(row, workdir, _TRIALS.value, argv[1:]) for row in runs]
    if _ONLY_PRINT.value:
        for command in commands:
            print(_shown(command))
        return
    # All configs are read before anything is run, and all data looked for.
    missing = [missing_data(read_config(command)) for command in commands]
    os.makedirs(workdir, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    failed = []
    try:
        for row, command, reason in zip(runs, commands, missing, strict=True):
            log = os.path.join(workdir, f"{row.name}.log")
            if reason:
                with open(log, "w") as file:
                    file.write(f"error: {reason}\n")
            else:
                print(f"{row.name}: running, see {log}", flush=True)
                if not launch([sys.executable, *command], log):
                    failed.append(row.name)
            if error := failure(log):
                print(f"{row.name}: {error}", file=sys.stderr, flush=True)
            write_table(sweep, workdir)
    except KeyboardInterrupt:
        print("Stopped; all is saved. Sweep again to go on.", file=sys.stderr)
    print(write_table(sweep, workdir))
    if failed:
        raise RuntimeError(f"these runs failed: {', '.join(failed)}")


if __name__ == "__main__":
    with summary.clear_errors():
        app.run(main, flags_parser=summary.parse_flags)
