"""Quantities of examples are computed once, and again if anything changes."""

import dataclasses

import numpy as np
import pytest

from adversarial_latent.consistency import NeighbourDistance
from adversarial_latent.data import Examples, compute_quantities

EXAMPLES = Examples(
    x=np.random.default_rng(0).integers(0, 256, (30, 2, 2, 1), dtype=np.uint8)
)


@pytest.fixture(autouse=True)
def calls(tmp_path, monkeypatch):
    """The shapes of what was computed, with a cache of its own."""
    monkeypatch.setenv("ADVERSARIAL_LATENT_CACHE", str(tmp_path / "cache"))
    calls = []
    compute = NeighbourDistance.__call__

    def counted(self, x):
        calls.append(x.shape)
        return compute(self, x)

    monkeypatch.setattr(NeighbourDistance, "__call__", counted)
    return calls


def _compute(number=2, examples=EXAMPLES, **options):
    quantities = {"distance": NeighbourDistance(number)}
    return compute_quantities(examples, quantities, **options)["distance"]


def test_a_quantity_is_computed_once(calls):
    values = _compute()
    np.testing.assert_array_equal(values, NeighbourDistance(2)(EXAMPLES.as_float()))
    calls.clear()
    again = _compute()
    np.testing.assert_array_equal(again, values)
    assert again.dtype == np.float32
    assert not calls
    assert (_compute(number=3) > values).any()
    _compute(examples=EXAMPLES.take(np.arange(20)))
    # Other units are other distances.
    doubled = _compute(examples=dataclasses.replace(EXAMPLES, max_value=510))
    np.testing.assert_allclose(doubled, values / 2, rtol=1e-5)
    assert len(calls) == 3
    # Labels do not matter.
    _compute(examples=dataclasses.replace(EXAMPLES, label=np.arange(30)))
    assert len(calls) == 3


def test_without_a_cache(calls, tmp_path, monkeypatch, caplog):
    first = _compute(use_cache=False)
    np.testing.assert_array_equal(_compute(use_cache=False), first)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ADVERSARIAL_LATENT_CACHE", str(tmp_path / "file" / "cache"))
    np.testing.assert_array_equal(_compute(), first)
    assert len(calls) == 3
    assert "distance is not stored" in caplog.text


def test_no_quantities():
    assert compute_quantities(EXAMPLES, {}) == {}
