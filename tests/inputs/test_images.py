"""Every conversion from image files to pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from adversarial_latent.inputs import images, parse_image_shape

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=-1)


def stored(image, suffix=".png", **options):
    file = io.BytesIO()
    image.save(file, format=suffix[1:], **options)
    return images.decode_image(file.getvalue(), "picture")


@pytest.mark.parametrize("value", [(28, 20, 3), "28x20x3", "28,20,3", "(28, 20, 3)"])
def test_parse_image_shape(value):
    assert parse_image_shape(value) == (28, 20, 3)


def test_parse_image_shape_of_nothing():
    assert parse_image_shape("") is None


@pytest.mark.parametrize("value", ["28x28", "big", 28, (28, 28, 2), (0, 28, 1)])
def test_parse_image_shape_refuses(value):
    with pytest.raises(ValueError, match="image_shape="):
        parse_image_shape(value)


def test_grey_and_colour_pass_unchanged():
    np.testing.assert_array_equal(stored(Image.fromarray(GREY)), GREY[..., None])
    np.testing.assert_array_equal(stored(Image.fromarray(COLOUR)), COLOUR)


def test_one_bit():
    bits = GREY > 100
    np.testing.assert_array_equal(stored(Image.fromarray(bits))[..., 0], 255 * bits)


def test_palette_becomes_its_colours():
    image = Image.fromarray(GREY // 20).convert("P")
    image.putpalette(COLOUR.reshape(-1, 3).tobytes())
    np.testing.assert_array_equal(stored(image), COLOUR)


def test_sixteen_bit_is_scaled_and_not_clipped():
    wide = np.array([[0, 128, 129, 257, 40000, 65535]], np.uint16)
    expected = [[0, 0, 1, 1, 156, 255]]  # rounded v / 257
    assert stored(Image.fromarray(wide))[..., 0].tolist() == expected


@pytest.mark.parametrize("grey", [True, False])
def test_transparent_parts_lie_on_black(grey):
    opaque = GREY[..., None] if grey else COLOUR
    alpha = np.zeros((3, 4, 1), np.uint8)
    alpha[0] = 255
    image = Image.fromarray(np.concatenate([opaque, alpha], axis=-1))
    assert image.mode == ("LA" if grey else "RGBA")
    np.testing.assert_array_equal(stored(image), opaque * (alpha > 0))


def test_transparent_palette_colour_is_black():
    image = Image.fromarray(GREY // 20).convert("P")
    image.putpalette(COLOUR.reshape(-1, 3).tobytes())
    expected = COLOUR.copy()
    expected[0, 3] = 0  # index 3
    np.testing.assert_array_equal(stored(image, transparency=3), expected)


def test_cmyk_becomes_colour():
    image = Image.new("CMYK", (4, 3), (0, 0, 0, 0))
    assert (stored(image, ".tiff") == 255).all()


def test_camera_orientation_is_applied_to_files_only(tmp_path):
    image = Image.fromarray(GREY)
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise brings it upright
    image.save(tmp_path / "a.png", exif=exif)
    expected = np.rot90(GREY, -1)[..., None]
    np.testing.assert_array_equal(images.read_image(tmp_path / "a.png"), expected)
    encoded = (tmp_path / "a.png").read_bytes()
    assert images.decode_image(encoded, "a").shape == (3, 4, 1)


def test_floats_animations_and_wide_integers_are_refused():
    with pytest.raises(ValueError, match="picture: float pixels"):
        stored(Image.fromarray(GREY.astype(np.float32)), ".tiff")
    with pytest.raises(ValueError, match="picture: pixels outside"):
        stored(Image.fromarray(np.array([[70000]], np.int32)), ".tiff")
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    with pytest.raises(ValueError, match="picture: has 2 frames"):
        stored(frames[0], ".gif", save_all=True, append_images=frames[1:])


def test_corrupt_files_are_refused_by_name(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.png")
    encoded = (tmp_path / "whole.png").read_bytes()
    broken = bytearray(encoded)
    broken[100:120] = bytes(20)
    contents = {
        "cut.png": encoded[:-300],
        "broken.png": bytes(broken),
        "text.png": b"hello",
        "empty.png": b"",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name}: not an image, or a corrupt"):
            images.read_image(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        images.read_image(tmp_path / "none.png")


def test_resize_scales_crops_and_converts():
    flat = np.full((8, 8, 1), 77, np.uint8)
    assert images.resize(flat, (8, 8, 1)) is flat
    assert (images.resize(flat, (4, 6, 3)) == 77).all()
    stripes = np.zeros((4, 12, 3), np.uint8)
    stripes[:, 4:8] = 200  # only the square in the middle is kept
    np.testing.assert_array_equal(
        images.resize(stripes, (4, 4, 1)), np.full((4, 4, 1), 200)
    )


def test_center_crop_is_the_square_in_the_middle():
    np.testing.assert_array_equal(
        images.center_crop(COLOUR, 2, "picture"), COLOUR[0:2, 1:3]
    )
    with pytest.raises(ValueError, match=r"an image of 3x4 pixels.*square of 4"):
        images.center_crop(COLOUR, 4, "picture")
