r"""Runs the experiments of a paper's table and writes our numbers beside the paper's.

    python -m experiments.sweep --sweep=experiments/sweeps/amm_table1.py \
        --workdir=runs/amm_table1

Each run is a separate process with a separate directory below --workdir. A run that
fails does not stop the others. A second sweep with the same --workdir resumes the runs.
`table.md` and `table.json` contain the results so far, and the reason where a data set
is not available.

`--executor=local --workers=2` runs two rows at a time on this machine. Each has its
part of the CPUs, and of the GPUs that CUDA_VISIBLE_DEVICES lists. On Slurm,

    python -m experiments.sweep --sweep=experiments/sweeps/amm_table1.py \
        --workdir=runs/amm_table1 --executor=slurm \
        --slurm=partition=gpu,gpus_per_node=1,cpus_per_task=8,time=600

submits one job per run, of which --workers run at a time, and waits for them. A job
that is preempted, or reaches its time limit (in minutes), is queued again and resumes.
For other schedulers, start one job per run with --index=0, 1, ...; --only_print prints
the commands.

Arguments after `--` are passed to every launch, for example
`-- --config.duration=10_epochs`; the table lists such differences from the sweep's
config. A row without a finished run keeps its results from an earlier `table.json` in
--workdir. So a table can be continued where the directories of earlier runs are gone.
"""

import contextlib
import functools
import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import filelock
import ml_collections
from absl import app, flags, logging

from adversarial_latent import data
from adversarial_latent.evaluation.registry import METRICS
from adversarial_latent.inputs import InputError
from adversarial_latent.workdir import read_json, write_json
from experiments import command_line
from experiments.jobs import failure, launch
from experiments.results_table import cells
from experiments.sweeps import Row, Sweep

_SWEEP = command_line.define_path("sweep", "File that defines SWEEP.", required=True)
_WORKDIR = command_line.define_path("workdir", "Directory of all runs.", required=True)
_TRIALS = flags.DEFINE_integer("trials", None, "Trials of each run.", lower_bound=1)
_INDEX = flags.DEFINE_integer(
    "index", None, "Only run this row, from 0.", lower_bound=0
)
_EXECUTOR = flags.DEFINE_enum(
    "executor",
    None,
    ["local", "slurm"],
    "Run rows beside each other, by submitit. Default: one after the other.",
)
_WORKERS = flags.DEFINE_integer(
    "workers",
    None,
    "Rows at a time, with --executor. Default: 1 for local, all for slurm.",
    lower_bound=1,
)
_SLURM = flags.DEFINE_list(
    "slurm",
    [],
    "Options of sbatch, for example partition=gpu,gpus_per_node=1,time=600.",
)
_ONLY_PRINT = flags.DEFINE_bool("only_print", False, "Only print the commands.")

Launched = tuple[str, list[str], str]
"""Name, command and log of a launch."""


def read_sweep(path: str) -> Sweep:
    """Reads a file of `experiments/sweeps`.

    Raises:
      MissingInputError: the file does not exist.
      InputError: the file is not a Python file, or does not define SWEEP.
    """
    sweep = getattr(command_line.load_file(path), "SWEEP", None)
    if not isinstance(sweep, Sweep):
        raise InputError(f"{path} does not define SWEEP; see experiments/sweeps")
    return sweep


def launch_command(
    row: Row, workdir: str, trials: int | None = None, extra: Sequence[str] = ()
) -> list[str]:
    """Returns the arguments of `python` that launch a run.

    Args:
      row: the run.
      workdir: directory of the sweep.
      trials: number of trials; by default that of the row.
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


def _as_shell(command: Sequence[str]) -> str:
    """The command of a launch, quoted for a shell."""
    return shlex.join(["python", *command])


def read_config(command: list[str]) -> ml_collections.ConfigDict:
    """Returns the config of a launch with this command."""
    registry = flags.FlagValues()
    config = command_line.define_config(argv=command, flag_values=registry)
    command_line.parse_flags(command[1:], functools.partial(registry, known_only=True))
    return config.value


def missing_data(config: ml_collections.ConfigDict) -> str | None:
    """Returns why a run's data cannot be loaded, or None if they can."""
    dataset = config.dataset.copy_and_resolve_references()
    if dataset.name.startswith("tfds:"):
        with dataset.unlocked():
            dataset.in_memory = False  # no need to read all images here
    try:
        data.load(dataset)
    except (FileNotFoundError, ValueError) as error:
        return str(error)
    return None


def one_by_one(launches: Sequence[Launched]) -> Iterator[tuple[str, bool]]:
    """Runs launches one after the other.

    Yields:
      the name of each launch that ended, and whether it succeeded.
    """
    for name, command, log in launches:
        print(f"{name}: running, see {log}", flush=True)
        yield name, launch(command, log)


def start(launches: Sequence[Launched], workdir: str) -> Iterator[tuple[str, bool]]:
    """Runs launches as the flags say, and yields each as `one_by_one`.

    Raises:
      InputError: submitit is not installed.
    """
    if _EXECUTOR.value is None or not launches:
        return one_by_one(launches)
    try:
        from experiments import cluster
    except ModuleNotFoundError as error:
        raise InputError(
            f"--executor: {error}; install the package with its extra [cluster]"
        ) from error
    if _EXECUTOR.value == "local":
        jobs = [cluster.LocalLaunch(*launched) for launched in launches]
        return cluster.run_locally(jobs, workdir, _WORKERS.value or 1)
    return cluster.run_on_slurm(
        [cluster.Launch(*launched) for launched in launches],
        workdir,
        _WORKERS.value or len(launches),
        cluster.read_options(_SLURM.value),
    )


def _leaves(config: Any, path: str = "config") -> Iterator[tuple[str, Any]]:
    """All fields of a config with their values."""
    if isinstance(config, dict):
        for key, value in config.items():
            yield from _leaves(value, f"{path}.{key}")
    else:
        yield path, config


def departures(row: Row, workdir: str, config: dict[str, Any]) -> list[str]:
    """Lists the fields in which a run's config differs from that of the sweep."""
    specified = json.loads(read_config(launch_command(row, workdir)).to_json())
    actual, expected = dict(_leaves(config)), dict(_leaves(specified))
    return [
        f"{path}: {actual.get(path, '(nothing)')!r}, not {expected.get(path)!r}"
        for path in sorted(actual.keys() | expected.keys())
        if actual.get(path) != expected.get(path)
    ]


def collect(row: Row, workdir: str) -> dict[str, Any]:
    """Collects the entry of a row for table.json.

    Args:
      row: the row.
      workdir: directory of the sweep.

    Returns:
      the row's own fields. For a run, also its results and how they were computed
      (parts of results.json), or the reason in `not_run`.
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
    entry["command"] = _as_shell(launch_command(row, workdir))
    if os.path.exists(os.path.join(directory, "results.json")):
        run = read_json(directory, "results.json")
        keys = ("results", "selection", "seeds", "step", "config_hash", "environment")
        entry |= {key: run[key] for key in keys}
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
    """Finds the results of a row's run in an earlier table.

    Args:
      row: the row.
      earlier: entries of the earlier table.

    Returns:
      the entry of the same run, in whatever directory it ran, or None.
    """
    for entry in earlier:
        if "results" not in entry:
            continue
        *_, place = shlex.split(entry["command"])
        workdir = place.removeprefix("--workdir=").removesuffix(f"/{row.name}")
        found = entry["model"], entry["setting"], entry["command"]
        expected = row.model, row.setting, _as_shell(launch_command(row, workdir))
        if found == expected:
            return entry | {"paper": dict(row.paper)}
    return None


def table(sweep: Sweep, entries: list[dict[str, Any]]) -> str:
    """Formats the rows as Markdown.

    Args:
      sweep: the table.
      entries: an entry of `collect` for each row.

    Returns:
      one table per result, of which the first one shows all rows; the reasons why runs
      are missing; and how the other runs were made.
    """
    lines = [f"# {sweep.title}"]
    for result in sweep.results:
        metric = METRICS[result]
        header = [
            "",
            f"## {', '.join(filter(None, (metric.title, metric.unit)))}",
            "",
            "| model | setting | paper | ours, mean ± std (trials) "
            "| lowest to highest | chosen without labels |",
            "|---|---|---|---|---|---|",
        ]
        body = []
        for entry in entries:
            if result in entry.get("results", {}):
                ours = cells(entry, result, metric.show)
            elif result in entry["paper"] or result == sweep.results[0]:
                ours = ["not run" if "not_run" in entry else "-", "-", "-"]
            else:
                continue
            paper = entry["paper"].get(result, "-")
            row = (entry["model"], entry["setting"], paper, *ours)
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
            *(f"  - differs in {departure}" for departure in entry["departures"]),
        ]
    return "\n".join(lines) + "\n"


def write_table(sweep: Sweep, workdir: str) -> str:
    """Writes table.md and table.json from the runs in `workdir`.

    A row without a finished run keeps its results from the earlier table.json.

    Returns:
      the text of table.md.
    """
    # One process at a time: runs on a cluster may end simultaneously.
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


def _check_flags() -> None:
    if _WORKERS.value and _EXECUTOR.value is None:
        raise ValueError("--workers needs --executor=local or --executor=slurm")
    if _SLURM.value and _EXECUTOR.value != "slurm":
        raise ValueError("--slurm needs --executor=slurm")


def main(argv: list[str]) -> None:
    """Runs the sweep and writes the table."""
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
            print(_as_shell(command))
        return
    _check_flags()
    # All configs and data are checked before anything runs.
    missing = [missing_data(read_config(command)) for command in commands]
    os.makedirs(workdir, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    launches, failed = [], []
    for row, command, reason in zip(runs, commands, missing, strict=True):
        log = os.path.join(workdir, f"{row.name}.log")
        if reason:
            with open(log, "w") as file:
                file.write(f"error: {reason}\n")
            print(f"{row.name}: {reason}", file=sys.stderr, flush=True)
        else:
            launches.append((row.name, [sys.executable, *command], log))
    write_table(sweep, workdir)
    try:
        with contextlib.closing(start(launches, workdir)) as ended:
            for name, succeeded in ended:
                if not succeeded:
                    failed.append(name)
                if error := failure(os.path.join(workdir, f"{name}.log")):
                    print(f"{name}: {error}", file=sys.stderr, flush=True)
                write_table(sweep, workdir)
    except KeyboardInterrupt:
        print("Stopped; everything is saved. Sweep again to resume.", file=sys.stderr)
    print(write_table(sweep, workdir))
    if failed:
        raise RuntimeError(f"these runs failed: {', '.join(failed)}")


if __name__ == "__main__":
    with command_line.clear_errors():
        app.run(main, flags_parser=command_line.parse_flags)
