"""Folders of images, and new inputs for a trained model."""

import os

import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

from adversarial_latent import data
from adversarial_latent.inputs import InputError, natural_key, resize

X = np.random.default_rng(0).integers(0, 256, (12, 5, 4, 3), dtype=np.uint8)


def load(path, **config):
    return data.load(ConfigDict({"name": "folder", "path": str(path), **config}))


def save(array, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def by_name(dataset):
    rows = {}
    for split in dataset.splits.values():
        labels = split.label if split.label is not None else [None] * len(split)
        rows |= dict(zip(split.name, zip(split.x, labels, strict=True), strict=True))
    return rows


def test_natural_order():
    names = ["img10.png", "img2.png", "img1.png", "b", "10", "9"]
    assert sorted(names, key=natural_key) == [
        *("9", "10", "b", "img1.png", "img2.png", "img10.png")
    ]


def test_classes_are_the_top_folders_at_any_depth(tmp_path):
    files = ["a b/2.png", "a/x/y/10.png", "a/x/9.png", "a/1.png"]
    for split in ("train", "test"):
        for i, file in enumerate(files):
            save(X[i], tmp_path / split / file)
    expected = ["a/1.png", "a/x/9.png", "a/x/y/10.png", "a b/2.png"]
    for folder, prefix in ((tmp_path / "train", ""), (tmp_path, "train/")):
        dataset = load(folder, test_fraction=0.25)
        assert dataset.class_names == ("a", "a b")
        rows = by_name(dataset)
        names = [name for name in rows if name.startswith(prefix)]
        assert sorted(names) == sorted(prefix + name for name in expected)
        for name in names:
            file = name.removeprefix(prefix)
            np.testing.assert_array_equal(rows[name][0], X[files.index(file)])
            assert rows[name][1] == file.startswith("a b/")
    assert dataset.splits["train"].name == tuple(f"train/{name}" for name in expected)


def test_flat_folder_has_no_labels(tmp_path):
    for i, image in enumerate(X):
        save(image, tmp_path / f"img{i}.png")
    (tmp_path / ".hidden").write_text("passed over")
    dataset = load(tmp_path, test_fraction=0.25)
    assert dataset.num_classes is None
    assert (len(dataset.splits["train"]), len(dataset.splits["test"])) == (9, 3)
    rows = by_name(dataset)
    assert len(rows) == 12
    for i, image in enumerate(X):
        np.testing.assert_array_equal(rows[f"img{i}.png"][0], image)


def test_sub_folders_are_classes_in_natural_order(tmp_path):
    for i, image in enumerate(X):
        save(image[..., 0], tmp_path / f"class{9 + i % 2}" / f"{i}.png")
    dataset = load(tmp_path, test_fraction=0.5)
    assert dataset.class_names == ("class9", "class10")
    assert dataset.example_shape == (5, 4, 1)
    for i, image in enumerate(X):
        pixels, label = by_name(dataset)[f"class{9 + i % 2}/{i}.png"]
        np.testing.assert_array_equal(pixels[..., 0], image[..., 0])
        assert label == i % 2


def test_one_shape_is_chosen_for_images_of_several(tmp_path):
    large = X.repeat(10, axis=1).repeat(10, axis=2)
    save(large[0], tmp_path / "a.png")  # 50x40
    save(large[1, :30], tmp_path / "b.png")  # 30x40
    save(large[2, :30, :, 0], tmp_path / "c.png")
    dataset = load(tmp_path, test_fraction=0.3)
    assert dataset.example_shape == (32, 40, 3)
    text = "3 images of 3 shapes, 30x40x1 to 50x40x3, are resized to 32x40x3"
    assert text in dataset.protocol
    pixels = {name: image for name, (image, _) in by_name(dataset).items()}
    for name, image in (("a.png", large[0]), ("c.png", large[2, :30, :, :1])):
        np.testing.assert_array_equal(pixels[name], resize(image, (32, 40, 3)))
    dataset = load(tmp_path, max_side=16, test_fraction=0.3)
    assert dataset.example_shape == (12, 16, 3)
    given = load(tmp_path, image_shape="4x4x1", test_fraction=0.3)
    assert given.example_shape == (4, 4, 1)
    assert "resized" not in given.protocol
    both = load(tmp_path, image_shape="4x4x1", max_side=16, test_fraction=0.3)
    assert both.example_shape == (4, 4, 1)  # a limit is for shapes that are not given
    with pytest.raises(InputError, match=r"max_side=4: .*at least 8"):
        load(tmp_path, max_side=4)


def test_images_are_cropped_before_they_are_resized(tmp_path):
    for name in "ab":
        save(X[0], tmp_path / f"{name}.png")
    dataset = load(tmp_path, center_crop=2, test_fraction=0.5)
    np.testing.assert_array_equal(dataset.splits["train"].x[0], X[0, 1:3, 1:3])
    with pytest.raises(ValueError, match=r"a\.png: an image of 5x4 .*center_crop"):
        load(tmp_path, center_crop=5)


def test_grey_beside_colour_becomes_colour(tmp_path):
    save(X[0], tmp_path / "a.png")
    save(X[1, ..., 0], tmp_path / "b.png")
    rows = by_name(load(tmp_path, test_fraction=0.5))
    np.testing.assert_array_equal(rows["a.png"][0], X[0])
    np.testing.assert_array_equal(rows["b.png"][0], X[1, ..., :1].repeat(3, -1))


def test_refused_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder at"):
        load(tmp_path / "none")
    with pytest.raises(ValueError, match="contains no images"):
        load(tmp_path)
    save(X[0], tmp_path / "one" / "a.png")
    (tmp_path / "two").mkdir()
    with pytest.raises(ValueError, match="two: empty class folder"):
        load(tmp_path)
    (tmp_path / "two" / "deeper").mkdir()
    with pytest.raises(ValueError, match="two: empty class folder"):
        load(tmp_path)
    save(X[0], tmp_path / "b.png")
    with pytest.raises(ValueError, match=r"both folders \('one'\) and files"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("train", "others"),
    [
        ("train", {"test": "test"}),
        ("Train", {"Test": "test", "val": "validation"}),
        ("training", {"testing": "test", "valid": "validation"}),
        ("train", {"validation": "validation"}),
        ("train", {}),
    ],
)
def test_folders_that_are_called_as_splits_are_splits(tmp_path, train, others):
    """A class that occurs in any of them is a class in all."""
    for i, image in enumerate(X[:6]):
        save(image, tmp_path / train / "ab"[i % 2] / f"{i}.png")
        for name in others:
            save(image, tmp_path / name / "bc"[i % 2] / f"{i}.png")
    dataset = load(tmp_path, test_fraction=0.5)
    assert dataset.class_names == tuple("abc" if others else "ab")
    known = {"train": train} | {split: name for name, split in others.items()}
    assert set(dataset.splits) == {"test", *known}
    has_test = "test" in known
    for split, part in dataset.splits.items():
        folder = known.get(split, train)
        assert all(name.startswith(f"{folder}/") for name in part.name)
        classes = [name.split("/")[1] for name in part.name]
        assert classes == [dataset.class_names[k] for k in part.label]
        numbers = [int(name.split("/")[2].removesuffix(".png")) for name in part.name]
        np.testing.assert_array_equal(part.x, X[numbers])
        assert len(part) == (3 if split in ("train", "test") and not has_test else 6)
    assert f"whose sub-folders '{train}'" in dataset.protocol
    assert ("held out" in dataset.protocol) != has_test


def test_splits_without_classes(tmp_path):
    for i, image in enumerate(X):
        save(image, tmp_path / ("test" if i < 4 else "train") / f"{i}.png")
    dataset = load(tmp_path)
    assert dataset.num_classes is None
    np.testing.assert_array_equal(dataset.splits["test"].x, X[:4])
    np.testing.assert_array_equal(dataset.splits["train"].x, X[4:])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["train/a.png", "cat/a.png"], r"'cat' next to folders .*\(train\).*rename"),
        (["test/a.png", "val/a.png"], "contains test, val, but no folder 'train'"),
        (["train/a.png", "test/a/a.png"], "images, but 'test' contains class folders"),
        (["train/a/a.png", "test/a.png"], "images, but 'train' contains class folders"),
        (["train/a.png", "a.png"], r"splits \('train'\) and files \('a.png'\)"),
        (["train/a.png", "Train/a.png"], "'.*rain' and '.*rain' are both the train"),
        (
            ["train/a/a.png", "train/a.png"],
            r"train contains both folders \('a'\) and file",
        ),
        (["train/a.png", "test/.a"], "test: the folder contains no images"),
    ],
)
def test_what_cannot_be_splits(tmp_path, files, message):
    for file in files:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix:
            save(X[0], path)
        else:
            path.touch()
    with pytest.raises(InputError, match=message):
        load(tmp_path)


def test_valid_and_invalid_are_classes(tmp_path):
    for name in ("valid", "invalid"):
        for i in range(2):
            save(X[i], tmp_path / name / f"{i}.png")
    assert load(tmp_path, test_fraction=0.5).class_names == ("invalid", "valid")


@pytest.mark.parametrize("splits", [("",), ("train/", "test/")])
def test_what_systems_leave_behind_is_passed_over_and_counted(tmp_path, splits):
    for split in splits:
        for i, image in enumerate(X):
            save(image, tmp_path / f"{split}{'ab'[i % 2]}" / f"{i}.png")
    plain = load(tmp_path)
    assert "ignored" not in plain.protocol
    last = f"{splits[-1]}a/"
    for name in ("Thumbs.db", "__MACOSX/a/._1.png", f"{last}desktop.ini", f"{last}._1"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("no image")
    save(X[0], tmp_path / last / "@eaDir" / "small.jpg")
    dataset = load(tmp_path)
    assert dataset.class_names == ("a", "b")
    assert "(5 hidden or system files ignored)" in dataset.protocol
    for split, part in dataset.splits.items():
        assert part.name == plain.splits[split].name
    examples = data.read_images(tmp_path, (5, 4, 3))
    assert len(examples) == 12 * len(splits)


def test_names_of_any_bytes_become_printable(tmp_path):
    """Python holds those that are no UTF-8 as what no file can be written with."""
    for name in (b"caf\xe9", "Blu\u0308te".encode()):
        for i in range(2):
            save(X[i], tmp_path / os.fsdecode(name) / os.fsdecode(b"\xff%d.png" % i))
    dataset = load(tmp_path, test_fraction=0.5)
    assert dataset.class_names == ("Blüte", "caf\\xe9")
    written = [*dataset.class_names, *by_name(dataset), dataset.protocol]
    assert "".join(written).encode("utf-8")
    assert "caf\\xe9/\\xff1.png" in by_name(dataset)
    assert data.read_images(tmp_path, (5, 4, 3)).name[-1] == "caf\\xe9/\\xff1.png"


def test_the_home_directory_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in "ab":
        save(X[0], tmp_path / "photos" / f"{name}.png")
        (tmp_path / f"{name}.txt").write_text(f"this is {name}")
    dataset = load("~/photos", test_fraction=0.5, captions="~")
    assert dataset.splits["train"].captions == (("this is a",),)
    assert len(data.read_images("~/photos", (5, 4, 3))) == 2
    np.savez(tmp_path / "x.npz", x=X)
    assert data.load(ConfigDict({"name": "npz", "path": "~/x.npz"})).example_shape
    with pytest.raises(FileNotFoundError, match=rf"under '{tmp_path}/tfds'|{tmp_path}"):
        data.load(ConfigDict({"name": "tfds:mnist", "data_dir": "~/tfds"}))


@pytest.mark.parametrize("name", ["notes.txt", "broken.png"])
def test_a_file_that_is_no_image_is_named(tmp_path, name):
    save(X[0], tmp_path / "a.png")
    (tmp_path / name).write_text("no image")
    with pytest.raises(ValueError, match=rf"{name}: not an image"):
        load(tmp_path)


def test_read_images_of_a_folder_to_any_depth(tmp_path):
    for i in (10, 9):
        save(X[i], tmp_path / "deep" / f"{i}.png")
    save(X[0], tmp_path / "a.png")
    examples = data.read_images(tmp_path, (5, 4, 3))
    assert examples.name == ("a.png", "deep/9.png", "deep/10.png")
    assert examples.label is None
    np.testing.assert_array_equal(examples.x, X[[0, 9, 10]])


def test_read_images_of_one_file(tmp_path):
    save(X[0], tmp_path / "a.png")
    examples = data.read_images(tmp_path / "a.png", (5, 4, 3))
    assert examples.name == ("a.png",)
    np.testing.assert_allclose(examples.as_float(), X[:1] / 255, rtol=1e-6)


def test_read_images_of_npz(tmp_path):
    path = tmp_path / "new.npz"
    np.savez(path, x=X, y=np.zeros(12, int))
    examples = data.read_images(str(path), (5, 4, 3))
    np.testing.assert_array_equal(examples.x, X)
    assert examples.label is None
    with pytest.raises(
        ValueError, match=r"takes 28x28x1, but new\.npz is 5x4x3: pass --resize"
    ):
        data.read_images(path, (28, 28, 1))
    assert data.read_images(path, (28, 28, 1), resize=True).x.shape == (12, 28, 28, 1)
    np.savez(path, x=X.reshape(12, -1) / 1.0)
    assert data.read_images(path, (60,)).x.shape == (12, 60)
    with pytest.raises(ValueError, match=r"takes 2, but new\.npz is 60$"):
        data.read_images(path, (2,), resize=True)
    np.savez(path, images=X)
    with pytest.raises(ValueError, match="expected an array 'x'"):
        data.read_images(path, (5, 4, 3))


def test_read_images_refuses(tmp_path):
    with pytest.raises(FileNotFoundError, match="no image, folder or npz"):
        data.read_images(tmp_path / "none", (5, 4, 3))
    with pytest.raises(ValueError, match="contains no images"):
        data.read_images(tmp_path, (5, 4, 3))
    save(X[0], tmp_path / "photo.png")
    with pytest.raises(
        ValueError, match=r"takes 28x28x1, but photo\.png is 5x4x3: pass --resize"
    ):
        data.read_images(tmp_path, (28, 28, 1))
    assert data.read_images(tmp_path, (8, 8, 1), resize=True).x.shape == (1, 8, 8, 1)
    with pytest.raises(ValueError, match="points with 2 coordinates"):
        data.read_images(tmp_path, (2,))
