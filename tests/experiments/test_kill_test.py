"""The comparison of the program that kills runs; it is too slow to be run here."""

import json
import shutil

import pytest

from tests.experiments import programs


@pytest.fixture(scope="module")
def program():
    return programs.load("kill_test")[0]


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
