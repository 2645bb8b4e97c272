"""What a linear model makes of images."""

import types

import numpy as np
import pytest

from adversarial_latent.data import Dataset, Examples
from adversarial_latent.evaluation import evaluators
from tests.evaluation.fakes import (
    GridModel,
    KMeansModel,
    SoftKMeansModel,
    draw,
    drawn,
    grid_dataset,
    png,
)


def test_reconstruction_mse_is_that_of_pca(digits, model):
    evaluation = evaluators.reconstruction(model, digits, 0)
    x = digits.splits["test"].as_float()
    decoded = model.decode(model.encode(x))
    expected = np.mean((x - decoded) ** 2, dtype=np.float64)
    assert evaluation.numbers == {"reconstruction_mse": pytest.approx(expected)}
    assert "in [0, 1]" in evaluation.protocol
    assert len(draw(evaluation, "reconstruction").axes) == 8


def test_reconstruction_of_points_has_a_number_but_no_figure():
    evaluation = evaluators.reconstruction(GridModel(), grid_dataset(), 0)
    assert evaluation.numbers == {"reconstruction_mse": 0.0}
    assert not evaluation.arrays
    assert "coordinates" in evaluation.protocol


def test_interpolation_decodes_straight_lines(digits, model):
    evaluation = evaluators.interpolation(model, digits, 0)
    arrays = evaluation.arrays["interpolation"]()
    between = arrays["between"]
    first = model.decode(model.encode(arrays["first"]))
    last = model.decode(model.encode(arrays["last"]))
    assert between.shape == (8, 9, 8, 8, 1)
    np.testing.assert_allclose(between[:, 0], first, atol=1e-5)
    np.testing.assert_allclose(between[:, -1], last, atol=1e-5)
    # PCA decodes linearly, so that the middle is the mean of the ends.
    np.testing.assert_allclose(between[:, 4], (first + last) / 2, atol=1e-5)
    assert len(draw(evaluation, "interpolation").axes) == 3


@pytest.mark.parametrize("name", ["reconstruction", "interpolation", "samples"])
def test_codes_may_be_components_alone(name, digits):
    model = SoftKMeansModel(digits)
    evaluation = evaluators.get_evaluator(name)(model, digits, 0)
    assert list(drawn(evaluation)) == [name]
    if name == "reconstruction":
        x = digits.splits["test"].as_float()
        error = np.mean((x - model.decode(model.encode(x))) ** 2, dtype=np.float64)
        assert evaluation.numbers["reconstruction_mse"] == pytest.approx(error)


def test_samples_draws_a_row_for_each_component(digits, model):
    evaluation = evaluators.samples(model, digits, 3)
    (axes,) = draw(evaluation, "samples").axes
    rows = evaluation.arrays["samples"]()["images"]
    assert rows.shape == (model.num_components, 10, 8, 8, 1)
    for k, row in enumerate(rows):
        assert (model.encode(row)["y"].argmax(-1) == k).all()
    assert len(axes.get_yticklabels()) == model.num_components
    assert "seed 3" in evaluation.protocol
    plain = types.SimpleNamespace(
        uses_captions=False,
        conditional=False,
        num_components=None,
        can=model.can,
        sample=model.sample,
    )
    square = evaluators.samples(plain, digits, 3)
    assert square.arrays["samples"]()["images"].shape == (8, 8, 8, 8, 1)
    (axes,) = draw(square, "samples").axes
    assert not axes.get_yticklabels()


def test_samples_of_styles_are_rows_by_component(digits):
    styles = np.random.default_rng(0).random((10, 10, 8, 8, 1), np.float32)
    with_styles = types.SimpleNamespace(
        uses_captions=False,
        conditional=False,
        num_components=10,
        can=lambda ability: ability in ("sample", "styles"),
        styles=lambda n, seed: styles[:, :n] * seed,
    )
    evaluation = evaluators.samples(with_styles, digits, 1)
    assert "each column is a style" in draw(evaluation, "samples").get_label()
    np.testing.assert_array_equal(evaluation.arrays["samples"]()["images"], styles)


def test_manifold_walks_over_two_dimensional_codes(digits, monkeypatch):
    model = KMeansModel(digits, latent_dim=2)
    monkeypatch.setattr(model, "encode", lambda x: {"z": np.zeros((len(x), 2))})
    decoded = []

    def decode(code):
        decoded.append(code["z"])
        return np.zeros((len(code["z"]), 8, 8, 1), np.float32)

    monkeypatch.setattr(model, "decode", decode)
    shown = drawn(evaluators.manifold(model, digits, 0))
    (grid,) = decoded
    np.testing.assert_allclose(grid[0], [-2, 2])  # upper left
    np.testing.assert_allclose(grid[-1], [2, -2])
    assert list(shown) == ["manifold_codes", "manifold_traversal"]
    assert len(shown["manifold_codes"].legends) == 1


def test_manifold_refuses_other_codes(digits, model):
    for other in (model, SoftKMeansModel(digits)):
        with pytest.raises(ValueError, match=r"z \[N, 2\] without"):
            evaluators.manifold(other, digits, 0)


def test_seeds_change_what_is_shown(digits, model):
    first, second = (evaluators.samples(model, digits, seed) for seed in (0, 1))
    assert png(draw(first, "samples")) != png(draw(second, "samples"))


def test_light_strokes_are_printed_dark_but_photographs_are_not():
    dark = np.zeros((4, 8, 8, 1), np.float32)
    for x, corner in ((dark, 1.0), (dark + 0.9, 0.9), (np.tile(dark, 3), 0.0)):
        examples = Examples(x=x)
        dataset = Dataset("images", {"train": examples, "test": examples}, "")
        model = GridModel()
        model.encode = lambda x: {"z": x.reshape(len(x), -1)}
        model.decode = lambda code, shape=x.shape: code["z"].reshape(shape)
        evaluation = evaluators.reconstruction(model, dataset, 0)
        mosaic = draw(evaluation, "reconstruction").axes[0].images[0].get_array()
        assert mosaic[20, 20, 0] == pytest.approx(corner)


def test_variations_stand_beside_their_originals(digits, model, monkeypatch):
    monkeypatch.setattr(model, "can", lambda ability: ability == "variations")
    monkeypatch.setattr(
        model, "variations", lambda x, n, seed: x[:, None].repeat(n, 1) / 2, False
    )
    evaluation = evaluators.variations(model, digits, 0)
    assert list(drawn(evaluation)) == ["variations"]
    arrays = evaluation.arrays["variations"]()
    assert arrays["variations"].shape == (8, 10, 8, 8, 1)
    half = arrays["originals"][:, None] / 2
    np.testing.assert_array_equal(arrays["variations"][:, 3:4], half)
