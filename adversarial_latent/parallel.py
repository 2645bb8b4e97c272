"""The only file that knows devices, processes and how trials share them.

A step is pure and written for one trial on one device. Here it is scanned over
several steps, mapped over trials, and mapped over devices, in one of two layouts:

- over "batch": every device holds all trials and a slice of each batch; gradients
  and batch statistics are averaged with `device_mean`;
- over "trials": every device trains some of the trials on whole batches, and the
  devices never talk to each other.
"""

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal

import chex
import jax
import jax.numpy as jnp
import numpy as np
from absl import logging
from jax.experimental import multihost_utils

_DEVICES = "devices"  # the axis over which a batch is divided
_TRIALS = "trials"  # the axis over which trials are divided


def device_mean(tree: chex.ArrayTree) -> chex.ArrayTree:
    """Averages over the devices that share a batch: identity when one has it all."""
    return jax.lax.pmean(tree, _DEVICES) if _batch_is_divided() else tree


def device_index() -> chex.Array | int:
    """Position among the devices that share a batch: 0 when one has it all."""
    return jax.lax.axis_index(_DEVICES) if _batch_is_divided() else 0


def _batch_is_divided() -> bool:
    try:
        jax.lax.axis_size(_DEVICES)
    except NameError:  # how JAX says that no such axis is bound here
        return False
    return True


def any_process(flag: bool) -> bool:
    """Whether `flag` is set in any process; all processes must ask together."""
    if jax.process_count() == 1:
        return flag
    return bool(multihost_utils.process_allgather(np.asarray(flag)).any())


def initialize_processes(
    coordinator: str | None, num_processes: int | None, process_id: int | None
) -> None:
    """Joins this process to the others of a run; must come before any JAX call.

    Args:
      coordinator: "host:port" of process 0; None for a run of one process, or on
        clusters where JAX finds it out ("auto").
      num_processes: number of processes; None with "auto".
      process_id: rank of this process; None with "auto".
    """
    if coordinator is None:
        return
    if coordinator == "auto":
        jax.distributed.initialize()
    else:
        jax.distributed.initialize(coordinator, num_processes, process_id)


def set_cpu_devices(count: int) -> None:
    """Makes the CPU appear as `count` devices, before its first use.

    Trials of small networks then run side by side, one on each core. Where JAX is in
    use already, as in a notebook, the number stays as it is, with a warning.
    """
    if "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", ""):
        return
    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError:  # how JAX says that its devices are in use
        now = len(jax.devices("cpu"))
        if now != count:
            logging.warning(
                "the CPU is in use as %d devices and cannot become %d; restart the "
                "kernel to change that",
                now,
                count,
            )


def cores_for_trials(trials: int) -> int:
    """The largest number of CPU devices that trials can be divided over evenly."""
    has_affinity = hasattr(os, "sched_getaffinity")  # macOS has not
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return max(count for count in range(1, cores + 1) if trials % count == 0)


@dataclasses.dataclass(frozen=True)
class Parallel:
    """Runs a train step on all devices, for all trials, several steps a call.

    Attributes:
      trials: number of independent trials, T.
      over: what is divided over devices, "batch" or "trials".
      trial_loop: how one device runs its trials: "vmap" (together) or "map" (one
        after the other, which is faster on CPU where batched matrix products are
        slow).
    """

    trials: int
    over: Literal["batch", "trials"]
    trial_loop: Literal["vmap", "map"]

    @classmethod
    def create(
        cls,
        trials: int,
        batch_sizes: Mapping[str, int],
        trial_loop: Literal["auto", "vmap", "map"] = "auto",
    ) -> "Parallel":
        """Chooses the layout for the devices at hand.

        Args:
          trials: number of trials.
          batch_sizes: sizes of what is drawn for a batch over all devices of all
            processes, by the names of their settings.
          trial_loop: "vmap", "map" or "auto" ("map" on CPU).

        Raises:
          ValueError: if neither trials nor batches can be divided evenly.
        """
        devices = jax.device_count()
        if trial_loop == "auto":
            trial_loop = "map" if jax.default_backend() == "cpu" else "vmap"
        if trial_loop not in ("vmap", "map"):
            raise ValueError(
                f"trial_loop must be auto, vmap or map, not {trial_loop!r}"
            )
        if jax.process_count() == 1 and devices > 1 and trials % devices == 0:
            return cls(trials, "trials", trial_loop)
        for name, size in batch_sizes.items():
            if size % devices:
                raise ValueError(
                    f"{name}={size} cannot be divided over {devices} devices; use a "
                    f"multiple of {devices}, or a number of trials that is one"
                )
        return cls(trials, "batch", trial_loop)

    def place(self, state: chex.ArrayTree) -> chex.ArrayTree:
        """Lays a state with leaves [T, ...] out as `compile`'s function takes it.

        It is put where that function leaves its result, or else the second call
        would compile everything once more.
        """
        devices = jax.local_devices()
        axis, spec = _DEVICES, jax.sharding.PartitionSpec()
        if self.over == "trials":
            axis, spec = _TRIALS, jax.sharding.PartitionSpec(_TRIALS)
            state = jax.tree.map(
                lambda leaf: leaf.reshape(len(devices), -1, *leaf.shape[1:]), state
            )
        mesh = jax.sharding.Mesh(np.array(devices), (axis,))
        return jax.device_put(state, jax.sharding.NamedSharding(mesh, spec))

    def gather(self, placed: chex.ArrayTree) -> chex.ArrayTree:
        """The inverse of `place`; leaves come back as [T, ...]."""
        if self.over == "trials":
            return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), placed)
        return placed

    def replicate(self, resident: chex.ArrayTree) -> chex.ArrayTree:
        """Copies arrays to every local device, once."""
        mesh = jax.sharding.Mesh(np.array(jax.devices()), (_DEVICES,))
        everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
        return jax.device_put(resident, everywhere)

    def split(self, batches: chex.ArrayTree) -> chex.ArrayTree:
        """Cuts a pipeline's batches for the local devices.

        Args:
          batches: leaves [num_steps, T, R, B, ...], where B is this process's part.

        Returns:
          leaves [local devices, T, num_steps, R, B, ...] with T or B divided.
        """
        devices = jax.local_device_count()

        def cut(leaf: np.ndarray) -> np.ndarray:
            leaf = np.moveaxis(leaf, 1, 0)  # [T, num_steps, R, B, ...]
            axis = 0 if self.over == "trials" else 3
            return np.stack(np.split(leaf, devices, axis=axis))

        return jax.tree.map(cut, batches)

    def init(self, create: Callable[[chex.PRNGKey], Any], seed: int) -> Any:
        """Creates the states of all trials; trial t is that of seed `seed + t`."""
        # It runs once: on CPU, optimising it takes far longer than running it.
        on_cpu = jax.default_backend() == "cpu"
        options = {"xla_backend_optimization_level": 0} if on_cpu else None
        create = jax.jit(create, compiler_options=options)
        states = [create(jax.random.key(seed + trial)) for trial in range(self.trials)]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)

    def compile(
        self,
        train_step: Callable[[Any, Any], tuple[Any, Mapping[str, chex.Array]]],
        examples: Callable[[Any, Any], Any],
    ) -> Callable[[Any, Any, Any], tuple[Any, dict[str, chex.Array]]]:
        """Compiles `run(placed state, resident, batches) -> (placed state, metrics)`.

        Args:
          train_step: pure step of one trial on one device.
          examples: the pipeline's `(resident, batch) -> inputs of the step`.

        Returns:
          A function that takes as many steps as `batches` (see `split`) has, and
          donates the state. Metrics are [T, num_steps].
        """

        def one_trial(state, resident, batches):
            def step(state, batch):
                return train_step(state, examples(resident, batch))

            return jax.lax.scan(step, state, batches)

        def all_trials(state, resident, batches):
            if self.trial_loop == "vmap":
                run = jax.vmap(one_trial, in_axes=(0, None, 0))
                return run(state, resident, batches)
            return jax.lax.map(
                lambda trial: one_trial(trial[0], resident, trial[1]), (state, batches)
            )

        if self.over == "trials":
            run = jax.pmap(
                all_trials, axis_name=_TRIALS, in_axes=(0, None, 0), donate_argnums=0
            )
        else:
            run = jax.pmap(
                all_trials,
                axis_name=_DEVICES,
                in_axes=(None, None, 0),
                out_axes=(None, None),
                donate_argnums=0,
            )

        @functools.wraps(run)
        def run_and_gather(state, resident, batches):
            state, metrics = run(state, resident, batches)
            return state, self.gather(metrics)

        return run_and_gather
