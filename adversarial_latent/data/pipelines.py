"""Two ways to feed a training step, behind one interface and in one and the same order.

The order of trial t is an endless row of permutations of the examples, a pure function
of (seed + t, epoch). Step k takes places [k B, (k + 1) B) of that row, and a process
its share of them. A position is thus one number, and restoring it is exact, even with
another number of processes or the other kind of pipeline.
"""

import abc
import functools
import os
import sys
from typing import Any

import jax.numpy as jnp
import numpy as np

from adversarial_latent.data.examples import Examples, to_float

RESIDENT_LIMIT = 1 << 30  # bytes


def make_pipeline(
    examples: Examples,
    batch_size: int,
    seed: int,
    trials: int = 1,
    kind: str = "auto",
    process_index: int = 0,
    process_count: int = 1,
    with_labels: bool = False,
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
        with_labels: also deliver "label"; otherwise no batch ever holds one.

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
        examples, batch_size, seed, trials, process_index, process_count, with_labels
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
        with_labels: bool,
    ):
        if not 0 < batch_size <= len(examples):
            raise ValueError(
                f"batch_size={batch_size} must be between 1 and the {len(examples)} "
                "training examples"
            )
        if batch_size % process_count:
            raise ValueError(
                f"batch_size={batch_size} does not divide by {process_count} processes"
            )
        if not 0 <= process_index < process_count:
            raise ValueError(f"no process {process_index} among {process_count}")
        if seed < 0 or trials < 1:
            raise ValueError(f"seed={seed} and trials={trials}: at least 0 and 1")
        if with_labels and examples.label is None:
            raise ValueError("with_labels=True, but these examples have no labels")
        self.num_examples = len(examples)
        self.batch_size = batch_size
        self.position = 0
        self.resident = {}
        self._x = examples.x
        self._label = examples.label if with_labels else None
        self._max_value = examples.max_value
        self._seed = seed
        self._orders = [_Order(len(examples), seed + t) for t in range(trials)]
        local = batch_size // process_count
        self._share = slice(process_index * local, (process_index + 1) * local)

    @abc.abstractmethod
    def next(self, num_steps: int) -> Any:
        """Returns the batches of the next steps.

        Returns:
            Pytree of arrays with leading axes [num_steps, trials, batch_local].
        """

    @abc.abstractmethod
    def examples(self, resident: Any, batch: Any) -> dict[str, jnp.ndarray]:
        """Makes one batch into what a game sees; pure, to be traced in the step.

        Args:
            resident: `self.resident`, on the device.
            batch: what `next` gave for one step, [B, ...] (or with the trials' axis).

        Returns:
            "x", float32 [B, ...], and "label", int32 [B], if it was asked for.
        """

    def state(self) -> dict[str, int]:
        """Returns the position, and what it is a position in: plain numbers."""
        return {
            "position": self.position,
            "seed": self._seed,
            "trials": len(self._orders),
            "batch_size": self.batch_size,
            "num_examples": self.num_examples,
        }

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

    def _indices(self, step: int, num_steps: int) -> np.ndarray:
        """Returns int32 [num_steps, trials, batch_local]."""
        start, size = step * self.batch_size, num_steps * self.batch_size
        rows = np.stack([order.take(start, start + size) for order in self._orders])
        steps = rows.reshape(len(rows), num_steps, self.batch_size)
        return np.ascontiguousarray(steps[:, :, self._share].swapaxes(0, 1))

    def _as_batch(self, stored: dict[str, Any]) -> dict[str, Any]:
        return stored | {"x": to_float(stored["x"], self._max_value)}


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

    def next(self, num_steps: int) -> np.ndarray:
        """Returns indices, int32 [num_steps, trials, batch_local]."""
        indices = self._indices(self.position, num_steps)
        self.position += num_steps
        return indices

    def examples(self, resident: Any, batch: Any) -> dict[str, jnp.ndarray]:
        """Gathers the examples of a batch of indices; see the base class."""
        gather = functools.partial(jnp.take, indices=batch, axis=0, mode="clip")
        return self._as_batch({key: gather(array) for key, array in resident.items()})


class StreamingPipeline(Pipeline):
    """A batch is its examples, read ahead of the steps by Grain's worker threads."""

    # Steps read ahead. They hide the reading behind the device's work, and take
    # memory: 32 batches of 100 CelebA faces at 64x64x3 are 39 MB.
    _PREFETCH = 32

    def __init__(self, *args: Any):
        super().__init__(*args)
        self._stream: Any = None

    def next(self, num_steps: int) -> dict[str, np.ndarray]:
        """Returns stored examples, "x" [num_steps, trials, batch_local, ...]."""
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
        indices = self._indices(step, 1)[0]  # [trials, batch_local]
        x = self._x[indices.reshape(-1)]
        batch = {"x": x.reshape(*indices.shape, *x.shape[1:])}
        if self._label is not None:
            batch["label"] = self._label[indices]
        return batch


class _Order:
    """The endless row of permutations that one trial goes through."""

    def __init__(self, size: int, seed: int):
        self._size = size

        # Steps follow each other, so that the last epochs are all that is ever needed.
        @functools.lru_cache(maxsize=2)
        def permutation(epoch: int) -> np.ndarray:
            rng = np.random.default_rng([seed, epoch])
            return rng.permutation(size).astype(np.int32)

        self._permutation = permutation

    def take(self, start: int, stop: int) -> np.ndarray:
        """Returns the indices at places [start, stop) of the row, int32."""
        pieces = []
        while start < stop:
            epoch, first = divmod(start, self._size)
            piece = self._permutation(epoch)[first : first + stop - start]
            pieces.append(piece)
            start += len(piece)
        return np.concatenate(pieces)
