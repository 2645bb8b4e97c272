"""Launches as jobs of submitit, beside each other on this machine or on Slurm.

Submitit's job is a process that waits for the launch, so that a launch is the same
wherever it runs. A job that Slurm preempts, or ends at its time limit, stops the
launch, which saves its state, and is queued again, which resumes it.
"""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import submitit
from submitit.core.utils import FailedJobError, UncompletedJobError

from experiments.jobs import add_failure, failure, launch

_POLL_SECONDS = 0.2
_MAX_TIMEOUTS = 1000  # how often a job is continued after its time limit
_DAY, _YEAR = 24 * 60, 365 * 24 * 60  # minutes
_VISIBLE = "CUDA_VISIBLE_DEVICES"

Running = dict[int, tuple["Launch", submitit.Job]]


class Launch(submitit.helpers.Checkpointable):
    """A launch as a job. It begins again where it was, because launches resume.

    Attributes:
      name: name of the run.
      command: command of the launch.
      log: file for its output.
    """

    def __init__(self, name: str, command: Sequence[str], log: str):
        self.name = name
        self.command = list(command)
        self.log = log

    def __call__(self) -> bool:
        """Runs the launch, and returns whether it succeeded."""
        return launch(self.command, self.log)


class LocalLaunch(Launch):
    """A launch beside others on this machine.

    Attributes:
      cpus: CPUs that it may use; all if empty.
      gpus: value of CUDA_VISIBLE_DEVICES; None if it is not set.
    """

    cpus: Sequence[int] = ()
    gpus: str | None = None

    def share(self, worker: int, workers: int) -> None:
        """Takes the part of one of several workers in this machine."""
        if hasattr(os, "sched_getaffinity"):  # not on macOS
            self.cpus = _part(sorted(os.sched_getaffinity(0)), worker, workers)
        self.gpus = os.environ.get(_VISIBLE)
        if self.gpus:
            self.gpus = ",".join(_part(self.gpus.split(","), worker, workers))

    def __call__(self) -> bool:
        """Runs the launch, and returns whether it succeeded."""
        if self.cpus:
            os.sched_setaffinity(0, self.cpus)  # inherited by the launch
        os.environ.pop(_VISIBLE, None)  # submitit's
        if self.gpus is not None:
            os.environ[_VISIBLE] = self.gpus
        return super().__call__()


def _part(things: Sequence[Any], worker: int, workers: int) -> Sequence[Any]:
    return things[worker::workers] or [things[worker % len(things)]]


def read_options(items: Sequence[str]) -> dict[str, Any]:
    """Reads options of Slurm, such as `partition=gpu`.

    Raises:
      ValueError: an item has no `=`.
    """
    options: dict[str, Any] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals:
            raise ValueError(f"--slurm: {item!r} is not NAME=VALUE")
        options[name] = int(value) if value.isdecimal() else value
    return options


def run_locally(
    launches: Sequence[LocalLaunch], workdir: str, workers: int
) -> Iterator[tuple[str, bool]]:
    """Runs launches on this machine, several at a time.

    They divide the CPUs between them, and the GPUs that CUDA_VISIBLE_DEVICES lists.

    Args:
      launches: the launches.
      workdir: directory for submitit's files.
      workers: number of launches at a time.

    Yields:
      the name of each launch that ended, and whether it succeeded.
    """
    executor = submitit.LocalExecutor(_folder(workdir), _MAX_TIMEOUTS)
    executor.update_parameters(timeout_min=_YEAR)
    pending = list(launches)
    running: Running = {}
    with _cancelled_if_interrupted(running):
        while pending or running:
            for worker in range(workers):
                if pending and worker not in running:
                    job = pending.pop(0)
                    job.share(worker, workers)
                    print(f"{job.name}: running, see {job.log}", flush=True)
                    running[worker] = job, executor.submit(job)
            yield from _ended(running)


def run_on_slurm(
    launches: Sequence[Launch], workdir: str, workers: int, options: Mapping[str, Any]
) -> Iterator[tuple[str, bool]]:
    """Runs launches as an array of jobs on Slurm, and waits for them.

    Args:
      launches: the launches.
      workdir: directory for submitit's files, on a file system that all machines share.
      workers: number of jobs at a time.
      options: options of sbatch, with underscores. Jobs have a day, unless `time` says
        otherwise, in minutes.

    Yields:
      the name of each launch that ended, and whether it succeeded.

    Raises:
      RuntimeError: there is no Slurm here.
      ValueError: an option is unknown. The error lists those that there are.
    """
    executor = submitit.SlurmExecutor(_folder(workdir), _MAX_TIMEOUTS)
    defaults = {"time": _DAY, "job_name": "sweep", "array_parallelism": workers}
    executor.update_parameters(**defaults | dict(options))
    with executor.batch():
        jobs = [executor.submit(job) for job in launches]
    running: Running = dict(enumerate(zip(launches, jobs, strict=True)))
    for launched, job in running.values():
        print(f"{launched.name}: job {job.job_id}, see {launched.log}", flush=True)
    with _cancelled_if_interrupted(running):
        while running:
            yield from _ended(running)


def _folder(workdir: str) -> str:
    """A new folder for the files of jobs: local ones are named by their process."""
    folder = os.path.join(workdir, ".jobs")
    os.makedirs(folder, exist_ok=True)
    return os.path.join(tempfile.mkdtemp(prefix="sweep_", dir=folder), "%j")


def _ended(running: Running) -> Iterator[tuple[str, bool]]:
    """Waits a moment, and takes jobs that have ended out of `running`."""
    time.sleep(_POLL_SECONDS)
    for key, (launched, job) in list(running.items()):
        if job.done():
            del running[key]
            yield launched.name, _succeeded(launched, job)


def _succeeded(launched: Launch, job: submitit.Job) -> bool:
    try:
        return job.result()
    except (FailedJobError, UncompletedJobError) as error:
        if not os.path.exists(launched.log) or failure(launched.log) is None:
            reason = (str(error).strip().splitlines() or ["no result"])[-1]
            add_failure(launched.log, f"job {job.job_id} failed: {reason}")
        return False


@contextlib.contextmanager
def _cancelled_if_interrupted(running: Running) -> Iterator[None]:
    """Cancels the jobs that are still running when the context ends."""
    try:
        yield
    finally:
        for _, job in running.values():
            job.cancel()
        for _, job in running.values():
            if isinstance(job, submitit.LocalJob):
                job.wait()
