"""How many examples an evaluation reads from disk."""

import numpy as np
import pytest

from adversarial_latent.data import Dataset, Examples, LazyArray
from adversarial_latent.evaluation import limits
from adversarial_latent.evaluation.evaluators import EVALUATORS
from tests.evaluation.fakes import AnyModel

X = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 1), dtype=np.uint8)


def lazy(read):
    def reading(indices):
        read.extend(indices.tolist())
        return X[indices]

    return Examples(LazyArray(reading, np.arange(40), (4, 4, 1)), np.arange(40) % 3)


@pytest.fixture
def _room_for_ten(monkeypatch):
    monkeypatch.setattr(limits, "MOST_BYTES", 10 * 4 * 16 + 1)


@pytest.mark.usefixtures("_room_for_ten")
def test_only_as_many_lazy_examples_as_fit():
    read = []
    kept = limits.bounded(lazy(read))
    assert len(kept) == 10
    assert read == []
    assert kept.name == limits.bounded(lazy(read)).name
    assert len(set(kept.name)) == 10
    assert max(map(int, kept.name)) > 15
    whole = Examples(X)
    assert limits.bounded(whole) is whole
    few = kept.take(np.arange(10))
    assert limits.bounded(few) is few


@pytest.mark.usefixtures("_room_for_ten")
def test_an_evaluator_says_that_it_took_some():
    read = []
    examples = lazy(read)
    dataset = Dataset("lazy", {"train": examples, "test": examples}, "", tuple("abc"))
    model = AnyModel((4, 4, 1), 3)
    found = EVALUATORS["reconstruction"](model, dataset, 0)
    assert len(set(read)) == 10
    words = "10 random examples, out of 40, of the test split of lazy"
    assert words in found.protocol
    x = X[sorted(set(read))] / np.float32(255)
    expected = np.square(x - model.decode(model.encode(x))).mean()
    assert found.numbers["reconstruction_mse"] == pytest.approx(expected, rel=1e-5)
