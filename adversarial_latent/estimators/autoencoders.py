"""Estimators that transform examples to codes z and back."""

import dataclasses
from typing import Any, ClassVar, Self

import numpy as np
from ml_collections import ConfigDict
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from adversarial_latent import tasks
from adversarial_latent.estimators.base import Estimator


class Codes(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
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


@dataclasses.dataclass(eq=False, repr=False, kw_only=True)
class Autoencoder(Codes):
    """An autoencoder whose codes have a given number of dimensions.

    Args:
      n_components: dimensions of the code. The others are those of `Estimator`.
    """

    n_components: int = dataclasses.field(default=32, kw_only=False)

    _game: ClassVar[str]

    def _config(self) -> ConfigDict:
        return tasks.autoencode(self._game, self.n_components, self.size)

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803
        """Trains.

        Args:
          X: examples, vectors or images.
          y: not used.

        Raises:
          ValueError: X or a parameter is invalid.
        """
        del y
        self._train(self._read(X, fit=True))
        return self

    def sample(self, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Generates examples.

        Args:
          n_samples: number of examples.
          random_state: seed or generator; None for that of the estimator.

        Returns:
          X [n_samples, ...]: vectors, or images in [0, 1].
        """
        return self._generate(n_samples, random_state)["x"]


class AIM(Autoencoder):
    """Adversarial inference by matching priors and conditionals: a GAN with codes."""

    _game = "aim"


class AdversarialAutoencoder(Autoencoder):
    """An adversarial autoencoder with a Gaussian prior."""

    _game = "aae"


class LearnedPriorAutoencoder(Autoencoder):
    """An adversarial autoencoder whose prior is learned by a code generator.

    `n_components` is the number of dimensions of the code generator's noise.
    """

    _game = "learned_prior"
