"""Estimators whose codes have a component y: clusterings and classifiers."""

import dataclasses
import numbers
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from ml_collections import ConfigDict
from sklearn.base import ClassifierMixin, ClusterMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from adversarial_latent import tasks
from adversarial_latent.estimators.autoencoders import Codes
from adversarial_latent.estimators.base import Estimator
from adversarial_latent.evaluation.candidates import read_choice
from adversarial_latent.inputs import InputError, has_unlabelled


@dataclasses.dataclass(eq=False, repr=False, kw_only=True)
class Components(Estimator):
    """An estimator whose code has a component y.

    Args:
      n_init: number of trials. The best is kept, by how often nearest neighbours have
        the same component; labels are not used for that. The others are those of
        `Estimator`.
    """

    n_init: int = 1

    _game: ClassVar[str]

    def _task(self) -> ConfigDict:
        """The config of the task."""
        raise NotImplementedError

    def _config(self) -> ConfigDict:
        config = self._task()
        config.update(trials=self.n_init, selection="nearest_neighbours")
        return config

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Infers the probabilities q(y|x), float32 [N, K]."""
        return self._encode(X)["y"]

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Infers clusters, integers [N], or classes [N]."""
        return self._named(self.predict_proba(X).argmax(-1))

    def sample(
        self, n_samples: int = 1, random_state: Any = None, y: Any = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Generates examples and their components.

        Args:
          n_samples: number of examples.
          random_state: seed or generator; None for that of the estimator.
          y: the cluster or class of all examples; None to sample it.

        Returns:
          `(X, y)`: vectors or images in [0, 1], and their clusters or classes.

        Raises:
          ValueError: there is no such cluster or class.
        """
        check_is_fitted(self)
        component = None if y is None else self._component_of(y)
        generated = self._generate(n_samples, random_state, component)
        return generated["x"], self._named(generated["y"].argmax(-1))

    def _component_of(self, y: Any) -> int:
        """The number of a cluster or class."""
        names = self._named(np.arange(self.code_shapes_["y"][0])).tolist()
        if y not in names:
            raise InputError(f"y={y!r} must be one of {names}")
        return names.index(y)

    def _named(self, component: np.ndarray) -> np.ndarray:
        """The clusters or classes of component numbers."""
        return component


@dataclasses.dataclass(eq=False, repr=False, kw_only=True)
class Clustering(ClusterMixin, Components):
    """Clusters examples without labels.

    Args:
      n_clusters: number of clusters; "auto" to choose it without labels, see
        `number_of_clusters`: each of `tasks.CANDIDATES`, or of those in `overrides`
        ("number_of_clusters.candidates"), is trained for a quarter of the steps of a
        small run. The others are those of `Components`.

    Attributes:
      labels_: clusters of the training examples, int64 [N].
      n_clusters_: number of clusters.
      candidates_: with n_clusters="auto", the candidates [C], ascending; else None.
      candidate_scores_: their scores [C], of which the highest was chosen; else None.
    """

    n_clusters: int | str = dataclasses.field(default=8, kw_only=False)
    n_init: int = 4

    def _task(self) -> ConfigDict:
        return tasks.cluster(self._game, self.n_clusters, self.size)

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Trains, without labels.

        Args:
          X: examples, vectors or images.
          y: not used.

        Raises:
          ValueError: X or a parameter is invalid, or there are fewer examples than
            clusters.
        """
        del y
        x = self._read(X, fit=True)
        if not isinstance(self.n_clusters, str) and len(x) < self.n_clusters:
            raise InputError(
                f"n_samples={len(x)} is less than n_clusters={self.n_clusters}"
            )
        self._train(x)
        self.labels_ = self.predict(X)
        return self

    def _keep(self, workdir: str, results: Mapping[str, Any]) -> None:
        super()._keep(workdir, results)
        self.n_clusters_ = self.model_.num_components
        self.candidates_ = self.candidate_scores_ = None
        if self.n_clusters == "auto":
            scores = read_choice(workdir)
            self.candidates_ = np.array(list(scores))
            self.candidate_scores_ = np.array([s["score"] for s in scores.values()])


class Classifier(ClassifierMixin, Components):
    """Learns classes from labelled and unlabelled examples.

    Attributes:
      classes_: the classes, sorted.
    """

    def _task(self) -> ConfigDict:
        return tasks.classify(self._game, size=self.size)

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Trains.

        Args:
          X: examples, vectors or images.
          y: labels [N]. The number -1 marks unlabelled examples, as in scikit-learn, if
            it is the only negative number and there are at least two classes besides
            it. With text, use dtype object.

        Raises:
          ValueError: X, y or a parameter is invalid.
        """
        x = self._read(X, fit=True)
        if y is None:
            raise InputError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None"
            )
        y = column_or_1d(y, warn=True)
        check_consistent_length(x, y)
        self.classes_, label = number_labels(y)
        self._train(x, label, tuple(map(str, self.classes_)))
        return self

    def _named(self, component: np.ndarray) -> np.ndarray:
        return self.classes_[component]


class Mixture(Codes):
    """An estimator with a Gaussian mixture as prior of z.

    Attributes:
      means_: [K, d] means of p(z|y).
      weights_: [K] probabilities p(y).
    """

    def _keep(self, workdir: str, results: Mapping[str, Any]) -> None:
        super()._keep(workdir, results)
        mixture = self.model_.mixture()
        self.means_ = np.asarray(mixture.mean)
        self.weights_ = np.asarray(mixture.probabilities)

    def _code_of(self, z: np.ndarray) -> dict[str, np.ndarray]:
        # The most probable component of z, AMM's eq. 19.
        component = np.asarray(self.model_.mixture().posterior(z)).argmax(-1)
        return {"y": np.eye(len(self.weights_), dtype=np.float32)[component], "z": z}


class AMMClustering(Clustering, Mixture):
    """The adversarially learned mixture model: clusters, codes and samples."""

    _game = "amm"


class SAMMClassifier(Classifier, Mixture):
    """The semi-supervised AMM: a classifier from few labels, with codes and samples."""

    _game = "samm"


class PixelGAN(Components):
    """The PixelGAN autoencoder with a categorical code, which takes images only."""

    _game = "pixelgan"

    def score_samples(self, X: Any) -> np.ndarray:  # noqa: N803
        """Log p(x|y) in nats [N], with the component y inferred from x.

        Pixels are rounded to the levels that the model was trained with.
        """
        x = self._inputs(X)
        return self.model_.log_prob(x)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


class PixelGANClustering(PixelGAN, Clustering):
    """The PixelGAN autoencoder as a clustering of images."""


class PixelGANClassifier(PixelGAN, Classifier):
    """The semi-supervised PixelGAN autoencoder: a classifier of images."""


def number_labels(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers the classes of labels, see `Classifier.fit`.

    Args:
      y: numbers, text, or objects of both kinds [N].

    Returns:
      `(classes, label)`: the classes, sorted, and int32 [N], -1 if unlabelled.

    Raises:
      ValueError: y are no labels, or of one class.
    """
    values = y.tolist()
    found = {value for value in values if isinstance(value, numbers.Real)}
    has_text = len(found) < len(set(values))
    unlabelled = found == {-1} if has_text else has_unlabelled(found)
    is_labelled = np.array([not unlabelled or value != -1 for value in values])
    labelled = y[is_labelled]
    if y.dtype == object:
        labelled = np.array(labelled.tolist())
    check_classification_targets(labelled)
    classes, number = np.unique(labelled, return_inverse=True)
    if len(classes) < 2:
        raise InputError(
            f"y has only one class, {classes.tolist()}; give at least two classes"
        )
    label = np.full(len(y), -1, np.int32)
    label[is_labelled] = number
    return classes, label
