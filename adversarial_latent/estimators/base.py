"""What all estimators share: parameters, training, inputs and generated examples."""

import contextlib
import dataclasses
import json
import numbers
import os
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from adversarial_latent.data import Dataset, Examples, Scaling, to_float
from adversarial_latent.estimators import saving
from adversarial_latent.experiment import code_shapes, example_batch
from adversarial_latent.games import make_game
from adversarial_latent.inputs import InputError, check_inputs
from adversarial_latent.logging import show_progress
from adversarial_latent.model import Model
from adversarial_latent.run_data import read_scaling
from adversarial_latent.train import train_and_evaluate
from adversarial_latent.workdir import load, read_config, read_json

_SEEDS = 2**31 - 1
_MAX_VALUE = 255  # of uint8 pixels


@dataclasses.dataclass(eq=False, repr=False, kw_only=True)
class Estimator(BaseEstimator):
    """A game on data in memory.

    Args:
      size: "small" (for a CPU), "medium" or "large": width of the networks and number
        of steps.
      max_steps: number of train steps; None for that of the size.
      overrides: fields of the config by their paths, such as
        {"players.generator.learning_rate": 1e-3}.
      random_state: seed, generator or None, as everywhere in scikit-learn.
      verbose: whether to show what is trained, and a progress bar.
      workdir: directory of the run, in which an interrupted `fit` resumes; None for a
        temporary one. Each fit needs its own.

    Attributes:
      model_: the trained `Model` of the chosen trial.
      config_: the config of the run, complete.
      scores_: score of each trial, by which one was chosen; None if it was not.
      example_shape_: shape of one example.
      code_shapes_: shapes of the parts of a code, by name.
    """

    size: str = "small"
    max_steps: int | None = None
    overrides: Mapping[str, Any] | None = None
    random_state: Any = None
    verbose: bool = False
    workdir: str | None = None

    def _config(self) -> ConfigDict:
        """The config of the task, with the number of trials."""
        raise NotImplementedError

    def _train(
        self,
        x: np.ndarray,
        label: np.ndarray | None = None,
        class_names: tuple[str, ...] = (),
    ) -> None:
        """Trains on examples as `_read` returns them.

        Args:
          x: uint8 or float32 [N, ...].
          label: int32 [N], -1 for unlabelled examples; None without labels.
          class_names: names of the classes.
        """
        config = self._config()
        config.update(seed=_seed(self.random_state), evaluators=())
        if self.max_steps is not None:
            config.duration = f"{self.max_steps}_steps"
        config.update_from_flattened_dict(dict(self.overrides or {}))
        dataset = Dataset(
            name="memory",
            splits={"train": Examples(x=x, label=label, max_value=_MAX_VALUE)},
            protocol=f"{len(x)} examples in memory",
            class_names=class_names,
        )
        with self._directory() as workdir, show_progress(bool(self.verbose)):
            results = train_and_evaluate(config, workdir, dataset)
            if results is None:
                raise KeyboardInterrupt(
                    "fit was stopped; with the same `workdir`, it resumes"
                )
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
        self.parameters_ = jax.tree.map(np.asarray, model.params)
        self.statistics_ = jax.tree.map(np.asarray, model.model_state)
        self._build()

    def _build(self) -> None:
        """Makes `model_` of the other attributes."""
        self.model_ = Model(
            make_game(ConfigDict(self.config_["game"])),
            self.parameters_,
            # A file has no empty trees, of networks without statistics.
            {name: {} for name in self.parameters_} | self.statistics_,
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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the fitted estimator to an npz file, without pickled objects.

        Args:
          path: the file; `load_estimator` restores the estimator.

        Raises:
          InputError: a parameter, such as a random generator, is no plain value.
        """
        check_is_fitted(self)
        parameters = self.get_params()
        fitted = {k: v for k, v in self.__getstate__().items() if k not in parameters}
        saving.write(path, type(self).__name__, parameters, fitted)

    def _read(self, X: Any, fit: bool = False) -> np.ndarray:  # noqa: N803
        """Checks X, and returns it as stored: uint8 or float32, images [N, H, W, C]."""
        dimensions = X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
        x = validate_data(
            self,
            X,
            reset=fit,
            ensure_2d=dimensions < 3,
            allow_nd=True,
            ensure_min_samples=2 if fit else 1,
        )
        x = check_inputs(x.astype(np.float32) if x.ndim == 2 else x)
        if not fit and x.shape[1:] != self.example_shape_:
            raise InputError(
                f"X has examples of shape {x.shape[1:]}, but {type(self).__name__} is "
                f"fitted to examples of shape {self.example_shape_}"
            )
        return x

    def _inputs(self, X: Any) -> np.ndarray:  # noqa: N803
        """Checks X, and returns it as the networks see it, float32."""
        check_is_fitted(self)
        x = to_float(self._read(X), _MAX_VALUE)
        return x if self.scaling_ is None else Scaling.from_json(self.scaling_).apply(x)

    def _encode(self, X: Any) -> dict[str, np.ndarray]:  # noqa: N803
        """The codes of X."""
        x = self._inputs(X)
        return self.model_.encode(x)

    def _original(self, x: np.ndarray) -> np.ndarray:
        """Generated examples in the units of X; images stay in [0, 1]."""
        if self.scaling_ is None:
            return x
        return Scaling.from_json(self.scaling_).invert(x)

    def _generate(
        self, n_samples: int, random_state: Any, component: int | None = None
    ) -> dict[str, np.ndarray]:
        """Samples x and its code."""
        check_is_fitted(self)
        state = self.random_state if random_state is None else random_state
        generated = self.model_.sample(n_samples, _seed(state), component)
        return {**generated, "x": self._original(generated["x"])}


def _seed(random_state: Any) -> int:
    """The seed of a run."""
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(_SEEDS))
