"""Scores of the quality and variety of images, from the outputs of a network.

They depend on this network: scores by different networks are not comparable.
"""

import numpy as np


def inception_scores(probabilities: np.ndarray, groups: int) -> np.ndarray:
    """exp(E_x KL(p(y|x) || p(y))) of each group of images (Salimans et al. 2016).

    Args:
      probabilities: p(y|x) of each image [N, K]; rows sum to one.
      groups: number of groups of consecutive images; p(y) is computed within a group.

    Returns:
      [groups] scores, between 1 and K.

    Raises:
      ValueError: rows are not probabilities, or groups would not have equal size.
    """
    probabilities = np.asarray(probabilities, np.float64)
    if probabilities.ndim != 2:
        raise ValueError(f"Need probabilities [N, K], got {probabilities.shape}.")
    number, classes = probabilities.shape
    if groups < 1 or not number or number % groups:
        raise ValueError(f"Cannot split {number} images into {groups} equal groups.")
    if probabilities.min() < 0 or not np.allclose(probabilities.sum(1), 1, atol=1e-3):
        raise ValueError("Rows of probabilities must be non-negative and sum to one.")
    from scipy import special

    grouped = probabilities.reshape(groups, number // groups, classes)
    marginal = grouped.mean(axis=1, keepdims=True)  # p(y), [groups, 1, K]
    divergences = special.rel_entr(grouped, marginal).sum(axis=-1)
    return np.exp(divergences.mean(axis=1))


def frechet_distance(features: np.ndarray, others: np.ndarray) -> float:
    """Distance between Gaussians fitted to two sets of features (Heusel et al. 2017).

    |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)), with means m and covariances C.

    Args:
      features: features of one set of images [N, F].
      others: features of the other set [M, F].

    Raises:
      ValueError: the shapes do not match, or a set has fewer than two images.
    """
    shapes = features.shape, others.shape
    if features.ndim != 2 or others.ndim != 2 or shapes[0][1] != shapes[1][1]:
        raise ValueError(f"Need features [N, F] and [M, F], got {shapes}.")
    if min(len(features), len(others)) < 2:
        raise ValueError(f"Need at least two images in each set, got {shapes}.")
    mean, root = _fit(features)
    other_mean, other_root = _fit(others)
    # tr (C C')^(1/2) is the sum of singular values of R^T R', where C = R R^T.
    cross = np.linalg.svd(root.T @ other_root, compute_uv=False).sum()
    spread = np.square(root).sum() + np.square(other_root).sum()
    return float(np.square(mean - other_mean).sum() + spread - 2 * cross)


def _fit(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean [F], and a root R [F, F] of the covariance C = R R^T."""
    features = np.asarray(features, np.float64)
    covariance = np.atleast_2d(np.cov(features, rowvar=False))
    variances, directions = np.linalg.eigh(covariance)
    return features.mean(axis=0), directions * np.sqrt(np.maximum(variances, 0.0))
