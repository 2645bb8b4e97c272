"""Runs train steps on devices and processes, for all trials.

A step is pure and written for one trial on one device. Here it is scanned over several
steps, mapped over trials, and mapped over devices, in one of two layouts:

- over "batch": every device trains all trials on a slice of each batch. Gradients and
  batch statistics are averaged with `device_mean`.
- over "trials": every device trains some of the trials on whole batches. Devices do not
  communicate.
"""

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal

import chex
import jax
import numpy as np
from absl import logging
from jax.experimental import multihost_utils

from adversarial_latent.collectives import BATCH_AXIS

_TRIALS = "trials"  # name of the mapped axis over which trials are divided


def any_process(flag: bool) -> bool:
    """Whether `flag` is set in any process. All processes must call this together."""
    if jax.process_count() == 1:
        return flag
    return bool(multihost_utils.process_allgather(np.asarray(flag)).any())


def from_first_process(number: int) -> int:
    """Returns the number of process 0. All processes must call this together."""
    if jax.process_count() == 1:
        return number
    return int(multihost_utils.broadcast_one_to_all(np.asarray(number)))


def initialize_processes(
    coordinator: str | None, num_processes: int | None, process_id: int | None
) -> None:
    """Joins the processes of a run. Must be called before any other use of JAX.

    Args:
      coordinator: "host:port" of process 0, "auto" on clusters where JAX finds it, or
        None for a run with one process.
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
    """Splits the CPU into `count` devices. Must be called before it is used.

    Trials of small networks then run in parallel, one on each core. If JAX is already
    in use, for example in a notebook, the number stays the same, with a warning.
    """
    if "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", ""):
        return
    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError:  # JAX has already initialised its devices
        now = len(jax.devices("cpu"))
        if now != count:
            logging.warning(
                "the CPU is already in use as %d devices and cannot be split into %d; "
                "restart the kernel to change that",
                now,
                count,
            )


def cores() -> int:
    """Returns the number of CPU cores that this process may use."""
    has_affinity = hasattr(os, "sched_getaffinity")  # missing on macOS
    return len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1


def cores_for_trials(trials: int) -> int:
    """Returns the largest number of CPU cores that divides the number of trials."""
    return max(count for count in range(1, cores() + 1) if trials % count == 0)


@dataclasses.dataclass(frozen=True)
class Parallel:
    """Runs train steps of all trials on all devices, several steps per call.

    Attributes:
      trials: number of independent trials, T.
      over: what is divided over devices, "batch" or "trials".
      trial_loop: how a device runs its trials: "vmap" (together) or "map" (one after
        the other, which is faster on CPU, where batched matrix products are slow).
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
        """Chooses the layout for the available devices.

        Args:
          trials: number of trials.
          batch_sizes: batch sizes over all devices of all processes, by the names of
            their settings.
          trial_loop: "vmap", "map" or "auto" ("map" on CPU).

        Raises:
          ValueError: neither trials nor batches can be divided evenly, or `trial_loop`
            is unknown.
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
                    f"{name}={size} cannot be divided over {devices} devices; make it, "
                    f"or the number of trials, a multiple of {devices}"
                )
        return cls(trials, "batch", trial_loop)

    def place(self, state: chex.ArrayTree) -> chex.ArrayTree:
        """Places a state with leaves [T, ...] on devices for the result of `compile`.

        The sharding is that of the compiled function's output. Otherwise its second
        call would compile again.
        """
        axis = _TRIALS if self.over == "trials" else BATCH_AXIS
        mesh = jax.sharding.Mesh(np.array(jax.local_devices()), (axis,))
        on = functools.partial(jax.sharding.NamedSharding, mesh)
        state = jax.device_put(state, on(jax.sharding.PartitionSpec()))
        if self.over == "batch":
            return state
        # One program for the whole tree, not one for each shape in it.
        divide = jax.jit(
            _divide,
            static_argnums=1,
            out_shardings=on(jax.sharding.PartitionSpec(_TRIALS)),
        )
        return divide(state, jax.local_device_count())

    def gather(self, placed: chex.ArrayTree) -> chex.ArrayTree:
        """Inverts `place`: leaves are [T, ...] again."""
        return _join(placed) if self.over == "trials" else placed

    def replicate(self, resident: chex.ArrayTree) -> chex.ArrayTree:
        """Copies arrays to every device once."""
        mesh = jax.sharding.Mesh(np.array(jax.devices()), (BATCH_AXIS,))
        everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
        return jax.device_put(resident, everywhere)

    def split(self, batches: chex.ArrayTree) -> chex.ArrayTree:
        """Splits the batches of a pipeline among the local devices.

        Args:
          batches: leaves [num_steps, T, R, B, ...], where B is the batch size of this
            process.

        Returns:
          Leaves [local devices, T, num_steps, R, B, ...], with T or B divided by the
          number of local devices.
        """
        devices = jax.local_device_count()

        def cut(leaf: np.ndarray) -> np.ndarray:
            leaf = np.moveaxis(leaf, 1, 0)  # [T, num_steps, R, B, ...]
            axis = 0 if self.over == "trials" else 3
            return np.stack(np.split(leaf, devices, axis=axis))

        return jax.tree.map(cut, batches)

    def init(self, create: Callable[[chex.PRNGKey], Any], seed: int) -> Any:
        """Creates the states of all trials. Trial t has the seed `seed + t`."""
        # This runs once. On CPU, XLA's optimisations take far longer than the run.
        on_cpu = jax.default_backend() == "cpu"
        options = {"xla_backend_optimization_level": 0} if on_cpu else None
        seeds = np.arange(seed, seed + self.trials, dtype=np.uint32)
        return jax.jit(_for_seeds(create), compiler_options=options)(seeds)

    def abstract_state(self, create: Callable[[chex.PRNGKey], Any]) -> Any:
        """Shapes and dtypes of the result of `init`, which are soon computed."""
        seeds = jax.ShapeDtypeStruct((self.trials,), np.uint32)
        return jax.eval_shape(_for_seeds(create), seeds)

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
          A function that takes one step for each of the num_steps in `batches` (see
          `split`), and donates the state. Metrics are [T, num_steps].
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
                axis_name=BATCH_AXIS,
                in_axes=(None, None, 0),
                out_axes=(None, None),
                donate_argnums=0,
            )

        @functools.wraps(run)
        def run_and_gather(state, resident, batches):
            state, metrics = run(state, resident, batches)
            return state, self.gather(metrics)

        return run_and_gather


def _for_seeds(create: Callable[[chex.PRNGKey], Any]) -> Callable[[chex.Array], Any]:
    """Maps `create` over seeds [T]."""
    return lambda seeds: jax.lax.map(lambda seed: create(jax.random.key(seed)), seeds)


def _divide(tree: chex.ArrayTree, parts: int) -> chex.ArrayTree:
    """Reshapes leaves [T, ...] to [parts, T / parts, ...]."""
    return jax.tree.map(lambda leaf: leaf.reshape(parts, -1, *leaf.shape[1:]), tree)


@jax.jit
def _join(tree: chex.ArrayTree) -> chex.ArrayTree:
    """Reshapes leaves [parts, T / parts, ...] to [T, ...]."""
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), tree)
