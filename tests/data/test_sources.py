"""The registry of data sets and what `load` does to all of them."""

import subprocess
import sys

import pytest
from ml_collections import ConfigDict

from adversarial_latent import data


def load(**config):
    return data.load(ConfigDict(config))


def test_default_config_loads():
    assert data.load(data.default_config()).name == "digits"


@pytest.mark.parametrize("name", ["mnist", "", "tfds", "tfds:", "digits:8"])
def test_unknown_name_lists_the_known_ones(name):
    with pytest.raises(ValueError, match=r"digits, npz, folder, grid25, ring, tfds:"):
        load(name=name)


def test_keys_that_are_unknown_or_would_be_ignored_are_refused():
    with pytest.raises(ValueError, match=r"unknown keys.*\['nme'\].*num_validation"):
        load(nme="digits")
    with pytest.raises(ValueError, match=r"image_shape has no meaning.*'digits'"):
        load(name="digits", image_shape="8x8x1")
    with pytest.raises(ValueError, match="in_memory has no meaning"):
        load(name="grid25", in_memory=False)
    with pytest.raises(ValueError, match="center_crop has no meaning"):
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
