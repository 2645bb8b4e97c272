"""What a linear model makes of images."""

import types

import numpy as np
import pytest

from adversarial_latent.data import Dataset, Examples
from adversarial_latent.evaluation import evaluators, figures
from tests.evaluation.fakes import (
    GridModel,
    KMeansModel,
    SoftKMeansModel,
    drawn,
    grid_dataset,
    png,
)


def test_reconstruction_mse_is_that_of_pca(digits, model):
    evaluation = evaluators.reconstruction(model, digits, 0)
    x = digits.splits["test"].as_float()
    decoded = model.decode(model.encode(x))
    expected = np.mean((x - decoded) ** 2, dtype=np.float64)
    assert evaluation.results == {"reconstruction_mse": pytest.approx(expected)}
    assert "in [0, 1]" in evaluation.protocol
    assert len(evaluation.figures["reconstruction"]().axes) == 8


def test_reconstruction_of_points_has_a_number_but_no_figure():
    evaluation = evaluators.reconstruction(GridModel(), grid_dataset(), 0)
    assert evaluation.results == {"reconstruction_mse": 0.0}
    assert not evaluation.figures
    assert "coordinates" in evaluation.protocol


def test_interpolation_decodes_straight_lines(digits, model, monkeypatch):
    seen = {}

    def remember(first, between, last, **_):
        seen.update(first=first, between=between, last=last)
        return figures.image_grid(between)

    monkeypatch.setattr(figures, "interpolation_figure", remember)
    drawn(evaluators.interpolation(model, digits, 0))
    between = seen["between"]
    first = model.decode(model.encode(seen["first"]))
    last = model.decode(model.encode(seen["last"]))
    assert between.shape == (8, 9, 8, 8, 1)
    np.testing.assert_allclose(between[:, 0], first, atol=1e-5)
    np.testing.assert_allclose(between[:, -1], last, atol=1e-5)
    # PCA decodes linearly, so that the middle is the mean of the ends.
    np.testing.assert_allclose(between[:, 4], (first + last) / 2, atol=1e-5)


@pytest.mark.parametrize("name", ["reconstruction", "interpolation", "samples"])
def test_codes_may_be_components_alone(name, digits):
    model = SoftKMeansModel(digits)
    evaluation = evaluators.get_evaluator(name)(model, digits, 0)
    assert list(drawn(evaluation)) == [name]
    if name == "reconstruction":
        x = digits.splits["test"].as_float()
        error = np.mean((x - model.decode(model.encode(x))) ** 2, dtype=np.float64)
        assert evaluation.results["reconstruction_mse"] == pytest.approx(error)


def test_samples_draws_a_row_for_each_component(digits, model, monkeypatch):
    shown = []
    draw = figures.image_grid

    def remember(images, **options):
        shown.append(images)
        return draw(images, **options)

    monkeypatch.setattr(figures, "image_grid", remember)
    evaluation = evaluators.samples(model, digits, 3)
    (axes,) = evaluation.figures["samples"]().axes
    rows = shown[0]
    assert rows.shape == (model.num_components, 10, 8, 8, 1)
    for k, row in enumerate(rows):
        assert (model.encode(row)["y"].argmax(-1) == k).all()
    assert len(axes.get_yticklabels()) == model.num_components
    assert "seed 3" in evaluation.protocol
    plain = types.SimpleNamespace(
        captioned=False, num_components=None, can=model.can, sample=model.sample
    )
    drawn(evaluators.samples(plain, digits, 3))
    assert shown[1].shape == (8, 8, 8, 8, 1), "a square without components"


def test_samples_of_styles_are_rows_by_component(digits, model, monkeypatch):
    shown = []

    def remember(images, **_):
        shown.append(images)
        return figure(images)

    figure = figures.image_grid
    monkeypatch.setattr(figures, "image_grid", remember)
    styles = np.random.default_rng(0).random((10, 10, 8, 8, 1), np.float32)
    knowing = types.SimpleNamespace(
        captioned=False,
        num_components=10,
        can=lambda question: question in ("sample", "styles"),
        styles=lambda n, seed: styles[:, :n] * seed,
    )
    evaluation = evaluators.samples(knowing, digits, 1)
    assert "a column a style" in evaluation.figures["samples"]().get_label()
    np.testing.assert_array_equal(shown, [styles])


def test_manifold_walks_over_two_dimensional_codes(digits, monkeypatch):
    model = KMeansModel(digits, latent_dim=2)
    monkeypatch.setattr(model, "encode", lambda x: {"z": np.zeros((len(x), 2))})
    asked = []

    def decode(code):
        asked.append(code["z"])
        return np.zeros((len(code["z"]), 8, 8, 1), np.float32)

    monkeypatch.setattr(model, "decode", decode)
    shown = drawn(evaluators.manifold(model, digits, 0))
    (grid,) = asked
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
    assert png(first.figures["samples"]()) != png(second.figures["samples"]())


def test_light_strokes_are_printed_dark_but_photographs_are_not():
    dark = np.zeros((4, 8, 8, 1), np.float32)
    for x, corner in ((dark, 1.0), (dark + 0.9, 0.9), (np.tile(dark, 3), 0.0)):
        examples = Examples(x=x)
        dataset = Dataset("images", {"train": examples, "test": examples}, "")
        model = GridModel()
        model.encode = lambda x: {"z": x.reshape(len(x), -1)}
        model.decode = lambda code, shape=x.shape: code["z"].reshape(shape)
        evaluation = evaluators.reconstruction(model, dataset, 0)
        mosaic = evaluation.figures["reconstruction"]().axes[0].images[0].get_array()
        assert mosaic[20, 20, 0] == pytest.approx(corner)


def test_neighbours_stand_beside_their_originals(digits, model, monkeypatch):
    seen = {}

    def remember(blocks, **_):
        seen.update(originals=blocks[0], similar=blocks[1])
        return figures.image_grid(blocks[1])

    monkeypatch.setattr(figures, "image_blocks", remember)
    monkeypatch.setattr(model, "can", lambda question: question == "neighbours")
    monkeypatch.setattr(
        model, "neighbours", lambda x, n, seed: x[:, None].repeat(n, 1) / 2, False
    )
    evaluation = evaluators.neighbours(model, digits, 0)
    assert list(drawn(evaluation)) == ["neighbours"]
    assert seen["similar"].shape == (8, 10, 8, 8, 1)
    np.testing.assert_array_equal(seen["similar"][:, 3:4], seen["originals"] / 2)
