"""Codes in the plane, to be looked at."""

import numpy as np
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from adversarial_latent.inputs import InputError

MAX_POINTS = 1500
"""How many codes a figure shows."""


def project(z: np.ndarray, seed: int) -> np.ndarray:
    """Projects codes [N, d] to the plane by t-SNE: [N, 2].

    Raises:
      InputError: a single code.
    """
    if len(z) < 2:
        raise InputError("t-SNE needs at least two examples, and there is one")
    # Codes that collapsed to a point or a line have no two principal components.
    spans_plane = np.linalg.matrix_rank(z - z.mean(axis=0)) >= 2
    tsne = TSNE(
        init="pca" if spans_plane else "random",
        perplexity=min(30.0, (len(z) - 1) / 3),
        random_state=seed,
    )
    # Threads would add up forces in varying order, and so change the picture.
    with threadpool_limits(limits=1):
        return tsne.fit_transform(z)
