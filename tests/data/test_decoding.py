"""Decoding of image files on all cores, into memory and into the cache."""

import logging
import os

import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

from adversarial_latent import data
from adversarial_latent.data import LazyArray, decoding
from adversarial_latent.inputs import InputError, read_image, resize

X = np.random.default_rng(0).integers(0, 256, (40, 9, 7, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """With few images to a chunk, so that there are many chunks."""
    monkeypatch.setenv("ADVERSARIAL_LATENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(decoding, "_CHUNK", 3)
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for i, image in enumerate(X):
        Image.fromarray(image).save(tmp_path / "images" / f"{i}.png")
    return tmp_path / "images"


def load(folder, **config):
    settings = {"name": "folder", "path": str(folder), "test_fraction": 0.25}
    return data.load(ConfigDict({**settings, **config}))


def rows(dataset):
    return {
        name: image
        for part in dataset.splits.values()
        for name, image in zip(part.name, part.x[:], strict=True)
    }


def assert_rows(dataset, expected):
    found = rows(dataset)
    assert found.keys() == {f"{i}.png" for i in expected}
    for i, image in expected.items():
        np.testing.assert_array_equal(found[f"{i}.png"], image)


def entries(own_cache):
    return sorted(file.name for file in own_cache.glob("*.bin"))


@pytest.mark.parametrize("in_memory", [True, False])
def test_cached_images_are_those_of_the_files(
    folder, own_cache, monkeypatch, in_memory
):
    monkeypatch.setattr(decoding, "_FEW", 10)
    expected = dict(enumerate(X))
    dataset = load(folder, in_memory=in_memory)
    assert isinstance(dataset.splits["train"].x, LazyArray) != in_memory
    assert_rows(dataset, expected)
    (entry,) = entries(own_cache)
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "worker_pool", None)  # is not needed again
        again = load(folder, in_memory=in_memory)
    assert_rows(again, expected)
    assert again.protocol == dataset.protocol
    for name, part in dataset.splits.items():
        assert part.fingerprint() == again.splits[name].fingerprint()
    small = load(folder, in_memory=in_memory, image_shape="4x4x1")
    assert_rows(small, {i: resize(image, (4, 4, 1)) for i, image in expected.items()})
    Image.fromarray(255 - X[0]).save(folder / "0.png")
    os.utime(folder / "0.png", (1, 1))
    assert_rows(load(folder, in_memory=in_memory), expected | {0: 255 - X[0]})
    assert len(entries(own_cache)) == 3
    assert entry in entries(own_cache)


def test_few_images_are_decoded_into_memory(folder, own_cache, monkeypatch):
    assert_rows(load(folder), dict(enumerate(X)))
    monkeypatch.setattr(decoding, "_FEW", 10)
    assert_rows(load(folder, cache=False), dict(enumerate(X)))
    assert not own_cache.exists()
    assert isinstance(load(folder, in_memory=False).splits["test"].x, LazyArray)
    assert len(entries(own_cache)) == 1


def test_without_a_cache_images_go_into_memory_or_are_refused(
    folder, monkeypatch, caplog
):
    monkeypatch.setattr(decoding, "_FEW", 10)
    (folder.parent / "file").touch()
    path = folder.parent / "file" / "cache"
    monkeypatch.setenv("ADVERSARIAL_LATENT_CACHE", str(path))
    with caplog.at_level(logging.WARNING):
        assert_rows(load(folder), dict(enumerate(X)))
    (warning,) = [r.getMessage() for r in caplog.records if "cache" in r.getMessage()]
    assert "cannot be written" in warning
    assert "decoded into memory instead" in warning
    with pytest.raises(InputError, match=r"in_memory=False .* cannot be written"):
        load(folder, in_memory=False)
    with pytest.raises(InputError, match="set cache=True"):
        load(folder, in_memory=False, cache=False)


@pytest.mark.parametrize("settings", [{}, {"image_shape": "9x7x3"}])
@pytest.mark.parametrize("in_memory", [True, False])
def test_unreadable_images_are_named_or_skipped_and_counted(
    folder, own_cache, caplog, settings, in_memory
):
    (folder / "7.png").write_text("no image")  # seen in its header
    content = (folder / "20.png").read_bytes()
    (folder / "20.png").write_bytes(content[:-60])  # seen when it is decoded
    settings = {**settings, "in_memory": in_memory}
    with pytest.raises(InputError, match=r"7\.png: not an .*skip_unreadable=True"):
        load(folder, **settings)
    assert not entries(own_cache)
    labels = folder.parent / "labels.csv"
    labels.write_text("".join(f"{i},{'ab'[i % 2]}\n" for i in range(40)))
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            dataset = load(folder, skip_unreadable=True, labels=str(labels), **settings)
        assert_rows(dataset, {i: X[i] for i in range(40) if i not in (7, 20)})
        assert "; 2 unreadable files skipped" in dataset.protocol
        assert "2 of 40 files are unreadable" in caplog.text
        for part in dataset.splits.values():
            numbers = [int(name.removesuffix(".png")) for name in part.name]
            assert [n % 2 for n in numbers] == part.label.tolist()
    for file in folder.iterdir():
        file.write_text("no image")
    with pytest.raises(InputError, match="none of the 40 files is a readable image"):
        load(folder, skip_unreadable=True, **settings)


def test_a_split_without_readable_images(folder):
    (folder / "train").mkdir()
    (folder / "test").mkdir()
    for i in range(40):
        (folder / f"{i}.png").rename(folder / "train" / f"{i}.png")
    (folder / "test" / "a.png").write_text("no image")
    with pytest.raises(InputError, match="test: none of its files is a readable"):
        load(folder, skip_unreadable=True)


def test_images_that_are_too_small_for_the_crop_are_not_skipped(folder):
    Image.fromarray(X[0, :2]).save(folder / "30.png")
    with pytest.raises(InputError, match=r"30\.png: an image of 2x7 .*center_crop"):
        load(folder, center_crop=5, skip_unreadable=True)


def test_turned_photographs_are_upright(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    for i in range(40):
        Image.fromarray(X[i]).save(folder / f"{i}.png", exif=exif)
    dataset = load(folder)
    assert dataset.example_shape == (7, 9, 3)
    expected = {i: read_image(folder / f"{i}.png") for i in range(40)}
    np.testing.assert_array_equal(expected[3], np.rot90(X[3], -1))
    assert_rows(dataset, expected)
