"""Conversion of sentences to tokens."""

import collections
import re
from collections.abc import Iterable, Sequence

import numpy as np

PADDING, _UNKNOWN = 0, 1  # tokens that are not words
NUM_SPECIAL = 2


def words(sentence: str) -> list[str]:
    """Splits a sentence into words, in lower case and without punctuation."""
    return re.findall(r"[a-z0-9]+", sentence.lower())


def most_frequent_words(sentences: Iterable[str], number: int) -> tuple[str, ...]:
    """Returns the `number` most frequent words, or all if fewer, sorted by count."""
    counts = collections.Counter(word for s in sentences for word in words(s))
    return tuple(word for word, _ in counts.most_common(number))


def tokenize(sentences: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """Converts sentences to tokens.

    Args:
      sentences: n sentences.
      known: words of the vocabulary, in the order of their tokens.

    Returns:
      Integer tokens [n, L], with at least one `PADDING` at the end of each sentence.
    """
    token = {word: i for i, word in enumerate(known, start=NUM_SPECIAL)}
    rows = [[token.get(word, _UNKNOWN) for word in words(s)] for s in sentences]
    # Lengths are multiples of eight, so that few of them are compiled.
    length = -(-(max(map(len, rows)) + 1) // 8) * 8
    return np.array([row + [PADDING] * (length - len(row)) for row in rows])
