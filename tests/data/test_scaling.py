"""Standardisation of vectors."""

import numpy as np
import pytest
from ml_collections import ConfigDict
from sklearn.preprocessing import StandardScaler

from adversarial_latent import data
from adversarial_latent.data import LazyArray, Scaling, scaling
from adversarial_latent.inputs import InputError

X = np.random.default_rng(0).normal([5, -1000, 0.5], [2, 300, 1], (50, 3))
X[:, 2] = 0.7  # constant, and no binary fraction


def load(path, **config):
    return data.load(ConfigDict({"name": "npz", "path": str(path), **config}))


@pytest.mark.parametrize("in_memory", [True, False])
def test_vectors_are_standardised_by_the_training_split(
    tmp_path, monkeypatch, in_memory
):
    monkeypatch.setattr(scaling, "_CHUNK_BYTES", 7 * 12)  # seven rows
    np.savez(tmp_path / "a.npz", x=X)
    settings = {"in_memory": in_memory, "num_validation": 5}
    plain = load(tmp_path / "a.npz", **settings)
    dataset = load(tmp_path / "a.npz", standardize=True, **settings)
    expected = StandardScaler().fit(plain.splits["train"].x[:].astype(np.float64))
    assert dataset.splits.keys() == {"train", "test", "validation"}
    for name, part in dataset.splits.items():
        x = plain.splits[name].x[:]
        assert part.x.dtype == np.float32
        assert isinstance(part.x, LazyArray) != in_memory
        np.testing.assert_allclose(part.x[:], expected.transform(x), atol=1e-5)
        np.testing.assert_allclose(dataset.scaling.invert(part.x[:]), x, rtol=1e-5)
    np.testing.assert_allclose(dataset.scaling.mean, expected.mean_, rtol=1e-6)
    np.testing.assert_allclose(dataset.scaling.std, expected.scale_, rtol=1e-6)
    assert dataset.scaling.std[2] == 1
    assert "vectors standardised by the training split" in dataset.protocol
    assert plain.scaling is None


def test_a_scaling_survives_json():
    before = scaling.fit_scaling(X.astype(np.float32))
    after = Scaling.from_json(before.to_json())
    np.testing.assert_array_equal(before.mean, after.mean)
    np.testing.assert_array_equal(before.std, after.std)
    assert after.mean.dtype == np.float32


def test_images_are_not_touched(tmp_path):
    plain = data.load(ConfigDict({"name": "digits"}))
    dataset = data.load(ConfigDict({"name": "digits", "standardize": True}))
    np.testing.assert_array_equal(dataset.splits["train"].x, plain.splits["train"].x)
    assert dataset.scaling is None
    assert dataset.protocol == plain.protocol
    with pytest.raises(InputError, match="standardize does not apply"):
        data.load(ConfigDict({"name": "ring", "standardize": True}))
