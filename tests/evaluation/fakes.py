"""A model that needs no training, and the data that it is evaluated on."""

import copy
import dataclasses
import io

import numpy as np
from matplotlib.figure import Figure
from scipy import special
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from adversarial_latent.data import (
    GRID_SIGMA,
    Dataset,
    Examples,
    grid_means,
    mode_names,
)
from adversarial_latent.distributions import GaussianMixture
from adversarial_latent.evaluation import figures
from adversarial_latent.evaluation.evaluator import Arrays, Evaluation
from adversarial_latent.evaluation.evaluators import EVALUATORS

CLASS_NAMES = tuple("0123456789")


def digits_dataset(labelled: bool = True) -> Dataset:
    """The first 300 digits: 200 to fit, 100 to test."""
    data = load_digits()
    images = data.images[:300, :, :, None].astype(np.uint8)
    labels = data.target[:300] if labelled else np.full(300, None)

    def split(part: slice) -> Examples:
        label = labels[part] if labelled else None
        return Examples(x=images[part], label=label, max_value=16)

    return Dataset(
        name="digits",
        splits={"train": split(slice(200)), "test": split(slice(200, None))},
        protocol="the first 300",
        class_names=CLASS_NAMES if labelled else (),
    )


class KMeansModel:
    """Clusters of k-means and codes of PCA, behind the interface of a `Model`."""

    classifies = conditional = uses_captions = False
    learns_mixture = True

    def __init__(self, dataset: Dataset, num_components: int = 10, latent_dim: int = 8):
        x = dataset.splits["train"].as_float()
        self.shape = x.shape[1:]
        flat = x.reshape(len(x), -1)
        self.num_components = num_components
        self._kmeans = KMeans(num_components, n_init=1, random_state=0).fit(flat)
        self._pca = PCA(latent_dim, svd_solver="full").fit(flat)
        self._centers = self._pca.transform(self._kmeans.cluster_centers_)  # [K, d]

    def can(self, ability: str) -> bool:
        return ability in ("encode", "decode", "sample", "mixture")

    def encode(self, x: np.ndarray) -> dict[str, np.ndarray]:
        flat = x.reshape(len(x), -1)
        return {
            "z": self._pca.transform(flat).astype(np.float32),
            "y": np.eye(self.num_components)[self._kmeans.predict(flat)],
        }

    def decode(self, code: dict[str, np.ndarray]) -> np.ndarray:
        flat = self._pca.inverse_transform(code["z"])
        return flat.reshape(-1, *self.shape).astype(np.float32)

    def sample(
        self, n: int, seed: int = 0, component: int | None = None
    ) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(seed)
        k = (
            rng.integers(self.num_components, size=n)
            if component is None
            else component
        )
        k = np.broadcast_to(k, n)
        z = self._centers[k] + 0.1 * rng.normal(size=(n, self._centers.shape[1]))
        z = z.astype(np.float32)
        return {"x": self.decode({"z": z}), "z": z, "y": np.eye(self.num_components)[k]}

    def mixture(self) -> GaussianMixture:
        return GaussianMixture(
            logits=np.zeros(self.num_components, np.float32),
            mean=self._centers.astype(np.float32),
            log_variance=np.full(self._centers.shape, np.log(0.01), np.float32),
        )


class ClassModel(KMeansModel):
    """Classes whose mean code is nearest, and a Gaussian for the codes of each."""

    classifies = True

    def __init__(self, dataset: Dataset, latent_dim: int = 8):
        super().__init__(dataset, latent_dim=latent_dim)
        train = dataset.splits["train"]
        self._class_codes = [
            super(ClassModel, self).encode(train.as_float()[train.label == k])["z"]
            for k in range(10)
        ]

    def encode(self, x: np.ndarray) -> dict[str, np.ndarray]:
        z = super().encode(x)["z"]
        means = np.stack([codes.mean(axis=0) for codes in self._class_codes])
        squared = np.square(z[:, None] - means).sum(axis=-1)  # [N, 10]
        return {"z": z, "y": np.eye(10)[squared.argmin(axis=1)]}

    def mixture(self) -> GaussianMixture:
        sizes = [len(codes) for codes in self._class_codes]
        return GaussianMixture(
            logits=np.log(np.array(sizes, np.float32)),
            mean=np.stack([codes.mean(axis=0) for codes in self._class_codes]),
            log_variance=np.log([codes.var(axis=0) for codes in self._class_codes]),
        )


def grid_dataset() -> Dataset:
    """The 25-grid with 500 points in each split."""
    rng = np.random.default_rng(0)
    means = grid_means()
    mode = np.tile(np.arange(25), 20)
    x = (means[mode] + GRID_SIGMA * rng.normal(size=(500, 2))).astype(np.float32)
    examples = Examples(x=x, label=mode)
    return Dataset(
        name="grid25",
        splits={"train": examples, "test": examples},
        protocol="20 points of each mode",
        class_names=mode_names(means),
    )


class GridModel:
    """Draws from some modes of the 25-grid; halves data to get codes."""

    num_components = None
    classifies = conditional = uses_captions = False

    def __init__(self, num_modes: int = 25, sigma: float = GRID_SIGMA, infers=True):
        self._means = grid_means()[:num_modes]
        self._sigma = sigma
        self._infers = infers

    def can(self, ability: str) -> bool:
        return ability == "sample" or (self._infers and ability in ("encode", "decode"))

    def encode(self, x: np.ndarray) -> dict[str, np.ndarray]:
        assert self._infers
        return {"z": x / 2}

    def decode(self, code: dict[str, np.ndarray]) -> np.ndarray:
        assert self._infers
        return code["z"] * 2

    def sample(self, n: int, seed: int = 0, component=None) -> dict[str, np.ndarray]:
        assert component is None
        rng = np.random.default_rng(seed)
        means = self._means[rng.integers(len(self._means), size=n)]
        x = means + self._sigma * rng.normal(size=(n, 2))
        return {"x": x.astype(np.float32)}


class GivenClusters:
    """A model whose clusters are given."""

    classifies = conditional = uses_captions = False
    learns_mixture = True

    def __init__(self, clusters: np.ndarray, num_components: int):
        self._y = np.eye(num_components)[clusters]
        self.num_components = num_components

    def can(self, ability: str) -> bool:
        return ability in ("encode", "sample")

    def encode(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return {"z": np.zeros((len(x), 2), np.float32), "y": self._y}

    def sample(self, n: int, seed: int, component: int) -> dict[str, np.ndarray]:
        return {"x": np.zeros((n, 8, 8, 1))}


class OpenModel:
    """Examples [N, K] are their own codes: the probabilities y of K components."""

    classifies = conditional = uses_captions = False

    def __init__(self, num_components: int = 3):
        self.num_components = num_components

    def can(self, ability: str) -> bool:
        return ability == "encode"

    def encode(self, x: np.ndarray) -> dict[str, np.ndarray]:
        return {"y": x}


def open_dataset(**splits: tuple[list[list[float]], list[int] | None]) -> Dataset:
    """Splits of given probabilities, and labels, for `OpenModel`."""
    labelled = all(labels is not None for _, labels in splits.values())
    return Dataset(
        name="open",
        splits={
            name: Examples(
                x=np.array(x, np.float32), label=label and np.array(label, int)
            )
            for name, (x, label) in splits.items()
        },
        protocol="given",
        class_names=("a", "b", "c") if labelled else (),
    )


class SoftKMeansModel(KMeansModel):
    """Its code is y alone: soft clusters, whose centres are mixed by it."""

    def can(self, ability: str) -> bool:
        return ability in ("encode", "decode", "sample")

    def encode(self, x: np.ndarray) -> dict[str, np.ndarray]:
        distance = self._kmeans.transform(x.reshape(len(x), -1))  # [N, K]
        return {"y": special.softmax(-(distance**2), axis=1)}

    def decode(self, code: dict[str, np.ndarray]) -> np.ndarray:
        flat = code["y"] @ self._kmeans.cluster_centers_
        return flat.reshape(-1, *self.shape).astype(np.float32)

    def sample(
        self, n: int, seed: int = 0, component: int | None = None
    ) -> dict[str, np.ndarray]:
        k = component
        if component is None:
            k = np.random.default_rng(seed).integers(self.num_components, size=n)
        y = np.eye(self.num_components)[np.broadcast_to(k, n)]
        return {"x": self.decode({"y": y}), "y": y}


class DensityModel:
    """The log-density of example i is -i; perhaps that of x given a code."""

    num_components = None
    classifies = conditional = uses_captions = False

    def __init__(self, log_prob_given_code: bool = False):
        self.log_prob_given_code = log_prob_given_code

    def can(self, ability: str) -> bool:
        return ability == "log_prob"

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        return -np.arange(len(x), dtype=np.float32)


def conditional(model):
    """A model whose `encode` needs the labels; `received` holds its arguments."""
    given = copy.copy(model)
    given.conditional, given.received = True, []

    def encode(x, label):
        given.received.append((x, label))
        return model.encode(x)

    given.encode = encode
    return given


def saved(arrays: Arrays) -> dict[str, np.ndarray]:
    """Arrays as they come back from a file, which holds no Python objects."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    with np.load(file) as found:
        return dict(found)


def draw(evaluation: Evaluation, name: str) -> Figure:
    """One figure of an evaluation, drawn from its saved arrays alone."""
    return figures.draw(name, saved(evaluation.arrays[name]()))


def drawn(evaluation: Evaluation) -> dict[str, Figure]:
    """All figures of an evaluation, by name."""
    names = [name for name in evaluation.arrays if name in figures.FIGURES]
    return {name: draw(evaluation, name) for name in names}


def png(figure) -> bytes:
    """The file that a figure is saved as."""
    target = io.BytesIO()
    figures.save_figure(figure, target)
    return target.getvalue()


class AnyModel:
    """Has every ability, by linear maps of examples with K components."""

    log_prob_given_code = False

    def __init__(self, shape, num_components, dimension=2, *, constant=False):
        self.shape, self.num_components, self.dimension = (
            shape,
            num_components,
            dimension,
        )
        self.classifies = self.conditional = self.uses_captions = False
        self.learns_mixture = True
        self._scale = 0.0 if constant else 1.0

    def can(self, ability: str) -> bool:
        return True

    def _images(self, z: np.ndarray) -> np.ndarray:
        """Examples [..., H, W, C] of codes [..., d]."""
        size = int(np.prod(self.shape))
        x = np.tile(z, size // z.shape[-1] + 1)[..., :size]
        return special.expit(x).reshape(*z.shape[:-1], *self.shape).astype(np.float32)

    def encode(self, x: np.ndarray) -> dict[str, np.ndarray]:
        z = self._scale * x.reshape(len(x), -1)[:, : self.dimension]
        if self.num_components is None:
            return {"z": z}
        y = (1000 * z[:, 0]).astype(int) % self.num_components
        return {"z": z, "y": np.eye(self.num_components, dtype=np.float32)[y]}

    def sample_code(self, x: np.ndarray, seed: int) -> dict[str, np.ndarray]:
        code = self.encode(x)
        noise = np.random.default_rng(seed).normal(size=code["z"].shape)
        return code | {"z": code["z"] + noise.astype(np.float32)}

    def decode(self, code: dict[str, np.ndarray]) -> np.ndarray:
        return self._images(code["z"])

    def variations(self, x: np.ndarray, n: int, seed: int) -> np.ndarray:
        return np.repeat(x[:, None], n, axis=1)

    def sample(
        self, n: int, seed: int, component=None, *, caption=None
    ) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(seed)
        z = self._scale * rng.normal(size=(n, self.dimension)).astype(np.float32)
        return {"x": self._images(z), "z": z}

    def styles(self, n: int, seed: int, *, captions=()) -> np.ndarray:
        rows = len(captions) or self.num_components
        z = np.random.default_rng(seed).normal(size=(rows, n, self.dimension))
        return self._images(self._scale * z)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        return -x.reshape(len(x), -1).sum(axis=1)

    def mixture(self) -> GaussianMixture:
        shape = (self.num_components, self.dimension)
        return GaussianMixture(
            logits=np.zeros(self.num_components, np.float32),
            mean=np.random.default_rng(0).normal(size=shape).astype(np.float32),
            log_variance=np.zeros(shape, np.float32),
        )


@dataclasses.dataclass(frozen=True)
class Case:
    """What models are evaluated on, and what cannot be made of that.

    Attributes:
      left_out: names of figures and, of an evaluator that gives nothing, its own.
    """

    examples: int = 20
    classes: int = 3
    components: int = 3
    equal: bool = False
    constant: bool = False
    labelled: bool = True
    left_out: frozenset[str] = frozenset()


CLASSES = {name for name, one in EVALUATORS.items() if "classes" in one.requires}


def make(name: str, case: Case) -> tuple[AnyModel, AnyModel, Dataset]:
    """A model, a classifier and data that the evaluator is for."""
    rng = np.random.default_rng(0)
    label = np.arange(case.examples) % case.classes if case.labelled else None
    class_names = tuple(map(str, range(case.classes))) if case.labelled else ()
    shape, data = (4, 4, 1), "images"
    if name == "modes":
        names = mode_names(grid_means())
        shape, data, class_names = (2,), "grid25", names[: min(case.classes, 25)]
        label = np.arange(case.examples) % len(class_names)
    x = rng.uniform(size=(case.examples, *shape)).astype(np.float32)
    captions = tuple((f"number {k}",) for k in range(case.examples))
    examples = Examples(x=x[:1] + 0 * x if case.equal else x, label=label)
    if name == "captions":
        examples = dataclasses.replace(examples, captions=captions)
    dataset = Dataset(data, {"train": examples, "test": examples}, "", class_names)
    components = case.classes if name in CLASSES else case.components
    if name in ("manifold", "modes"):
        components = None
    model = AnyModel(shape, components, constant=case.constant)
    model.classifies = name in CLASSES
    model.uses_captions = name == "captions"
    return model, AnyModel(shape, case.classes, constant=case.constant), dataset
