"""Style and component: what each explains of images, and codes of both sides."""

import types

import numpy as np
import pytest

from adversarial_latent.evaluation import evaluators
from adversarial_latent.evaluation.disentangled import consistency, style_statistics
from tests.evaluation.fakes import drawn


def with_styles(images):
    """A model whose styles are these images [K, n, H, W, C]."""
    return types.SimpleNamespace(
        num_components=len(images),
        uses_captions=False,
        conditional=False,
        can=lambda ability: ability == "styles",
        styles=lambda n, seed: images[:, :n],
    )


def bars(slant, width):
    """Images [..., 16, 16, 1] with a bar that leans, of parameters [...]."""
    row, column = np.arange(16)[:, None] - 7.5, np.arange(16) - 7.5
    slant, width = slant[..., None, None], width[..., None, None]
    return (np.abs(column - slant * row) < width).astype(np.float32)[..., None]


def test_statistics_are_what_they_are_called():
    slant, width = np.meshgrid([-0.5, 0.0, 0.4], [1.0, 2.0, 3.0], indexing="ij")
    brightness, breadth, leaning = style_statistics(bars(slant, width))
    np.testing.assert_allclose(leaning, slant, atol=0.06)
    np.testing.assert_allclose(brightness, 2 * width / 16, rtol=0.1)
    assert (np.diff(breadth, axis=1) > 0).all()
    assert np.isfinite(style_statistics(np.zeros((2, 4, 4, 3)))).all()


def test_consistency_is_an_analysis_of_variance():
    rng = np.random.default_rng(0)
    style, component = rng.normal(size=200), rng.normal(size=(10, 1))
    noise = rng.normal(size=(10, 200))
    assert consistency(style + 7 * component) == pytest.approx(1)
    assert consistency(np.zeros((10, 200)) + component) == 0
    assert consistency(noise) == pytest.approx(0.1, abs=0.02)
    # Half of the variance within components is that of styles.
    assert consistency(style + noise) == pytest.approx(0.55, abs=0.05)


def test_styles_that_are_kept_and_others(digits):
    rng = np.random.default_rng(0)
    slant, width = rng.uniform(-0.5, 0.5, 200), rng.uniform(1, 3, 200)
    thicker = np.linspace(0, 2, 5)[:, None]  # what components change
    kept = bars(np.tile(slant, (5, 1)), width + thicker)
    found = evaluators.style(with_styles(kept), digits, 0)
    assert found.numbers["style_consistency"] > 0.95
    assert not found.arrays
    mixed = bars(rng.permuted(np.tile(slant, (5, 1)), axis=1), width + thicker)
    less = evaluators.style(with_styles(mixed), digits, 0).numbers["style_consistency"]
    assert less < found.numbers["style_consistency"] - 0.2
    alone = bars(*(rng.permuted(np.tile(v, (5, 1)), axis=1) for v in (slant, width)))
    numbers = evaluators.style(with_styles(alone), digits, 0).numbers
    assert numbers["style_consistency"] == pytest.approx(0.2, abs=0.05)
    assert "Without any consistency it would be 0.20" in found.protocol


def test_codes_of_prior_and_encoder_share_a_projection(digits, model):
    found = evaluators.prior_codes(model, digits, 0)
    assert found.numbers == {}
    shown = drawn(found)
    assert set(shown) == {"prior_codes", "inferred_codes"}
    prior, inferred = (shown[name].axes[0] for name in sorted(shown)[::-1])
    assert prior.get_xlim() == inferred.get_xlim()
    assert prior.get_ylim() == inferred.get_ylim()
    assert "100 drawn from the prior" in found.protocol


def test_codes_without_z(digits, model):
    bare = types.SimpleNamespace(
        num_components=10,
        uses_captions=False,
        conditional=False,
        can=lambda ability: ability in ("encode", "sample"),
        encode=lambda x: {"y": model.encode(x)["y"]},
        sample=lambda n, seed, component: {"y": np.eye(10)[component]},
    )
    with pytest.raises(ValueError, match=r"requires codes z, but this .* \['y'\]"):
        evaluators.prior_codes(bare, digits, 0)
