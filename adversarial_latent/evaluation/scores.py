"""How good and how varied images are, from what a network sees in them.

Which network it is makes the number: scores by different ones cannot be compared.
"""

import numpy as np
from scipy import special


def inception_scores(probabilities: np.ndarray, groups: int) -> np.ndarray:
    """exp(E_x KL(p(y|x) || p(y))) of each group of images (Salimans et al. 2016).

    Args:
      probabilities: p(y|x) of each image [N, K], rows that sum to one.
      groups: into how many groups images are cut, as they come; p(y) is a group's.

    Returns:
      [groups] scores, between 1 and K.

    Raises:
      ValueError: rows are no probabilities, or groups not of equal size.
    """
    probabilities = np.asarray(probabilities, np.float64)
    if probabilities.ndim != 2:
        raise ValueError(f"Need probabilities [N, K], got {probabilities.shape}.")
    number, classes = probabilities.shape
    if groups < 1 or not number or number % groups:
        raise ValueError(f"Cannot cut {number} images into {groups} equal groups.")
    if probabilities.min() < 0 or not np.allclose(probabilities.sum(1), 1, atol=1e-3):
        raise ValueError("Rows of probabilities must be positive and sum to one.")
    grouped = probabilities.reshape(groups, number // groups, classes)
    marginal = grouped.mean(axis=1, keepdims=True)  # p(y), [groups, 1, K]
    divergences = special.rel_entr(grouped, marginal).sum(axis=-1)
    return np.exp(divergences.mean(axis=1))


def frechet_distance(features: np.ndarray, others: np.ndarray) -> float:
    """Distance of the Gaussians fitted to two sets of features (Heusel et al. 2017).

    |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)), with means m and covariances C.

    Args:
      features: of some images [N, F].
      others: of other images [M, F].

    Raises:
      ValueError: shapes do not fit, or fewer than two images.
    """
    shapes = features.shape, others.shape
    if features.ndim != 2 or others.ndim != 2 or shapes[0][1] != shapes[1][1]:
        raise ValueError(f"Need features [N, F] and [M, F], got {shapes}.")
    if min(len(features), len(others)) < 2:
        raise ValueError(f"Need at least two images of each kind, got {shapes}.")
    mean, root = _fit(features)
    other_mean, other_root = _fit(others)
    # tr (C C')^(1/2) is the sum of the singular values of R' R, where C = R R'.
    cross = np.linalg.svd(root.T @ other_root, compute_uv=False).sum()
    spread = np.square(root).sum() + np.square(other_root).sum()
    return float(np.square(mean - other_mean).sum() + spread - 2 * cross)


def _fit(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean [F] and a root R [F, F] of the covariance, C = R R^T."""
    features = np.asarray(features, np.float64)
    covariance = np.atleast_2d(np.cov(features, rowvar=False))
    variances, directions = np.linalg.eigh(covariance)
    return features.mean(axis=0), directions * np.sqrt(np.maximum(variances, 0.0))
