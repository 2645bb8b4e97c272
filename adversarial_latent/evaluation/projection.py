"""Projection of codes to two dimensions."""

import numpy as np

from adversarial_latent.inputs import InputError


def project(z: np.ndarray, seed: int) -> np.ndarray:
    """Projects codes [N, d] to points [N, 2] by t-SNE.

    Raises:
      InputError: there is a single code.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(z) < 2:
        raise InputError("t-SNE needs at least two examples, but there is one")
    # Codes that collapsed to a point or a line do not have two principal components.
    spans_plane = np.linalg.matrix_rank(z - z.mean(axis=0)) >= 2
    tsne = TSNE(
        init="pca" if spans_plane else "random",
        perplexity=min(30.0, (len(z) - 1) / 3),
        random_state=seed,
    )
    # Several threads would sum forces in a varying order, and so change the result.
    with threadpool_limits(limits=1):
        return tsne.fit_transform(z)
