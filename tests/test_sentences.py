"""Sentences as vectors: what the encoder keeps, who may take its place, bad input."""

import dataclasses
import json
import logging
import math

import ml_collections
import numpy as np
import pytest

from adversarial_latent import data, sentences
from adversarial_latent.config import default_config

SENTENCES = [
    f"The flower is {colour}, and its center is {centre}."
    for colour in ("red", "blue", "white", "pink")
    for centre in ("white", "red", "black")
]


@pytest.fixture(scope="module")
def settings():
    config = sentences.default_config()
    config.update(dim=16, word_dim=8, steps=250, batch_size=12, learning_rate=0.02)
    return config


@pytest.fixture(scope="module")
def embedding(settings):
    return sentences.train_embedding([[s] for s in SENTENCES], settings)


def test_a_vector_is_enough_to_write_the_sentence_again(embedding):
    """Also which word is the petals' and which the centre's: bags of words are not."""
    tokens = embedding._tokens(SENTENCES)
    loss = embedding.module.apply({"params": embedding.params}, tokens, tokens)
    assert loss.shape == tokens.shape
    assert loss.sum(-1).max() < 0.5 * math.log(12)  # a vector that says nothing: log 12
    pair = [
        "the flower is red and its center is white",
        "the flower is white and its center is red",
    ]
    first, second = embedding(pair)
    assert np.square(first - second).mean() > 0.5


def test_vectors_say_what_is_seen_not_how_it_is_put(settings):
    """Of captions of the same image vectors are alike, where pairs were learned."""
    forms = ("a flower with petals of {}", "{} is the color that we see here", "{} !")
    captions = [
        [form.format(colour) for form in forms]
        for colour in ("red", "blue", "white", "pink")
    ]
    learned = sentences.train_embedding(captions, settings)
    vectors = np.stack([learned(several) for several in captions])  # [4, 3, D]
    assert vectors.var(axis=1).mean() < 0.6 * vectors.mean(axis=1).var(axis=0).mean()


def test_vectors_are_normalised_and_deterministic(embedding, settings):
    vectors = embedding(SENTENCES)
    assert vectors.shape == (12, 16)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(vectors.std(0), 1, atol=0.05)
    # Neither case, punctuation, company nor place matter.
    plain = SENTENCES[4].lower().replace(",", " ").replace(".", "")
    np.testing.assert_allclose(
        embedding([plain, *SENTENCES[:2]])[0], vectors[4], rtol=1e-4, atol=1e-5
    )
    settings = settings.copy_and_resolve_references()
    settings.steps = 3
    captions = [[s] for s in SENTENCES]
    one, other = (sentences.train_embedding(captions, settings) for _ in range(2))
    np.testing.assert_array_equal(one(SENTENCES), other(SENTENCES))


def test_padding_changes_nothing(embedding):
    """The first padding ends a sentence, and later ones cost nothing."""
    tokens = embedding._tokens(SENTENCES[:3])
    longer = np.pad(tokens, ((0, 0), (0, 5)))
    variables = {"params": embedding.params}
    loss, more = (
        embedding.module.apply(variables, rows, rows) for rows in (tokens, longer)
    )
    np.testing.assert_allclose(loss.sum(-1), more.sum(-1), rtol=1e-5)
    length = (tokens != 0).sum(-1)
    for row, words in zip(np.asarray(more), length, strict=True):
        assert (row[: words + 1] > 0).all()
        assert (row[words + 1 :] == 0).all()


def test_saved_and_loaded(embedding, tmp_path):
    embedding.save(str(tmp_path / "a"), trained_on="captions")
    loaded = sentences.RecurrentEmbedding.load(str(tmp_path / "a"))
    assert loaded.known == embedding.known
    np.testing.assert_array_equal(loaded(SENTENCES), embedding(SENTENCES))


def test_unknown_words(embedding, caplog):
    with pytest.raises(
        ValueError, match=r"'Turquoise!' has no word .* as is, the, flower"
    ):
        embedding([SENTENCES[0], "Turquoise!"])
    with caplog.at_level(logging.WARNING, logger="absl"):
        embedding(["a flower of turquoise"])
    assert "one and the same: a, of, turquoise" in caplog.text


def lengths(texts):
    """Somebody's embedding, two-dimensional."""
    return [[len(text), 1.0] for text in texts]


@pytest.fixture
def config():
    config = default_config()
    config.dataset.update(name="flowers", image_shape="4x4x3", limit=5)
    config.embedding = sentences.default_config()
    return config


def test_any_function_will_do(config, tmp_path):
    config.embedding.update(name="tests.test_sentences:lengths", dim=2)
    dataset = sentences.load_dataset(config, str(tmp_path))
    for split in dataset.splits.values():
        assert split.embedding.shape == (5, 5, 2)
        expected = [[len(text) for text in several] for several in split.captions]
        np.testing.assert_array_equal(split.embedding[..., 0], expected)
        taken = split.take(np.array([3, 1]))
        np.testing.assert_array_equal(taken.embedding, split.embedding[[3, 1]])
        assert taken.captions == (split.captions[3], split.captions[1])
    assert not list(tmp_path.iterdir())
    config.embedding.dim = 3
    with pytest.raises(ValueError, match=r"shape \(25, 2\) for 25 .*dim is 3"):
        sentences.load_dataset(config, str(tmp_path))
    config.embedding.name = "tests.test_sentences:widths"
    with pytest.raises(ValueError, match=r"neither 'recurrent' nor a function"):
        sentences.load_dataset(config, str(tmp_path))


def test_a_run_keeps_its_encoder(config, tmp_path, monkeypatch):
    config.embedding.update(dim=4, word_dim=2, steps=2, batch_size=3)
    first = sentences.load_dataset(config, str(tmp_path))
    monkeypatch.setattr(sentences, "train_embedding", None)
    again = sentences.load_dataset(config, str(tmp_path))
    for name in ("train", "test"):
        np.testing.assert_array_equal(
            again.splits[name].embedding, first.splits[name].embedding
        )


def test_data_without_captions(config, tmp_path):
    config.dataset = data.default_config()
    with pytest.raises(ValueError, match=r"'digits' has none: give the folder"):
        sentences.load_dataset(config, str(tmp_path))
    config.embedding = ml_collections.ConfigDict()
    assert not sentences.load_dataset(config, str(tmp_path)).captioned


def test_captions_that_cannot_be():
    examples = data.Examples(x=np.zeros((2, 3), np.float32), captions=(("a",), ("b",)))
    assert examples.take(np.array([1])).captions == (("b",),)
    for captions in ((("a",),), (("a",), ("b", "c")), ((), ())):
        with pytest.raises(ValueError, match=r"2 examples need as many captions each"):
            dataclasses.replace(examples, captions=captions)
    plain = dataclasses.replace(examples, captions=None)
    with pytest.raises(ValueError, match=r"only some of the splits have captions"):
        data.Dataset("points", {"train": examples, "test": plain}, "")


def test_an_encoder_of_other_captions_is_not_used(config, tmp_path):
    """It is of a launch that saved nothing; its captions may be scored now."""
    config.embedding.update(dim=4, word_dim=2, steps=2, batch_size=3)
    sentences.load_dataset(config, str(tmp_path))
    path = tmp_path / "embedding" / "encoder.json"
    before = json.loads(path.read_text())["trained_on"]
    config.dataset.split_seed = 1
    sentences.load_dataset(config, str(tmp_path))
    assert json.loads(path.read_text())["trained_on"] != before
    (tmp_path / "checkpoints" / "4").mkdir(parents=True)
    config.dataset.split_seed = 2
    with pytest.raises(ValueError, match="trained on other captions"):
        sentences.load_dataset(config, str(tmp_path))
