"""The directory of a run: who may write to it, and what can be read from it."""

import contextlib
import errno
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import filelock
import ml_collections
from absl import logging

from adversarial_latent import config as config_lib
from adversarial_latent.checkpoints import Checkpoints, has_checkpoint
from adversarial_latent.games import make_game
from adversarial_latent.inputs import InputError, MissingInputError
from adversarial_latent.inputs import read_json as read_json_file
from adversarial_latent.model import Model
from adversarial_latent.sentences import load_embedding

_LOCK_VARIABLE = "ADVERSARIAL_LATENT_LOCK"
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_NESTED = ("dataset", "labels")  # fields of a config that have fields


def read_json(workdir: str, name: str) -> dict[str, Any]:
    """Reads one of the run's JSON files.

    Raises:
      MissingInputError: if the directory holds no such file.
      InputError: if it holds something else than a JSON object.
    """
    path = os.path.join(workdir, name)
    if not os.path.exists(path):
        raise MissingInputError(
            f"{workdir} has no {name}: is it the --workdir of a run? "
            "Train one with python -m experiments.launch"
        )
    value = read_json_file(path)
    if not isinstance(value, dict):
        raise InputError(f"{path} holds no JSON object; restore it from a copy")
    return value


def write_json(workdir: str, name: str, value: Mapping[str, Any]) -> None:
    """Writes a JSON file atomically: a reader sees the old one or the new one."""
    path = os.path.join(workdir, name)
    with open(f"{path}.new", "w") as file:
        json.dump(value, file, indent=2, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())  # or a power cut could leave an empty file
    os.replace(f"{path}.new", path)


def read_config(workdir: str) -> ml_collections.ConfigDict:
    """Returns the config that a run was launched with.

    What was no field then has the default value, so that old runs can be read.
    """
    return ml_collections.ConfigDict(_complete(read_json(workdir, "config.json")))


def _complete(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a config as JSON has them, and the defaults of all others."""
    complete = json.loads(config_lib.default_config().to_json())
    nested = {name: complete[name] | fields.get(name, {}) for name in _NESTED}
    complete |= {**fields, **nested}
    if complete["classifier"]:
        complete["classifier"] = _complete(complete["classifier"])
    return complete


@contextlib.contextmanager
def claim(workdir: str, config: ml_collections.ConfigDict) -> Iterator[None]:
    """Holds a work directory for one run of one config.

    The duration may be another one: see `train`.

    A directory belongs to a config once it has a checkpoint: before that there is
    nothing to lose, and a config that did not work out can be corrected.

    Args:
      workdir: the directory; made if it is not there.
      config: the run's config.

    Raises:
      RuntimeError: if another live run holds it.
      ValueError: if it belongs to a run with another config.
    """
    os.makedirs(workdir, exist_ok=True)
    with _lock(workdir):
        if has_checkpoint(os.path.join(workdir, "checkpoints")):
            theirs, ours = (
                _complete(fields)
                for fields in (
                    read_json(workdir, "config.json"),
                    json.loads(config.to_json()),
                )
            )
            theirs["duration"] = ours["duration"]  # `train` decides on that
            if changed := _differences(theirs, ours):
                raise ValueError(
                    f"{workdir} holds a run with another config; it differs in:\n  "
                    + "\n  ".join(changed)
                    + "\nChoose another --workdir, or launch with the same config."
                )
        try:
            yield
        except OSError as error:
            if error.filename is None and error.errno is not None:
                # As of a full disk: say at least which.
                raise OSError(error.errno, error.strerror, workdir) from error
            raise


@contextlib.contextmanager
def _lock(workdir: str) -> Iterator[None]:
    """Keeps other processes out, by a lock that dies with this one."""
    if os.environ.get(_LOCK_VARIABLE) == "off":
        logging.warning(
            "%s is not locked (%s=off): launch no second run there",
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
            f"{path} cannot be locked ({error}): the file system has no locks, so that "
            "two launches could write to one run. Choose a --workdir on another file "
            f"system, or, if this is the only launch, set {_LOCK_VARIABLE}=off"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _differences(theirs: Any, ours: Any, path: str = "config") -> list[str]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return [
            line
            for key in sorted(theirs.keys() | ours.keys())
            for line in _differences(
                theirs.get(key, "(nothing)"),
                ours.get(key, "(nothing)"),
                f"{path}.{key}",
            )
        ]
    return [] if theirs == ours else [f"{path}: {theirs!r} there, {ours!r} here"]


def load_trials(workdir: str) -> list[Model]:
    """Loads every trial of a run from its newest checkpoint.

    Returns:
      the models, with averaged parameters if the run kept them.

    Raises:
      FileNotFoundError: if the directory holds no run, or no checkpoint yet.
    """
    config = read_config(workdir)
    checkpoints = Checkpoints(os.path.join(workdir, "checkpoints"))
    state = checkpoints.restore_arrays()
    checkpoints.close()
    params = state["ema_params"] or state["params"]
    game, embedding = make_game(config.game), load_embedding(config, workdir)
    described = os.path.exists(os.path.join(workdir, "dataset.json"))
    shape = input_shape(workdir) if described else None  # which checks inputs only
    untrained = Model(game, {}, {}, embedding=embedding, example_shape=shape)
    return untrained.trials(params, state["model_state"])


def trained_steps(workdir: str) -> int:
    """Train steps behind the newest intact checkpoint; 0 without one."""
    checkpoints = Checkpoints(os.path.join(workdir, "checkpoints"))
    step = 0
    if checkpoints.latest() is not None:
        step = int(checkpoints.restore_arrays()["step"][0])
    checkpoints.close()
    return step


def load(workdir: str, trial: int | None = None) -> Model:
    """Loads a trained model.

    Args:
      workdir: directory of a run.
      trial: which trial. If not given, the one that evaluation chose; the first of a
        run that was not evaluated yet.

    Returns:
      the model.

    Raises:
      FileNotFoundError: if the directory holds no trained run.
      ValueError: if there is no such trial.
    """
    models = load_trials(workdir)
    if trial is None and os.path.exists(os.path.join(workdir, "results.json")):
        trial = read_json(workdir, "results.json")["chosen_trial"]
    elif trial is None:
        trial = 0
        if len(models) > 1:
            logging.warning(
                "%s has %d trials, and no evaluation has chosen one yet: this is trial "
                "0 (trial= or --trial chooses)",
                workdir,
                len(models),
            )
    if not 0 <= trial < len(models):
        raise ValueError(f"trial {trial} is asked for; the run has {len(models)}")
    return models[trial]


def input_shape(workdir: str) -> tuple[int, ...]:
    """Shape of one example that the run was trained on, e.g. (28, 28, 1)."""
    return tuple(read_json(workdir, "dataset.json")["input_shape"])
