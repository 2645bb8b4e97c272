"""A trained game, to be asked: NumPy in, NumPy out.

model = adversarial_latent.load("runs/digits")
clusters = model.encode(images)["y"].argmax(-1)
model.sample(16, component=3)["x"]
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np

from adversarial_latent.distributions import GaussianMixture
from adversarial_latent.game import Game, Networks
from adversarial_latent.inputs import InputError, check_finite, check_model_inputs
from adversarial_latent.sentences import Embedding


class Model:
    """Parameters of one trial, bound to their game.

    All answers are deterministic given their arguments. Inputs are cut into batches
    of one size, so that each question is compiled once.

    Attributes:
      game: the game.
      params: `{network: parameters}`.
      model_state: `{network: statistics}`.
      batch_size: how many examples are evaluated at a time.
      embedding: of captions, for a game that is told them.
      example_shape: of the examples that it was trained on, to check those that it is
        given; None if it is not known.
    """

    def __init__(
        self,
        game: Game,
        params: dict[str, chex.ArrayTree],
        model_state: dict[str, chex.ArrayTree],
        batch_size: int = 500,
        embedding: Embedding | None = None,
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
        """Another trial of the same game; what was compiled serves both."""
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
        """The models of all trials, of trees whose leaves are [T, ...]."""
        number = len(jax.tree.leaves(params)[0])
        return [
            self.with_parameters(unstack(params, trial), unstack(model_state, trial))
            for trial in range(number)
        ]

    @property
    def num_components(self) -> int | None:
        """Number of mixture components, clusters or classes; None without any."""
        return self.game.num_components

    @property
    def classifies(self) -> bool:
        """Whether the components are the classes of the labels, not clusters."""
        return self.game.uses_labels and self.num_components is not None

    @property
    def captioned(self) -> bool:
        """Whether `sample` has to be told a caption."""
        return self.game.captioned

    @property
    def conditional(self) -> bool:
        """Whether `encode` has to be told the labels."""
        return self.game.conditional

    @property
    def log_prob_given_code(self) -> bool:
        """Whether `log_prob` is that of x given the code inferred from it."""
        return self.game.log_prob_given_code

    def can(self, question: str) -> bool:
        """Whether it answers "encode", "decode", "log_prob", "sample" and so on."""
        return hasattr(self.game, question)

    def _ask(self, question: str, seed: int, batch: int, **inputs: Any) -> Any:
        """Evaluates a game's function, compiled, for batch number `batch`."""
        if not self.can(question):
            raise ValueError(
                f"{type(self.game).__name__} has no {question!r}; it cannot be asked so"
            )
        if question not in self._compiled:
            function = getattr(self.game, question)

            @functools.partial(jax.jit, static_argnames="n")
            def compiled(params, model_state, key, **inputs):
                net = Networks(
                    self.game.networks, params, model_state, key, train=False
                )
                return function(net, **inputs)

            self._compiled[question] = compiled
        key = jax.random.fold_in(jax.random.key(seed), batch)
        answer = self._compiled[question](self.params, self.model_state, key, **inputs)
        return jax.tree.map(np.asarray, answer)

    def _in_batches(self, question: str, inputs: Any, seed: int, **options: Any) -> Any:
        """Asks about `inputs` (leaves [N, ...]) batch by batch; joins the answers."""
        total = len(jax.tree.leaves(inputs)[0])
        if total == 0:
            raise ValueError(f"nothing to {question}: there are no examples")
        answers = []
        for batch, start in enumerate(range(0, total, self.batch_size)):
            part = jax.tree.map(lambda x, i=start: x[i : i + self.batch_size], inputs)
            size = len(jax.tree.leaves(part)[0])
            # The last batch is filled up, to have one shape and one compilation.
            padded = jax.tree.map(
                lambda x, n=size: np.pad(
                    x, [(0, self.batch_size - n)] + [(0, 0)] * (x.ndim - 1), "edge"
                ),
                part,
            )
            answer = self._ask(question, seed, batch, **padded, **options)
            answers.append(jax.tree.map(lambda x, n=size: x[:n], answer))
        return jax.tree.map(lambda *parts: np.concatenate(parts), *answers)

    def encode(
        self, x: np.ndarray, label: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Infers codes.

        Args:
          x: float32 [N, ...], as the networks see it (images in [0, 1]).
          label: integers [N], for a `conditional` model and no other.

        Returns:
          the code's parts by name: `z` [N, d], or `y` [N, K] with probabilities of the
          model's components, or both.

        Raises:
          ValueError: if the game has no encoder, there are no examples, x is not
            float, not finite or of another shape, or labels are missing, given without
            need, or not those of the model.
        """
        inputs = {"x": check_model_inputs(x, self.example_shape)}
        name = type(self.game).__name__
        if self.conditional:
            if label is None:
                raise ValueError(
                    f"{name} infers the code of an example from the example and its "
                    "label, and there is no label"
                )
            inputs["label"] = self._check_label(label, len(x))
        elif label is not None:
            raise ValueError(f"{name} encodes without labels; do not give any")
        return self._in_batches("encode", inputs, seed=0)

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

    def decode(self, code: dict[str, np.ndarray]) -> np.ndarray:
        """Generates x [N, ...] from codes as `encode` and `sample` give them.

        Raises:
          ValueError: if the game has no decoder, or a code is not finite.
        """
        code = {name: check_finite(np.asarray(part)) for name, part in code.items()}
        return self._in_batches("decode", {"code": code}, seed=0)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """Says how probable examples are.

        Args:
          x: float32 [N, ...], as the networks see it.

        Returns:
          log p(x) [N] in nats; log p(x|z) of the inferred code z if
          `log_prob_given_code`.

        Raises:
          ValueError: if the game knows no density, there are no examples, or x is not
            float, not finite or of another shape.
        """
        x = check_model_inputs(x, self.example_shape)
        return self._in_batches("log_prob", {"x": x}, seed=0)

    def neighbours(self, x: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
        """Generates what is similar to given examples, from codes z ~ q(z|x).

        Args:
          x: float32 [N, ...].
          n: how many of each.
          seed: the same seed draws the same.

        Returns:
          [N, n, ...].

        Raises:
          ValueError: if the game has no posterior, there are no examples, or x is not
            float, not finite or of another shape.
        """
        x = check_model_inputs(x, self.example_shape)
        similar = self._in_batches("neighbours", {"x": np.repeat(x, n, axis=0)}, seed)
        return similar.reshape(len(x), n, *similar.shape[1:])

    def sample(
        self,
        n: int,
        seed: int = 0,
        component: int | np.ndarray | None = None,
        *,
        caption: str | Sequence[str] | None = None,
    ) -> dict[str, np.ndarray]:
        """Draws from the model.

        Args:
          n: how many.
          seed: the same seed draws the same.
          component: the mixture component to draw from: one for all, or [n] of them;
            None to draw it from its prior.
          caption: for a `captioned` model and no other, what to show: a sentence for
            all, or n of them.

        Returns:
          `x` [n, ...] and the code that it was made from (`z`, and `y` one-hot).

        Raises:
          ValueError: if there is no such component, nothing to draw, or a caption is
            missing, given without need, or has no known word.
        """
        if n < 1:
            raise ValueError(f"cannot draw n={n} examples: at least 1")
        if self.captioned or caption is not None:
            if component is not None:
                raise ValueError("give a component or a caption, not both")
            vectors = self._embed(
                [caption] * n if isinstance(caption, str) else caption
            )
            if len(vectors) != n:
                raise ValueError(f"{n} examples need 1 or {n} captions: {len(vectors)}")
            return self._in_batches(
                "sample", {"caption": vectors}, seed, n=self.batch_size
            )
        if component is None:
            batches = [
                self._ask("sample", seed, batch, n=self.batch_size, component=None)
                for batch in range(-(-n // self.batch_size))
            ]
            return jax.tree.map(lambda *parts: np.concatenate(parts)[:n], *batches)
        components = self.num_components or 0
        component = np.broadcast_to(np.asarray(component), (n,))
        if component.dtype.kind not in "iu":
            raise InputError(f"components are integers, not {component.dtype}")
        if components == 0 or component.min() < 0 or component.max() >= components:
            raise InputError(
                f"component {component.min()}..{component.max()} is asked for, but "
                f"the model has {components or 'no'} components"
            )
        component = component.astype(np.int32)
        return self._in_batches(
            "sample", {"component": component}, seed, n=self.batch_size
        )

    def styles(
        self, n: int, seed: int = 0, *, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """Draws n styles, what codes hold beside the component or caption.

        Args:
          n: how many.
          seed: the same seed draws the same.
          captions: for a `captioned` model and no other, K of them.

        Returns:
          [K, n, ...], each style with every component or caption.

        Raises:
          ValueError: if the game does not know style from component, or captions are
            missing, given without need, or have no known word.
        """
        if self.captioned or captions is not None:
            return self._ask("styles", seed, 0, n=n, caption=self._embed(captions))
        if self.num_components is None:
            raise ValueError(f"{type(self.game).__name__} has no components to go by")
        return self._ask("styles", seed, batch=0, n=n)

    def _embed(self, sentences: Sequence[str] | None) -> np.ndarray:
        """Vectors [n, D] of n sentences, if the game has a use for them."""
        name = type(self.game).__name__
        if not self.captioned:
            raise ValueError(f"{name} is told no captions; do not give any")
        if sentences is None:
            raise ValueError(f"{name} shows what a caption says; give it one")
        if self.embedding is None:
            raise ValueError(
                f"this {name} has no embedding of sentences: load it from its run, or "
                "give one to Model"
            )
        return np.asarray(self.embedding(sentences), np.float32)

    def mixture(self) -> GaussianMixture:
        """The prior p(z) = sum_k p(y=k) p(z|y=k), with NumPy arrays.

        `mixture().posterior(z)` is p(y|z) (AMM, eq. 19), `mixture().log_prob(z)` is
        log p(z).

        Raises:
          ValueError: if the game has none.
        """
        return self._ask("mixture", seed=0, batch=0)


def unstack(tree: chex.ArrayTree, trial: int) -> chex.ArrayTree:
    """Takes one trial out of a tree whose leaves are [T, ...]."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf[trial]), tree)
