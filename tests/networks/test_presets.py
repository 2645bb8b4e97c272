"""Presets: sizes of layers for a shape, and what cannot be read."""

import jax
import numpy as np
import pytest

from adversarial_latent.networks.presets import Preset, is_preset, read_preset
from adversarial_latent.networks.table_network import TableNetwork

KEY = jax.random.key(0)


def outputs(table, *shapes):
    """Shapes of all rows for inputs of these shapes."""
    network = TableNetwork(table.fill(k=3, d=2))
    inputs = [np.zeros((2, *shape), np.float32) for shape in shapes]
    found, _ = jax.eval_shape(
        lambda: network.init_with_output(
            {"params": KEY, "noise": KEY}, *inputs, train=True
        )
    )
    return {name: value.shape[1:] for name, value in found.items()}


def test_an_image_is_halved_until_about_four_pixels():
    found = outputs(Preset("conv", (20, 30, 3), 4).encoder(), (20, 30, 3))
    sizes = [found[f"x{level}"] for level in (1, 2, 3)]
    assert sizes == [(10, 15, 4), (5, 8, 8), (3, 4, 16)]
    assert found["h"] == (32,)
    assert "x4" not in found
    largest = outputs(Preset("conv", (128, 128, 4), 2).encoder(), (128, 128, 4))
    assert [largest[f"x{level}"] for level in range(1, 6)] == [
        (64, 64, 2),
        (32, 32, 4),
        (16, 16, 8),
        (8, 8, 16),
        (4, 4, 16),  # no more than eight times the width
    ]


@pytest.mark.parametrize("kind", ["dense", "conv", "resnet"])
@pytest.mark.parametrize("shape", [(8, 8, 1), (20, 30, 3), (28, 28, 1), (9, 33, 4)])
def test_a_decoder_makes_what_an_encoder_takes(kind, shape):
    preset = Preset(kind, shape, 2)
    found = outputs(preset.decoder(y="{k}", z="{d}"), (3,), (2,))
    assert found["x"] == shape
    assert outputs(preset.encoder(y="{k}"), shape, (3,))["h"] == (16,)
    compared = outputs(preset.discriminator(y="{k}", z="{d}"), shape, (3,), (2,))
    assert compared["features"] == (16,)
    assert compared["p"] == (1,)


@pytest.mark.parametrize("kind", ["conv", "resnet"])
def test_the_decoder_mirrors_the_encoder(kind):
    preset = Preset(kind, (28, 28, 1), 2)
    down = outputs(preset.encoder(), (28, 28, 1))
    up = outputs(preset.decoder(z="{d}"), (2,))
    for level in (1, 2, 3):
        assert up[f"x{level}"] == down[f"x{level}"]


def test_images_lie_in_the_unit_interval_and_vectors_anywhere():
    for shape, activation in (((8, 8, 1), "Sigmoid"), ((16, 16, 3), "Sigmoid")):
        for kind in ("dense", "conv", "resnet"):
            layers = Preset(kind, shape, 2).decoder(z=2).layers
            assert [row.activation for row in layers].count("Sigmoid") == 1
            assert layers[-1].name == "x"
            assert activation in (layers[-1].activation, layers[-2].activation)
    last = Preset("dense", (30,), 2).decoder(z=2).layers[-1]
    assert (last.name, last.channels, last.activation) == ("x", 30, "")


def test_only_discriminators_have_no_batch_norm():
    for kind in ("dense", "conv", "resnet"):
        preset = Preset(kind, (16, 16, 3), 2)
        assert any(row.batch_norm for row in preset.encoder().layers)
        assert any(row.batch_norm for row in preset.decoder(z=2).layers)
        assert not any(row.batch_norm for row in preset.discriminator(z=2).layers)


def test_layers_between_vectors():
    table = Preset("conv", (16, 16, 3), 2).mlp(s=3, noise=2)
    assert outputs(table, (3,), (2,))["h"] == (16,)
    assert table.rows[2].channels == "3+2"


def test_what_auto_chooses():
    kinds = [
        read_preset("auto(width=4)", shape).kind
        for shape in ((8, 8, 1), (11, 40, 3), (12, 12, 1), (64, 64, 3), (30,))
    ]
    assert kinds == ["dense", "dense", "conv", "conv", "dense"]
    assert read_preset(" conv ", (16, 16, 3)).width == 32
    assert read_preset("resnet(width=8)", (16, 16, 3)).units == 64


@pytest.mark.parametrize(
    ("spec", "shape", "message"),
    [
        ("conv(depth=3)", (16, 16, 3), r"cannot read 'conv\(depth=3\)'"),
        ("conv(width=0)", (16, 16, 3), "a positive integer"),
        ("conv(width=2.5)", (16, 16, 3), "a positive integer"),
        ("conv(32)", (16, 16, 3), "a positive integer"),
        ("dense(width=", (16, 16, 3), None),
        ("conv", (30,), "'conv' takes images, but examples are vectors of 30 values"),
        ("resnet", (4, 4, 1), "cannot halve images of 4x4 pixels: use dense or auto"),
    ],
)
def test_what_cannot_be_read(spec, shape, message):
    if message is None:
        assert not is_preset(spec)
        return
    assert is_preset(spec)
    with pytest.raises(ValueError, match=message):
        read_preset(spec, shape)


def test_tables_and_modules_are_no_presets():
    for spec in ("x - 1 - - - - - -", "package.module:Class(width=3)", "convolution"):
        assert not is_preset(spec)
