"""What the program that disturbs runs sees; all of it is too slow to be run here."""

import json
import random
import shutil

import pytest

from tests.experiments import programs


@pytest.fixture(scope="module")
def program():
    return programs.load("checks.faults")[0]


def test_differences(program, finished_run, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "run")
    assert program.differences(str(finished_run), str(run)) == []
    lines = (run / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    rows[0]["seconds"] += 1  # which no two runs share
    (run / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert program.differences(str(finished_run), str(run)) == []
    rows[1]["confidence"] += 1e-6
    (run / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    results = json.loads((run / "results.json").read_text())
    results["results"]["nmi"]["mean"] += 1e-9
    (run / "results.json").write_text(json.dumps(results))
    found = program.differences(str(finished_run), str(run))
    assert found == ["metrics.jsonl", "results.json"]
    shutil.rmtree(run / "checkpoints" / "12")
    found = program.differences(str(finished_run), str(run))
    assert "array ['last']" in found
    assert "array ['state']['params']['encoder']['z_mu_kernel']" in found


def test_rows_that_were_damaged_may_be_missing(program, finished_run, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "run")
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(lines[1:]))
    whole = str(finished_run)
    assert program.differences(whole, str(run)) == ["metrics.jsonl"]
    assert program.differences(whole, str(run), rows_lost=True) == []
    (run / "metrics.jsonl").write_text(lines[0].replace("4", "5", 1))
    assert program.differences(whole, str(run), rows_lost=True) == ["metrics.jsonl"]


def test_one_clear_line(program):
    assert (
        program.error_line("a warning\nerror: no room\n(set X=1)") == "error: no room"
    )
    assert program.error_line("all is well") is None
    traceback = "Traceback (most recent call last):\n  File\nerror: no room\n"
    assert program.error_line(traceback) is None


def test_a_damaged_file_is_restored_where_it_is_named(program, finished_run, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished_run, workdir)
    run = program.Disturbed(None, str(workdir), random.Random(0))
    assert run.saved()
    assert run.finished()
    before = {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}
    words = run.inject("damage")
    (changed,) = (
        path
        for path, content in before.items()
        if not path.exists() or path.read_bytes() != content
    )
    assert changed.relative_to(workdir).parts[0] in words
    named = run._ended(1, f"error: {changed.name} is cut off\n", "launched")
    assert named == f"launched; {changed.name} was named and restored"
    assert changed.read_bytes() == before[changed]
    assert not run.problems
    run._ended(1, "Traceback (most recent call last):\nKeyError\n", "launched")
    assert len(run.unclear) == 1
    run._ended(1, "error: something else\n", "launched")
    assert len(run.problems) == 1


def test_watch(program, finished_run, tmp_path):
    watch = program.Watch(str(tmp_path), last_step=12)
    started = [watch.is_in(phase) for phase in program._PHASES]
    assert started == [True, False, False, False]
    (tmp_path / "metrics.jsonl").write_text('{"step": 4}\n')
    (tmp_path / "checkpoints" / "4.orbax-checkpoint-tmp").mkdir(parents=True)
    assert watch.is_in("training")
    assert watch.is_in("writing a checkpoint")
    assert not watch.is_in("evaluating")
    # A launch that resumes is training once it has logged something itself.
    assert not program.Watch(str(tmp_path), last_step=12).is_in("training")
    assert program.Watch(str(finished_run), last_step=12).is_in("evaluating")
