"""Drawn flowers: what is drawn is what the captions say."""

import ml_collections
import numpy as np
import pytest

from adversarial_latent import data
from adversarial_latent.data import flowers


@pytest.fixture(scope="module")
def dataset():
    config = {"name": "flowers", "image_shape": "8x8x3"}
    return data.load(ml_collections.ConfigDict(config))


def test_what_is_held_out_is_seen_in_parts_only(dataset):
    """No combination is in both splits, and every word of each attribute in both."""
    train, test = (set(dataset.splits[name].label) for name in ("train", "test"))
    assert len(train) == 269
    assert len(test) == 67
    assert not train & test
    for classes in (train, test):
        words = flowers.combinations()[sorted(classes)]
        for column, values in zip(words.T, flowers.VALUES, strict=True):
            assert set(column) == set(range(len(values)))
    assert dataset.attributes == ("colour", "petals", "shape", "centre")
    assert "67 are in the test split only" in dataset.protocol
    assert dataset.class_names[0] == "pink three round yellow"
    assert dataset.num_classes == len(set(dataset.class_names)) == 336


def test_nothing_is_held_out_on_request():
    config = ml_collections.ConfigDict(
        {"name": "flowers", "held_out": 0.0, "image_shape": "8x8x3"}
    )
    loaded = data.load(config)
    for split in loaded.splits.values():
        assert set(split.label) == set(range(336))
    assert loaded.example_shape == (8, 8, 3)
    again = data.load(config)
    np.testing.assert_array_equal(again.splits["test"].x, loaded.splits["test"].x)
    assert again.splits["test"].captions == loaded.splits["test"].captions


def test_captions_say_all_attributes_and_no_other(dataset):
    train = dataset.splits["train"]
    sentences = {sentence for several in train.captions[:500] for sentence in several}
    assert len(sentences) > 2000  # of 2,500
    synonyms = {"rounded": "round", "sharp": "pointed", "thin": "narrow"}
    values = [set(value) for value in flowers.VALUES]
    for label, several in zip(train.label[:500], train.captions, strict=False):
        colour, petals, shape, centre = dataset.class_names[label].split()
        for sentence in several:
            words = [synonyms.get(word, word) for word in sentence.split()]
            assert set(words) & values[1] == {petals}
            assert set(words) & values[2] == {shape}
            assert set(words) & (values[0] | values[3]) == {colour, centre}


def test_centres_and_petals_have_their_colours():
    """Of large flowers, by pixels that are surely of one or the other."""
    rng = np.random.default_rng(0)
    attributes = flowers.combinations()
    x = flowers.draw(attributes, 64, rng).astype(float)
    colours, centres = (
        np.array(tuple(values.values()), float)
        for values in (flowers.COLOURS, flowers.CENTRES)
    )
    for image, (colour, _, shape, centre) in zip(x, attributes, strict=True):
        middle = image[29:35, 29:35].reshape(-1, 3)  # moved by 4 pixels at most
        away = np.abs(middle - centres[centre]).mean(axis=1)
        assert np.sort(away)[:6].max() < 12  # towards its rim it is darker
        pixels = image.reshape(-1, 3)
        petal = np.abs(pixels - 0.95 * colours[colour]).mean(axis=1) < 25
        assert petal.mean() > (0.02 if flowers.SHAPES[shape] == "narrow" else 0.06)


def test_petals_can_be_counted():
    """Around the centre, at the distance at which petals are broadest."""
    number, shape = np.meshgrid(range(4), range(3), indexing="ij")
    attributes = np.stack(
        [np.full(12, 6), number.ravel(), shape.ravel(), np.full(12, 3)], axis=1
    )  # white petals on green, which their red shows
    x = flowers.draw(attributes, 256, np.random.default_rng(1))[..., 0].astype(float)
    for image, petals in zip(x, number.ravel() + 3, strict=True):
        down, across = np.nonzero(image < 60)  # candidates for the black centre
        near = np.hypot(down - 127.5, across - 127.5) < 30
        top, left = down[near].mean(), across[near].mean()
        angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
        counts = []
        for radius in range(60, 90, 3):
            around = image[
                (top + radius * np.sin(angle)).astype(int),
                (left + radius * np.cos(angle)).astype(int),
            ]
            counts.append(((around > 130) & (np.roll(around, 1) <= 130)).sum())
        assert np.bincount(counts).argmax() == petals


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"held_out": 1.0}, "held_out=1.0 must be a fraction .* the 336 combinations"),
        ({"held_out": -0.1}, "held_out=-0.1 must be a fraction"),
        ({"image_shape": "8x16x3"}, "square colour images"),
        ({"image_shape": "8x8x1"}, "square colour images"),
    ],
)
def test_what_cannot_be(settings, message):
    with pytest.raises(ValueError, match=message):
        data.load(ml_collections.ConfigDict({"name": "flowers", **settings}))
