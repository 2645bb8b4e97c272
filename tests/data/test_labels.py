"""Labels of images from a file."""

import numpy as np
import pytest
from PIL import Image

from adversarial_latent import data
from adversarial_latent.config import default_config
from adversarial_latent.inputs import InputError
from adversarial_latent.inputs.labels import read_labels

FILES = ("a/1.png", "a/2.png", "b/1.png", "3.png", "b/deep/4.png")


@pytest.fixture
def folder(tmp_path):
    for i, name in enumerate(FILES):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), i, np.uint8)).save(path)
    return tmp_path / "images"


def load(folder, text, **settings):
    config = default_config().dataset
    path = folder.parent / "labels.csv"
    path.write_text(text)
    config.update(name="folder", path=str(folder), labels=str(path), **settings)
    return data.load(config)


def labels(dataset):
    """Names of the classes, None without, by the names of the images."""
    return {
        name: None if k < 0 else dataset.class_names[k]
        for part in dataset.splits.values()
        for name, k in zip(part.name, part.label, strict=True)
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["", "name,label\n", "Filename,Class\n\n"])
def test_images_are_named_by_path_or_unique_base_name(folder, delimiter, header):
    text = header + "a/1.png,cat\n./b/1,dog\n2,cat\n4.png,dog\n"
    dataset = load(folder, text.replace(",", delimiter), test_fraction=0.4)
    assert labels(dataset) == {
        "3.png": None,
        **{"a/1.png": "cat", "a/2.png": "cat", "b/1.png": "dog", "b/deep/4.png": "dog"},
    }
    assert dataset.class_names == ("cat", "dog")
    assert "'labels.csv', so that folders are not classes" in dataset.protocol
    assert "unlabelled examples: 1 in" in dataset.protocol


def test_integers_are_sorted_as_numbers_and_text_as_text(folder):
    rows = "a/1.png,10\na/2.png,9\nb/1.png,-1\n4,\n"
    assert load(folder, rows).class_names == ("9", "10")
    assert load(folder, rows + "3,x\n").class_names == ("9", "10", "-1", "x")
    quoted = load(folder, 'a/1.png,"red, round"\n3.png,"blue"\n')
    assert quoted.class_names == ("blue", "red, round")


def test_names_are_relative_to_a_folder_of_splits(folder):
    folder.joinpath("3.png").unlink()
    folder.joinpath("a").rename(folder / "train")
    folder.joinpath("b").rename(folder / "test")
    dataset = load(folder, "train/1.png,x\ntest/1.png,y\n")
    assert labels(dataset) == {
        **{"train/1.png": "x", "train/2.png": None},
        **{"test/1.png": "y", "test/deep/4.png": None},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "labels.csv: the file contains no labels"),
        ("name,label\n", "contains no labels"),
        ("a/1.png,\n", "contains no labels"),
        ("a/1.png,x,y\n", "line 1 has 3 columns; expected"),
        ("3.png,x\n3.png,y\n", "1 names have two different labels: '3.png'"),
        ("3.png,x\n3,y\n", "1 names give an image a second label: '3'; name each"),
        ("1.png,x\n", r"1 names name several images: '1.png'; name each"),
        (
            "".join(f"none{i},x\n" for i in range(7)),
            r"7 names match no image: 'none0', 'none1', .*'none4', \.\.\.; name",
        ),
    ],
)
def test_files_of_labels_that_are_refused(folder, text, message):
    with pytest.raises(InputError, match=message):
        load(folder, text)


def test_a_file_of_labels_that_is_missing(folder):
    config = default_config().dataset
    config.update(name="folder", path=str(folder), labels=str(folder / "none.csv"))
    with pytest.raises(FileNotFoundError, match=r"none\.csv.*dataset\.labels"):
        data.load(config)


def test_a_table_of_another_encoding(tmp_path):
    (tmp_path / "labels.txt").write_text("Blu\u0308te\\1;a\n", encoding="utf-16")
    assert read_labels(tmp_path / "labels.txt") == {"Blüte/1": "a"}
