"""A trained game, with NumPy inputs and outputs.

model = adversarial_latent.load("runs/digits")
clusters = model.encode(images)["y"].argmax(-1)
model.sample(16, component=3)["x"]
"""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import chex
import jax
import numpy as np

from adversarial_latent.game import Game
from adversarial_latent.inputs import InputError, check_finite, check_model_inputs

if TYPE_CHECKING:
    from adversarial_latent.distributions import GaussianMixture
    from adversarial_latent.text import Embedding


# Functions that sample. The noise depends on the size of the batch, so it is fixed.
_RANDOM = ("sample", "variations")


class Model:
    """Parameters of one trial, bound to their game.

    Methods are the inference functions of the game, see `Game`. Those that the game
    does not have raise a ValueError; `can` says which exist. Results are deterministic
    given the arguments. Inputs are split into batches of one size, or a power of two if
    there are fewer examples, so that functions are compiled few times.

    Attributes:
      game: the game.
      params: `{network: parameters}`.
      model_state: `{network: statistics}`.
      batch_size: largest number of examples that are evaluated at a time.
      embedding: embedding of captions, for a game that uses them.
      example_shape: shape of the training examples, to check inputs; None if unknown.
    """

    def __init__(
        self,
        game: Game,
        params: dict[str, chex.ArrayTree],
        model_state: dict[str, chex.ArrayTree],
        batch_size: int = 500,
        embedding: "Embedding | None" = None,
        example_shape: tuple[int, ...] | None = None,
    ):
        self.game = game
        self.params = params
        self.model_state = model_state
        self.batch_size = batch_size
        self.embedding = embedding
        self.example_shape = example_shape
        self._compiled: dict[str, Callable[..., Any]] = {}

    def with_parameters(
        self, params: dict[str, chex.ArrayTree], model_state: dict[str, chex.ArrayTree]
    ) -> "Model":
        """Another trial of the same game, which shares the compiled functions."""
        other = Model(
            self.game,
            params,
            model_state,
            self.batch_size,
            self.embedding,
            self.example_shape,
        )
        other._compiled = self._compiled
        return other

    def trials(
        self, params: chex.ArrayTree, model_state: chex.ArrayTree
    ) -> list["Model"]:
        """The models of all trials, from trees whose leaves are [T, ...]."""
        number = len(jax.tree.leaves(params)[0])
        return [
            self.with_parameters(unstack(params, trial), unstack(model_state, trial))
            for trial in range(number)
        ]

    @property
    def num_components(self) -> int | None:
        """Number of mixture components, clusters or classes; None if there are none."""
        return self.game.num_components

    @property
    def classifies(self) -> bool:
        """Whether the components are classes that were learned from labels."""
        return self.game.uses_labels and self.num_components is not None

    @property
    def uses_captions(self) -> bool:
        """Whether `sample` requires a caption."""
        return self.game.uses_captions

    @property
    def conditional(self) -> bool:
        """Whether `encode` requires labels."""
        return self.game.conditional

    @property
    def log_prob_given_code(self) -> bool:
        """Whether `log_prob` is log p(x|z) with the code z inferred from x."""
        return self.game.log_prob_given_code

    def can(self, ability: str) -> bool:
        """Whether the game has this inference function, such as "encode"."""
        return self.game.can(ability)

    def encode(
        self, x: np.ndarray, label: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Infers codes.

        Args:
          x: float32 [N, ...], as the networks see it (images in [0, 1]).
          label: integers [N], only for a `conditional` model.

        Returns:
          the parts of the codes by name: `z` [N, d], or the probabilities `y` [N, K] of
          the components, or both.

        Raises:
          ValueError: the game has no encoder, there are no examples, x is not float,
            not finite or has the wrong shape, or labels are missing, unexpected or out
            of range.
        """
        inputs = {"x": check_model_inputs(x, self.example_shape)}
        name = type(self.game).__name__
        if self.conditional:
            if label is None:
                raise ValueError(
                    f"{name} infers codes from examples and their labels, but no "
                    "labels are given"
                )
            inputs["label"] = self._check_label(label, len(x))
        elif label is not None:
            raise ValueError(f"{name} encodes without labels; do not give any")
        return self._in_batches("encode", inputs, seed=0)

    def decode(self, code: dict[str, np.ndarray]) -> np.ndarray:
        """Generates x [N, ...] from codes, as `encode` and `sample` return them.

        Raises:
          ValueError: the game has no decoder, or a code is not finite.
        """
        code = {name: check_finite(np.asarray(part)) for name, part in code.items()}
        return self._in_batches("decode", {"code": code}, seed=0)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """Computes the log-density of examples.

        Args:
          x: float32 [N, ...], as the networks see it.

        Returns:
          log p(x) [N] in nats; log p(x|z) with the inferred code z if
          `log_prob_given_code`.

        Raises:
          ValueError: the game has no density, there are no examples, or x is not
            float, not finite or has the wrong shape.
        """
        x = check_model_inputs(x, self.example_shape)
        return self._in_batches("log_prob", {"x": x}, seed=0)

    def variations(self, x: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
        """Generates variations of given examples, from codes z ~ q(z|x).

        Args:
          x: float32 [N, ...].
          n: number of variations of each example.
          seed: equal seeds give equal samples.

        Returns:
          [N, n, ...].

        Raises:
          ValueError: the game has no posterior, there are no examples, or x is not
            float, not finite or has the wrong shape.
        """
        x = check_model_inputs(x, self.example_shape)
        varied = self._in_batches("variations", {"x": np.repeat(x, n, axis=0)}, seed)
        return varied.reshape(len(x), n, *varied.shape[1:])

    def sample(
        self,
        n: int,
        seed: int = 0,
        component: int | np.ndarray | None = None,
        *,
        caption: str | Sequence[str] | None = None,
    ) -> dict[str, np.ndarray]:
        """Samples from the model.

        Args:
          n: number of samples.
          seed: equal seeds give equal samples.
          component: the mixture component to sample from: one for all samples, or [n]
            of them; None to sample it from its prior.
          caption: only for a model that `uses_captions`, what to show: one sentence for
            all samples, or n of them.

        Returns:
          `x` [n, ...] and the code that it was generated from (`z`, and `y` one-hot).

        Raises:
          ValueError: there is no such component, n < 1, or a caption is missing,
            unexpected, or has no known word.
        """
        if n < 1:
            raise ValueError(f"n={n} must be at least 1")
        if self.uses_captions or caption is not None:
            if component is not None:
                raise ValueError("give a component or a caption, not both")
            vectors = self._embed(
                [caption] * n if isinstance(caption, str) else caption
            )
            if len(vectors) != n:
                raise ValueError(
                    f"{n} samples need 1 or {n} captions, not {len(vectors)}"
                )
            return self._in_batches(
                "sample", {"caption": vectors}, seed, n=self.batch_size
            )
        if component is None:
            batches = [
                self._apply("sample", seed, batch, n=self.batch_size, component=None)
                for batch in range(-(-n // self.batch_size))
            ]
            return jax.tree.map(lambda *parts: np.concatenate(parts)[:n], *batches)
        component = self._check_component(component, n)
        return self._in_batches(
            "sample", {"component": component}, seed, n=self.batch_size
        )

    def styles(
        self, n: int, seed: int = 0, *, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """Samples n styles, which are the codes without component or caption.

        Args:
          n: number of styles.
          seed: equal seeds give equal samples.
          captions: K captions, only for a model that `uses_captions`.

        Returns:
          [K, n, ...], each style with every component or caption.

        Raises:
          ValueError: the game does not separate style from component, or captions are
            missing, unexpected, or have no known word.
        """
        if self.uses_captions or captions is not None:
            return self._apply("styles", seed, 0, n=n, caption=self._embed(captions))
        if self.num_components is None:
            raise ValueError(f"{type(self.game).__name__} has no components")
        return self._apply("styles", seed, batch=0, n=n)

    def mixture(self) -> "GaussianMixture":
        """The prior p(z) = sum_k p(y=k) p(z|y=k), with NumPy arrays.

        `mixture().posterior(z)` is p(y|z) (AMM, eq. 19), `mixture().log_prob(z)` is
        log p(z).

        Raises:
          ValueError: the game has no mixture.
        """
        return self._apply("mixture", seed=0, batch=0)

    def _check_label(self, label: np.ndarray, number: int) -> np.ndarray:
        label = np.asarray(label)
        classes = self.num_components or 0
        if label.shape != (number,) or label.dtype.kind not in "iu":
            raise InputError(
                f"{number} examples need integer labels of shape ({number},), not "
                f"{label.dtype} of shape {label.shape}"
            )
        if number and not 0 <= label.min() <= label.max() < classes:
            raise InputError(
                f"labels {label.min()}..{label.max()} are given, but the model has "
                f"{classes} classes"
            )
        return label.astype(np.int32)

    def _check_component(self, component: int | np.ndarray, n: int) -> np.ndarray:
        components = self.num_components or 0
        component = np.broadcast_to(np.asarray(component), (n,))
        if component.dtype.kind not in "iu":
            raise InputError(f"components must be integers, not {component.dtype}")
        if components == 0 or component.min() < 0 or component.max() >= components:
            raise InputError(
                f"component {component.min()}..{component.max()} is given, but the "
                f"model has {components or 'no'} components"
            )
        return component.astype(np.int32)

    def _embed(self, sentences: Sequence[str] | None) -> np.ndarray:
        """Vectors [n, D] of n sentences, if the game uses captions."""
        name = type(self.game).__name__
        if not self.uses_captions:
            raise ValueError(f"{name} uses no captions; do not give any")
        if sentences is None:
            raise ValueError(f"{name} generates from captions; give one")
        if self.embedding is None:
            raise ValueError(
                f"this {name} has no embedding of captions: load it from its run, or "
                "pass one to Model"
            )
        return np.asarray(self.embedding(sentences), np.float32)

    def _apply(self, ability: str, seed: int, batch: int, **inputs: Any) -> Any:
        """Evaluates a function of the game for batch number `batch`."""
        return jax.tree.map(np.asarray, self._start(ability, seed, batch, **inputs))

    def _start(self, ability: str, seed: int, batch: int, **inputs: Any) -> Any:
        """Starts `_apply`, and returns arrays of the device, without waiting."""
        if not self.can(ability):
            raise ValueError(f"{type(self.game).__name__} has no {ability!r}")
        if ability not in self._compiled:
            function = getattr(self.game, ability)

            @functools.partial(jax.jit, static_argnames="n")
            def compiled(params, model_state, seed, batch, **inputs):
                key = jax.random.fold_in(jax.random.key(seed), batch)
                net = self.game.bind(params, model_state, key, train=False)
                return function(net, **inputs)

            self._compiled[ability] = compiled
        return self._compiled[ability](
            self.params, self.model_state, np.uint32(seed), np.uint32(batch), **inputs
        )

    def _in_batches(self, ability: str, inputs: Any, seed: int, **options: Any) -> Any:
        """Applies a function to `inputs` (leaves [N, ...]) batch by batch."""
        total = len(jax.tree.leaves(inputs)[0])
        if total == 0:
            raise ValueError(f"nothing to {ability}: there are no examples")
        batch_size = self.batch_size
        if ability not in _RANDOM:
            # A few examples should not take the time of many. With powers of two, there
            # are few sizes to compile.
            batch_size = min(batch_size, 1 << (total - 1).bit_length())
        results: list[Any] = []
        for batch, start in enumerate(range(0, total, batch_size)):
            part = jax.tree.map(lambda x, i=start: x[i : i + batch_size], inputs)
            size = len(jax.tree.leaves(part)[0])
            # The last batch is padded, so that there is one shape and one compilation.
            padded = jax.tree.map(
                lambda x, n=size: np.pad(
                    x, [(0, batch_size - n)] + [(0, 0)] * (x.ndim - 1), "edge"
                ),
                part,
            )
            results.append(self._start(ability, seed, batch, **padded, **options))
            if batch:  # fetched while the device computes the next one
                results[-2] = jax.tree.map(np.asarray, results[-2])
        return jax.tree.map(lambda *parts: np.concatenate(parts)[:total], *results)


def unstack(tree: chex.ArrayTree, trial: int) -> chex.ArrayTree:
    """Takes one trial out of a tree whose leaves are [T, ...]."""
    return jax.device_put(jax.tree.map(lambda leaf: leaf[trial], tree))
