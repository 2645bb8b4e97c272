"""The embedding of a run: any function will do, its own encoder is kept, bad data."""

import json

import ml_collections
import numpy as np
import pytest

from adversarial_latent import data, run_data, text
from adversarial_latent.config import default_config
from adversarial_latent.inputs import InputError
from adversarial_latent.text import embedding


def lengths(texts):
    """Somebody's embedding, two-dimensional."""
    return [[len(text), 1.0] for text in texts]


@pytest.fixture
def config():
    config = default_config()
    config.dataset.update(name="flowers", image_shape="4x4x3", limit=5)
    config.embedding = text.default_config()
    return config


def test_any_function_will_do(config, tmp_path):
    config.embedding.update(name="tests.text.test_embedding:lengths", dim=2)
    dataset = run_data.load(config, str(tmp_path))
    for split in dataset.splits.values():
        assert split.caption_vectors.shape == (5, 5, 2)
        expected = [[len(text) for text in several] for several in split.captions]
        np.testing.assert_array_equal(split.caption_vectors[..., 0], expected)
        taken = split.take(np.array([3, 1]))
        np.testing.assert_array_equal(
            taken.caption_vectors, split.caption_vectors[[3, 1]]
        )
        assert taken.captions == (split.captions[3], split.captions[1])
    assert not list(tmp_path.iterdir())
    config.embedding.dim = 3
    with pytest.raises(ValueError, match=r"shape \(25, 2\) for 25 .*dim is 3"):
        run_data.load(config, str(tmp_path))
    config.embedding.name = "tests.text.test_embedding:widths"
    with pytest.raises(ValueError, match=r"neither 'recurrent' nor a function"):
        run_data.load(config, str(tmp_path))


def test_a_run_keeps_its_encoder(config, tmp_path, monkeypatch):
    config.embedding.update(dim=4, word_dim=2, steps=2, batch_size=3)
    first = run_data.load(config, str(tmp_path))
    monkeypatch.setattr(embedding, "train_embedding", None)
    again = run_data.load(config, str(tmp_path))
    for name in ("train", "test"):
        np.testing.assert_array_equal(
            again.splits[name].caption_vectors, first.splits[name].caption_vectors
        )


def test_no_embedding(tmp_path):
    config = default_config()
    assert text.load_embedding(config, str(tmp_path)) is None
    config.embedding = text.default_config()  # which is not trained yet
    assert text.load_embedding(config, str(tmp_path)) is None


def test_vectors_that_cannot_be():
    vectors = text.check_vectors([[1, 2, 3], [4, 5, 6]], 2, 3)
    assert vectors.dtype == np.float32
    with pytest.raises(InputError, match=r"shape \(2, 3\) for 1 .*dim is 3"):
        text.check_vectors(vectors, 1, 3)
    with pytest.raises(InputError, match="not finite"):
        text.check_vectors([[1, np.nan, 3]], 1, 3)


def test_data_without_captions(config, tmp_path):
    config.dataset = data.default_config()
    with pytest.raises(ValueError, match=r"'digits' has none: give the folder"):
        run_data.load(config, str(tmp_path))
    config.embedding = ml_collections.ConfigDict()
    assert not run_data.load(config, str(tmp_path)).has_captions


def test_an_encoder_of_other_captions_is_not_used(config, tmp_path):
    """It is of a launch that saved nothing; its captions may be scored now."""
    config.embedding.update(dim=4, word_dim=2, steps=2, batch_size=3)
    run_data.load(config, str(tmp_path))
    path = tmp_path / "embedding" / "encoder.json"
    before = json.loads(path.read_text())["trained_on"]
    config.dataset.split_seed = 1
    run_data.load(config, str(tmp_path))
    assert json.loads(path.read_text())["trained_on"] != before
    (tmp_path / "checkpoints" / "4").mkdir(parents=True)
    config.dataset.split_seed = 2
    with pytest.raises(ValueError, match="trained on other captions"):
        run_data.load(config, str(tmp_path))
