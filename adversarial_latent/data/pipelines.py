"""Two ways to feed a training step, behind one interface and in one and the same order.

The order of trial t is an endless row of permutations of the examples, a pure function
of (seed + t, epoch). Step k takes places [k B, (k + 1) B) of that row, and a process
its share of them. A position is thus one number, and restoring it is exact, even with
another number of processes or the other kind of pipeline. Labelled examples, where a
game asks for them, are a second row of permutations, of their own; captioned ones, too.
"""

import abc
import functools
import os
import sys
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from adversarial_latent.data.examples import Examples, to_float

RESIDENT_LIMIT = 1 << 30  # bytes
_LABELLED = 1  # keeps the order of labelled examples apart from that of all


def make_pipeline(
    examples: Examples,
    batch_size: int,
    seed: int,
    trials: int = 1,
    kind: str = "auto",
    process_index: int = 0,
    process_count: int = 1,
    labelled: Sequence[np.ndarray] | None = None,
    labelled_batch_size: int = 0,
    told: np.ndarray | None = None,
) -> "Pipeline":
    """Builds the pipeline of a training run.

    Args:
        examples: what to train on.
        batch_size: examples a step and trial, over all processes.
        seed: trial t sees the order that a single run with seed `seed + t` sees.
        trials: number of independent orders.
        kind: "resident" (the data lives on the devices, a step gets indices),
            "streaming" (a step gets the examples), or "auto": resident if the data is
            an array below 1 GiB.
        process_index: this process,
        process_count: of so many.
        labelled: for each trial, indices [L] of the examples whose labels it may see;
            if given, batches also hold some of these. Otherwise no batch ever holds a
            label.
        labelled_batch_size: labelled examples a step and trial, over all processes;
            may exceed L.
        told: [N, ...], what batches tell of labelled examples; their labels if it is
            not given.

    Returns:
        The pipeline, at step 0.

    Raises:
        ValueError: an unknown kind, a batch that does not divide by the processes or
            is larger than the data, missing labels, or lazy data made resident.
    """
    kinds = {"resident": ResidentPipeline, "streaming": StreamingPipeline}
    if kind == "auto":
        in_memory = isinstance(examples.x, np.ndarray)
        small = in_memory and examples.x.nbytes < RESIDENT_LIMIT
        kind = "resident" if small else "streaming"
    if kind not in kinds:
        raise ValueError(f"unknown pipeline '{kind}'; known: auto, {', '.join(kinds)}")
    return kinds[kind](
        examples,
        batch_size,
        seed,
        trials,
        process_index,
        process_count,
        labelled,
        labelled_batch_size,
        examples.label if told is None else told,
    )


class Pipeline(abc.ABC):
    """Delivers the batches of this process, step after step.

    Attributes:
        resident: arrays that the caller puts on every device once.
        num_examples: size of one epoch.
        batch_size: examples a step and trial, over all processes.
        position: steps delivered so far.
    """

    resident: dict[str, np.ndarray]

    def __init__(
        self,
        examples: Examples,
        batch_size: int,
        seed: int,
        trials: int,
        process_index: int,
        process_count: int,
        labelled: Sequence[np.ndarray] | None,
        labelled_batch_size: int,
        told: np.ndarray | None,
    ):
        if not 0 < batch_size <= len(examples):
            raise ValueError(
                f"batch_size={batch_size} must be between 1 and the {len(examples)} "
                "training examples"
            )
        sizes = {"batch_size": batch_size, "labelled_batch_size": labelled_batch_size}
        for name, size in sizes.items():
            if size % process_count:
                raise ValueError(
                    f"{name}={size} does not divide by {process_count} processes"
                )
        if not 0 <= process_index < process_count:
            raise ValueError(f"no process {process_index} among {process_count}")
        if seed < 0 or trials < 1:
            raise ValueError(f"seed={seed} and trials={trials}: at least 0 and 1")
        self.num_examples = len(examples)
        self.batch_size = batch_size
        self.position = 0
        self.resident = {}
        self._x = examples.x
        self._label = None
        self._max_value = examples.max_value
        self._seed = seed
        self._trials = trials
        everything = np.arange(len(examples), dtype=np.int32)
        self._rows = {
            "x": _Row(
                [_Order(everything, seed + trial) for trial in range(trials)],
                batch_size,
                process_index,
                process_count,
            )
        }
        if labelled is not None:
            if told is None:
                raise ValueError("labelled examples are asked for, but there are none")
            if labelled_batch_size < 1 or len(labelled) != trials:
                raise ValueError(
                    f"labelled_batch_size={labelled_batch_size} must be at least 1, "
                    f"and labelled given for {trials} trials, not {len(labelled)}"
                )
            self._label = told
            self._rows["labelled_x"] = _Row(
                [
                    _Order(indices.astype(np.int32), seed + trial, _LABELLED)
                    for trial, indices in enumerate(labelled)
                ],
                labelled_batch_size,
                process_index,
                process_count,
            )

    @abc.abstractmethod
    def next(self, num_steps: int) -> Any:
        """Returns the batches of the next steps.

        Returns:
            Arrays by name, with leading axes [num_steps, trials, batch_local].
        """

    @abc.abstractmethod
    def examples(self, resident: Any, batch: Any) -> dict[str, jnp.ndarray]:
        """Makes one batch into what a game sees; pure, to be traced in the step.

        Args:
            resident: `self.resident`, on the device.
            batch: what `next` gave for one step, [B, ...] (or with the trials' axis).

        Returns:
            "x", float32 [B, ...]; with labels also "labelled_x", float32 [M, ...], and
            "label", int32 [M], or whatever else is told of them, [M, ...].
        """

    def state(self) -> dict[str, int]:
        """Returns the position, and what it is a position in: plain numbers."""
        return {
            "position": self.position,
            "seed": self._seed,
            "trials": self._trials,
            "batch_size": self.batch_size,
            "num_examples": self.num_examples,
            **self._labelled_state(),
        }

    def _labelled_state(self) -> dict[str, int]:
        if "labelled_x" not in self._rows:
            return {}
        row = self._rows["labelled_x"]
        return {"labelled_batch_size": row.batch_size, "num_labels": row.num_examples}

    def restore(self, state: dict[str, int]) -> None:
        """Continues at the position of `state`, as if never stopped.

        Raises:
            ValueError: the state belongs to other data or another run.
        """
        ours = self.state()
        for key in ours:
            if key != "position" and state[key] != ours[key]:
                raise ValueError(
                    f"the saved data position has {key}={state[key]}, and this run "
                    f"{key}={ours[key]}: it cannot be continued"
                )
        self.position = state["position"]

    def close(self) -> None:
        """Stops what reads ahead; asking for more batches starts it again."""
        return  # a resident pipeline reads nothing

    def _indices(self, step: int, num_steps: int) -> dict[str, np.ndarray]:
        """Returns int32 [num_steps, trials, batch_local] of each row."""
        return {name: row.take(step, num_steps) for name, row in self._rows.items()}

    def _as_batch(self, stored: dict[str, Any]) -> dict[str, Any]:
        return {
            name: array if name == "label" else to_float(array, self._max_value)
            for name, array in stored.items()
        }


class ResidentPipeline(Pipeline):
    """The data lives on the devices; a batch is its indices."""

    def __init__(self, *args: Any):
        super().__init__(*args)
        if not isinstance(self._x, np.ndarray):
            raise ValueError(
                "these examples are read when needed (in_memory=False): use a streaming"
                " pipeline"
            )
        self.resident = {"x": self._x}
        if self._label is not None:
            self.resident["label"] = self._label

    def next(self, num_steps: int) -> dict[str, np.ndarray]:
        """Returns indices, int32 [num_steps, trials, batch_local] by name."""
        indices = self._indices(self.position, num_steps)
        self.position += num_steps
        return indices

    def examples(self, resident: Any, batch: Any) -> dict[str, jnp.ndarray]:
        """Gathers the examples of a batch of indices; see the base class."""
        gather = functools.partial(jnp.take, axis=0, mode="clip")
        stored = {name: gather(resident["x"], chosen) for name, chosen in batch.items()}
        if "label" in resident:
            stored["label"] = gather(resident["label"], batch["labelled_x"])
        return self._as_batch(stored)


class StreamingPipeline(Pipeline):
    """A batch is its examples, read ahead of the steps by Grain's worker threads."""

    # Steps read ahead. They hide the reading behind the device's work, and take
    # memory: 32 batches of 100 CelebA faces at 64x64x3 are 39 MB.
    _PREFETCH = 32

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._stream: Any = None

    def next(self, num_steps: int) -> dict[str, np.ndarray]:
        """Returns stored examples, [num_steps, trials, batch_local, ...] by name."""
        if self._stream is None:
            self._stream = self._start()
        steps = [next(self._stream) for _ in range(num_steps)]
        self.position += num_steps
        return {key: np.stack([step[key] for step in steps]) for key in steps[0]}

    def examples(self, resident: Any, batch: Any) -> dict[str, jnp.ndarray]:
        """Converts a batch of stored examples; see the base class."""
        del resident  # nothing of a stream is
        return self._as_batch(batch)

    def restore(self, state: dict[str, int]) -> None:
        """Continues at the position of `state`; see the base class."""
        super().restore(state)
        self.close()

    def close(self) -> None:
        """Stops the worker threads; see the base class."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _start(self) -> Any:
        import grain  # here, because most runs are resident and it is slow to import

        steps = grain.MapDataset.range(self.position, sys.maxsize).map(self._read)
        options = grain.ReadOptions(
            num_threads=min(16, os.cpu_count() or 1),
            prefetch_buffer_size=self._PREFETCH,
        )
        return iter(steps.to_iter_dataset(options))

    def _read(self, step: int) -> dict[str, np.ndarray]:
        rows = {name: chosen[0] for name, chosen in self._indices(step, 1).items()}
        batch = {}
        for name, indices in rows.items():  # [trials, batch_local]
            x = self._x[indices.reshape(-1)]
            batch[name] = x.reshape(*indices.shape, *x.shape[1:])
        if self._label is not None:
            batch["label"] = self._label[rows["labelled_x"]]
        return batch


class _Row:
    """What every trial goes through, step after step, and a process's share of it."""

    def __init__(
        self,
        orders: "Sequence[_Order]",
        batch_size: int,
        process_index: int,
        process_count: int,
    ):
        self.batch_size = batch_size
        self.num_examples = orders[0].size
        self._orders = orders
        local = batch_size // process_count
        self._share = slice(process_index * local, (process_index + 1) * local)

    def take(self, step: int, num_steps: int) -> np.ndarray:
        """Returns int32 [num_steps, trials, batch_local] from `step` on."""
        start, size = step * self.batch_size, num_steps * self.batch_size
        rows = np.stack([order.take(start, start + size) for order in self._orders])
        steps = rows.reshape(len(rows), num_steps, self.batch_size)
        return np.ascontiguousarray(steps[:, :, self._share].swapaxes(0, 1))


class _Order:
    """The endless row of permutations of some indices that one trial goes through."""

    def __init__(self, indices: np.ndarray, seed: int, *purpose: int):
        self.size = len(indices)

        # Steps follow each other, so that the last epochs are all that is ever needed.
        @functools.lru_cache(maxsize=2)
        def permutation(epoch: int) -> np.ndarray:
            rng = np.random.default_rng([seed, epoch, *purpose])
            return rng.permutation(indices)

        self._permutation = permutation

    def take(self, start: int, stop: int) -> np.ndarray:
        """Returns the indices at places [start, stop) of the row, int32."""
        pieces = []
        while start < stop:
            epoch, first = divmod(start, self.size)
            piece = self._permutation(epoch)[first : first + stop - start]
            pieces.append(piece)
            start += len(piece)
        return np.concatenate(pieces)
