"""Atomic checkpoints of a run: the state of all trials, and the data position."""

import errno
import hashlib
import json
import os
import shutil
import time
from typing import Any

import chex
import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging

from adversarial_latent.inputs import InputError, MissingInputError, read_json
from adversarial_latent.state import TrainState

_OVERHEAD = 1 << 20  # bytes of a checkpoint besides its arrays
_SUMS = "sums.json"  # checksums of the files of a checkpoint


class Checkpoints:
    """The checkpoints of one run. A checkpoint is saved completely, or not at all.

    Attributes:
      directory: directory of the checkpoints.
    """

    def __init__(self, directory: str, keep: int = 2):
        self.directory = os.path.abspath(directory)
        self._manager = ocp.CheckpointManager(
            self.directory,
            options=ocp.CheckpointManagerOptions(
                max_to_keep=keep, enable_async_checkpointing=False
            ),
        )

    def latest(self) -> int | None:
        """Returns the step of the newest complete checkpoint, if there is one."""
        return self._manager.latest_step()

    def save(self, step: int, state: TrainState, position: dict[str, Any]) -> None:
        """Saves a state (leaves [T, ...]) together with the pipeline's position.

        Raises:
          OSError: the disk is full; earlier checkpoints remain.
        """
        if step in self._manager.all_steps():
            return
        arrays = _to_numpy(state)
        self._check_room(sum(leaf.nbytes for leaf in jax.tree.leaves(arrays)))
        items = ocp.args.Composite(
            state=ocp.args.StandardSave(arrays),
            position=ocp.args.JsonSave(position),
        )
        self._manager.save(step, args=items)
        if jax.process_index() == 0:
            _write_sums(os.path.join(self.directory, str(step)))

    def _check_room(self, size: int) -> None:
        """Raises before Orbax does, because its threads print many tracebacks."""
        os.makedirs(self.directory, exist_ok=True)
        free = shutil.disk_usage(self.directory).free
        if free < size + _OVERHEAD:
            raise OSError(
                errno.ENOSPC,
                f"a checkpoint takes {size / 1e6:.1f} MB, but only "
                f"{free / 1e6:.1f} MB are free; free some space and launch again",
                self.directory,
            )

    def restore(self, template: TrainState) -> tuple[TrainState, dict[str, Any]]:
        """Restores the newest intact checkpoint, and moves damaged ones away.

        Args:
          template: a state of the same structure and shapes, or its abstract values.

        Returns:
          `(state, position)` as saved.

        Raises:
          MissingInputError: there is no checkpoint.
          InputError: no checkpoint can be read.
        """
        like = jax.eval_shape(_key_data, template)
        arrays, position = self._restore_intact(like, set_aside=True)
        state = jax.tree.map(
            lambda leaf, value: (
                jax.random.wrap_key_data(value) if _is_key(leaf) else value
            ),
            template,
            arrays,
        )
        return state, position

    def restore_arrays(self) -> dict[str, Any]:
        """Restores the newest intact state as nested dicts, without a template.

        Raises:
          MissingInputError: there is no checkpoint.
          InputError: no checkpoint can be read.
        """
        return self._restore_intact(None, set_aside=False)[0]

    def _restore_intact(
        self, like: chex.ArrayTree | None, set_aside: bool
    ) -> tuple[Any, dict[str, Any]]:
        steps = sorted(self._manager.all_steps(), reverse=True)
        if not steps:
            raise MissingInputError(f"no checkpoint in {self.directory}")
        reasons: dict[int, str] = {}
        for step in steps:
            try:
                found = self._restore_step(step, like)
            # A damaged file can make Orbax and its parsers raise anything.
            except Exception as error:
                lines = str(error).splitlines() or [type(error).__name__]
                reasons[step] = lines[0][:200]
                continue
            for damaged, reason in reasons.items():
                logging.warning(
                    "the checkpoint of step %d in %s is damaged (%s); using that of "
                    "step %d",
                    damaged,
                    self.directory,
                    reason,
                    step,
                )
                if set_aside:
                    self._set_aside(damaged)
            return found
        raise InputError(
            f"no checkpoint in {self.directory} can be read: "
            + "; ".join(f"step {step}: {reason}" for step, reason in reasons.items())
            + ". Restore the directory from a copy, or train in another --workdir"
        )

    def _restore_step(
        self, step: int, like: chex.ArrayTree | None
    ) -> tuple[Any, dict[str, Any]]:
        _check_sums(os.path.join(self.directory, str(step)))
        items = ocp.args.Composite(
            state=ocp.args.StandardRestore(like), position=ocp.args.JsonRestore()
        )
        restored = self._manager.restore(step, args=items)
        return restored.state, restored.position

    def _set_aside(self, step: int) -> None:
        """Moves a damaged checkpoint away, so that its step can be saved again."""
        if jax.process_index() == 0:
            aside = f"{self.directory}.damaged"
            os.makedirs(aside, exist_ok=True)
            target = os.path.join(aside, f"{step}.{time.time_ns()}")
            os.rename(os.path.join(self.directory, str(step)), target)
        self._manager.reload()

    def close(self) -> None:
        """Waits until everything is written."""
        self._manager.close()


def has_checkpoint(directory: str) -> bool:
    """Whether `directory` contains a checkpoint."""
    return os.path.isdir(directory) and any(
        name.isdecimal() for name in os.listdir(directory)
    )


def _sums(directory: str) -> dict[str, str]:
    """Hashes of all files below a directory, by relative path."""
    sums = {}
    for folder, _, names in os.walk(directory):
        for path in (os.path.join(folder, name) for name in names if name != _SUMS):
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "blake2b").hexdigest()
            sums[os.path.relpath(path, directory)] = digest
    return sums


def _write_sums(directory: str) -> None:
    path, sums = os.path.join(directory, _SUMS), _sums(directory)
    with open(f"{path}.new", "w") as file:
        json.dump(sums, file)
    os.replace(f"{path}.new", path)


def _check_sums(directory: str) -> None:
    """Raises a ValueError if a file of a checkpoint has changed since it was written.

    A checkpoint without checksums passes: the process was killed before it wrote them,
    or the checkpoint is older than this check.
    """
    path = os.path.join(directory, _SUMS)
    if not os.path.exists(path):
        return
    expected, found = read_json(path), _sums(directory)
    if damaged := [name for name in expected if found.get(name) != expected[name]]:
        raise ValueError(f"{len(damaged)} of its files changed, e.g. {damaged[0]}")


def _is_key(leaf: chex.Array) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _key_data(tree: chex.ArrayTree) -> chex.ArrayTree:
    """Replaces typed keys, which are not plain arrays, by their bits."""
    return jax.tree.map(
        lambda leaf: jax.random.key_data(leaf) if _is_key(leaf) else leaf, tree
    )


def _to_numpy(tree: chex.ArrayTree) -> chex.ArrayTree:
    return jax.tree.map(np.asarray, _key_data(tree))
