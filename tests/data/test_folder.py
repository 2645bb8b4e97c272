"""Folders of images, and new inputs for a trained model."""

import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

from adversarial_latent import data
from adversarial_latent.inputs import natural_key

X = np.random.default_rng(0).integers(0, 256, (12, 5, 4, 3), dtype=np.uint8)


def load(path, **config):
    return data.load(ConfigDict({"name": "folder", "path": str(path), **config}))


def save(array, path):
    path.parent.mkdir(exist_ok=True)
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


def test_different_shapes_need_image_shape(tmp_path):
    save(X[0], tmp_path / "a.png")
    save(X[1, :3], tmp_path / "b.png")
    with pytest.raises(
        ValueError, match=r"a\.png is 5x4x3, but b\.png is 3x4x3.*dataset\.image_shape"
    ):
        load(tmp_path)
    dataset = load(tmp_path, image_shape="4x4x1", test_fraction=0.5)
    assert dataset.example_shape == (4, 4, 1)


def test_images_are_cropped_before_they_are_resized(tmp_path):
    for name in "ab":
        save(X[0], tmp_path / f"{name}.png")
    dataset = load(tmp_path, center_crop=2, test_fraction=0.5)
    np.testing.assert_array_equal(dataset.splits["train"].x[0], X[0, 1:3, 1:3])
    with pytest.raises(ValueError, match=r"a\.png: an image of 5x4 .*center_crop"):
        load(tmp_path, center_crop=5)


def test_grey_beside_colour_needs_image_shape(tmp_path):
    save(X[0], tmp_path / "a.png")
    save(X[1, ..., 0], tmp_path / "b.png")
    with pytest.raises(ValueError, match="5x4x1"):
        load(tmp_path)


def test_refused_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder at"):
        load(tmp_path / "none")
    with pytest.raises(ValueError, match="holds no images"):
        load(tmp_path)
    save(X[0], tmp_path / "one" / "a.png")
    (tmp_path / "two").mkdir()
    with pytest.raises(ValueError, match="two: empty class folder"):
        load(tmp_path)
    (tmp_path / "two" / "deeper").mkdir()
    with pytest.raises(ValueError, match="deeper: a folder inside a class"):
        load(tmp_path)
    save(X[0], tmp_path / "b.png")
    with pytest.raises(ValueError, match=r"both folders \('one'\) and files"):
        load(tmp_path)


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
        ValueError, match=r"wants 28x28x1, new\.npz is 5x4x3: pass --resize"
    ):
        data.read_images(path, (28, 28, 1))
    assert data.read_images(path, (28, 28, 1), resize=True).x.shape == (12, 28, 28, 1)
    np.savez(path, x=X.reshape(12, -1) / 1.0)
    assert data.read_images(path, (60,)).x.shape == (12, 60)
    with pytest.raises(ValueError, match=r"wants 2, new\.npz is 60$"):
        data.read_images(path, (2,), resize=True)
    np.savez(path, images=X)
    with pytest.raises(ValueError, match="wanted an array 'x'"):
        data.read_images(path, (5, 4, 3))


def test_read_images_refuses(tmp_path):
    with pytest.raises(FileNotFoundError, match="no image, folder or npz"):
        data.read_images(tmp_path / "none", (5, 4, 3))
    with pytest.raises(ValueError, match="holds no images"):
        data.read_images(tmp_path, (5, 4, 3))
    save(X[0], tmp_path / "photo.png")
    with pytest.raises(
        ValueError, match=r"wants 28x28x1, photo\.png is 5x4x3: pass --resize"
    ):
        data.read_images(tmp_path, (28, 28, 1))
    assert data.read_images(tmp_path, (8, 8, 1), resize=True).x.shape == (1, 8, 8, 1)
    with pytest.raises(ValueError, match="points with 2 coordinates"):
        data.read_images(tmp_path, (2,))
