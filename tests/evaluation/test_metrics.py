"""Metrics against hand-made values, brute force and integration."""

import itertools

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn import metrics as sklearn_metrics

from adversarial_latent.data import GRID_SIGMA, grid_means
from adversarial_latent.evaluation import metrics

# Classes in rows, clusters in columns; cluster 3 is empty, class 1 has the majority
# of clusters 1 and 2.
COUNTS = np.array(
    [
        [5, 0, 1, 0],
        [1, 4, 6, 0],
        [2, 3, 0, 0],
    ]
)


def _examples(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels and clusters with this cluster matrix."""
    rows, columns = np.indices(counts.shape)
    flat = counts.ravel()
    return rows.ravel().repeat(flat), columns.ravel().repeat(flat)


def _random_counts(seed: int, num_classes: int, num_clusters: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 9, (num_classes, num_clusters))


def test_cluster_matrix_counts_each_pair():
    labels, clusters = _examples(COUNTS)
    order = np.random.default_rng(0).permutation(len(labels))
    counts = metrics.cluster_matrix(labels[order], clusters[order], 3, 4)
    np.testing.assert_array_equal(counts, COUNTS)


@pytest.mark.parametrize(
    ("labels", "clusters", "message"),
    [
        ([0, 3], [0, 0], r"labels must lie in 0\.\.2, but they span 0\.\.3"),
        ([0, -1], [0, 0], r"labels must lie in 0\.\.2"),
        ([0, 1], [0, 4], r"clusters must lie in 0\.\.3"),
        ([0, 1], [0], "2 labels and 1 clusters"),
        ([0.5], [0], "vector of integers"),
        (np.zeros(0, int), np.zeros(0, int), "at least one example"),
    ],
)
def test_cluster_matrix_refuses(labels, clusters, message):
    with pytest.raises(ValueError, match=message):
        metrics.cluster_matrix(np.array(labels), np.array(clusters), 3, 4)


def test_exemplars_of_hand_made_probabilities():
    probabilities = np.array(
        [
            [0.7, 0.2, 0.1, 0.0],
            [0.9, 0.0, 0.1, 0.0],
            [0.3, 0.3, 0.4, 0.0],
            [0.1, 0.3, 0.6, 0.0],
        ]
    )
    labels = np.array([2, 0, 1, 0])
    # The second example, the third (of two equals), the fourth, and the first of all.
    mapping = metrics.exemplar_mapping(probabilities, labels)
    np.testing.assert_array_equal(mapping, [0, 1, 0, 2])
    # Right are 5, 4 and 1 of the 22 examples of clusters 0, 1 and 2.
    assert metrics.clustering_error(COUNTS, mapping) == pytest.approx(12 / 22)
    assert metrics.clustering_error(COUNTS, np.array([0, -1, 0, 2])) == 16 / 22
    for wrong in (labels[:3], labels[:0]):
        with pytest.raises(ValueError, match=r"at least one example, got \(4, 4\) and"):
            metrics.exemplar_mapping(probabilities, wrong)


def test_mappings_of_hand_made_matrix():
    np.testing.assert_array_equal(metrics.majority_mapping(COUNTS), [0, 1, 1, -1])
    np.testing.assert_array_equal(metrics.one_to_one_mapping(COUNTS), [0, 2, 1, -1])


def test_error_and_accuracy_of_hand_made_matrix():
    assert metrics.clustering_error(COUNTS) == pytest.approx(1 - (5 + 4 + 6) / 22)
    assert metrics.clustering_accuracy(COUNTS) == pytest.approx((5 + 3 + 6) / 22)


@pytest.mark.parametrize("seed", range(5))
def test_clustering_error_is_the_best_of_all_mappings(seed):
    counts = _random_counts(seed, 3, 5)
    best = max(
        sum(counts[label, cluster] for cluster, label in enumerate(mapping))
        for mapping in itertools.product(range(3), repeat=5)
    )
    expected = 1 - best / counts.sum()
    assert metrics.clustering_error(counts) == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_clustering_accuracy_is_the_best_of_all_permutations(seed, shape):
    counts = _random_counts(seed, *shape)
    small = counts if shape[0] <= shape[1] else counts.T
    best = max(
        sum(small[row, column] for row, column in enumerate(columns))
        for columns in itertools.permutations(range(small.shape[1]), small.shape[0])
    )
    assert metrics.clustering_accuracy(counts) == pytest.approx(best / counts.sum())


def test_one_to_one_mapping_uses_nothing_twice():
    mapping = metrics.one_to_one_mapping(_random_counts(0, 4, 9))
    assert sorted(mapping) == [-1] * 5 + [0, 1, 2, 3]


def test_renamed_clusters_are_perfect():
    labels = np.repeat(np.arange(4), 5)
    clusters = np.array([2, 0, 3, 1])[labels]
    counts = metrics.cluster_matrix(labels, clusters, 4, 4)
    assert metrics.clustering_error(counts) == 0.0
    assert metrics.clustering_accuracy(counts) == 1.0
    assert metrics.nmi(labels, clusters) == pytest.approx(1.0)
    assert metrics.ari(labels, clusters) == 1.0


def test_nmi_from_entropies():
    labels, clusters = _examples(COUNTS)
    joint = COUNTS / COUNTS.sum()
    by_class, by_cluster = joint.sum(axis=1), joint.sum(axis=0)
    information = (
        stats.entropy(by_class)
        + stats.entropy(by_cluster)
        - stats.entropy(joint.ravel())
    )
    expected = 2 * information / (stats.entropy(by_class) + stats.entropy(by_cluster))
    assert metrics.nmi(labels, clusters) == pytest.approx(expected)


def test_ari_from_pairs():
    labels, clusters = _examples(COUNTS)
    (tn, fp), (fn, tp) = sklearn_metrics.pair_confusion_matrix(labels, clusters)
    expected = 2 * (tp * tn - fn * fp) / ((tp + fn) * (fn + tn) + (tp + fp) * (fp + tn))
    assert metrics.ari(labels, clusters) == pytest.approx(expected)


def test_reconstruction_mse_is_a_mean_over_pixels():
    x = np.zeros((2, 2, 2, 1), np.float32)
    reconstruction = x.copy()
    reconstruction[0, 0, 0, 0] = 1.0
    reconstruction[1, 1, 1, 0] = 0.5
    expected = (1.0 + 0.25) / 8
    assert metrics.reconstruction_mse(x, reconstruction) == pytest.approx(expected)


def test_reconstruction_mse_refuses_to_broadcast():
    with pytest.raises(ValueError, match=r"\(4, 1\), its reconstruction \(4,\)"):
        metrics.reconstruction_mse(np.zeros((4, 1)), np.zeros(4))


MEANS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def test_component_distances_of_hand_made_components():
    mean = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 4.0]])
    log_variance = np.log([[1.0, 1.0], [1.0, 1.0], [7.0, 1.0]])
    distances = metrics.component_distances(mean, log_variance)
    # Variances 1 and 7 have a mean of 4: 3 / 2 along the first axis.
    expected = [[0, 5, 4], [5, 0, 1.5], [4, 1.5, 0]]
    np.testing.assert_allclose(distances, expected, atol=1e-12)


def test_neighbours_on_a_line_stand_together():
    place = np.array([4.0, 0.0, 9.0, 1.0, 5.5, 10.0])
    order = metrics.nearest_order(np.abs(place[:, None] - place))
    ordered = place[order].tolist()
    assert ordered in (sorted(place), sorted(place, reverse=True))


@pytest.mark.parametrize("size", [1, 2])
def test_order_of_few(size):
    order = metrics.nearest_order(np.ones((size, size)) - np.eye(size))
    assert sorted(order) == list(range(size))


def test_modes_of_hand_made_samples():
    samples = np.array([[0.0, 2.9], [0.0, 3.1], [10.0, 0.0], [4.0, 0.0], [12.9, 0.0]])
    assignment = metrics.assign_modes(samples, MEANS, sigma=1.0)
    np.testing.assert_array_equal(assignment.mode, [0, 0, 1, 0, 1])
    np.testing.assert_array_equal(assignment.high_quality, [1, 0, 1, 0, 1])
    counts = metrics.mode_counts(assignment, 3)
    np.testing.assert_array_equal(counts, [1, 2, 0])
    assert metrics.modes_captured(counts) == 2
    assert metrics.high_quality_fraction(assignment) == pytest.approx(3 / 5)
    # Mode 0 has one sample. Mode 1 has two, 2.9 apart in one of two dimensions.
    spread = np.sqrt((2.9**2 / 2) / 2)
    assert metrics.per_mode_std(samples, assignment) == pytest.approx(spread / 2)
    expected = np.log(3) - (np.log(3) / 3 + 2 / 3 * np.log(3 / 2))
    assert metrics.kl_to_uniform(counts) == pytest.approx(expected)


def test_kl_to_uniform_at_its_ends():
    assert metrics.kl_to_uniform(np.array([7, 7, 7, 7])) == pytest.approx(0.0)
    assert metrics.kl_to_uniform(np.array([0, 9, 0, 0])) == pytest.approx(np.log(4))
    assert metrics.kl_to_uniform(np.array([0, 0, 0, 0])) == pytest.approx(np.log(4))


def test_no_high_quality_sample_at_all():
    samples = np.full((4, 2), 100.0)
    assignment = metrics.assign_modes(samples, MEANS, sigma=1.0)
    assert metrics.high_quality_fraction(assignment) == 0.0
    assert metrics.modes_captured(metrics.mode_counts(assignment, 3)) == 0
    assert metrics.per_mode_std(samples, assignment) == 0.0


def test_displaced_spike_has_no_spread():
    samples = np.tile([2.0, 0.0], (50, 1))
    assignment = metrics.assign_modes(samples, MEANS, sigma=1.0)
    assert metrics.per_mode_std(samples, assignment) == 0.0


@pytest.mark.parametrize(
    ("samples", "means"),
    [(np.zeros((3, 1)), MEANS), (np.zeros(3), MEANS), (np.zeros((0, 2)), MEANS)],
)
def test_assign_modes_refuses(samples, means):
    with pytest.raises(ValueError, match="Need"):
        metrics.assign_modes(samples, means, 1.0)


def test_reference_of_an_exact_sampler_by_integration():
    def density(radius: float) -> float:
        return radius * np.exp(-(radius**2) / 2)

    mass, _ = integrate.quad(density, 0, 3)
    square, _ = integrate.quad(lambda radius: radius**2 * density(radius), 0, 3)
    fraction, std = metrics.exact_sampler_reference(2)
    assert fraction == pytest.approx(mass)
    assert fraction == pytest.approx(0.989, abs=5e-4)
    assert std == pytest.approx(np.sqrt(square / mass / 2))


def test_exact_sampler_meets_its_reference():
    rng = np.random.default_rng(0)
    means = grid_means()
    n = 100_000
    samples = means[rng.integers(25, size=n)] + GRID_SIGMA * rng.normal(size=(n, 2))
    assignment = metrics.assign_modes(samples, means, GRID_SIGMA)
    counts = metrics.mode_counts(assignment, 25)
    fraction, std = metrics.exact_sampler_reference(2)
    assert metrics.modes_captured(counts) == 25
    # Standard errors are 0.0003 and 0.2% of the value.
    assert metrics.high_quality_fraction(assignment) == pytest.approx(
        fraction, abs=0.0015
    )
    assert metrics.per_mode_std(samples, assignment) == pytest.approx(
        std * GRID_SIGMA, rel=0.01
    )
    assert 0 < metrics.kl_to_uniform(counts) < 1e-3
