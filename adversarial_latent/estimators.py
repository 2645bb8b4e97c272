"""scikit-learn estimators: `fit`, `predict`, `transform`, `sample` and the rest.

    from adversarial_latent.estimators import AMMClustering, SAMMClassifier

    clusters = AMMClustering(n_clusters=10).fit_predict(images)
    digits = SAMMClassifier().fit(images, labels).predict(new_images)  # -1: unlabelled

Each trains a config of `tasks` by `train_and_evaluate`. X is vectors [N, D], images
[N, H, W, C] or [N, H, W]. Images are uint8, or floats in [0, 1]. Vectors are
standardised by the training data, and returned in their original units. Returned images
are floats in [0, 1].

Parameters that all estimators have:

    size          "small" (for a CPU), "medium" or "large": width of the networks and
                  number of steps
    n_init        number of trials. Of several clusterings, the best by a criterion
                  without labels is kept; of other models, the first.
    max_steps     number of train steps; None for that of the size
    overrides     fields of the config by their paths, such as
                  {"players.generator.learning_rate": 1e-3}
    random_state  seed, generator or None, as everywhere in scikit-learn
    verbose       whether to show what is trained, and a progress bar
    workdir       directory of the run, in which an interrupted `fit` resumes; None for
                  a temporary one. Each fit needs its own.
"""

import contextlib
import json
import numbers
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import jax
import numpy as np
from flax import traverse_util
from ml_collections import ConfigDict
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from adversarial_latent import tasks
from adversarial_latent.data import Dataset, Examples, Scaling, to_float
from adversarial_latent.experiment import code_shapes, example_batch
from adversarial_latent.games import make_game
from adversarial_latent.inputs import InputError, check_inputs, read_npz
from adversarial_latent.logging import show_progress
from adversarial_latent.model import Model
from adversarial_latent.run_data import read_scaling
from adversarial_latent.train import train_and_evaluate
from adversarial_latent.workdir import load, read_config, read_json

_SEEDS = 2**31 - 1
_MAX_VALUE = 255  # of uint8 pixels
_JSON = "estimator"  # name of the array that has everything but arrays


class _Estimator(BaseEstimator):
    """A game on data in memory.

    Attributes:
      model_: the trained `Model` of the chosen trial.
      config_: the config of the run, complete.
      scores_: the criterion's score of each trial; None if there is none.
      example_shape_: shape of one example.
      code_shapes_: shapes of the parts of a code, by name.
    """

    def __init__(
        self,
        *,
        size: str = "small",
        n_init: int = 1,
        max_steps: int | None = None,
        overrides: Mapping[str, Any] | None = None,
        random_state: Any = None,
        verbose: bool = False,
        workdir: str | None = None,
    ):
        self.size = size
        self.n_init = n_init
        self.max_steps = max_steps
        self.overrides = overrides
        self.random_state = random_state
        self.verbose = verbose
        self.workdir = workdir

    def _config(self) -> ConfigDict:
        """The config of the task."""
        raise NotImplementedError

    def _train(self, x: np.ndarray, **labels: Any) -> None:
        """Trains on examples as `_read` returns them.

        Args:
          x: uint8 or float32 [N, ...].
          **labels: `label` [N], -1 for unlabelled examples, and `class_names`.
        """
        config = self._config()
        config.seed = _seed(self.random_state)
        config.evaluators = ()
        config.trials = self.n_init
        if self.max_steps is not None:
            config.duration = f"{self.max_steps}_steps"
        config.update_from_flattened_dict(dict(self.overrides or {}))
        names = labels.pop("class_names", ())
        dataset = Dataset(
            name="memory",
            splits={"train": Examples(x=x, max_value=_MAX_VALUE, **labels)},
            protocol=f"{len(x)} examples in memory",
            class_names=names,
        )
        with self._directory() as workdir, show_progress(bool(self.verbose)):
            results = train_and_evaluate(config, workdir, dataset)
            if results is None:
                raise KeyboardInterrupt
            self._keep(workdir, results)
        batch = example_batch(self.model_.game, dataset)
        shapes = code_shapes(self.model_.game, batch)
        self.code_shapes_ = {part: list(shape[1:]) for part, shape in shapes.items()}

    @contextlib.contextmanager
    def _directory(self) -> Iterator[str]:
        if self.workdir is not None:
            yield str(self.workdir)
            return
        with tempfile.TemporaryDirectory() as directory:
            yield directory

    def _keep(self, workdir: str, results: Mapping[str, Any]) -> None:
        """Keeps what predictions need of a finished run."""
        model, selection = load(workdir), results["selection"]
        self.config_ = json.loads(read_config(workdir).to_json())
        self.example_shape_ = tuple(read_json(workdir, "dataset.json")["input_shape"])
        self.scores_ = None if selection is None else np.array(selection["scores"])
        scaling = read_scaling(workdir)
        self.scaling_ = None if scaling is None else scaling.to_json()
        self.parameters_ = jax.tree.map(
            np.asarray, {"params": model.params, "model_state": model.model_state}
        )
        self._build()

    def _build(self) -> None:
        """Makes `model_` of the other attributes."""
        self.model_ = Model(
            make_game(ConfigDict(self.config_["game"])),
            **self.parameters_,
            example_shape=self.example_shape_,
        )

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())  # not the dictionary of this object
        state.pop("model_", None)  # its compiled functions cannot be pickled
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "parameters_" in state:
            self._build()

    def _read(self, X: Any, fit: bool = False, least: int = 1) -> np.ndarray:  # noqa: N803
        """Checks X, and returns it as stored: uint8 or float32, images [N, H, W, C]."""
        dimensions = X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
        x = validate_data(
            self,
            X,
            reset=fit,
            ensure_2d=dimensions < 3,
            allow_nd=True,
            ensure_min_samples=least,
        )
        x = check_inputs(x.astype(np.float32) if x.ndim == 2 else x)
        if not fit and x.shape[1:] != self.example_shape_:
            raise InputError(
                f"X has examples of shape {x.shape[1:]}, but {type(self).__name__} is "
                f"fitted to examples of shape {self.example_shape_}"
            )
        return x

    def _encode(self, X: Any) -> dict[str, np.ndarray]:  # noqa: N803
        """The codes of X."""
        check_is_fitted(self)
        x = to_float(self._read(X), _MAX_VALUE)
        if self.scaling_ is not None:
            x = Scaling.from_json(self.scaling_).apply(x)
        return self.model_.encode(x)

    def _original(self, x: np.ndarray) -> np.ndarray:
        """Generated examples in the units of X; images stay in [0, 1]."""
        if self.scaling_ is None:
            return x
        return Scaling.from_json(self.scaling_).invert(x)

    def _generate(self, n_samples: int, random_state: Any) -> dict[str, np.ndarray]:
        """Samples x and its code."""
        check_is_fitted(self)
        state = self.random_state if random_state is None else random_state
        generated = self.model_.sample(n_samples, _seed(state))
        return {**generated, "x": self._original(generated["x"])}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the fitted estimator to an npz file, without pickled objects.

        Args:
          path: the file; `load` of this module restores the estimator.

        Raises:
          InputError: a parameter, such as a random generator, is no plain value.
        """
        check_is_fitted(self)
        fitted = {k: v for k, v in vars(self).items() if k.endswith("_") or k[0] == "_"}
        fitted.pop("model_")
        arrays: dict[str, np.ndarray] = {}
        values: dict[str, Any] = {}
        for name, value in fitted.items():
            tree = traverse_util.flatten_dict({name: value}, sep="/")
            if all(_is_plain_array(leaf) for leaf in tree.values()):
                arrays |= tree
            else:
                values[name] = _to_json(value)
        try:
            text = json.dumps(
                {
                    "class": type(self).__name__,
                    "parameters": self.get_params(),
                    "fitted": values,
                }
            )
        except TypeError as error:
            raise InputError(f"parameters cannot be saved as JSON: {error}") from error
        np.savez(path, **{_JSON: np.array(text), **arrays})  # type: ignore[arg-type]


class _Codes(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _Estimator):
    """An estimator with codes z."""

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Infers codes z, float32 [N, d]."""
        return self._encode(X)["z"]

    def inverse_transform(self, Z: Any) -> np.ndarray:  # noqa: N803
        """Generates X from codes z [N, d]: vectors, or images in [0, 1]."""
        check_is_fitted(self)
        z = np.asarray(Z, np.float32)
        return self._original(self.model_.decode(self._code_of(z)))

    def _code_of(self, z: np.ndarray) -> dict[str, np.ndarray]:
        """All parts of the code with these z."""
        return {"z": z}

    @property
    def _n_features_out(self) -> int:
        return self.code_shapes_["z"][0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # codes are float32
        return tags


class _Autoencoder(_Codes):
    """An autoencoder with a given number of dimensions of z."""

    _game: str

    def __init__(
        self,
        n_components: int = 32,
        *,
        size: str = "small",
        n_init: int = 1,
        max_steps: int | None = None,
        overrides: Mapping[str, Any] | None = None,
        random_state: Any = None,
        verbose: bool = False,
        workdir: str | None = None,
    ):
        super().__init__(
            size=size,
            n_init=n_init,
            max_steps=max_steps,
            overrides=overrides,
            random_state=random_state,
            verbose=verbose,
            workdir=workdir,
        )
        self.n_components = n_components

    def _config(self) -> ConfigDict:
        return tasks.autoencode(self._game, self.n_components, self.size)

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Trains.

        Args:
          X: examples, see the module's docstring.
          y: not used.

        Raises:
          ValueError: X or a parameter is invalid.
        """
        del y
        self._train(self._read(X, fit=True, least=2))
        return self

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Any:
        """Generates examples.

        Args:
          n_samples: number of examples.
          random_state: seed or generator; None for that of the estimator.

        Returns:
          X [n_samples, ...]: vectors, or images in [0, 1].
        """
        return self._generate(n_samples, random_state)["x"]


class AIM(_Autoencoder):
    """Adversarial inference by matching priors and conditionals: a GAN with codes.

    Args:
      n_components: dimensions of the code.

    The others are described at the top of the module.
    """

    _game = "aim"


class AdversarialAutoencoder(_Autoencoder):
    """An adversarial autoencoder with a Gaussian prior.

    Args:
      n_components: dimensions of the code.

    The others are described at the top of the module.
    """

    _game = "aae"


class LearnedPriorAutoencoder(_Autoencoder):
    """An adversarial autoencoder whose prior is learned by a code generator.

    Args:
      n_components: dimensions of the prior's noise.

    The others are described at the top of the module.
    """

    _game = "learned_prior"


class _Components(_Estimator):
    """An estimator whose code has a component y."""

    def _probabilities(self, X: Any) -> np.ndarray:  # noqa: N803
        return self._encode(X)["y"]

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """Infers the probabilities q(y|x), float32 [N, K]."""
        return self._probabilities(X)

    def sample(
        self, n_samples: int = 1, random_state: Any = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Generates examples and their components.

        Args:
          n_samples: number of examples.
          random_state: seed or generator; None for that of the estimator.

        Returns:
          `(X, y)`: vectors or images in [0, 1], and their clusters or classes.
        """
        generated = self._generate(n_samples, random_state)
        return generated["x"], self._named(generated["y"].argmax(-1))

    def _named(self, component: np.ndarray) -> np.ndarray:
        """The clusters or classes of component numbers."""
        return component


class _Clustering(ClusterMixin, _Components):
    """Clusters.

    Attributes:
      labels_: clusters of the training examples, int64 [N].
    """

    _game: str

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        size: str = "small",
        n_init: int = 4,
        max_steps: int | None = None,
        overrides: Mapping[str, Any] | None = None,
        random_state: Any = None,
        verbose: bool = False,
        workdir: str | None = None,
    ):
        super().__init__(
            size=size,
            n_init=n_init,
            max_steps=max_steps,
            overrides=overrides,
            random_state=random_state,
            verbose=verbose,
            workdir=workdir,
        )
        self.n_clusters = n_clusters

    def _config(self) -> ConfigDict:
        return tasks.cluster(self._game, self.n_clusters, self.size)

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Trains, without labels.

        Args:
          X: examples, see the module's docstring.
          y: not used.

        Raises:
          ValueError: X or a parameter is invalid, or there are fewer examples than
            clusters.
        """
        del y
        x = self._read(X, fit=True, least=2)
        if len(x) < self.n_clusters:
            raise InputError(f"n_samples={len(x)} is less than {self.n_clusters=}")
        self._train(x)
        self.labels_ = self.predict(X)
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Infers clusters, int64 [N]."""
        return self.predict_proba(X).argmax(-1)


class _Classifier(ClassifierMixin, _Components):
    """A classifier that also learns from unlabelled examples.

    Attributes:
      classes_: the classes, sorted.
    """

    _game: str

    def _config(self) -> ConfigDict:
        return tasks.classify(self._game, size=self.size)

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Trains.

        Args:
          X: examples, see the module's docstring.
          y: labels [N]. The number -1 marks unlabelled examples, as in scikit-learn, if
            it is the only negative number and there are at least two classes besides
            it. With text, use dtype object.

        Raises:
          ValueError: X, y or a parameter is invalid.
        """
        x = self._read(X, fit=True, least=2)
        if y is None:
            raise InputError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None"
            )
        y = column_or_1d(y, warn=True)
        check_consistent_length(x, y)
        self.classes_, label = _number(y)
        names = tuple(map(str, self.classes_))
        self._train(x, label=label, class_names=names)
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Infers classes [N]."""
        return self._named(self._probabilities(X).argmax(-1))

    def _named(self, component: np.ndarray) -> np.ndarray:
        return self.classes_[component]


class _Mixture(_Codes):
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


class AMMClustering(_Clustering, _Mixture):
    """The adversarially learned mixture model: clusters, codes and samples.

    Args:
      n_clusters: number of clusters.

    The others are described at the top of the module.
    """

    _game = "amm"


class SAMMClassifier(_Classifier, _Mixture):
    """The semi-supervised AMM: a classifier from few labels, with codes and samples.

    The parameters are described at the top of the module.
    """

    _game = "samm"


class _PixelGAN(_Components):
    """Models pixels, so that it takes images only."""

    def score_samples(self, X: Any) -> np.ndarray:  # noqa: N803
        """Log p(x|y) in nats [N], with the component y inferred from x.

        Pixels are rounded to the levels that the model was trained with.
        """
        check_is_fitted(self)
        return self.model_.log_prob(to_float(self._read(X), _MAX_VALUE))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


class PixelGANClustering(_PixelGAN, _Clustering):
    """The PixelGAN autoencoder with a categorical code: clusters of images.

    Args:
      n_clusters: number of clusters.

    The others are described at the top of the module.
    """

    _game = "pixelgan"


class PixelGANClassifier(_PixelGAN, _Classifier):
    """The semi-supervised PixelGAN autoencoder: a classifier of images.

    The parameters are described at the top of the module.
    """

    _game = "pixelgan"


ESTIMATORS = {
    estimator.__name__: estimator
    for estimator in (
        AIM,
        AMMClustering,
        AdversarialAutoencoder,
        LearnedPriorAutoencoder,
        PixelGANClassifier,
        PixelGANClustering,
        SAMMClassifier,
    )
}


def load_estimator(path: str | os.PathLike[str]) -> _Estimator:
    """Restores an estimator that `save` wrote.

    Raises:
      MissingInputError: there is no such file.
      InputError: it is not such a file.
    """
    arrays = read_npz(Path(path))
    try:
        saved = json.loads(str(arrays.pop(_JSON)))
        estimator = ESTIMATORS[saved["class"]](**saved["parameters"])
        values = {name: _from_json(v) for name, v in saved["fitted"].items()}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a saved estimator: {error!r}") from error
    trees = traverse_util.unflatten_dict(arrays, sep="/")
    estimator.__setstate__({**vars(estimator), **values, **trees})
    return estimator


def _seed(random_state: Any) -> int:
    """The seed of a run."""
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(_SEEDS))


def _number(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers the classes of labels, see `_Classifier.fit`.

    Returns:
      `(classes, label)`: the classes, sorted, and int32 [N], -1 if unlabelled.

    Raises:
      ValueError: y are no labels, or of one class.
    """
    marked = np.array([isinstance(i, numbers.Real) and i == -1 for i in y.tolist()])
    others = y[~marked].tolist()
    if marked.any() and (
        len(set(others)) < 2 or (not isinstance(others[0], str) and min(others) < 0)
    ):
        marked[:] = False  # -1 is a class, as in {-1, 1}
    labelled = y[~marked]
    if y.dtype == object:
        labelled = np.array(labelled.tolist())
    check_classification_targets(labelled)
    classes, number = np.unique(labelled, return_inverse=True)
    if len(classes) < 2:
        raise InputError(f"y has only one class, {classes.tolist()}; at least 2 needed")
    label = np.full(len(y), -1, np.int32)
    label[~marked] = number
    return classes, label


def _is_plain_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype != object


def _to_json(value: Any) -> Any:
    """A fitted attribute as JSON; arrays of objects keep their type."""
    return {"objects": value.tolist()} if isinstance(value, np.ndarray) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"objects"}:
        return np.array(value["objects"], object)
    return tuple(value) if isinstance(value, list) else value
