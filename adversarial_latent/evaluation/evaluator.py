"""Evaluators: functions that compute numbers about a trained model.

An evaluator declares what it requires of model and data. Its parameters declare what it
receives. It returns numbers, the protocol that they follow, and functions that compute
the arrays of figures. Figures are drawn from these arrays alone (`figures`). Thus no
figure can cost a number, and figures can be drawn again without the model. Equal
arguments give equal results, bit for bit. Labels are only used to score what a model
infers, unless the model is conditional on them.
"""

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from adversarial_latent.data import (
    GRID_SIGMA,
    RING_SIGMA,
    Dataset,
    Examples,
    grid_means,
    ring_means,
)
from adversarial_latent.evaluation.evaluation_data import EvaluationData
from adversarial_latent.evaluation.limits import bounded
from adversarial_latent.inputs import InputError
from adversarial_latent.model import Model

Shapes = Mapping[str, tuple[int, ...]]
Arrays = Mapping[str, np.ndarray]

MIXTURES: Mapping[str, tuple[Callable[[], np.ndarray], float]] = {
    "grid25": (grid_means, GRID_SIGMA),
    "ring": (ring_means, RING_SIGMA),
}
"""Data sets that are mixtures in the plane: their means and standard deviation."""

ABILITIES = (
    "encode",
    "decode",
    "sample",
    "styles",
    "variations",
    "log_prob",
    "mixture",
)
"""Requirements that are inference functions, see `Game`."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Results of an evaluator.

    Attributes:
      numbers: by name, see `registry.METRICS`.
      protocol: how the numbers were computed, in words.
      arrays: by the name of a figure, a function that computes its arrays. Arrays of
        other names are saved without a figure.
    """

    numbers: Mapping[str, float]
    protocol: str
    arrays: Mapping[str, Callable[[], Arrays]] = dataclasses.field(default_factory=dict)


_MODEL_REQUIREMENTS: Mapping[str, tuple[Callable[[Model], bool], str]] = {
    "components": (
        lambda model: model.num_components is not None,
        "requires a model with components; this one infers no y",
    ),
    "classes": (
        lambda model: model.classifies,
        "requires a model that learns classes from labels; without labels use "
        "'clustering'",
    ),
    "captions": (
        lambda model: model.uses_captions,
        "requires a model that uses captions",
    ),
    "unconditional": (
        lambda model: not model.conditional,
        "compares inferred components with labels, but this model is given the labels",
    ),
}
_DATA_REQUIREMENTS: Mapping[str, tuple[Callable[[Dataset], bool], str]] = {
    "images": (
        lambda dataset: len(dataset.example_shape) == 3,
        "requires images [N, H, W, C], but examples of {name!r} have shape {shape}",
    ),
    "labels": (
        lambda dataset: bool(dataset.class_names),
        "requires labels, but {name!r} has none",
    ),
    "captions": (
        lambda dataset: dataset.has_captions,
        "requires captions, but {name!r} has none",
    ),
    "known_means": (
        lambda dataset: dataset.name in MIXTURES,
        "requires a mixture with known means, one of "
        f"{sorted(MIXTURES)}, not {{name!r}}",
    ),
    "classifier": (
        lambda dataset: bool(dataset.class_names),
        "requires labels to train a classifier of generated images, but {name!r} has "
        "none",
    ),
}
_CODE_REQUIREMENTS: Mapping[str, tuple[Callable[[Shapes], bool], str]] = {
    "z": (
        lambda code: "z" in code,
        "requires codes z, but this model's have the parts {parts}",
    ),
    "z_in_plane": (
        lambda code: "y" not in code and code["z"][-1] == 2,
        "requires codes z [N, 2] without a component y, not {code}",
    ),
}
_REQUIREMENTS = {
    *ABILITIES,
    *_MODEL_REQUIREMENTS,
    *_DATA_REQUIREMENTS,
    *_CODE_REQUIREMENTS,
} - {"classifier"}  # which follows from the parameter of that name

RECEIVED = (
    "model",
    "data",
    "seed",
    "classifier",
    "validation",
    "captions",
    "attributes",
    "sentences",
)
"""What an evaluator can receive, by the names of its parameters.

A `Model`; `EvaluationData`; the seed of everything random; a trained classifier of the
same data, as a `Model`; the labelled validation `Examples`, or None if there are none
or if they are what is evaluated; captions, several of each example; the attributes
whose values are the words of class names; sentences to illustrate.
"""


@dataclasses.dataclass(frozen=True)
class Evaluator:
    """A function that evaluates a model, with its requirements.

    Attributes:
      name: its name in configs.
      compute: the function; its parameters are among `RECEIVED`.
      requires: names in `ABILITIES`; "components", "classes", "captions" or
        "unconditional" of the model; "images", "labels", "captions" or "known_means"
        of the data; "z" or "z_in_plane" of the codes.
      min_examples: the smallest number of examples.
      compares_labels: whether it compares with labels if there are any. Then it
        receives only the labelled examples. Others receive all examples, and labels
        only if all are labelled.
    """

    name: str
    compute: Callable[..., Evaluation]
    requires: tuple[str, ...]
    min_examples: int = 1
    compares_labels: bool = False

    @property
    def receives(self) -> tuple[str, ...]:
        """Names of the parameters of `compute`."""
        return tuple(inspect.signature(self.compute).parameters)

    @property
    def needs_classifier(self) -> bool:
        """Whether it receives a classifier of the data."""
        return "classifier" in self.receives

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
        """Evaluates a model.

        Args:
          model: the model.
          dataset: the data set.
          seed: seed of everything random.
          split: split of the data set.
          classifier: a classifier of the same data, for evaluators that need one.
          sentences: captions to illustrate, for evaluators that do.

        Raises:
          InputError: model or data do not meet the requirements.
        """
        self.check_model(model)
        self.check_data(dataset, split)
        if self.needs_classifier and classifier is None:
            raise InputError(
                f"The evaluator {self.name!r} needs a classifier of {dataset.name!r}."
            )
        scored = self._scored(model, dataset.splits[split])
        examples = bounded(scored)
        validation = dataset.splits.get("validation")
        if split == "validation" or (validation and not len(validation.labelled)):
            validation = None
        available: dict[str, Any] = {
            "model": model,
            "data": EvaluationData(
                name=dataset.name,
                split=split,
                x=examples.as_float(),
                labels=(
                    examples.label if len(examples.labelled) == len(examples) else None
                ),
                class_names=dataset.class_names,
                show=examples.show if examples.has_images else None,
                available=len(scored),
            ),
            "seed": seed,
            "classifier": classifier,
            "validation": validation and bounded(_labelled(validation)),
            "captions": examples.captions,
            "attributes": dataset.attributes,
            "sentences": sentences,
        }
        return self.compute(**{name: available[name] for name in self.receives})

    def _scored(self, model: Model, examples: Examples) -> Examples:
        """The examples of a split that it receives."""
        compares = self.compares_labels or self._requires_labels or model.conditional
        return _labelled(examples) if compares else examples

    @property
    def _requires_labels(self) -> bool:
        return "labels" in self.requires or self.needs_classifier

    def check_model(self, model: Model) -> None:
        """Checks a model, trained or not, against the requirements.

        Raises:
          InputError: the model lacks an ability, components, classes or captions.
        """
        abilities = [name for name in self.requires if name in ABILITIES]
        if missing := [name for name in abilities if not model.can(name)]:
            raise InputError(
                f"The evaluator {self.name!r} requires models that can {abilities}, "
                f"but this one cannot {missing}."
            )
        without_caption = "captions" not in self.requires
        if "sample" in abilities and model.uses_captions and without_caption:
            raise InputError(
                f"The evaluator {self.name!r} samples without captions, but this "
                "model requires one: use 'captions'."
            )
        for name in self.requires:
            satisfied, words = _MODEL_REQUIREMENTS.get(name, (_always, ""))
            if not satisfied(model):
                raise InputError(f"The evaluator {self.name!r} {words}.")

    @property
    def requires_codes(self) -> bool:
        """Whether it has requirements for `check_codes`."""
        return not _CODE_REQUIREMENTS.keys().isdisjoint(self.requires)

    def check_codes(self, shapes: Shapes) -> None:
        """Checks codes against the requirements.

        Args:
          shapes: shapes of the parts of a code, by name.

        Raises:
          InputError: a requirement is not met.
        """
        for name in self.requires:
            satisfied, words = _CODE_REQUIREMENTS.get(name, (_always, ""))
            if not satisfied(shapes):
                words = words.format(parts=sorted(shapes), code=dict(shapes))
                raise InputError(f"The evaluator {self.name!r} {words}.")

    def check_data(self, dataset: Dataset, split: str = "test") -> None:
        """Checks data against the requirements.

        Raises:
          InputError: the split is missing or has too few examples, or another
            requirement is not met.
        """
        if split not in dataset.splits:
            raise InputError(
                f"The data set {dataset.name!r} has no {split} split to evaluate on; "
                f"set dataset.{_SETTING_OF_SPLIT[split]}."
            )
        examples = dataset.splits[split]
        if self._requires_labels and dataset.class_names and not len(examples.labelled):
            raise InputError(
                f"The evaluator {self.name!r} requires labels, but no example of the "
                f"{split} split of {dataset.name!r} is labelled."
            )
        if self.compares_labels or self._requires_labels:
            examples = _labelled(examples)
        if (number := len(examples)) < self.min_examples:
            raise InputError(
                f"The evaluator {self.name!r} requires at least {self.min_examples} "
                f"examples, but the {split} split of {dataset.name!r} has {number}: "
                f"raise dataset.{_SETTING_OF_SPLIT[split]}, or leave the evaluator out."
            )
        classifier = ("classifier",) if self.needs_classifier else ()
        for name in (*self.requires, *classifier):
            satisfied, words = _DATA_REQUIREMENTS.get(name, (_always, ""))
            if not satisfied(dataset):
                words = words.format(name=dataset.name, shape=dataset.example_shape)
                raise InputError(f"The evaluator {self.name!r} {words}.")


def evaluator(
    *requires: str, min_examples: int = 1, compares_labels: bool = False
) -> Callable[[Callable[..., Evaluation]], Evaluator]:
    """Turns a function into an `Evaluator` of the same name.

    Args:
      *requires: requirements, see `Evaluator`.
      min_examples: the smallest number of examples.
      compares_labels: see `Evaluator`.

    Raises:
      TypeError: a requirement is unknown, or a parameter is not in `RECEIVED`.
    """

    def wrap(compute: Callable[..., Evaluation]) -> Evaluator:
        wrapped = Evaluator(
            compute.__name__, compute, requires, min_examples, compares_labels
        )
        for kind, names, known in (
            ("requirement", requires, _REQUIREMENTS),
            ("parameter", wrapped.receives, RECEIVED),
        ):
            if unknown := set(names) - set(known):
                raise TypeError(f"{wrapped.name}: unknown {kind} {sorted(unknown)}")
        object.__setattr__(wrapped, "__doc__", compute.__doc__)
        return wrapped

    return wrap


def choose(total: int, number: int, seed: int) -> np.ndarray:
    """Samples up to `number` different indices below `total`, in random order."""
    return np.random.default_rng(seed).permutation(total)[:number]


_SETTING_OF_SPLIT = {"test": "test_fraction", "validation": "num_validation"}


def _labelled(examples: Examples) -> Examples:
    """The labelled examples; all of them if none is labelled."""
    labelled = examples.labelled
    whole = len(labelled) in (0, len(examples))
    return examples if whole else examples.take(labelled)


def _always(_: object) -> bool:
    return True
