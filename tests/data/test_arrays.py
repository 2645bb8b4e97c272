"""Scikit-learn's digits and npz files."""

import numpy as np
import pytest
from ml_collections import ConfigDict
from sklearn.datasets import load_digits

from adversarial_latent import data
from adversarial_latent.inputs import resize

X = np.random.default_rng(0).integers(0, 256, (20, 3, 4, 3), dtype=np.uint8)
Y = np.arange(20) % 4


def load(path, **config):
    return data.load(ConfigDict({"name": "npz", "path": str(path), **config}))


def saved(path, **arrays):
    np.savez(path / "data.npz", **arrays)
    return path / "data.npz"


def test_digits_are_scikit_learns_divided_by_sixteen():
    dataset = data.load(ConfigDict({"name": "digits"}))
    train, test = dataset.splits["train"], dataset.splits["test"]
    assert (len(train), len(test)) == (1437, 360)
    assert dataset.example_shape == (8, 8, 1)
    assert dataset.num_classes == 10
    digits = load_digits()
    for split in (train, test):
        source = [int(name) for name in split.name]
        assert split.x.dtype == np.uint8
        np.testing.assert_array_equal(
            split.as_float()[..., 0], digits.images[source] / 16
        )
        np.testing.assert_array_equal(split.label, digits.target[source])
    assert not set(train.name) & set(test.name)
    fractions = np.bincount(test.label) / np.bincount(digits.target)
    np.testing.assert_allclose(
        fractions, 0.2, atol=0.006
    )  # within one image of a class
    assert "1437 train, 360 test" in dataset.protocol


def test_npz_with_its_own_test_arrays(tmp_path):
    path = saved(tmp_path, x_train=X, y_train=Y, x_test=X[:5], y_test=Y[:5])
    dataset = load(path)
    np.testing.assert_array_equal(dataset.splits["train"].x, X)
    np.testing.assert_array_equal(dataset.splits["test"].label, Y[:5])
    assert dataset.class_names == ("0", "1", "2", "3")


def test_npz_with_x_and_y_is_split(tmp_path):
    dataset = load(saved(tmp_path, x=X, y=Y))
    assert np.bincount(dataset.splits["test"].label).tolist() == [1, 1, 1, 1]
    rows = [int(name) for name in dataset.splits["train"].name]
    np.testing.assert_array_equal(dataset.splits["train"].x, X[rows])


def test_npz_without_labels_or_test_arrays(tmp_path):
    dataset = load(saved(tmp_path, x_train=X))
    assert dataset.num_classes is None
    assert len(dataset.splits["test"]) == 4


@pytest.mark.parametrize(
    ("x", "shape"),
    [
        (X[..., 0], (3, 4, 1)),
        (X / 255, (3, 4, 3)),
        ((X[..., 0] / 255).astype(np.float32), (3, 4, 1)),
        (X.reshape(20, -1) - 1000.0, (36,)),
    ],
)
def test_npz_forms_of_x(tmp_path, x, shape):
    train = load(saved(tmp_path, x=x)).splits["train"]
    assert train.example_shape == shape
    assert train.x.dtype == (np.uint8 if x.dtype == np.uint8 else np.float32)
    rows = [int(name) for name in train.name]
    expected = x[rows].reshape(train.x.shape).astype(train.x.dtype)
    np.testing.assert_array_equal(train.x, expected)


def test_npz_image_shape(tmp_path):
    train = load(saved(tmp_path, x=X), image_shape="6x6x1").splits["train"]
    assert train.example_shape == (6, 6, 1)
    with pytest.raises(ValueError, match="applies to uint8 images only"):
        load(saved(tmp_path, x=X / 255), image_shape=(6, 6, 1))


@pytest.mark.parametrize("channels", [2, 4])
def test_npz_images_of_other_channels_are_resized(tmp_path, channels):
    x = np.random.default_rng(0).integers(0, 256, (20, 6, 5, channels), dtype=np.uint8)
    shape = (8, 4, channels)
    for settings in ({}, {"image_shape": shape}):
        train = load(saved(tmp_path, x=x), **settings).splits["train"]
        rows = [int(name) for name in train.name]
        expected = x[rows]
        if settings:
            expected = np.stack([resize(image, shape) for image in expected])
        np.testing.assert_array_equal(train.x, expected)


@pytest.mark.parametrize("in_memory", [True, False])
def test_npz_images_above_the_limit_are_resized(tmp_path, in_memory):
    x = X.repeat(10, axis=1).repeat(10, axis=2)  # 30x40
    settings = {"in_memory": in_memory}
    dataset = load(saved(tmp_path, x_train=x, x_test=x), max_side=16, **settings)
    assert dataset.example_shape == (12, 16, 3)
    assert "40 images of 30x40x3 are resized to 12x16x3" in dataset.protocol
    expected = np.stack([resize(image, (12, 16, 3)) for image in x])
    np.testing.assert_array_equal(dataset.splits["test"].x[:], expected)
    same = load(saved(tmp_path, x_train=x, x_test=x), max_side=40, **settings)
    assert same.example_shape == (30, 40, 3)
    with pytest.raises(ValueError, match="applies to uint8 images only"):
        load(saved(tmp_path, x=x / 255), max_side=16, **settings)


def test_npy_is_an_array_without_labels(tmp_path):
    np.save(tmp_path / "x.npy", X)
    dataset = load(tmp_path / "x.npy", test_fraction=0.5)
    assert dataset.num_classes is None
    assert "arrays of x.npy" in dataset.protocol
    rows = [int(name) for name in dataset.splits["test"].name]
    np.testing.assert_array_equal(dataset.splits["test"].x, X[rows])
    (tmp_path / "x.npy").write_bytes(b"hello")
    with pytest.raises(ValueError, match=r"x\.npy: not an np"):
        load(tmp_path / "x.npy")


NAN = (X / 255).astype(np.float32)
NAN[7, 1, 1, 1] = np.nan


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": NAN}, "1 examples contain NaN or infinity, first at 7"),
        ({"x": np.full((4, 2), 1e300)}, "infinity"),
        ({"x": X / 2.0}, r"must lie in \[0, 1\].*127.5"),
        ({"x": X.astype(np.int64)}, r"found int64 \[20, 3, 4, 3\]; expected uint8"),
        ({"x": X.reshape(20, -1)}, "expected uint8 images"),
        ({"x": X[:0]}, "no examples"),
        ({"x": X.reshape(20, 3, 2, 6)}, "channels come last"),
        ({"x": X, "y": Y[:7]}, r"'x' and 'y': 20 examples need labels"),
        ({"x": X, "y": Y / 2}, "labels must be integers"),
        ({"x": X, "y": np.where(Y, Y, np.nan)}, "labels must be integers or text"),
        ({"x": X, "y": np.eye(4)[Y]}, r"need labels of shape \(20,\), not \(20, 4\)"),
        ({"x": X, "y": Y + 0j}, "'y': labels must be integers or text, not complex"),
        ({"x": X, "y": np.full(20, b"caf\xe9")}, "'y': text that is not UTF-8"),
        (
            {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y.astype(str)},
            "not both",
        ),
        (
            {"x_val": X, "x_train": X, "x_valid": X},
            "'x_val' and 'x_valid' are both the",
        ),
        ({"x": X, "x_train": X}, "'x' and 'x_train' are both the train split"),
        ({"x": np.zeros((3, 0, 4), np.uint8)}, r"no examples.*shape \[3, 0, 4\]"),
        ({"x": np.array(3, np.uint8)}, r"found uint8 \[\]; expected"),
        ({"x_train": X, "y_train": Y, "x_test": X}, "have labels"),
        ({"images": X}, r"contains \['images'\]; expected 'x'"),
        ({"x": np.array([{}], dtype=object)}, "not an npz file of plain arrays"),
    ],
)
def test_npz_refuses(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        load(saved(tmp_path, **arrays))


@pytest.mark.parametrize(
    ("ids", "names"),
    [
        ([1_000_000, 2_000_000, 3_000_000, 4_000_000], None),
        ([-5, -1, 2, 2**32 + 3], None),
        (np.array([0, 1, 2, 2**64 - 1], np.uint64), None),
        ([1.0, 2.0, 10.0, 11.0], ["1", "2", "10", "11"]),
        (["img2", "img10", "img11", "é"], None),
        ([b"a", b"b", b"c", "é".encode()], ["a", "b", "c", "é"]),
    ],
)
def test_npz_labels_are_whatever_occurs(tmp_path, ids, names):
    ids = np.asarray(ids)
    path = saved(tmp_path, x_train=X, y_train=ids[Y // 2], x_test=X, y_test=ids[Y])
    dataset = load(path)
    assert dataset.class_names == tuple(names or map(str, ids.tolist()))
    assert dataset.splits["train"].label.dtype == np.int32
    np.testing.assert_array_equal(dataset.splits["train"].label, Y // 2)
    np.testing.assert_array_equal(dataset.splits["test"].label, Y)  # 2 and 3: here only


def test_npz_labels_of_minus_one_are_no_labels(tmp_path):
    """As in scikit-learn; but -1 and 1, or -1 beside other negatives, are classes."""
    y = np.where(Y == 1, -1, Y)
    dataset = load(saved(tmp_path, x_train=X, y_train=y, x_test=X, y_test=Y))
    assert dataset.class_names == ("0", "1", "2", "3")
    np.testing.assert_array_equal(dataset.splits["train"].label, y)
    assert "unlabelled examples: 5 in train" in dataset.protocol
    assert "in test" not in dataset.protocol
    for y, names in (
        (2 * (Y % 2) - 1, ("-1", "1")),
        (Y - 2, ("-2", "-1", "0", "1")),
        (np.where(Y, "a", "-1"), ("-1", "a")),
    ):
        dataset = load(saved(tmp_path, x=X, y=y))
        assert dataset.class_names == names
        assert "unlabelled" not in dataset.protocol


def test_npz_labels_of_two_widths_keep_their_values(tmp_path):
    """Whose common type would be float64, which does not know them apart."""
    large = 2**53
    dataset = load(
        saved(
            tmp_path,
            x_train=X,
            y_train=large + Y % 2,
            x_test=X,
            y_test=(large + Y % 2).astype(np.uint64),
        )
    )
    assert dataset.class_names == (str(large), str(large + 1))
    np.testing.assert_array_equal(dataset.splits["test"].label, Y % 2)


def test_npz_with_validation_arrays(tmp_path):
    dataset = load(saved(tmp_path, x=X, x_val=X[:3], x_test=X[:5]))
    sizes = {name: len(part) for name, part in dataset.splits.items()}
    assert sizes == {"train": 20, "validation": 3, "test": 5}


def test_npz_missing_and_corrupt_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.npz.*dataset\.path"):
        load(tmp_path / "none.npz")
    path = saved(tmp_path, x=X)
    content = path.read_bytes()
    broken = bytearray(content)
    broken[400:410] = b"0123456789"
    for bad in (b"", b"hello", content[: len(content) // 2], bytes(broken)):
        path.write_bytes(bad)
        with pytest.raises(ValueError, match=r"data\.npz: not an npz file"):
            load(path)
    with path.open("wb") as file:
        np.save(file, X)
    with pytest.raises(ValueError, match=r"data\.npz: not an npz file"):
        load(path)
