"""scikit-learn estimators: `fit`, `predict`, `transform`, `sample` and the rest.

    from adversarial_latent.estimators import AMMClustering, SAMMClassifier

    clusters = AMMClustering(n_clusters=10).fit_predict(images)
    digits = SAMMClassifier().fit(images, labels).predict(new_images)  # -1: unlabelled

Each trains a config of `tasks` by `train_and_evaluate`. X is vectors [N, D], images
[N, H, W, C] or [N, H, W]. Images are uint8, or floats in [0, 1]. Vectors are
standardised by the training data, and returned in their original units. Returned images
are floats in [0, 1]. `Estimator` describes the parameters that all estimators have.
"""

import os

from adversarial_latent.estimators import saving
from adversarial_latent.estimators.autoencoders import (
    AIM,
    AdversarialAutoencoder,
    LearnedPriorAutoencoder,
)
from adversarial_latent.estimators.base import Estimator
from adversarial_latent.estimators.components import (
    AMMClustering,
    PixelGANClassifier,
    PixelGANClustering,
    SAMMClassifier,
)
from adversarial_latent.inputs import InputError

__all__ = [
    "AIM",
    "ESTIMATORS",
    "AMMClustering",
    "AdversarialAutoencoder",
    "Estimator",
    "LearnedPriorAutoencoder",
    "PixelGANClassifier",
    "PixelGANClustering",
    "SAMMClassifier",
    "load_estimator",
]

ESTIMATORS: dict[str, type[Estimator]] = {
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


def load_estimator(path: str | os.PathLike[str]) -> Estimator:
    """Restores an estimator that `Estimator.save` wrote.

    Raises:
      MissingInputError: there is no such file.
      InputError: it is not such a file.
    """
    name, parameters, fitted = saving.read(path)
    if name not in ESTIMATORS:
        raise InputError(f"{path} has an estimator {name!r}, which does not exist")
    estimator = ESTIMATORS[name](**parameters)
    estimator.__setstate__({**vars(estimator), **fitted})
    return estimator
