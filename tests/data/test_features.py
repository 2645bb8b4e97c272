"""Features of images of every source, computed once."""

import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

from adversarial_latent import data
from adversarial_latent.data import LazyArray, features
from adversarial_latent.inputs import InputError
from tests.data import blocks
from tests.data.test_sources import image_source

PATH = "tests.data.blocks:block_means"
X = np.random.default_rng(0).integers(0, 256, (30, 6, 4, 1), dtype=np.uint8)
Y = np.arange(30) % 3


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """With small batches, so that there are several."""
    monkeypatch.setenv("ADVERSARIAL_LATENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(features, "_BATCH", 7)
    blocks.calls.clear()
    return tmp_path / "cache"


def load(**config):
    return data.load(ConfigDict({"features": PATH, **config}))


def source(kind, directory):
    """Config of a source with the images X, or of the digits."""
    if kind == "digits":
        return {"name": "digits", "limit": 20}
    if kind == "npz":
        np.savez(directory / "x.npz", x=X, y=Y)
        return {"name": "npz", "path": str(directory / "x.npz")}
    if kind == "floats":
        np.savez(directory / "x.npz", x=(X / 255).astype(np.float32))
        return {"name": "npz", "path": str(directory / "x.npz")}
    for i, image in enumerate(X):
        path = directory / "images" / "abc"[i % 3] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(path)
    return {"name": "folder", "path": str(directory / "images")}


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("kind", ["digits", "npz", "floats", "folder"])
def test_features_of_every_source(tmp_path, kind, in_memory):
    config = source(kind, tmp_path)
    if kind != "digits":
        config["in_memory"] = in_memory
    plain = data.load(ConfigDict(config))
    dataset = load(**config)
    assert {shape[0] for shape in blocks.calls} <= set(range(1, 8))
    for name, part in plain.splits.items():
        found = dataset.splits[name]
        pixels = np.round(255 * part.as_float()).astype(np.uint8)
        expected = blocks.block_means(pixels).astype(np.float32)
        assert isinstance(found.x, LazyArray) == (not in_memory and kind != "digits")
        np.testing.assert_array_equal(found.x[:], expected)
        np.testing.assert_array_equal(found.images[:], part.x[:])
        assert found.name == part.name
        some = np.array([3, 0])
        np.testing.assert_array_equal(found.take(some).x[:], expected[some])
        np.testing.assert_array_equal(found.take(some).images[:], part.x[some])
        np.testing.assert_array_equal(found.show(some), part.as_float(some))
    assert f"4 features of each image by {PATH}" in dataset.protocol
    assert dataset.example_shape == (4,)


def test_features_are_computed_once_for_the_same_images_and_function(
    tmp_path, own_cache, monkeypatch
):
    config = source("npz", tmp_path)
    first = load(**config)
    number = len(blocks.calls)
    again = load(**config)
    assert len(blocks.calls) == number
    for name, part in first.splits.items():
        np.testing.assert_array_equal(part.x, again.splits[name].x)
    monkeypatch.setattr(blocks.block_means, "__version__", 2, raising=False)
    load(**config)
    assert len(blocks.calls) == 2 * number
    load(**config)
    assert len(blocks.calls) == 2 * number
    np.savez(config["path"], x=255 - X, y=Y)
    load(**config)
    assert len(blocks.calls) == 3 * number
    load(**config, cache=False)
    assert len(blocks.calls) == 4 * number
    with pytest.raises(InputError, match="set cache=True"):
        load(**config, cache=False, in_memory=False)


def test_lazy_sources_are_told_apart(tmp_path):
    """Those of TFDS are known by their positions only."""
    one, two = (
        data.Examples(LazyArray(lambda i, x=x: x[i], np.arange(30), (6, 4, 1)))
        for x in (X, 255 - X)
    )
    found = features.with_features(
        data.Dataset("lazy", {"train": one, "test": two}, "x"), PATH
    )
    for name, x in (("train", X), ("test", 255 - X)):
        np.testing.assert_allclose(
            found.splits[name].x, blocks.block_means(x), rtol=1e-6
        )


def test_without_a_cache_features_stay_in_memory(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ADVERSARIAL_LATENT_CACHE", str(tmp_path / "file" / "cache"))
    config = source("npz", tmp_path)
    assert load(**config).example_shape == (4,)
    assert "cannot be written" in caplog.text
    with pytest.raises(InputError, match="in_memory=False keeps features on disk, but"):
        load(**config, in_memory=False)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("block_means", "'block_means' is not an import path; write it as"),
        ("tests.data.none:f", "tests.data.none:f: cannot be imported"),
        ("tests.data.blocks:none", "blocks:none: cannot be imported"),
        ("tests.data.blocks:number", "number is not a class or function"),
        ("tests.data.blocks:flat", r"flat returned float64 \[7\] for images"),
        ("tests.data.blocks:nan", "features by .*nan: 7 examples contain NaN"),
        ("tests.data.blocks:growing", "growing returned 2 features for images from 7"),
        (
            "tests.data.blocks:failing",
            r"failing failed on images uint8 \[7, 6, 4, 1\]: KeyError: 'weights'",
        ),
        ("builtins:abs", "has no source code .*__version__"),
    ],
)
def test_what_is_no_function_of_features(tmp_path, own_cache, path, message):
    with pytest.raises(InputError, match=message):
        load(**source("npz", tmp_path) | {"features": path})
    assert not list(own_cache.glob("*.bin"))


def test_vectors_have_no_features(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((9, 3)))
    with pytest.raises(InputError, match=r"features of images, but 'npz' has vectors"):
        load(name="npz", path=str(tmp_path / "x.npy"))
    with pytest.raises(InputError, match="features does not apply"):
        load(name="ring")


@pytest.mark.parametrize("in_memory", [True, False])
def test_features_of_tfds(tmp_path, in_memory):
    x, config = image_source("tfds", tmp_path, in_memory)
    dataset = load(**config)
    for name, part in (("train", x), ("test", x[:6])):
        found = dataset.splits[name]
        assert isinstance(found.x, LazyArray) != in_memory
        np.testing.assert_array_equal(found.x[:], blocks.block_means(part))
        np.testing.assert_array_equal(found.images[:], part)
