"""Who may write to a work directory, and what is read from it."""

import errno
import json
import os
import subprocess
import sys

import filelock
import ml_collections
import numpy as np
import pytest
from absl import logging

import adversarial_latent
from adversarial_latent import workdir as workdir_lib
from adversarial_latent.config import default_config
from adversarial_latent.inputs import InputError
from tests.runs import saved

HOLDER = """
import sys, time, filelock
lock = filelock.FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def config(**fields):
    return ml_collections.ConfigDict({"seed": 0, "game": {"name": "amm"}, **fields})


def write_run(directory, config, steps=(4,)):
    for step in steps:
        (directory / "checkpoints" / str(step)).mkdir(parents=True)
    (directory / "config.json").write_text(config.to_json())


def test_a_directory_is_made_and_taken_once(tmp_path):
    directory = str(tmp_path / "a" / "b")
    with (
        workdir_lib.claim(directory, config()),
        pytest.raises(RuntimeError, match=r"b is in use by another live run"),
        workdir_lib.claim(directory, config()),
    ):
        pass
    with workdir_lib.claim(directory, config()):
        pass


def test_the_lock_dies_with_its_process(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        claim = workdir_lib.claim(str(tmp_path), config())
        with pytest.raises(RuntimeError, match="in use"), claim:
            pass
        holder.kill()
    assert (tmp_path / ".lock").exists()
    with workdir_lib.claim(str(tmp_path), config()):
        pass


def test_another_config_is_refused_and_differences_are_named(tmp_path):
    write_run(tmp_path, config(batch_size=8, evaluators=("samples",)))
    with workdir_lib.claim(
        str(tmp_path), config(batch_size=8, evaluators=("samples",))
    ):
        pass  # tuples are lists in JSON, and still the same
    ours = config(batch_size=9, evaluators=("samples",), extra=1)
    ours.game.name = "aim"
    claim = workdir_lib.claim(str(tmp_path), ours)
    with (
        pytest.raises(ValueError, match="contains a run with another config") as error,
        claim,
    ):
        pass
    lines = [line.strip() for line in str(error.value).splitlines()]
    assert lines[1:-1] == [
        "config.batch_size: 8 there, 9 here",
        "config.extra: '(nothing)' there, 1 here",
        "config.game.name: 'amm' there, 'aim' here",
    ]


def test_a_directory_without_checkpoint_can_be_taken_over(tmp_path):
    write_run(tmp_path, config(batch_size=8), steps=())
    (tmp_path / "checkpoints" / "4.orbax-checkpoint-tmp").mkdir(parents=True)
    with workdir_lib.claim(str(tmp_path), config(batch_size=9)):
        pass


def test_json_is_written_as_a_whole_or_not_at_all(tmp_path):
    workdir_lib.write_json(str(tmp_path), "a.json", {"x": [1.5, None]})
    with pytest.raises(ValueError, match="nan"):
        workdir_lib.write_json(str(tmp_path), "a.json", {"x": 1, "y": float("nan")})
    assert workdir_lib.read_json(str(tmp_path), "a.json") == {"x": [1.5, None]}


def test_no_run(tmp_path):
    for read in (workdir_lib.read_config, workdir_lib.input_shape, workdir_lib.load):
        with pytest.raises(FileNotFoundError, match=r"is it the --workdir of a run\?"):
            read(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="no checkpoint in"):
        workdir_lib.load_trials(str(tmp_path))


def test_load(finished_run, tmp_path):
    workdir = str(finished_run)
    assert workdir_lib.input_shape(workdir) == (2, 2, 1)
    chosen = workdir_lib.read_json(workdir, "results.json")["chosen_trial"]
    models = workdir_lib.load_trials(workdir)
    _, arrays = saved(workdir)
    kernel = "['discriminator']['p_kernel']"
    for trial, model in enumerate(models):
        np.testing.assert_array_equal(
            model.params["discriminator"]["p_kernel"],
            arrays[f"['params']{kernel}"][trial],
        )
    x = np.random.default_rng(0).uniform(size=(5, 2, 2, 1))
    by_default = adversarial_latent.load(workdir).encode(x)
    for trial, model in enumerate(models):
        code = model.encode(x)
        assert (code["z"] == by_default["z"]).all() == (trial == chosen)
        asked_for = adversarial_latent.load(workdir, trial).encode(x)
        np.testing.assert_array_equal(asked_for["z"], code["z"])
    for trial in (2, -1):
        with pytest.raises(ValueError, match=f"there is no trial {trial}; .* has 2"):
            adversarial_latent.load(workdir, trial)


def test_a_run_that_was_not_evaluated_has_no_chosen_trial(
    finished_run, tmp_path, caplog
):
    """Its first trial is loaded, and that is said."""
    for name in ("config.json", "checkpoints"):
        os.symlink(finished_run / name, tmp_path / name)
    first, second = workdir_lib.load_trials(str(tmp_path))
    loaded = adversarial_latent.load(str(tmp_path))
    kernel = loaded.params["discriminator"]["p_kernel"]
    np.testing.assert_array_equal(kernel, first.params["discriminator"]["p_kernel"])
    assert (kernel != second.params["discriminator"]["p_kernel"]).any()
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "has 2 trials, and no evaluation has chosen one yet: this is" in warning
    assert "trial 0 (choose another with trial= or --trial)" in warning
    caplog.clear()
    assert adversarial_latent.load(str(tmp_path), trial=1).num_components == 3
    assert not caplog.records
    (tmp_path / "results.json").write_text("")
    with pytest.raises(ValueError, match=r"results\.json: empty, cut off or not JSON"):
        adversarial_latent.load(str(tmp_path))


def test_config_survives(finished_run):
    config = workdir_lib.read_config(str(finished_run))
    assert config.players.generator.learning_rate == 1e-3
    assert json.loads(config.to_json())["evaluators"] == [
        "clustering",
        "reconstruction",
    ]


def test_configs_of_before_a_field_was_there(tmp_path):
    """They can be read, and the run goes on, as if it had had the default."""
    config = default_config()
    config.classifier = default_config()
    old = json.loads(config.to_json())
    for fields in (old, old["classifier"]):
        del fields["sentences"], fields["dataset"]["captions"]
    write_run(tmp_path, ml_collections.ConfigDict(old))
    read = workdir_lib.read_config(str(tmp_path))
    assert read.dataset.captions == read.classifier.dataset.captions == ""
    assert list(read.sentences) == []
    with workdir_lib.claim(str(tmp_path), config):
        pass
    config.dataset.captions = "text"
    with (
        pytest.raises(ValueError, match=r"captions: '' there, 'text' here"),
        workdir_lib.claim(str(tmp_path), config),
    ):
        pass


@pytest.mark.parametrize("content", ["", '{"seed": 0, "ga', "\0\0\0", "[]", "3"])
def test_json_that_is_damaged_is_named(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError, match=r"config\.json.* restore it from a copy"):
        workdir_lib.read_config(str(tmp_path))


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(tmp_path, monkeypatch, number, caplog):
    def acquire(lock):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
    claim = workdir_lib.claim(str(tmp_path), config())
    message = rf"{tmp_path}/\.lock cannot be locked .* ADVERSARIAL_LATENT_LOCK=off"
    with pytest.raises(RuntimeError, match=message), claim:
        pass
    monkeypatch.setenv("ADVERSARIAL_LATENT_LOCK", "off")
    with (
        caplog.at_level(logging.WARNING, logger="absl"),
        workdir_lib.claim(str(tmp_path), config()),
    ):
        pass
    assert "is not locked" in caplog.text


def test_another_fault_of_the_lock_is_not_hidden(tmp_path, monkeypatch):
    def acquire(lock):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
    claim = workdir_lib.claim(str(tmp_path), config())
    with pytest.raises(OSError, match="Read-only file system"), claim:
        pass


def test_a_full_disk_is_named(tmp_path):
    with (
        pytest.raises(OSError, match=f"No space left on device: '{tmp_path}'"),
        workdir_lib.claim(str(tmp_path), config()),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
