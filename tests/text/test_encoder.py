"""The recurrent encoder: what its vectors keep, saved weights, unknown words."""

import logging
import math

import numpy as np
import pytest

from adversarial_latent import text
from adversarial_latent.text.tokenizer import PADDING, tokenize

SENTENCES = [
    f"The flower is {colour}, and its center is {centre}."
    for colour in ("red", "blue", "white", "pink")
    for centre in ("white", "red", "black")
]


@pytest.fixture(scope="module")
def settings():
    config = text.default_config()
    config.update(dim=16, word_dim=8, steps=250, batch_size=12, learning_rate=0.02)
    return config


@pytest.fixture(scope="module")
def embedding(settings):
    return text.train_embedding([[s] for s in SENTENCES], settings)


def test_a_vector_is_enough_to_write_the_sentence_again(embedding):
    """Also which word is the petals' and which the centre's: bags of words are not."""
    tokens = tokenize(SENTENCES, embedding.known)
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
    learned = text.train_embedding(captions, settings)
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
    one, other = (text.train_embedding(captions, settings) for _ in range(2))
    np.testing.assert_array_equal(one(SENTENCES), other(SENTENCES))


def test_padding_changes_nothing(embedding):
    """The first padding ends a sentence, and later ones cost nothing."""
    tokens = tokenize(SENTENCES[:3], embedding.known)
    longer = np.pad(tokens, ((0, 0), (0, 5)))
    variables = {"params": embedding.params}
    loss, more = (
        embedding.module.apply(variables, rows, rows) for rows in (tokens, longer)
    )
    np.testing.assert_allclose(loss.sum(-1), more.sum(-1), rtol=1e-5)
    length = (tokens != PADDING).sum(-1)
    for row, words in zip(np.asarray(more), length, strict=True):
        assert (row[: words + 1] > 0).all()
        assert (row[words + 1 :] == 0).all()


def test_saved_and_loaded(embedding, tmp_path):
    embedding.save(str(tmp_path / "a"), trained_on="captions")
    loaded = text.RecurrentEmbedding.load(str(tmp_path / "a"))
    assert loaded.known == embedding.known
    np.testing.assert_array_equal(loaded(SENTENCES), embedding(SENTENCES))


def test_unknown_words(embedding, caplog):
    with pytest.raises(
        ValueError, match=r"'Turquoise!' has no word .* as is, the, flower"
    ):
        embedding([SENTENCES[0], "Turquoise!"])
    with caplog.at_level(logging.WARNING, logger="absl"):
        embedding(["a flower of turquoise"])
    assert "which treats them all alike: a, of, turquoise" in caplog.text
