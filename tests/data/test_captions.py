"""Captions from a folder of text files."""

import ml_collections
import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from adversarial_latent import data
from adversarial_latent.inputs import InputError
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
    assert dataset.has_captions
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
    with pytest.raises(ValueError, match=r"flower7.txt: the file contains no caption"):
        data.load(config)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"no file 'flower7.txt' at any depth"):
        data.load(config)
    (text / "again").mkdir()
    (text / "again" / "flower2.txt").write_text("again")
    with pytest.raises(ValueError, match=r"captions of the same image"):
        data.load(config)
    config.captions = str(tmp_path / "texts")
    with pytest.raises(FileNotFoundError, match=r"no folder at .*dataset.captions"):
        data.load(config)
    with pytest.raises(ValueError, match=r"captions does not apply to .* 'digits'"):
        data.load(ml_collections.ConfigDict({"name": "digits", "captions": "text"}))


CAPTION = "Sägeblättrige Blüte, 5 €"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"]
)
def test_encodings_that_say_which_they_are(config, tmp_path, encoding):
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    for path in (tmp_path / "text").rglob("*.txt"):
        path.write_bytes(f"{mark}{CAPTION}\r\n".encode(encoding))
    dataset = data.load(config)
    assert {*dataset.splits["train"].captions} == {(CAPTION,)}


def test_byte_order_marks_of_joined_files_are_left_out(config, tmp_path):
    for path in (tmp_path / "text").rglob("*.txt"):
        path.write_bytes(2 * f"{CAPTION}\n".encode("utf-8-sig"))
    assert {*data.load(config).splits["train"].captions} == {(CAPTION, CAPTION)}


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "latin-1"])
def test_other_encodings_are_refused_by_name(config, tmp_path, encoding):
    (path,) = (tmp_path / "text").rglob("flower7.txt")
    path.write_bytes(CAPTION.replace("€", "").encode(encoding))
    with pytest.raises(
        InputError, match=r"flower7\.txt: not text in UTF-8.*save it as"
    ):
        data.load(config)


def test_same_stems_in_class_folders_have_their_own_captions(tmp_path):
    for kind in ("cat", "dog"):
        for i in range(4):
            for folder, name in (("images", f"{i}.png"), ("text", f"{i}.txt")):
                (tmp_path / folder / kind).mkdir(parents=True, exist_ok=True)
                path = tmp_path / folder / kind / name
                if folder == "images":
                    Image.fromarray(np.full((2, 2), i, np.uint8)).save(path)
                else:
                    path.write_text(f"{kind} number {i}")
    config = ml_collections.ConfigDict(
        {
            "name": "folder",
            "path": str(tmp_path / "images"),
            "captions": str(tmp_path / "text"),
        }
    )
    (tmp_path / "text" / "._0.txt").write_bytes(b"\xff")  # of macOS
    dataset = data.load(config)
    for split in dataset.splits.values():
        for name, captions in zip(split.name, split.captions, strict=True):
            kind, number = name.removesuffix(".png").split("/")
            assert captions == (f"{kind} number {number}",)
    (tmp_path / "text" / "dog" / "2.txt").unlink()
    message = r"cat/2\.txt could belong to 2 images, 'dog/2\.png': .*'dog/2\.txt'"
    with pytest.raises(InputError, match=message):
        data.load(config)


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
