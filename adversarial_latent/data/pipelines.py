"""Two pipelines that feed train steps, with one interface and the same order.

Trial t sees an endless sequence of permutations of the examples, each a pure function
of (seed + t, epoch). Step k takes elements [k B, (k + 1) B) of this sequence, and each
process takes its slice of them. The position is thus one number. It is restored
exactly, even with another number of processes or the other kind of pipeline. Examples
with labels or captions (`Pairs`) have a sequence of their own. Quantities of an example
come with it, whatever its sequence: `NAME` with "x", `labelled_NAME` with "labelled_x".
"""

import abc
import dataclasses
import functools
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from adversarial_latent.data.examples import Examples, to_float

RESIDENT_LIMIT = 1 << 30  # bytes


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """Examples that reach a game together with a label or caption.

    Attributes:
      x: batch field of their inputs, "labelled_x" or "captioned_x".
      field: batch field of the paired values, "label" or "caption".
      values: paired values [N, ...] of all training examples.
      indices: for each trial, indices [L] of the training examples that its batches
        contain.
      batch_size: examples per step and trial, over all processes; may exceed L.
    """

    x: str
    field: str
    values: np.ndarray
    indices: Sequence[np.ndarray]
    batch_size: int


def make_pipeline(
    examples: Examples,
    batch_size: int,
    seed: int,
    trials: int = 1,
    kind: str = "auto",
    process_index: int = 0,
    process_count: int = 1,
    pairs: Sequence[Pairs] = (),
    quantities: Mapping[str, np.ndarray] | None = None,
) -> "Pipeline":
    """Builds the pipeline of a training run.

    Args:
      examples: the training examples.
      batch_size: examples per step and trial, over all processes.
      seed: trial t sees the same order as a single run with seed `seed + t`.
      trials: number of independent orders.
      kind: "resident" (the data stay on the devices, a step gets indices),
        "streaming" (a step gets the examples), or "auto": resident if the data are an
        array below 1 GiB.
      process_index: index of this process.
      process_count: number of processes.
      pairs: fields of the batches besides "x". No batch contains a label unless a pair
        provides labels.
      quantities: numbers that come with each example, [N] by name.

    Returns:
      The pipeline, at step 0.

    Raises:
      ValueError: the kind is unknown, a batch size is not divisible by the number of
        processes or exceeds the data, pairs do not match the examples, fields have
        one name, or lazy images cannot be resident.
    """
    fields = ["x", *(name for pair in pairs for name in (pair.x, pair.field))]
    if len(set(fields)) < len(fields):
        raise ValueError(f"fields of a batch must have different names, not {fields}")
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
        pairs,
        quantities or {},
    )


class Pipeline(abc.ABC):
    """Delivers the batches of this process, step after step.

    Attributes:
      resident: arrays that the caller copies to every device once.
      num_examples: number of examples in an epoch.
      batch_size: examples per step and trial, over all processes.
      position: number of steps delivered so far.
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
        pairs: Sequence[Pairs],
        quantities: Mapping[str, np.ndarray],
    ):
        if not 0 < batch_size <= len(examples):
            raise ValueError(
                f"batch_size={batch_size} must be between 1 and the {len(examples)} "
                "training examples"
            )
        sizes = {"batch_size": batch_size}
        sizes |= {f"{pair.x} batch_size": pair.batch_size for pair in pairs}
        for name, size in sizes.items():
            if size % process_count:
                raise ValueError(
                    f"{name}={size} is not divisible by {process_count} processes"
                )
        if not 0 <= process_index < process_count:
            raise ValueError(
                f"process_index={process_index} must be between 0 and "
                f"{process_count - 1}"
            )
        if seed < 0 or trials < 1:
            raise ValueError(
                f"seed={seed} must be at least 0, and trials={trials} at least 1"
            )
        self.num_examples = len(examples)
        self.batch_size = batch_size
        self.position = 0
        self.resident = {}
        self._x = examples.x
        self._max_value = examples.max_value
        self._seed = seed
        self._trials = trials
        self._pairs = tuple(pairs)
        self._quantities = dict(quantities)
        everything = np.arange(len(examples), dtype=np.int32)
        self._streams = {
            "x": _Stream(
                [_Order(everything, seed + trial) for trial in range(trials)],
                batch_size,
                process_index,
                process_count,
            )
        }
        for number, pair in enumerate(pairs, start=1):
            if len(pair.values) != len(examples):
                raise ValueError(
                    f"{len(pair.values)} values of {pair.field!r} for {len(examples)} "
                    "examples"
                )
            if pair.batch_size < 1 or len(pair.indices) != trials:
                raise ValueError(
                    f"the batch size of {pair.x!r}, {pair.batch_size}, must be at "
                    f"least 1, and its indices must be for {trials} trials, not "
                    f"{len(pair.indices)}"
                )
            self._streams[pair.x] = _Stream(
                [
                    # The number makes its order differ from those of other streams.
                    _Order(indices.astype(np.int32), seed + trial, number)
                    for trial, indices in enumerate(pair.indices)
                ],
                pair.batch_size,
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
        """Converts one batch to the fields that a game reads. Pure: traced in the step.

        Args:
          resident: `self.resident`, on the device.
          batch: arrays of one step from `next`, [B, ...], with or without an axis of
            trials in front.

        Returns:
          "x", float32 [B, ...], the fields of all pairs: inputs, float32 [M, ...], and
          paired values [M, ...]; and the quantities of both, [B] and [M].
        """

    def state(self) -> dict[str, int]:
        """Returns the position, and the numbers that identify its sequence."""
        return {
            "position": self.position,
            "seed": self._seed,
            "trials": self._trials,
            "batch_size": self.batch_size,
            "num_examples": self.num_examples,
            **{
                f"{name}_{key}": value
                for name, stream in self._streams.items()
                if name != "x"
                for key, value in (
                    ("batch_size", stream.batch_size),
                    ("num_examples", stream.num_examples),
                )
            },
        }

    def restore(self, state: dict[str, int]) -> None:
        """Continues at the position of `state` as if the run had never stopped.

        Raises:
          ValueError: the state belongs to other data or to another run.
        """
        ours = self.state()
        for key in ours:
            if key != "position" and state[key] != ours[key]:
                raise ValueError(
                    f"cannot resume: the saved data position has {key}={state[key]}, "
                    f"and this run {key}={ours[key]}"
                )
        self.position = state["position"]

    def close(self) -> None:
        """Stops reading ahead. `next` starts it again."""
        return  # a resident pipeline does not read ahead

    def _indices(self, step: int, num_steps: int) -> dict[str, np.ndarray]:
        """Returns indices of each stream, int32 [num_steps, trials, batch_local]."""
        return {
            name: stream.take(step, num_steps) for name, stream in self._streams.items()
        }

    def _values(self) -> Iterator[tuple[str, str, np.ndarray]]:
        """Yields the other fields: name, name of its inputs, and values [N, ...]."""
        for pair in self._pairs:
            yield pair.field, pair.x, pair.values
        for stream in self._streams:
            for name, values in self._quantities.items():
                yield stream.removesuffix("x") + name, stream, values

    def _as_batch(self, stored: dict[str, Any]) -> dict[str, Any]:
        return {
            name: to_float(array, self._max_value) if name in self._streams else array
            for name, array in stored.items()
        }


class ResidentPipeline(Pipeline):
    """Keeps the data on the devices. A batch consists of indices."""

    def __init__(self, *args: Any):
        super().__init__(*args)
        if not isinstance(self._x, np.ndarray):
            raise ValueError(
                "these examples are read on demand (in_memory=False): use a streaming "
                "pipeline"
            )
        self.resident = {"x": self._x} | {
            field: values for field, _, values in self._values()
        }

    def next(self, num_steps: int) -> dict[str, np.ndarray]:
        """Returns indices, int32 [num_steps, trials, batch_local] by name."""
        indices = self._indices(self.position, num_steps)
        self.position += num_steps
        return indices

    def examples(self, resident: Any, batch: Any) -> dict[str, jnp.ndarray]:
        """Gathers the examples at a batch of indices; see the base class."""
        gather = functools.partial(jnp.take, axis=0, mode="clip")
        stored = {name: gather(resident["x"], chosen) for name, chosen in batch.items()}
        for field, inputs, _ in self._values():
            stored[field] = gather(resident[field], batch[inputs])
        return self._as_batch(stored)


class StreamingPipeline(Pipeline):
    """Sends examples to the devices. Grain's worker threads read them ahead."""

    # Number of steps read ahead, so that devices do not wait. They take memory: 32
    # batches of 100 CelebA faces at 64x64x3 are 39 MB.
    _PREFETCH = 32

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._stream: Any = None

    def next(self, num_steps: int) -> dict[str, np.ndarray]:
        """Returns stored examples by name, [num_steps, trials, batch_local, ...]."""
        if self._stream is None:
            self._stream = self._start()
        steps = [next(self._stream) for _ in range(num_steps)]
        self.position += num_steps
        return {key: np.stack([step[key] for step in steps]) for key in steps[0]}

    def examples(self, resident: Any, batch: Any) -> dict[str, jnp.ndarray]:
        """Converts a batch of stored examples; see the base class."""
        del resident  # empty
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
        import grain  # here, because it is slow to import and most runs are resident

        steps = grain.MapDataset.range(self.position, sys.maxsize).map(self._read)
        options = grain.ReadOptions(
            num_threads=min(16, os.cpu_count() or 1),
            prefetch_buffer_size=self._PREFETCH,
        )
        return iter(steps.to_iter_dataset(options))

    def _read(self, step: int) -> dict[str, np.ndarray]:
        chosen = {name: taken[0] for name, taken in self._indices(step, 1).items()}
        batch = {}
        for name, indices in chosen.items():  # [trials, batch_local]
            x = self._x[indices.reshape(-1)]
            batch[name] = x.reshape(*indices.shape, *x.shape[1:])
        for field, inputs, values in self._values():
            batch[field] = values[chosen[inputs]]
        return batch


class _Stream:
    """Indices of one batch field for every trial: the slice of one process."""

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
        self._local = slice(process_index * local, (process_index + 1) * local)

    def take(self, step: int, num_steps: int) -> np.ndarray:
        """Returns int32 [num_steps, trials, batch_local] from `step` on."""
        start, size = step * self.batch_size, num_steps * self.batch_size
        taken = np.stack([order.take(start, start + size) for order in self._orders])
        steps = taken.reshape(len(taken), num_steps, self.batch_size)
        return np.ascontiguousarray(steps[:, :, self._local].swapaxes(0, 1))


class _Order:
    """The endless sequence of permutations of some indices that one trial sees."""

    def __init__(self, indices: np.ndarray, seed: int, *purpose: int):
        self.size = len(indices)

        # Steps are consecutive, so only the last epochs are needed again.
        @functools.lru_cache(maxsize=2)
        def permutation(epoch: int) -> np.ndarray:
            rng = np.random.default_rng([seed, epoch, *purpose])
            return rng.permutation(indices)

        self._permutation = permutation

    def take(self, start: int, stop: int) -> np.ndarray:
        """Returns elements [start, stop) of the sequence, int32."""
        pieces = []
        while start < stop:
            epoch, first = divmod(start, self.size)
            piece = self._permutation(epoch)[first : first + stop - start]
            pieces.append(piece)
            start += len(piece)
        return np.concatenate(pieces)
