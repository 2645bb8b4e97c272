"""Launches beside each other: on this machine, and on a Slurm that is made up."""

import functools
import os
import signal
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
import submitit

from experiments import cluster
from experiments.jobs import failure

# Submitit leaves local processes behind, which it does not wait for.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running")

WITH_ITS_SHARE = (
    "import os; print(*os.sched_getaffinity(0)); "
    "print(os.environ.get('CUDA_VISIBLE_DEVICES'))"
)
# Counts its starts. It stops when asked to; the second time it ends by itself.
IN_TWO_PARTS = """
import os, signal, sys, time
with open(sys.argv[1], "a") as file:
    file.write("started\\n")
def stop(*_):
    with open(sys.argv[1], "a") as file:
        file.write("saved\\n")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
if open(sys.argv[1]).read().count("started") == 1:
    time.sleep(60)
"""
SBATCH = """#!{python}
# Runs the tasks of an array, or one job, on this machine.
import os, re, subprocess, sys
script = open(sys.argv[1]).read()
open({log!r}, "a").write(script)
tasks = re.search(r"--array=0-(\\d+)", script)
for task in range(int(tasks[1]) + 1) if tasks else [None]:
    env = os.environ | {{"SLURM_JOB_ID": "7"}}
    if task is not None:
        env |= {{"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": str(task)}}
    subprocess.Popen(
        ["bash", sys.argv[1]],
        env=env,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
print("Submitted batch job 7")
"""
SRUN = """#!/bin/bash
# Leaves its own options out: --unbuffered, --output FILE, --error FILE.
shift 5
exec "$@" 2> /dev/null > /dev/null
"""
SACCT = """#!/bin/bash
echo "JobID|State|NodeList"
"""


def until(condition):
    """Waits for a condition, for at most a minute."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("nothing happened")


def script(tmp_path, name, code, *arguments, kind=cluster.LocalLaunch):
    log = str(tmp_path / f"{name}.log")
    return kind(name, [sys.executable, "-c", code, *arguments], log)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no CPU affinity")
def test_workers_divide_the_machine(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5,6")
    launches = [script(tmp_path, name, WITH_ITS_SHARE) for name in "abc"]
    ended = list(cluster.run_locally(launches, str(tmp_path), workers=2))
    assert sorted(ended) == [("a", True), ("b", True), ("c", True)]
    out = capsys.readouterr().out
    assert out.startswith(f"a: running, see {tmp_path}/a.log\nb: running, see ")
    cpus = sorted(os.sched_getaffinity(0))
    shares = {
        "a": (cpus[::2], "3,6"),
        "b": (cpus[1::2] or cpus[:1], "5"),
    }
    for name, (some, gpus) in shares.items():
        lines = (tmp_path / f"{name}.log").read_text().splitlines()
        assert lines == [" ".join(map(str, some)), gpus]


def test_gpus_are_those_of_this_process(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    launch = script(
        tmp_path, "a", "import os; print('CUDA_VISIBLE_DEVICES' in os.environ)"
    )
    assert list(cluster.run_locally([launch], str(tmp_path), 1)) == [("a", True)]
    assert (tmp_path / "a.log").read_text() == "False\n"


def test_a_failing_launch_does_not_lose_the_others(tmp_path, monkeypatch):
    # How long submitit waits for results on a slow file system.
    monkeypatch.setattr(submitit.LocalJob, "_results_timeout_s", 1)
    kill = "import os; os.kill(os.{}(), 9)"
    launches = [
        script(tmp_path, "error", "raise SystemExit('error: of its own')"),
        script(tmp_path, "launch", kill.format("getpid")),
        script(tmp_path, "job", kill.format("getppid")),
        script(tmp_path, "good", ""),
    ]
    ended = dict(cluster.run_locally(launches, str(tmp_path), workers=4))
    assert ended == {"error": False, "launch": False, "job": False, "good": True}
    reasons = {name: failure(str(tmp_path / f"{name}.log")) for name in ended}
    assert reasons["error"] == "of its own"
    assert reasons["launch"] == "the launch ended with code -9"
    assert reasons["job"].startswith("job ")
    assert reasons["good"] is None


def test_workers_run_at_the_same_time_and_no_more_than_that(tmp_path):
    code = (
        "import os, sys, time; os.mkdir(sys.argv[1]); time.sleep(1);"
        "print(len(os.listdir(os.path.dirname(sys.argv[1])))); os.rmdir(sys.argv[1])"
    )
    (tmp_path / "live").mkdir()
    launches = [
        script(tmp_path, name, code, str(tmp_path / "live" / name)) for name in "abcd"
    ]
    assert len(list(cluster.run_locally(launches, str(tmp_path), workers=2))) == 4
    seen = [int((tmp_path / f"{name}.log").read_text()) for name in "abcd"]
    assert max(seen) == 2


def test_a_preempted_job_stops_gently_and_resumes(tmp_path):
    record = tmp_path / "record"
    launch = script(tmp_path, "a", IN_TWO_PARTS, str(record))
    executor = submitit.LocalExecutor(tmp_path / "%j")
    executor.update_parameters(timeout_min=5)
    job = executor.submit(launch)
    until(record.exists)
    (child,) = _children(job)
    os.kill(child, signal.SIGUSR2)  # what Slurm sends before a time limit
    assert job.result() is True
    assert record.read_text() == "started\nsaved\nstarted\n"


def _children(job):
    """Processes of a local job's task."""
    return [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if b"submitit.core._submit" in path.read_bytes()
        and f"SUBMITIT_LOCAL_JOB_ID={job.job_id}\0".encode()
        in (path.parent / "environ").read_bytes()
    ]


def test_an_interrupted_sweep_stops_its_launches(tmp_path):
    record = tmp_path / "record"
    launches = [script(tmp_path, name, IN_TWO_PARTS, str(record)) for name in "ab"]
    ended = cluster.run_locally(launches, str(tmp_path), workers=1)
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    interrupt = functools.partial(signal.raise_signal, signal.SIGALRM)
    threading.Thread(target=lambda: [until(record.exists), interrupt()]).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            next(ended)
    finally:
        signal.signal(signal.SIGALRM, handler)
    until(lambda: record.read_text() == "started\nsaved\n")
    assert not (tmp_path / "b.log").exists()


def test_slurm(tmp_path, monkeypatch, capsys):
    commands, asked = tmp_path / "bin", tmp_path / "asked"
    commands.mkdir()
    for name, text in (
        ("sbatch", SBATCH.format(python=sys.executable, log=str(asked))),
        ("srun", SRUN),
        ("sacct", SACCT),
    ):
        (commands / name).write_text(text)
        (commands / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    launches = [
        script(tmp_path, "good", "print('ran')", kind=cluster.Launch),
        script(tmp_path, "bad", "raise SystemExit('error: no')", kind=cluster.Launch),
    ]
    options = cluster.read_options(["partition=gpu", "gpus_per_node=1", "time=600"])
    ended = dict(cluster.run_on_slurm(launches, str(tmp_path), 2, options))
    assert ended == {"good": True, "bad": False}
    assert (tmp_path / "good.log").read_text() == "ran\n"
    assert failure(str(tmp_path / "bad.log")) == "no"
    assert f"good: job 7_0, see {tmp_path}/good.log" in capsys.readouterr().out
    text = asked.read_text()
    for option in ("partition=gpu", "gpus-per-node=1", "time=600", "array=0-1%2"):
        assert f"#SBATCH --{option}\n" in text
    with pytest.raises(ValueError, match=r"Unavailable parameter\(s\): \['partion'\]"):
        list(cluster.run_on_slurm(launches, str(tmp_path), 2, {"partion": "gpu"}))


def test_what_cannot_be(tmp_path):
    with pytest.raises(ValueError, match="--slurm: 'gpu' is not NAME=VALUE"):
        cluster.read_options(["gpu"])
    with pytest.raises(RuntimeError, match="srun"):
        list(cluster.run_on_slurm([], str(tmp_path), 1, {}))
