"""TFDS data sets: small ones written here, and real ones where they are."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from ml_collections import ConfigDict

from adversarial_latent import data
from tests.data import tiny_tfds

SHARED = Path(__file__).parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not (SHARED / "tfds").is_dir(), reason=f"no prepared TFDS directory at {SHARED}"
)
F = tfds.features
X = np.random.default_rng(0).integers(0, 256, (12, 6, 5, 3), dtype=np.uint8)


def load(name, data_dir, **config):
    return data.load(
        ConfigDict({"name": f"tfds:{name}", "data_dir": str(data_dir), **config})
    )


def examples(x):
    return [{"image": tiny_tfds.png(v), "label": i % 3} for i, v in enumerate(x)]


def write_tiny(data_dir, name="tiny", **changes):
    arguments = {
        "features": {
            "image": F.Image(shape=(6, 5, 3)),
            "label": F.ClassLabel(names=["a", "b", "c"]),
        },
        "splits": {"train": examples(X), "test": examples(X[:4])},
    }
    return tiny_tfds.write(data_dir, name, **(arguments | changes))


@pytest.mark.parametrize("in_memory", [True, False])
def test_tiny_data_set_round_trip(tmp_path, in_memory):
    write_tiny(tmp_path)
    dataset = load("tiny", tmp_path, in_memory=in_memory)
    train, test = dataset.splits["train"], dataset.splits["test"]
    assert isinstance(train.x, np.ndarray) == in_memory
    np.testing.assert_array_equal(train.x[:], X)
    np.testing.assert_array_equal(train.label, np.arange(12) % 3)
    np.testing.assert_array_equal(test.x[:], X[:4])
    assert dataset.class_names == ("a", "b", "c")
    assert "tiny/1.0.0" in dataset.protocol


def test_lazy_splits_and_streams(tmp_path):
    write_tiny(tmp_path)
    dataset = load("tiny", tmp_path, in_memory=False, num_validation=2)
    train = dataset.splits["train"]
    assert len(train) == 10
    rows = [int(name) for name in train.name]
    pipeline = data.make_pipeline(train, batch_size=4, seed=0)
    batch = pipeline.next(1)["x"][0, 0]
    order = np.random.default_rng([0, 0]).permutation(10)[:4]
    np.testing.assert_array_equal(batch, X[np.array(rows)[order]])
    pipeline.close()
    with pytest.raises(ValueError, match="use a streaming pipeline"):
        data.make_pipeline(train, 4, 0, kind="resident")


def test_split_expressions_and_missing_splits(tmp_path):
    write_tiny(tmp_path)
    dataset = load("tiny", tmp_path, train_split="train+test")
    # The test split trains, so that another one is held out of the sum.
    train, test = dataset.splits["train"], dataset.splits["test"]
    assert len(train) + len(test) == 16
    assert not set(train.name) & set(test.name)
    with pytest.raises(ValueError, match=r"no split 'extra'.*\['train', 'test'\]"):
        load("tiny", tmp_path, train_split="extra")


def test_a_split_that_trains_is_not_held_out(tmp_path):
    parts = {"train": examples(X), "test": examples(X[:3])}
    write_tiny(tmp_path, splits=parts | {"validation": examples(X[:2])})
    dataset = load("tiny", tmp_path, train_split="train[:50%]+validation")
    assert {name: len(part) for name, part in dataset.splits.items()} == {
        "train": 8,
        "test": 3,
    }


def test_own_validation_split_is_kept(tmp_path):
    parts = {"train": examples(X), "validation": examples(X[:3])}
    write_tiny(tmp_path, splits=parts)
    dataset = load("tiny", tmp_path)
    assert {name: len(part) for name, part in dataset.splits.items()} == {
        "train": 9,
        "validation": 3,
        "test": 3,
    }
    with pytest.raises(ValueError, match="validation split of its own"):
        load("tiny", tmp_path, num_validation=1)


def test_supervised_keys_choose_the_features_and_others_are_never_decoded(tmp_path):
    write_tiny(
        tmp_path,
        features={
            "image": F.Text(),
            "photo": F.Image(shape=(6, 5, 3)),
            "mask": F.Image(shape=(6, 5, 1)),
            "kind": F.ClassLabel(num_classes=3),
        },
        splits={
            "train": [
                {"image": "", "photo": tiny_tfds.png(v), "mask": b"?", "kind": 2}
                for v in X
            ]
        },
        supervised_keys=("photo", "kind"),
    )
    dataset = load("tiny", tmp_path)
    assert dataset.example_shape == (6, 5, 3)
    assert dataset.splits["train"].label.tolist() == [2] * 9


def test_images_of_different_size_need_image_shape(tmp_path):
    mixed = [*examples(X[:2]), *examples(X[:2, :3, :, :1])]
    features = {"image": F.Image(), "label": F.ClassLabel(num_classes=3)}
    write_tiny(tmp_path, features=features, splits={"train": mixed, "test": mixed})
    with pytest.raises(ValueError, match=r"differ in size.*dataset\.image_shape"):
        load("tiny", tmp_path)
    train = load("tiny", tmp_path, image_shape="6x5x3").splits["train"]
    np.testing.assert_array_equal(train.x[:2], X[:2])
    train = load("tiny", tmp_path, image_shape="2x2x3", center_crop=2).splits["train"]
    np.testing.assert_array_equal(train.x[0], X[0, 2:4, 1:3])
    with pytest.raises(ValueError, match="is too small for a square of 4"):
        load("tiny", tmp_path, center_crop=4)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"text": F.Text()}, r"not an image data set.*\['text'\]"),
        ({"image": F.Image(shape=(2, 2, 1), dtype=np.float32)}, "float32 images"),
        ({"image": F.Image(shape=(2, 2, 4))}, "4 channels"),
    ],
)
def test_features_that_cannot_be_read(tmp_path, features, message):
    write_tiny(tmp_path, features=features, splits={})
    folder = tmp_path / "tiny" / "1.0.0"
    info = (folder / "dataset_info.json").read_text()
    part = {"name": "train", "shardLengths": ["1"], "numBytes": "1"}
    part["filepathTemplate"] = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    info = info.replace('"splits": []', f'"splits": [{part}]'.replace("'", '"'))
    (folder / "dataset_info.json").write_text(info)
    (folder / "tiny-train.array_record-00000-of-00001").touch()
    with pytest.raises(ValueError, match=message):
        load("tiny", tmp_path)


def test_missing_data_names_the_directory_and_the_command(tmp_path, monkeypatch):
    command = r"(?s)pip install -e '\.\[prepare\]'.*download_and_prepare"
    with pytest.raises(FileNotFoundError, match=command):
        load("mnist", tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "elsewhere"))
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "elsewhere")):
        load("mnist", "")
    write_tiny(tmp_path / "elsewhere")
    assert len(load("tiny", "").splits["train"]) == 12
    with pytest.raises(ValueError, match="cannot load 'no_such_set' from"):
        load("no_such_set", tmp_path)


def test_missing_and_corrupt_files(tmp_path):
    folder = write_tiny(tmp_path)
    file = folder / "tiny-train.array_record-00000-of-00001"
    content = file.read_bytes()
    for bad in (b"", b"x" * len(content), content[:3000] + bytes(99) + content[3099:]):
        file.write_bytes(bad)
        with pytest.raises(ValueError, match=r"tiny/1\.0\.0 'train': a corrupt file"):
            load("tiny", tmp_path)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=f"'{file}' is missing"):
        load("tiny", tmp_path)


def test_a_record_that_is_no_image(tmp_path):
    bad = [{"image": b"no image", "label": 0}]
    write_tiny(tmp_path, splits={"train": bad, "test": bad})
    with pytest.raises(ValueError, match=r"tiny/1\.0\.0 'train': not an image"):
        load("tiny", tmp_path)


@pytest.mark.parametrize(
    ("name", "shape", "num_classes"),
    [
        ("svhn_cropped", (32, 32, 3), 10),
        ("smallnorb", (32, 32, 1), 5),
        ("celeb_a", (64, 64, 3), None),
        ("oxford_flowers102", (64, 64, 3), 102),
    ],
)
def test_real_builders_of_later_experiments(tmp_path, name, shape, num_classes):
    builder = tfds.builder(name, data_dir=tmp_path, file_format="array_record")
    spec = builder.info.features

    def filled(feature):
        if isinstance(feature, F.FeaturesDict):
            return {key: filled(part) for key, part in feature.items()}
        if isinstance(feature, F.Image):
            return tiny_tfds.png(
                np.zeros([size or 100 for size in feature.shape], np.uint8)
            )
        return "" if isinstance(feature, F.Text) else 1

    tiny_tfds.write(
        tmp_path,
        name,
        dict(spec),
        {split: [filled(spec)] * 2 for split in ("train", "test")},
        builder.info.supervised_keys,
        str(builder.version),
    )
    dataset = load(name, tmp_path, image_shape=shape, in_memory=False)
    assert dataset.num_classes == num_classes
    assert dataset.splits["test"].x[:].shape == (2, *shape)


@needs_shared
def test_mnist_equals_the_npz_file_bit_by_bit():
    def rows(*splits):
        """Every image with its label, in an order of their own: TFDS shuffles."""
        return sorted(
            image.tobytes() + bytes([label])
            for split in splits
            for image, label in zip(split.x, split.label, strict=True)
        )

    ours = load("mnist", SHARED / "tfds", num_validation=5000).splits
    npz = ConfigDict({"name": "npz", "path": str(SHARED / "mnist.npz")})
    theirs = data.load(npz).splits
    assert (len(ours["train"]), len(ours["validation"])) == (55_000, 5000)
    assert rows(ours["test"]) == rows(theirs["test"])
    assert rows(ours["train"], ours["validation"]) == rows(theirs["train"])


@needs_shared
def test_cifar10_shapes():
    dataset = load("cifar10", SHARED / "tfds", in_memory=False)
    train, test = dataset.splits["train"], dataset.splits["test"]
    assert train.x.shape == (50_000, 32, 32, 3)
    assert test.x.shape == (10_000, 32, 32, 3)
    assert np.bincount(train.label).tolist() == [5000] * 10
    assert dataset.class_names[3] == "cat"
    pixels = test.x[:50]
    assert pixels.shape == (50, 32, 32, 3)
    assert pixels.min() < 20
    assert pixels.max() > 235
