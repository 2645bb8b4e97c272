"""The directory of a run: locking it, its JSON files, and loading trained models."""

import contextlib
import errno
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import filelock
import jax
import ml_collections
from absl import logging

from adversarial_latent import config as config_lib
from adversarial_latent.checkpoints import Checkpoints, has_checkpoint
from adversarial_latent.games import make_game
from adversarial_latent.inputs import InputError, MissingInputError
from adversarial_latent.inputs import read_json as read_json_file
from adversarial_latent.model import Model

_LOCK_VARIABLE = "ADVERSARIAL_LATENT_LOCK"
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
# Nested configs with defaults of their own.
_NESTED = ("dataset", "labels", "number_of_clusters")


def read_json(workdir: str, name: str) -> dict[str, Any]:
    """Reads a JSON file of a run.

    Raises:
      MissingInputError: the file does not exist.
      InputError: it does not contain a JSON object.
    """
    path = os.path.join(workdir, name)
    if not os.path.exists(path):
        raise MissingInputError(
            f"{workdir} has no {name}: is it the --workdir of a run? "
            "Train one with python -m experiments.launch"
        )
    value = read_json_file(path)
    if not isinstance(value, dict):
        raise InputError(f"{path} is not a JSON object; restore it from a copy")
    return value


def write_json(workdir: str, name: str, value: Mapping[str, Any]) -> None:
    """Writes a JSON file atomically: readers see the old content or the new."""
    path = os.path.join(workdir, name)
    with open(f"{path}.new", "w") as file:
        json.dump(value, file, indent=2, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())  # otherwise a power cut could leave an empty file
    os.replace(f"{path}.new", path)


def read_config(workdir: str) -> ml_collections.ConfigDict:
    """Returns the config that a run was launched with.

    Fields that did not exist then have their default values, so that old runs can be
    read.
    """
    return ml_collections.ConfigDict(_complete(read_json(workdir, "config.json")))


def _complete(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Adds the defaults of missing fields to a config from JSON."""
    complete = json.loads(config_lib.default_config().to_json())
    nested = {name: complete[name] | fields.get(name, {}) for name in _NESTED}
    complete |= {**fields, **nested}
    if complete["classifier"]:
        complete["classifier"] = _complete(complete["classifier"])
    return complete


@contextlib.contextmanager
def claim(workdir: str, config: ml_collections.ConfigDict) -> Iterator[None]:
    """Locks a work directory for one run with one config.

    A directory belongs to a config from its first checkpoint on. Before that nothing is
    lost, and the config can be corrected. The duration may always change, see `train`.

    Of several processes of a run, the first one locks and checks.

    Args:
      workdir: the directory; created if it does not exist.
      config: config of the run.

    Raises:
      RuntimeError: another live run has locked the directory.
      ValueError: the directory belongs to a run with another config.
    """
    if jax.process_index() != 0:
        yield
        return
    os.makedirs(workdir, exist_ok=True)
    with _lock(workdir):
        if has_checkpoint(os.path.join(workdir, "checkpoints")):
            saved, ours = (
                _complete(fields)
                for fields in (
                    read_json(workdir, "config.json"),
                    json.loads(config.to_json()),
                )
            )
            saved["duration"] = ours["duration"]  # checked by `train`
            if changed := _differences(saved, ours):
                raise ValueError(
                    f"{workdir} contains a run with another config; it differs in:\n  "
                    + "\n  ".join(changed)
                    + "\nChoose another --workdir, or launch with the same config."
                )
        try:
            yield
        except OSError as error:
            if error.filename is None and error.errno is not None:
                # For example a full disk: the error should name the path.
                raise OSError(error.errno, error.strerror, workdir) from error
            raise


@contextlib.contextmanager
def _lock(workdir: str) -> Iterator[None]:
    """Excludes other processes by a file lock, which is released if this one dies."""
    if os.environ.get(_LOCK_VARIABLE) == "off":
        logging.warning(
            "%s is not locked (%s=off): do not launch a second run there",
            workdir,
            _LOCK_VARIABLE,
        )
        yield
        return
    path = os.path.join(workdir, ".lock")
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise RuntimeError(
            f"{workdir} is in use by another live run; wait for it, stop it, or "
            "choose another --workdir"
        ) from None
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
            raise
        raise RuntimeError(
            f"{path} cannot be locked ({error}): the file system does not support "
            "locks, so two launches could write to one run. Choose a --workdir on "
            "another file system, or, if this is the only launch, set "
            f"{_LOCK_VARIABLE}=off"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _differences(saved: Any, ours: Any, path: str = "config") -> list[str]:
    if isinstance(saved, dict) and isinstance(ours, dict):
        return [
            line
            for key in sorted(saved.keys() | ours.keys())
            for line in _differences(
                saved.get(key, "(nothing)"),
                ours.get(key, "(nothing)"),
                f"{path}.{key}",
            )
        ]
    return [] if saved == ours else [f"{path}: {saved!r} there, {ours!r} here"]


def load_trials(workdir: str) -> list[Model]:
    """Loads every trial of a run from its newest checkpoint.

    Returns:
      The models, with averaged parameters if the run computed them.

    Raises:
      FileNotFoundError: the directory contains no run, or no checkpoint yet.
    """
    config = read_config(workdir)
    checkpoints = Checkpoints(os.path.join(workdir, "checkpoints"))
    state = checkpoints.restore_arrays()
    checkpoints.close()
    params = state["ema_params"] or state["params"]
    game, embedding = make_game(config.game), None
    if game.uses_captions:
        from adversarial_latent.text import load_embedding

        embedding = load_embedding(config, workdir)
    recorded = os.path.exists(os.path.join(workdir, "dataset.json"))
    shape = input_shape(workdir) if recorded else None  # only used to check inputs
    untrained = Model(game, {}, {}, embedding=embedding, example_shape=shape)
    return untrained.trials(params, state["model_state"])


def trained_steps(workdir: str) -> int:
    """Returns the number of train steps of the newest intact checkpoint; 0 if none."""
    checkpoints = Checkpoints(os.path.join(workdir, "checkpoints"))
    step = 0
    if checkpoints.latest() is not None:
        step = int(checkpoints.restore_arrays()["step"][0])
    checkpoints.close()
    return step


def load(workdir: str | os.PathLike[str], trial: int | None = None) -> Model:
    """Loads a trained model.

    Args:
      workdir: directory of a run.
      trial: index of the trial. If not given, the trial that the evaluation chose, or
        the first one if the run has not been evaluated.

    Returns:
      The model.

    Raises:
      FileNotFoundError: the directory contains no trained run.
      ValueError: there is no such trial.
    """
    workdir = os.fspath(workdir)
    models = load_trials(workdir)
    if trial is None and os.path.exists(os.path.join(workdir, "results.json")):
        trial = read_json(workdir, "results.json")["chosen_trial"]
    elif trial is None:
        trial = 0
        if len(models) > 1:
            logging.warning(
                "%s has %d trials, and no evaluation has chosen one yet: this is trial "
                "0 (choose another with trial= or --trial)",
                workdir,
                len(models),
            )
    if not 0 <= trial < len(models):
        raise ValueError(f"there is no trial {trial}; the run has {len(models)} trials")
    return models[trial]


def input_shape(workdir: str) -> tuple[int, ...]:
    """Returns the shape of one training example of a run, e.g. (28, 28, 1)."""
    return tuple(read_json(workdir, "dataset.json")["input_shape"])
