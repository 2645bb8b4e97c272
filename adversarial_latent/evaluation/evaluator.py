"""What an evaluator is: one question about a trained model, with what it needs.

An evaluator takes a model, a data set and a seed, and returns numbers, the protocol
that they follow, and functions that draw figures, so that no figure can cost a number.
It is a pure function: equal arguments give equal numbers, bit for bit. The labels of
the data score what a model infers, and are never shown to it, unless it is a
conditional one.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from matplotlib.figure import Figure

from adversarial_latent.data import (
    GRID_SIGMA,
    RING_SIGMA,
    Dataset,
    Examples,
    grid_means,
    ring_means,
)
from adversarial_latent.distributions import GaussianMixture
from adversarial_latent.inputs import InputError

Shapes = Mapping[str, tuple[int, ...]]

MIXTURES: Mapping[str, tuple[Callable[[], np.ndarray], float]] = {
    "grid25": (grid_means, GRID_SIGMA),
    "ring": (ring_means, RING_SIGMA),
}
"""Data sets that are mixtures of points: their means and standard deviation."""


class Model(Protocol):
    """A trained model as evaluators see it: `adversarial_latent.model.Model`."""

    @property
    def num_components(self) -> int | None:
        """Number of clusters or classes, K, or None."""

    @property
    def classifies(self) -> bool:
        """Whether components are classes."""

    @property
    def conditional(self) -> bool:
        """Whether `encode` has to be told the labels."""

    @property
    def captioned(self) -> bool:
        """Whether `sample` has to be told a caption."""

    @property
    def log_prob_given_code(self) -> bool:
        """Whether `log_prob` is that of x given the code inferred from it."""

    def can(self, question: str) -> bool:
        """Whether the model answers "encode", "decode", "neighbours"..."""

    def encode(
        self, x: np.ndarray, label: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Codes of x: "z" [N, d], "y" [N, K] probabilities of components, or both."""

    def decode(self, code: dict[str, np.ndarray]) -> np.ndarray:
        """Generates x [N, ...] from codes."""

    def neighbours(self, x: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
        """Generates n examples [N, n, ...] that are similar to each x."""

    def sample(
        self,
        n: int,
        seed: int = 0,
        component: int | np.ndarray | None = None,
        *,
        caption: str | Sequence[str] | None = None,
    ) -> dict[str, np.ndarray]:
        """Draws "x" [n, ...] and the codes that it was made from."""

    def styles(
        self, n: int, seed: int = 0, *, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """Generates [K, n, ...]: n styles, each with every component or caption."""

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """The log-density log p(x) [N], in nats."""

    def mixture(self) -> GaussianMixture:
        """The prior p(z) = sum_k p(y=k) p(z|y=k)."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What an evaluator found.

    Attributes:
      results: numbers by name.
      figures: by name, functions that draw them; a figure's label is its caption.
      protocol: how the numbers were made, in words.
      arrays: by name, for those who want to go on from there.
    """

    results: Mapping[str, float]
    figures: Mapping[str, Callable[[], Figure]]
    protocol: str
    arrays: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Judged:
    """The examples on which a model is judged.

    Attributes:
      name: of the data set.
      split: of the data set, "test" or "validation".
      x: as models see them, float32 [N, ...].
      labels: [N], or None.
      class_names: empty without labels.
      classifier: a trained classifier of the same data, by which generated images are
        judged; None where no evaluator asks for one.
      validation: the labelled examples of the validation split, as they are stored;
        None where there are none, or where they are the judged ones.
      captions: several of each example, or None.
      attributes: of which the words of class names are values, see `Dataset`.
      sentences: to illustrate beside captions.
    """

    name: str
    split: str
    x: np.ndarray
    labels: np.ndarray | None
    class_names: tuple[str, ...]
    classifier: Model | None = None
    validation: Examples | None = None
    captions: Sequence[Sequence[str]] | None = None
    attributes: tuple[str, ...] = ()
    sentences: Sequence[str] = ()

    @property
    def described(self) -> str:
        """What they are, for protocols."""
        return f"{len(self.x)} examples of the {self.split} split of {self.name}"

    @property
    def is_ink(self) -> bool:
        """Whether they are light strokes on black: those are printed dark on white."""
        return self.x.shape[-1] == 1 and float(self.x.mean()) < 0.5

    def encode(
        self, model: Model, chosen: np.ndarray | slice = slice(None)
    ) -> dict[str, np.ndarray]:
        """Codes of the chosen examples; only a conditional model is told the labels."""
        if not model.conditional:
            return model.encode(self.x[chosen])
        return model.encode(
            self.x[chosen], None if self.labels is None else self.labels[chosen]
        )


_MODEL_NEEDS: Mapping[str, tuple[Callable[[Model], bool], str]] = {
    "components": (
        lambda model: model.num_components is not None,
        "needs a model with components; this one infers no y",
    ),
    "classes": (
        lambda model: model.classifies,
        "needs a model that learns classes from labels; for one without labels there "
        "is 'clustering'",
    ),
    "captions": (
        lambda model: model.captioned,
        "tells models captions, and this one knows none",
    ),
    "inference": (
        lambda model: not model.conditional,
        "compares inferred components with labels, but this model is told the labels",
    ),
}
_DATA_NEEDS: Mapping[str, tuple[Callable[[Dataset], bool], str]] = {
    "images": (
        lambda dataset: len(dataset.example_shape) == 3,
        "shows images [N, H, W, C], but {name!r} holds examples of shape {shape}",
    ),
    "labels": (
        lambda dataset: bool(dataset.class_names),
        "compares classes with labels, and {name!r} has none",
    ),
    "captions": (
        lambda dataset: dataset.captioned,
        "illustrates captions, and {name!r} has none",
    ),
    "means": (
        lambda dataset: dataset.name in MIXTURES,
        "needs a mixture of points with known means, one of "
        f"{sorted(MIXTURES)}, not {{name!r}}",
    ),
    "classifier": (
        lambda dataset: bool(dataset.class_names),
        "judges generated images by a classifier, which learns from labels, and "
        "{name!r} has none",
    ),
}
_CODE_NEEDS: Mapping[str, tuple[Callable[[Shapes], bool], str]] = {
    "z": (
        lambda code: "z" in code,
        "shows codes z, but this model's have the parts {parts}",
    ),
    "plane": (
        lambda code: "y" not in code and code["z"][-1] == 2,
        "needs codes z [N, 2] without a component y, not {code}",
    ),
}


@dataclasses.dataclass(frozen=True)
class Evaluator:
    """One question about a model.

    Attributes:
      name: what configs call it.
      judge: `(model, judged, seed) -> Evaluation`.
      asks: what the model has to answer.
      needs: "components", "classes", "captions" or "inference" of the model; "images",
        "labels", "captions", "means" or "classifier" of the data; "z" or "plane" of
        the codes.
      at_least: of how many examples it can be made.
    """

    name: str
    judge: Callable[[Model, Judged, int], Evaluation]
    asks: tuple[str, ...]
    needs: tuple[str, ...]
    at_least: int = 1

    def __call__(
        self,
        model: Model,
        dataset: Dataset,
        seed: int,
        *,
        split: str = "test",
        classifier: Model | None = None,
        sentences: Sequence[str] = (),
    ) -> Evaluation:
        """Judges a model.

        Args:
          model: the model.
          dataset: what it is judged on.
          seed: of whatever is drawn at random.
          split: of the data set.
          classifier: of the same data, for evaluators that need one.
          sentences: to illustrate, for the one that does.

        Raises:
          InputError: if model or data are not what the evaluator is for.
        """
        self.check_model(model)
        self.check_data(dataset, split)
        if "classifier" in self.needs and classifier is None:
            raise InputError(
                f"The evaluator {self.name!r} needs a classifier of {dataset.name!r}."
            )
        examples = dataset.splits[split]
        validation = dataset.splits.get("validation")
        if split == "validation" or (validation and validation.label is None):
            validation = None
        judged = Judged(
            name=dataset.name,
            split=split,
            x=examples.as_float(),
            labels=examples.label,
            class_names=dataset.class_names,
            classifier=classifier,
            validation=validation,
            captions=examples.captions,
            attributes=dataset.attributes,
            sentences=sentences,
        )
        return self.judge(model, judged, seed)

    def check_model(self, model: Model) -> None:
        """Refuses a model that there is no such question for; need not be trained.

        Raises:
          InputError: it does not answer, or has no components, or no classes.
        """
        missing = [question for question in self.asks if not model.can(question)]
        if missing:
            raise InputError(
                f"The evaluator {self.name!r} asks models to answer "
                f"{list(self.asks)}, but this one has no {missing}."
            )
        if "sample" in self.asks and model.captioned and "captions" not in self.needs:
            raise InputError(
                f"The evaluator {self.name!r} draws samples without a caption, and "
                "this model has to be told one: use 'captions'."
            )
        for need in self.needs:
            holds, words = _MODEL_NEEDS.get(need, (_always, ""))
            if not holds(model):
                raise InputError(f"The evaluator {self.name!r} {words}.")

    @property
    def needs_codes(self) -> bool:
        """Whether `check_codes` may refuse codes."""
        return not _CODE_NEEDS.keys().isdisjoint(self.needs)

    def check_codes(self, shapes: Shapes) -> None:
        """Refuses codes that cannot be shown.

        Args:
          shapes: of what `encode` gives, by name.

        Raises:
          InputError: they are not what the evaluator is for.
        """
        for need in self.needs:
            holds, words = _CODE_NEEDS.get(need, (_always, ""))
            if not holds(shapes):
                words = words.format(parts=sorted(shapes), code=dict(shapes))
                raise InputError(f"The evaluator {self.name!r} {words}.")

    def check_data(self, dataset: Dataset, split: str = "test") -> None:
        """Refuses data that a model cannot be judged on.

        Raises:
          InputError: no such split, too few examples in it, or data that are not what
            the evaluator is for.
        """
        if split not in dataset.splits:
            raise InputError(
                f"The data set {dataset.name!r} has no {split} split to evaluate on; "
                f"set dataset.{_SETTING_OF_SPLIT[split]}."
            )
        if (number := len(dataset.splits[split])) < self.at_least:
            raise InputError(
                f"The evaluator {self.name!r} needs at least {self.at_least} examples, "
                f"and the {split} split of {dataset.name!r} has {number}: raise "
                f"dataset.{_SETTING_OF_SPLIT[split]}, or leave the evaluator out."
            )
        for need in self.needs:
            holds, words = _DATA_NEEDS.get(need, (_always, ""))
            if not holds(dataset):
                words = words.format(name=dataset.name, shape=dataset.example_shape)
                raise InputError(f"The evaluator {self.name!r} {words}.")


def evaluator(
    *asks: str, needs: Sequence[str] = (), at_least: int = 1
) -> Callable[[Callable[[Model, Judged, int], Evaluation]], Evaluator]:
    """Makes a function an `Evaluator` of its name.

    Args:
      *asks: what the model has to answer.
      needs: what else it takes, see `Evaluator`.
      at_least: of how many examples it can be made.
    """

    def wrap(judge: Callable[[Model, Judged, int], Evaluation]) -> Evaluator:
        made = Evaluator(judge.__name__, judge, asks, tuple(needs), at_least)
        object.__setattr__(made, "__doc__", judge.__doc__)
        return made

    return wrap


def choose(total: int, number: int, seed: int) -> np.ndarray:
    """At most `number` different indices below `total`, in random order."""
    return np.random.default_rng(seed).permutation(total)[:number]


def captioned(figure: Figure, caption: str) -> Figure:
    """The figure, with its caption as its label."""
    figure.set_label(caption)
    return figure


_SETTING_OF_SPLIT = {"test": "test_fraction", "validation": "num_validation"}


def _always(_: object) -> bool:
    return True
