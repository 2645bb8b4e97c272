"""The data set type: arrays of examples with their labels and names, by split.

Images stay as stored, uint8 [N, H, W, C]. Only `to_float` converts them to float32 in
[0, 1]. It works on NumPy arrays and on traced JAX arrays.
"""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from adversarial_latent.data.lazy import LazyArray
from adversarial_latent.data.scaling import Scaling, fit_scaling


def to_float(x: Any, max_value: int) -> Any:
    """Converts stored pixels to the values that models see.

    Args:
      x: NumPy or JAX array. uint8 pixels are scaled, float32 values are unchanged.
      max_value: the pixel value that becomes 1.0.

    Returns:
      float32 array of the same shape.
    """
    if x.dtype == np.uint8:
        return x.astype(np.float32) * np.float32(1 / max_value)
    return x


def part_of(x: np.ndarray | LazyArray, indices: np.ndarray | slice) -> Any:
    """Returns the examples at `indices`, in order; lazy examples stay lazy."""
    return x.subset(indices) if isinstance(x, LazyArray) else x[indices]


def _mapped(x: np.ndarray | LazyArray, scaling: Scaling) -> np.ndarray | LazyArray:
    if isinstance(x, LazyArray):
        return x.map(scaling.apply, x.shape[1:], np.float32)
    return scaling.apply(x)


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """One split: inputs with their labels, names and captions.

    Attributes:
      x: uint8 images [N, H, W, C], float32 images in [0, 1] of that shape, or float32
        points [N, D]; an array, or a `LazyArray`.
      label: int32 [N], or None; -1 for an unlabelled example.
      name: N strings: file names, or positions in the source.
      max_value: the uint8 value that becomes 1.0 (16 for scikit-learn's digits).
      captions: C captions for each example, or None.
      caption_vectors: embeddings of these captions (`text/`), float32 [N, C, D], or
        None.
      images: if x are features of images, these images as stored, uint8 or float32
        [N, H, W, C]; otherwise None.

    Raises:
      ValueError: there are no examples, lengths differ, or a dtype or shape is wrong.
    """

    x: np.ndarray | LazyArray
    label: np.ndarray | None = None
    name: Sequence[str] = ()
    max_value: int = 255
    captions: Sequence[Sequence[str]] | None = None
    caption_vectors: np.ndarray | None = None
    images: np.ndarray | LazyArray | None = None

    def __post_init__(self):
        size = len(self.x)
        if size == 0:
            raise ValueError("there are no examples: x has length 0")
        if self.x.dtype not in (np.uint8, np.float32):
            raise ValueError(f"x must be uint8 or float32, not {self.x.dtype}")
        if len(self.x.shape) not in (2, 4):
            raise ValueError(
                f"x must be images [N, H, W, C] or points [N, D], not {self.x.shape}"
            )
        if not self.name:
            object.__setattr__(self, "name", tuple(map(str, range(size))))
        if len(self.name) != size:
            raise ValueError(f"{size} examples, but {len(self.name)} names")
        if self.label is not None:
            label = np.asarray(self.label)
            if label.shape != (size,):
                raise ValueError(
                    f"{size} examples need labels of shape ({size},), not {label.shape}"
                )
            if label.dtype.kind not in "iu":
                raise ValueError(f"labels must be integers, not {label.dtype}")
            if (label != label.astype(np.int32)).any():
                raise ValueError(
                    f"labels must fit in int32, but go from {label.min()} to "
                    f"{label.max()}"
                )
            object.__setattr__(self, "label", label.astype(np.int32))
        if self.images is not None and len(self.images) != size:
            raise ValueError(f"{size} examples, but {len(self.images)} images of them")
        if self.captions is not None:
            counts = {len(sentences) for sentences in self.captions}
            if len(self.captions) != size or len(counts) != 1 or 0 in counts:
                raise ValueError(
                    f"all {size} examples need the same number of captions, but there "
                    f"are {sorted(counts)} for {len(self.captions)} examples"
                )

    def __len__(self) -> int:
        return len(self.x)

    @property
    def example_shape(self) -> tuple[int, ...]:
        """Shape of one example: (H, W, C) or (D,)."""
        return tuple(self.x.shape[1:])

    @property
    def labelled(self) -> np.ndarray:
        """Indices of the labelled examples, int64 [M]; empty without labels."""
        return np.flatnonzero(() if self.label is None else self.label >= 0)

    def take(self, indices: np.ndarray) -> "Examples":
        """Returns the examples at `indices` [M], in order; lazy images stay lazy."""
        indices = np.asarray(indices)
        return dataclasses.replace(
            self,
            x=part_of(self.x, indices),
            label=None if self.label is None else self.label[indices],
            name=tuple(self.name[i] for i in indices),
            captions=self.captions and tuple(self.captions[i] for i in indices),
            caption_vectors=None
            if self.caption_vectors is None
            else self.caption_vectors[indices],
            images=None if self.images is None else part_of(self.images, indices),
        )

    def fingerprint(self) -> str:
        """Hashes the examples in order, with their labels and captions.

        Lazy examples are represented by their positions in the source, and by
        the hash of the source, which covers only a sample of it.
        """
        digest = hashlib.blake2b(digest_size=16)

        def add(array: np.ndarray) -> None:
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array))

        x = self.x
        if isinstance(x, LazyArray):
            add(x.positions)
            digest.update(x.source.encode())
        else:
            add(x)
        digest.update(f"{x.shape} of {self.max_value}".encode())
        if self.label is not None:
            add(self.label)
        for sentences in self.captions or ():
            digest.update("\n".join(sentences).encode())
        return digest.hexdigest()

    def in_memory(self) -> "Examples":
        """Reads all inputs into memory, but not images of which they are features."""
        return dataclasses.replace(self, x=self.x[:])

    @property
    def has_images(self) -> bool:
        """Whether the examples are images, or features of images."""
        return self.images is not None or len(self.example_shape) == 3

    def show(self, indices: np.ndarray) -> np.ndarray:
        """Returns the images of examples that `has_images`, float32 [M, H, W, C]."""
        images = self.x if self.images is None else self.images
        return to_float(images[indices], self.max_value)

    def as_float(self, key: Any = slice(None)) -> np.ndarray:
        """Returns the inputs at `key` as models see them, float32 [M, ...]."""
        return to_float(self.x[key], self.max_value)


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """A named data set, divided into splits.

    Attributes:
      name: its name in the config.
      splits: "train" and "test", and "validation" if requested or provided by the
        source.
      protocol: how the splits were made, in words, for reports.
      class_names: one name per class; empty without labels.
      attributes: if classes are combinations of attributes, the attribute that each
        word of a class name is a value of: ("colour", "petals") for "red four".
      scaling: how vectors were standardised, or None.

    Raises:
      ValueError: splits of different shape, labels outside the classes, or labels or
        captions in some splits only.
    """

    name: str
    splits: Mapping[str, Examples]
    protocol: str
    class_names: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    scaling: Scaling | None = None

    def __post_init__(self):
        shapes = {name: split.example_shape for name, split in self.splits.items()}
        if len(set(shapes.values())) > 1:
            raise ValueError(f"{self.name}: splits differ in shape: {shapes}")
        labelled = [
            name for name, part in self.splits.items() if part.label is not None
        ]
        if 0 < len(labelled) < len(self.splits):
            raise ValueError(
                f"{self.name}: only {labelled} of the splits {list(self.splits)} have "
                "labels; give all of them labels, or none"
            )
        if len({split.captions is None for split in self.splits.values()}) > 1:
            raise ValueError(f"{self.name}: only some of the splits have captions")
        for name, split in self.splits.items():
            if split.label is None:
                continue
            low, high = int(split.label.min()), int(split.label.max())
            if low < -1 or high >= len(self.class_names):
                raise ValueError(
                    f"{self.name}: label out of range in split '{name}': labels go "
                    f"from {low} to {high}, but the {len(self.class_names)} classes "
                    f"are numbered 0 to {len(self.class_names) - 1}, and -1 is for "
                    "unlabelled examples"
                )

    @property
    def num_classes(self) -> int | None:
        """Number of classes, or None for data without labels."""
        return len(self.class_names) or None

    def standardised(self) -> "Dataset":
        """Standardises vectors by the training split; images stay as they are."""
        if len(self.example_shape) != 1:
            return self
        scaling = fit_scaling(self.splits["train"].x)
        return dataclasses.replace(
            self,
            splits={
                name: dataclasses.replace(part, x=_mapped(part.x, scaling))
                for name, part in self.splits.items()
            },
            protocol=f"{self.protocol}; vectors standardised by the training split",
            scaling=scaling,
        )

    @property
    def has_captions(self) -> bool:
        """Whether examples have captions."""
        return self.splits["train"].captions is not None

    @property
    def example_shape(self) -> tuple[int, ...]:
        """Shape of one example: (H, W, C) or (D,)."""
        return self.splits["train"].example_shape
