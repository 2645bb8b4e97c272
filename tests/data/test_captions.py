"""Captions from a folder of text files."""

import ml_collections
import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from adversarial_latent import data
from tests.data import tiny_tfds


@pytest.fixture
def config(tmp_path):
    """Ten images, the captions of each deeper and deeper in folders."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    folder = tmp_path / "text"
    for i in range(10):
        folder = folder / str(i)
        folder.mkdir(parents=True)
        pixels = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"flower{i}.png")
        lines = [f"number {i} .", ""] + ["once more"] * (i == 3)
        (folder / f"flower{i}.txt").write_text("\n".join(lines))
    return ml_collections.ConfigDict(
        {
            "name": "folder",
            "path": str(tmp_path / "images"),
            "captions": str(tmp_path / "text"),
        }
    )


def test_captions_follow_their_images(config):
    dataset = data.load(config)
    assert dataset.captioned
    assert {len(split) for split in dataset.splits.values()} == {8, 2}
    for split in dataset.splits.values():
        for name, captions in zip(split.name, split.captions, strict=True):
            number = name.removeprefix("flower").removesuffix(".png")
            # The one of which there are two decides, and others are repeated.
            second = "once more" if number == "3" else f"number {number} ."
            assert captions == (f"number {number} .", second)
    assert "with the captions of 'text'" in dataset.protocol


def test_what_is_wrong_is_named(config, tmp_path):
    text = tmp_path / "text"
    (path,) = text.rglob("flower7.txt")
    path.write_text("\n")
    with pytest.raises(ValueError, match=r"flower7.txt: there is no caption in it"):
        data.load(config)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"no file 'flower7.txt' at any depth"):
        data.load(config)
    (text / "flower2.txt").write_text("again")
    with pytest.raises(ValueError, match=r"captions of the same image"):
        data.load(config)
    config.captions = str(tmp_path / "texts")
    with pytest.raises(FileNotFoundError, match=r"no folder at .*dataset.captions"):
        data.load(config)
    with pytest.raises(ValueError, match=r"captions has no meaning for .* 'digits'"):
        data.load(ml_collections.ConfigDict({"name": "digits", "captions": "text"}))


def test_captions_of_a_data_set_of_tfds(tmp_path):
    """Its examples are named by the feature `file_name`, as Oxford's flowers are."""
    rng = np.random.default_rng(0)

    def examples(names):
        return [
            {
                "image": tiny_tfds.png(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)),
                "label": 0,
                "file_name": f"{name}.jpg".encode(),
            }
            for name in names
        ]

    splits = {"train": examples(["a", "b", "c"]), "test": examples(["d"])}
    tiny_tfds.write(
        tmp_path / "tfds",
        "tiny",
        features={
            "image": tfds.features.Image(shape=(4, 4, 3)),
            "label": tfds.features.ClassLabel(num_classes=2),
            "file_name": tfds.features.Text(),
        },
        splits=splits,
    )
    (tmp_path / "text").mkdir()
    for name in "abcd":
        (tmp_path / "text" / f"{name}.txt").write_text(f"this is {name}\n")
    dataset = data.load(
        ml_collections.ConfigDict(
            {
                "name": "tfds:tiny",
                "data_dir": str(tmp_path / "tfds"),
                "captions": str(tmp_path / "text"),
            }
        )
    )
    train = dataset.splits["train"]
    assert train.name == ("a.jpg", "b.jpg", "c.jpg")
    assert train.captions == (("this is a",), ("this is b",), ("this is c",))
    assert dataset.splits["test"].captions == (("this is d",),)
