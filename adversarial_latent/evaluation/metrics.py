"""Metrics, as pure functions of NumPy arrays.

Clusters and classes are integer arrays [N]. A *cluster matrix* counts how often each
pair occurs. The clustering error, the one-to-one accuracy and their mappings are
computed from it. Samples are compared with a mixture of isotropic Gaussians, given by
its means [K, D] and its common standard deviation sigma. Components of a learned
mixture have means and log-variances [K, d].

SciPy and scikit-learn are imported where they are used. Their import takes a second or
more, and a trained model is often loaded without being evaluated.
"""

from typing import NamedTuple

import numpy as np

HIGH_QUALITY_SIGMAS = 3.0
"""A sample is of high quality within this many sigmas of its nearest mean.

Sources: Srivastava et al. 2017 (VEEGAN), section 4.1; AIM, section 5.3.
"""


def _check_indices(name: str, indices: np.ndarray, size: int) -> np.ndarray:
    indices = np.asarray(indices)
    if indices.ndim != 1 or not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(
            f"{name} must be a vector of integers, not an array of shape "
            f"{indices.shape} and type {indices.dtype}."
        )
    if indices.size and not 0 <= indices.min() <= indices.max() < size:
        raise ValueError(
            f"{name} must lie in 0..{size - 1}, but they span "
            f"{indices.min()}..{indices.max()}."
        )
    return indices


def cluster_matrix(
    labels: np.ndarray, clusters: np.ndarray, num_classes: int, num_clusters: int
) -> np.ndarray:
    """Counts how many examples of each class are in each cluster.

    Args:
      labels: true classes [N], integers in 0..num_classes-1.
      clusters: predicted clusters [N], integers in 0..num_clusters-1.
      num_classes: number of rows, C.
      num_clusters: number of columns, K.

    Returns:
      Counts [C, K], int64.

    Raises:
      ValueError: there are no examples, lengths differ, or an index is out of range.
    """
    labels = _check_indices("labels", labels, num_classes)
    clusters = _check_indices("clusters", clusters, num_clusters)
    if labels.shape != clusters.shape or not labels.size:
        raise ValueError(
            f"Need as many labels as clusters and at least one example, got "
            f"{labels.size} labels and {clusters.size} clusters."
        )
    counts = np.zeros((num_classes, num_clusters), np.int64)
    np.add.at(counts, (labels, clusters), 1)
    return counts


def majority_mapping(counts: np.ndarray) -> np.ndarray:
    """The best many-to-one mapping: each cluster gets its most frequent class.

    Args:
      counts: a cluster matrix [C, K].

    Returns:
      The class of each cluster [K], -1 for a cluster without examples. Ties go to the
      lowest class.
    """
    return np.where(counts.sum(axis=0) > 0, counts.argmax(axis=0), -1)


def exemplar_mapping(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mapping that uses one label per cluster (PixelGAN, section 3.1).

    Args:
      probabilities: q(y=k|x) of labelled examples [N, K].
      labels: their classes [N].

    Returns:
      The class of each cluster [K]: the label of the example with the highest
      probability of this cluster. Ties go to the first example.

    Raises:
      ValueError: there are no examples, or not one label for each.
    """
    number = len(labels)
    if not number or probabilities.ndim != 2 or len(probabilities) != number:
        raise ValueError(
            "Need probabilities [N, K] and labels [N] of at least one example, got "
            f"{probabilities.shape} and {labels.shape}."
        )
    return labels[probabilities.argmax(axis=0)]


def one_to_one_mapping(counts: np.ndarray) -> np.ndarray:
    """The best one-to-one mapping, by the Hungarian algorithm.

    Args:
      counts: a cluster matrix [C, K].

    Returns:
      The class of each cluster [K]. With more clusters than classes, K - C clusters
      have none, which is -1.
    """
    from scipy import optimize

    classes, clusters = optimize.linear_sum_assignment(counts, maximize=True)
    mapping = np.full(counts.shape[1], -1)
    mapping[clusters] = classes
    return mapping


def _mapped_accuracy(counts: np.ndarray, mapping: np.ndarray) -> float:
    (clusters,) = np.nonzero(mapping >= 0)
    return float(counts[mapping[clusters], clusters].sum() / counts.sum())


def clustering_error(counts: np.ndarray, mapping: np.ndarray | None = None) -> float:
    """One minus the accuracy of AMM, eq. 17.

    The maximum in eq. 17 is over *all* mappings from clusters to classes, so
    `majority_mapping`, which is many-to-one, attains it. The error can only decrease as
    clusters are added, so report `clustering_accuracy` with it.

    Args:
      counts: a cluster matrix [C, K].
      mapping: the class of each cluster [K], -1 for none; `majority_mapping` by
        default.

    Returns:
      The fraction of examples, in [0, 1], whose class is not that of their cluster.
    """
    if mapping is None:
        mapping = majority_mapping(counts)
    return 1.0 - _mapped_accuracy(counts, mapping)


def clustering_accuracy(counts: np.ndarray) -> float:
    """The accuracy under `one_to_one_mapping`, in [0, 1].

    Examples in clusters without a class count as wrong.

    Args:
      counts: a cluster matrix [C, K].
    """
    return _mapped_accuracy(counts, one_to_one_mapping(counts))


def nmi(labels: np.ndarray, clusters: np.ndarray) -> float:
    """Mutual information divided by the mean of the two entropies, in [0, 1]."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(labels, clusters))


def ari(labels: np.ndarray, clusters: np.ndarray) -> float:
    """The adjusted Rand index: 0 by chance, 1 for equal partitions."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(labels, clusters))


def reconstruction_mse(x: np.ndarray, reconstruction: np.ndarray) -> float:
    """The mean squared error of reconstructions.

    Args:
      x: data [N, ...]; for images in [0, 1], the error is in [0, 1], too.
      reconstruction: array of the same shape.

    Returns:
      The mean over examples, pixels and channels, in squared units of the data.

    Raises:
      ValueError: the shapes differ.
    """
    if x.shape != reconstruction.shape:
        raise ValueError(
            f"The data has shape {x.shape}, its reconstruction {reconstruction.shape}."
        )
    difference = x.astype(np.float64) - reconstruction.astype(np.float64)
    return float(np.mean(difference**2))


def component_distances(mean: np.ndarray, log_variance: np.ndarray) -> np.ndarray:
    """Distances between the components of a mixture, in their standard deviations.

    The distance between components j and k is

        sqrt(sum_i (mu_ji - mu_ki)^2 / ((sigma^2_ji + sigma^2_ki) / 2)),

    the Mahalanobis distance between their means under the mean of their covariances.

    Args:
      mean: [K, d].
      log_variance: [K, d], for diagonal covariances.

    Returns:
      Distances [K, K], float64, symmetric, with zeros on the diagonal.
    """
    mean = mean.astype(np.float64)
    variance = np.exp(log_variance.astype(np.float64))
    # Computed row by row, because [K, K, d] can be large.
    squared = [
        np.sum((mean[j] - mean) ** 2 / ((variance[j] + variance) / 2), axis=-1)
        for j in range(len(mean))
    ]
    return np.sqrt(squared)


def merge_tree(distances: np.ndarray) -> np.ndarray:
    """Merges the two nearest of K items, then of the rest, until one is left.

    The distance between groups is the mean of the distances between their items. The
    tree is flipped to minimise the sum of distances between adjacent leaves (Bar-Joseph
    et al. 2001).

    Args:
      distances: [K, K], symmetric, with zeros on the diagonal, K > 1.

    Returns:
      [K - 1, 4], a linkage matrix of `scipy.cluster.hierarchy`.
    """
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import squareform

    condensed = squareform(distances, checks=False)
    return hierarchy.linkage(condensed, "average", optimal_ordering=True)


def merged_groups(tree: np.ndarray, number: int) -> np.ndarray:
    """The groups that are left when merging has stopped.

    Args:
      tree: of `merge_tree`.
      number: at most this many groups are left.

    Returns:
      [K] group of each item, from 0.
    """
    from scipy.cluster import hierarchy

    return hierarchy.fcluster(tree, number, "maxclust") - 1


def nearest_order(distances: np.ndarray) -> np.ndarray:
    """Orders items so that near ones are adjacent: the leaves of `merge_tree`.

    Args:
      distances: [K, K], symmetric, with zeros on the diagonal.

    Returns:
      A permutation of 0..K-1.
    """
    if len(distances) < 2:
        return np.arange(len(distances))
    from scipy.cluster import hierarchy

    return hierarchy.leaves_list(merge_tree(distances))


class ModeAssignment(NamedTuple):
    """Positions of samples relative to the means of a mixture.

    Attributes:
      mode: index of the nearest mean [N].
      high_quality: whether that mean is at most three sigmas away [N], bool.
    """

    mode: np.ndarray
    high_quality: np.ndarray


def assign_modes(
    samples: np.ndarray, means: np.ndarray, sigma: float
) -> ModeAssignment:
    """Finds the nearest mean of each sample, and whether the sample is of high quality.

    Args:
      samples: [N, D].
      means: means of the mixture's components [K, D].
      sigma: their common standard deviation in each dimension.

    Raises:
      ValueError: there are no samples, or the shapes do not match.
    """
    if samples.ndim != 2 or means.ndim != 2 or samples.shape[1] != means.shape[1]:
        raise ValueError(
            f"Need samples [N, D] and means [K, D], got {samples.shape} and "
            f"{means.shape}."
        )
    if not len(samples):
        raise ValueError("Need at least one sample to find modes.")
    offsets = samples[:, None].astype(np.float64) - means[None]  # [N, K, D]
    squared = np.sum(offsets**2, axis=-1)  # [N, K]
    limit = (HIGH_QUALITY_SIGMAS * sigma) ** 2
    return ModeAssignment(squared.argmin(axis=1), squared.min(axis=1) <= limit)


def mode_counts(assignment: ModeAssignment, num_modes: int) -> np.ndarray:
    """The number of high-quality samples in each mode [K]."""
    modes = assignment.mode[assignment.high_quality]
    return np.bincount(modes, minlength=num_modes)


def modes_captured(counts: np.ndarray) -> int:
    """The number of modes with at least one high-quality sample.

    Args:
      counts: number of high-quality samples in each mode [K], see `mode_counts`.
    """
    return int(np.count_nonzero(counts))


def high_quality_fraction(assignment: ModeAssignment) -> float:
    """The fraction of samples within three sigmas of the nearest mean.

    See `exact_sampler_reference` for the value of the true distribution.
    """
    return float(assignment.high_quality.mean())


def per_mode_std(samples: np.ndarray, assignment: ModeAssignment) -> float:
    """Standard deviation of samples within a mode, to be compared with sigma.

    Only high-quality samples count. Otherwise a few points between the modes would hide
    that all others have collapsed to their means. The cut at three sigmas also reduces
    the value for an exact sampler, see `exact_sampler_reference`. Deviations are from
    the samples' own mean, not the true mean, to detect any collapse to a point.

    Args:
      samples: [N, D].
      assignment: `assign_modes` of these samples.

    Returns:
      sqrt(unbiased variance, averaged over dimensions), averaged over captured modes. A
      mode with a single sample counts as 0. Without captured modes, the result is 0.
    """
    spreads = []
    for mode in np.unique(assignment.mode[assignment.high_quality]):
        chosen = (assignment.mode == mode) & assignment.high_quality
        points = samples[chosen].astype(np.float64)  # [n, D]
        deviations = points - points.mean(axis=0)
        variance = np.sum(deviations**2, axis=0) / max(len(points) - 1, 1)  # [D]
        spreads.append(np.sqrt(variance.mean()))
    return float(np.mean(spreads)) if spreads else 0.0


def kl_to_uniform(counts: np.ndarray) -> float:
    """KL(distribution over modes || uniform), in nats.

    Args:
      counts: number of high-quality samples in each mode [K], see `mode_counts`.

    Returns:
      sum_k p_k log(K p_k), with 0 log 0 = 0. It ranges from 0, for equally frequent
      modes, to log K, for a single mode. Without high-quality samples it is log K, too.
    """
    num_modes = len(counts)
    if not counts.any():
        return float(np.log(num_modes))
    from scipy import stats

    return float(stats.entropy(counts, np.full(num_modes, 1.0)))


def exact_sampler_reference(dimension: int) -> tuple[float, float]:
    """Metrics of samples from the true mixture, if its modes do not overlap.

    The squared distance u to the mean, in units of sigma squared, is chi-squared with D
    degrees of freedom. E[u; u < c] = D P(u' < c), where u' has D + 2 degrees of
    freedom.

    Args:
      dimension: dimension of the points, D.

    Returns:
      The expected `high_quality_fraction` (0.989 for D = 2), and the expected
      `per_mode_std` in units of sigma (0.974 for D = 2).
    """
    from scipy import stats

    limit = HIGH_QUALITY_SIGMAS**2
    fraction = stats.chi2.cdf(limit, dimension)
    variance = stats.chi2.cdf(limit, dimension + 2) / fraction
    return float(fraction), float(np.sqrt(variance))
