"""The registry of data sets and what `load` does to all of them."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from ml_collections import ConfigDict
from PIL import Image

from adversarial_latent import data
from tests.data import tiny_tfds


def load(**config):
    return data.load(ConfigDict(config))


def test_default_config_loads():
    assert data.load(data.default_config()).name == "digits"


@pytest.mark.parametrize("name", ["mnist", "", "tfds", "tfds:", "digits:8"])
def test_unknown_name_lists_the_known_ones(name):
    with pytest.raises(
        ValueError, match=r"npz, folder, flowers, memory, grid25, ring, tfds:"
    ):
        load(name=name)


def test_keys_that_are_unknown_or_would_be_ignored_are_refused():
    with pytest.raises(ValueError, match=r"unknown keys.*\['nme'\].*num_validation"):
        load(nme="digits")
    with pytest.raises(ValueError, match=r"image_shape does not apply.*'digits'"):
        load(name="digits", image_shape="8x8x1")
    with pytest.raises(ValueError, match="in_memory does not apply"):
        load(name="grid25", in_memory=False)
    with pytest.raises(ValueError, match="center_crop does not apply"):
        load(name="digits", center_crop=4)
    with pytest.raises(ValueError, match="center_crop=-1 is negative"):
        load(name="folder", center_crop=-1)
    with pytest.raises(ValueError, match="limit=-1 is negative"):
        load(name="digits", limit=-1)


def test_validation_is_drawn_from_train_by_the_seed():
    plain, held = load(name="digits"), load(name="digits", num_validation=100)
    assert held.splits["test"].name == plain.splits["test"].name
    train, validation = held.splits["train"], held.splits["validation"]
    assert len(validation) == 100
    assert set(train.name) | set(validation.name) == set(plain.splits["train"].name)
    again = load(name="digits", num_validation=100, split_seed=1)
    assert again.splits["validation"].name != validation.name
    assert "100 random training examples held out" in held.protocol


def test_limit_takes_a_random_part_of_every_split():
    dataset = load(name="digits", num_validation=100, limit=50)
    sizes = {name: len(split) for name, split in dataset.splits.items()}
    assert sizes == {"train": 50, "test": 50, "validation": 50}
    assert max(int(name) for name in dataset.splits["train"].name) > 1000
    full = load(name="digits", num_validation=100)
    assert set(dataset.splits["test"].name) < set(full.splits["test"].name)
    assert len(load(name="digits", limit=10_000).splits["train"]) == 1437


def test_only_some_classes_come_before_every_cut():
    full = load(name="digits", test_fraction=0.5)
    some = load(name="digits", test_fraction=0.5, classes="7,2,1", num_validation=20)
    assert some.class_names == ("1", "2", "7")
    assert some.num_classes == 3
    assert {name: len(part) for name, part in some.splits.items()} == {
        "train": 249,
        "test": 269,  # half of 182 + 177 + 179
        "validation": 20,
    }
    images, digit = full.splits["train"].x, full.splits["train"].label
    labels = {image.tobytes(): d for image, d in zip(images, digit, strict=True)}
    seen = 0
    for part in some.splits.values():
        for image, label in zip(part.x, part.label, strict=True):
            digit = labels.get(image.tobytes())
            seen += digit is not None
            assert digit in (None, [1, 2, 7][label])
    assert seen > 200
    assert "digits; only classes 1, 2, 7; a stratified 50% held" in some.protocol
    limited = load(name="digits", classes="0,1", limit=30)
    assert len(limited.splits["train"]) == len(limited.splits["test"]) == 30


def image_source(kind, directory, in_memory=True):
    """Config of a source of 12 images of the classes "a", "b", "c" ("0", "1", "2")."""
    x = np.random.default_rng(0).integers(0, 256, (12, 2, 2, 1), dtype=np.uint8)
    label = np.arange(12) % 3
    if kind == "tfds":
        features = {
            "image": tfds.features.Image(shape=(2, 2, 1)),
            "label": tfds.features.ClassLabel(names=["a", "b", "c"]),
        }
        rows = [
            {"image": tiny_tfds.png(image), "label": k}
            for image, k in zip(x, label, strict=True)
        ]
        tiny_tfds.write(directory, "tiny", features, {"train": rows, "test": rows[:6]})
        config = {"name": "tfds:tiny", "data_dir": str(directory)}
        return x, config | {"in_memory": in_memory}
    if kind == "npz":
        path = directory / "data.npz"
        np.savez(path, x_train=x, y_train=label, x_test=x[:6], y_test=label[:6])
        return x, {"name": "npz", "path": str(path)}
    for i, image in enumerate(x):
        folder = directory / "abc"[i % 3]
        folder.mkdir(exist_ok=True)
        Image.fromarray(image[..., 0]).save(folder / f"{i}.png")
    return x, {"name": "folder", "path": str(directory), "test_fraction": 0.5}


@pytest.mark.parametrize("kind", ["npz", "folder", "tfds", "lazy tfds"])
def test_only_some_classes_of_every_kind_of_images(kind, tmp_path):
    lazy = kind.startswith("lazy")
    x, config = image_source(kind.split()[-1], tmp_path, in_memory=not lazy)
    names = ["0", "2"] if kind == "npz" else ["a", "c"]
    dataset = load(**config, classes=",".join(names))
    assert dataset.class_names == tuple(names)
    assert isinstance(dataset.splits["train"].x, data.LazyArray) == lazy
    train, test = dataset.splits["train"], dataset.splits["test"]
    assert (len(train), len(test)) == ((4, 4) if kind == "folder" else (8, 4))
    digit = {image.tobytes(): i % 3 for i, image in enumerate(x)}
    for part in (train, test):
        found = [digit[image.tobytes()] for image in part.x[:]]
        assert found == [[0, 2][label] for label in part.label]
        assert set(found) == {0, 2}


def test_only_some_modes_of_a_mixture_of_points():
    names = ("(-4.00, 2.00)", "(0.00, -4.00)")
    for text in (", ".join(names), f"{names[1]},{names[0]}", str(names), names):
        dataset = load(name="grid25", classes=text)
        assert dataset.class_names == names
    train = dataset.splits["train"]
    np.testing.assert_allclose(train.x[train.label == 0].mean(0), [-4, 2], atol=0.01)
    np.testing.assert_allclose(train.x[train.label == 1].mean(0), [0, -4], atol=0.01)
    ring = load(name="ring", classes="(1.00, 0.00),(0.00, 1.00)")
    assert ring.num_classes == 2


def test_protocol_lists_only_some_of_many_classes():
    names = data.mode_names(data.grid_means())[:12]
    protocol = load(name="grid25", classes=",".join(names)).protocol
    assert f"only classes {', '.join(names[:10])} and 2 others; " in protocol


@pytest.mark.parametrize("classes", ["0,1", "0, 1", "(0, 1)", "['0', '1']", (0, "1")])
def test_classes_are_a_text_or_a_list(classes):
    assert load(name="digits", classes=classes).class_names == ("0", "1")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("0,10", r"classes='0,10': there is no class '10'; there are 0, 1, 2, .*9$"),
        ("3,5,3", "classes='3,5,3': '3' is listed twice$"),
        ("3", "classes='3': give at least two classes, or none for all$"),
    ],
)
def test_classes_that_cannot_be_chosen(classes, message):
    with pytest.raises(ValueError, match=message):
        load(name="digits", classes=classes)


def test_classes_need_labels_and_examples(tmp_path):
    x = np.zeros((4, 2, 2, 1), np.uint8)
    np.savez(tmp_path / "bare.npz", x=x)
    with pytest.raises(ValueError, match=r"classes='0,1', but 'npz' has no labels"):
        load(name="npz", path=str(tmp_path / "bare.npz"), classes="0,1")
    label = np.arange(4)
    np.savez(
        tmp_path / "gap.npz", x_train=x, y_train=label, x_test=x, y_test=label // 2
    )
    with pytest.raises(ValueError, match=r"the split 'test' of .* has no examples"):
        load(name="npz", path=str(tmp_path / "gap.npz"), classes="2,3")


def test_slow_libraries_are_imported_only_when_needed():
    program = (
        "import sys; from adversarial_latent import data; "
        "data.make_pipeline(data.load(data.default_config()).splits['train'], 10, 0)"
        ".next(1); print([m for m in ('tensorflow', 'tensorflow_datasets', 'grain') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
