"""What evaluators receive of the data."""

import dataclasses
from collections.abc import Callable

import numpy as np

from adversarial_latent.model import Model

_INK_SAMPLE = 500  # images that decide whether all are strokes on black


@dataclasses.dataclass(frozen=True)
class EvaluationData:
    """The examples on which a model is evaluated.

    Attributes:
      name: name of the data set.
      split: "test" or "validation".
      x: float32 [N, ...], as models see them.
      labels: [N], or None.
      class_names: empty without labels.
      show: returns the images at some indices for figures, float32 [M, H, W, C] in
        [0, 1]; None if the examples are not images and not features of images.
      available: number of examples from which these were drawn.
    """

    name: str
    split: str
    x: np.ndarray
    labels: np.ndarray | None
    class_names: tuple[str, ...]
    show: Callable[[np.ndarray], np.ndarray] | None
    available: int

    @property
    def description(self) -> str:
        """A description for protocols."""
        split = f"the {self.split} split of {self.name}"
        if len(self.x) == self.available:
            return f"{len(self.x)} examples of {split}"
        return f"{len(self.x)} random examples, out of {self.available}, of {split}"

    @property
    def is_image(self) -> bool:
        """Whether the examples are images [N, H, W, C]."""
        return self.x.ndim == 4

    @property
    def is_ink(self) -> np.ndarray:
        """Whether they are light strokes on black, which are shown inverted."""
        images = self.x
        if not self.is_image and self.show:
            images = self.show(np.arange(len(self.x))[:_INK_SAMPLE])
        return np.array(images.shape[-1] == 1 and float(images.mean()) < 0.5)

    def encode(
        self, model: Model, chosen: np.ndarray | slice = slice(None)
    ) -> dict[str, np.ndarray]:
        """Infers codes of the chosen examples; gives labels only if required."""
        if not model.conditional:
            return model.encode(self.x[chosen])
        return model.encode(
            self.x[chosen], None if self.labels is None else self.labels[chosen]
        )
