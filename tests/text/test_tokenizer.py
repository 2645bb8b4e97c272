"""Words and their tokens."""

import numpy as np

from adversarial_latent.text.tokenizer import (
    NUM_SPECIAL,
    PADDING,
    most_frequent_words,
    tokenize,
    words,
)


def test_words_have_neither_case_nor_punctuation():
    assert words("The flower's 5 petals are RED, aren't they?") == (
        ["the", "flower", "s", "5", "petals", "are", "red", "aren", "t", "they"]
    )
    assert words(" .\n!") == []


def test_the_most_frequent_words_come_first():
    sentences = ["red, red flower", "Red or white", "white flower flower flower"]
    assert most_frequent_words(sentences, 2) == ("flower", "red")
    assert set(most_frequent_words(sentences, 9)) == {"flower", "red", "white", "or"}


def test_tokens_are_numbers_of_words_and_padded():
    known = ("red", "flower")
    tokens = tokenize(["A red flower", "", "flower"], known)
    red, flower = NUM_SPECIAL, NUM_SPECIAL + 1
    unknown = NUM_SPECIAL - 1
    assert unknown != PADDING
    expected = np.full((3, 8), PADDING)
    expected[0, :3] = unknown, red, flower
    expected[2, 0] = flower
    np.testing.assert_array_equal(tokens, expected)


def test_at_least_one_padding_ends_each_sentence():
    for number, length in ((7, 8), (8, 16), (15, 16), (16, 24)):
        tokens = tokenize(["red " * number, "red"], ("red",))
        assert tokens.shape == (2, length)
        np.testing.assert_array_equal((tokens != PADDING).sum(1), [number, 1])
