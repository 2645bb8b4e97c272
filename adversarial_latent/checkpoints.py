"""Atomic checkpoints of a whole run: state of all trials, and position in the data."""

import os
from typing import Any

import chex
import jax
import numpy as np
import orbax.checkpoint as ocp

from adversarial_latent.state import TrainState


class Checkpoints:
    """The checkpoints of one run; either all of a step is there, or none of it.

    Attributes:
      directory: where they are.
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
        """Step of the newest complete checkpoint, if there is one."""
        return self._manager.latest_step()

    def save(self, step: int, state: TrainState, position: dict[str, Any]) -> None:
        """Saves a state (leaves [T, ...]) and the pipeline's position, at once."""
        if step in self._manager.all_steps():
            return
        items = ocp.args.Composite(
            state=ocp.args.StandardSave(_to_numpy(state)),
            position=ocp.args.JsonSave(position),
        )
        self._manager.save(step, args=items)

    def restore(self, template: TrainState) -> tuple[TrainState, dict[str, Any]]:
        """Restores the newest checkpoint.

        Args:
          template: a state of the same structure and shapes; values do not matter.

        Returns:
          `(state, position)` as they were saved.

        Raises:
          FileNotFoundError: if there is no checkpoint.
        """
        step = self._latest_or_raise()
        items = ocp.args.Composite(
            state=ocp.args.StandardRestore(jax.eval_shape(_key_data, template)),
            position=ocp.args.JsonRestore(),
        )
        restored = self._manager.restore(step, args=items)
        state = jax.tree.map(
            lambda like, value: (
                jax.random.wrap_key_data(value) if _is_key(like) else value
            ),
            template,
            restored.state,
        )
        return state, restored.position

    def restore_arrays(self) -> dict[str, Any]:
        """Restores the newest state as nested dicts of arrays, for want of a template.

        Raises:
          FileNotFoundError: if there is no checkpoint.
        """
        step = self._latest_or_raise()
        items = ocp.args.Composite(state=ocp.args.StandardRestore())
        return self._manager.restore(step, args=items).state

    def _latest_or_raise(self) -> int:
        step = self.latest()
        if step is None:
            raise FileNotFoundError(f"no checkpoint in {self.directory}")
        return step

    def close(self) -> None:
        """Waits for what is being written."""
        self._manager.close()


def has_checkpoint(directory: str) -> bool:
    """Whether a run has saved anything in `directory`."""
    return os.path.isdir(directory) and any(
        name.isdecimal() for name in os.listdir(directory)
    )


def _is_key(leaf: chex.Array) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _key_data(tree: chex.ArrayTree) -> chex.ArrayTree:
    """Replaces typed keys, which are no plain arrays, by their bits."""
    return jax.tree.map(
        lambda leaf: jax.random.key_data(leaf) if _is_key(leaf) else leaf, tree
    )


def _to_numpy(tree: chex.ArrayTree) -> chex.ArrayTree:
    return jax.tree.map(np.asarray, _key_data(tree))
