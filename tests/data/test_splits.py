"""Splits and label subsets."""

import numpy as np
import pytest

from adversarial_latent.data import Examples, label_subset, splits


def labelled(counts):
    label = np.repeat(np.arange(len(counts)), counts)
    label = np.random.default_rng(0).permutation(label)
    return Examples(x=np.zeros((len(label), 2), np.float32), label=label)


def test_streams_of_different_purposes_differ_and_repeat():
    def numbers(seed, purpose):
        return splits.split_rng(seed, purpose).integers(1 << 40, size=4).tolist()

    assert numbers(3, "test") == numbers(3, "test")
    assert numbers(3, "test") != numbers(3, "label")
    assert numbers(3, "test") != numbers(4, "test")


@pytest.mark.parametrize(
    ("sizes", "total", "expected"),
    [
        ([5, 5], 4, [2, 2]),
        ([1, 2, 7], 3, [0, 1, 2]),  # quotas 0.3, 0.6, 2.1
        ([3, 0, 3], 2, [1, 0, 1]),
        ([2, 2], 4, [2, 2]),
    ],
)
def test_apportion_by_largest_remainder(sizes, total, expected):
    assert splits.apportion(np.array(sizes), total).tolist() == expected


def test_hold_out_test_is_stratified_and_a_function_of_the_seed():
    examples = labelled([50, 30, 20])
    train, test = splits.hold_out_test(examples, 0.2, seed=1)
    assert np.bincount(test.label).tolist() == [10, 6, 4]
    assert sorted(train.name + test.name, key=int) == list(examples.name)
    assert test.name == splits.hold_out_test(examples, 0.2, seed=1)[1].name
    assert test.name != splits.hold_out_test(examples, 0.2, seed=2)[1].name


def some_unlabelled():
    """60 examples: 30 unlabelled, 20 of class 0 and 10 of class 1."""
    label = np.repeat([-1, 0, 1], [30, 20, 10])
    label = np.random.default_rng(0).permutation(label)
    return Examples(x=np.zeros((60, 2), np.float32), label=label)


def test_unlabelled_examples_are_a_stratum_and_never_sampled():
    examples = some_unlabelled()
    _, test = splits.hold_out_test(examples, 0.1, seed=1)
    assert np.bincount(test.label + 1).tolist() == [3, 2, 1]
    np.testing.assert_array_equal(
        label_subset(examples, 0, seed=0), np.flatnonzero(examples.label >= 0)
    )
    balanced = label_subset(examples, 20, seed=0)
    assert np.bincount(examples.label[balanced]).tolist() == [10, 10]
    chosen = label_subset(examples, 29, seed=0, balanced=False)
    assert len(set(chosen.tolist())) == 29
    assert (examples.label[chosen] >= 0).all()
    with pytest.raises(ValueError, match=r"and 30, the number of labelled"):
        label_subset(examples, 32, seed=0)
    with pytest.raises(ValueError, match="needs labels"):
        label_subset(examples.take(np.flatnonzero(examples.label < 0)), 0, seed=0)


@pytest.mark.parametrize("unlabelled", [False, True])
def test_only_some_classes_with_or_without_unlabelled_examples(unlabelled):
    x = np.arange(6, dtype=np.float32)[:, None]
    examples = Examples(x=x, label=[2, -1, 0, 1, 2, -1])
    kept = splits.only_classes(examples, [1, 2], unlabelled)
    expected = (
        ([0, 1, 3, 4, 5], [1, -1, 0, 1, -1])
        if unlabelled
        else (
            [0, 3, 4],
            [1, 0, 1],
        )
    )
    assert kept.x[:, 0].tolist() == expected[0]
    assert kept.label.tolist() == expected[1]
    assert splits.only_classes(examples, [3], unlabelled) is None


def test_hold_out_test_without_labels():
    examples = Examples(x=np.zeros((30, 2), np.float32))
    train, test = splits.hold_out_test(examples, 0.1, seed=0)
    assert (len(train), len(test)) == (27, 3)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5])
def test_hold_out_test_refuses_fractions(fraction):
    with pytest.raises(ValueError, match=r"test_fraction=.* must be strictly between"):
        splits.hold_out_test(labelled([5, 5]), fraction, seed=0)


def test_hold_out_test_refuses_an_empty_training_split():
    with pytest.raises(ValueError, match="0 for training"):
        splits.hold_out_test(labelled([1]), 0.5, seed=0)


def test_hold_out_validation_takes_exactly_so_many():
    examples = labelled([50, 50])
    train, validation = splits.hold_out_validation(examples, 7, seed=0)
    assert (len(train), len(validation)) == (93, 7)
    assert not set(train.name) & set(validation.name)
    with pytest.raises(ValueError, match="num_validation=100"):
        splits.hold_out_validation(examples, 100, seed=0)


def test_label_subset_is_balanced_and_a_function_of_the_seed():
    examples = labelled([40, 10, 20])
    subset = label_subset(examples, 30, seed=5)
    assert np.bincount(examples.label[subset]).tolist() == [10, 10, 10]
    assert subset.tolist() == sorted(set(subset.tolist()))
    np.testing.assert_array_equal(subset, label_subset(examples, 30, seed=5))
    assert not np.array_equal(subset, label_subset(examples, 30, seed=6))
    np.testing.assert_array_equal(label_subset(examples, 0, seed=5), np.arange(70))


def test_unbalanced_label_subset_has_the_frequencies_of_the_data():
    examples = labelled([600, 100, 300])
    draws = [label_subset(examples, 50, seed, balanced=False) for seed in range(40)]
    assert {len(set(subset.tolist())) for subset in draws} == {50}
    counts = np.array([np.bincount(examples.label[subset]) for subset in draws])
    np.testing.assert_allclose(counts.mean(0), [30, 5, 15], atol=2)
    assert (counts.std(0) > 1).all()


def test_label_subset_refuses():
    examples = labelled([40, 10, 20])
    with pytest.raises(ValueError, match="multiple of the 3 classes"):
        label_subset(examples, 31, seed=0)
    with pytest.raises(ValueError, match="class 1 has only 10"):
        label_subset(examples, 33, seed=0)
    with pytest.raises(ValueError, match=r"between 0 \(all\) and 70"):
        label_subset(examples, 71, seed=0, balanced=False)
    with pytest.raises(ValueError, match="needs labels"):
        label_subset(Examples(x=np.zeros((3, 2), np.float32)), 3, seed=0)
