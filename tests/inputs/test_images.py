"""Every conversion from image files to pixels."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from adversarial_latent.inputs import InputError, images, parse_image_shape
from experiments.checks.fuzz_inputs import wide_png

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


@pytest.mark.parametrize("value", ["28x28", "big", 28, (28, 28, 5), (0, 28, 1)])
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


WIDE = np.random.default_rng(0).integers(0, 65536, (3, 4, 4), dtype=np.uint16)
OPAQUE = np.full((3, 4, 1), 65535, np.uint16)


def narrow(wide):
    return (wide.astype(np.int64) + 128) // 257


def wide_tiff(pixels, compressed):
    """Encodes 16-bit colours, which Pillow cannot write."""
    height, width, channels = pixels.shape
    content = pixels.astype("<u2").tobytes()
    content = zlib.compress(content) if compressed else content
    tags = {256: width, 257: height, 258: 0, 259: 8 if compressed else 1, 262: 2}
    tags |= {273: 0, 277: channels, 278: height, 279: len(content), 284: 1}
    after = 8 + 2 + 12 * len(tags) + 4
    tags |= {258: after, 273: after + 2 * channels}
    entries = b"".join(
        struct.pack("<HHII", tag, 3 if tag == 258 else 4, [1, channels][tag == 258], v)
        for tag, v in tags.items()
    )
    header = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    bits = struct.pack(f"<{channels}H", *channels * [16])
    return header + entries + bytes(4) + bits + content


def decoded(encoded):
    return images.decode_image(encoded, "picture")


@pytest.fixture
def lines(monkeypatch):
    """What is said in the log."""
    said = []
    for module in ("images", "files"):
        monkeypatch.setattr(
            f"adversarial_latent.inputs.{module}.logging.log_first_n",
            lambda level, form, n, *values: said.append(form % values),
        )
    return said


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bit_png(channels, tmp_path):
    wide = WIDE[..., :channels]
    if channels in (2, 4):
        wide = np.concatenate([wide[..., :-1], OPAQUE], axis=-1)
    expected = narrow(wide[..., : 3 if channels > 2 else 1])
    np.testing.assert_array_equal(decoded(wide_png(wide)), expected)
    (tmp_path / "a.png").write_bytes(wide_png(wide))
    assert images.probe_image(tmp_path / "a.png") == expected.shape


@pytest.mark.parametrize("compressed", [False, True])
def test_sixteen_bit_tiff(compressed):
    wide = WIDE[..., :3]
    np.testing.assert_array_equal(decoded(wide_tiff(wide, compressed)), narrow(wide))
    low = wide // 256
    np.testing.assert_array_equal(decoded(wide_tiff(low, compressed)), low)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("alpha", [255, 65535])
def test_eight_bits_in_sixteen_stay_as_they_are(lines, channels, alpha):
    wide = WIDE[..., :channels] // 256
    if channels in (2, 4):
        wide[..., -1] = alpha
    expected = wide[..., : 3 if channels > 2 else 1]
    np.testing.assert_array_equal(decoded(wide_png(wide)), expected)
    assert "picture: all of its 16-bit pixels are below 256" in lines[0]


def test_a_black_picture_is_black(lines):
    for wide in (0 * WIDE[..., :1], 0 * WIDE[..., :3]):
        assert not decoded(wide_png(wide)).any()
    assert lines == []


def test_sixteen_bit_transparency():
    wide = np.concatenate([OPAQUE, OPAQUE], axis=-1)
    wide[0, :, 1] = 0
    assert decoded(wide_png(wide))[..., 0].tolist() == [4 * [0], 4 * [255], 4 * [255]]
    wide = WIDE[..., :3].copy()
    wide[0, 1] = 600, 700, 800
    colour = (b"tRNS", struct.pack(">3H", 600, 700, 800))
    expected = narrow(wide)
    expected[0, 1] = 0
    np.testing.assert_array_equal(decoded(wide_png(wide, colour)), expected)
    wide[0, 1, 0] = 601
    expected = narrow(wide)  # nearly the transparent colour
    np.testing.assert_array_equal(decoded(wide_png(wide, colour)), expected)
    grey = (b"tRNS", struct.pack(">H", 601))
    assert decoded(wide_png(wide[..., :1], grey))[0, 1, 0] == 0


def test_sixteen_bit_images_are_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    chunk = (b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    for channels in (1, 2, 3):
        wide = np.concatenate([WIDE[..., : channels % 2 or 1], OPAQUE], -1)
        wide = WIDE[..., :channels] if channels != 2 else wide
        (tmp_path / "a.png").write_bytes(wide_png(wide, chunk))
        expected = np.rot90(narrow(wide[..., : 3 if channels == 3 else 1]), -1)
        np.testing.assert_array_equal(images.read_image(tmp_path / "a.png"), expected)


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


def test_every_error_of_a_reader_names_the_file(tmp_path, monkeypatch):
    """Whatever it is: Pillow's plugins raise errors of many kinds."""
    text = zlib.compress(bytes(1_100_000))
    chunk = (b"zTXt", b"Comment\0\0" + text)
    (tmp_path / "much text.png").write_bytes(wide_png(WIDE, chunk))
    with pytest.raises(
        InputError, match=r"much text\.png: .*(?i:too large).*save it again"
    ):
        images.read_image(tmp_path / "much text.png")
    Image.fromarray(GREY).save(tmp_path / "a.png")
    for error in (struct.error, OverflowError, zlib.error, MemoryError, KeyError):
        with monkeypatch.context() as patch:
            patch.setattr(
                Image.Image, "load", lambda _, e=error: (_ for _ in ()).throw(e)
            )
            with pytest.raises(InputError, match=rf"a\.png: .*{error.__name__}"):
                images.read_image(tmp_path / "a.png")


def test_warnings_of_a_reader_name_the_file(tmp_path, lines):
    frames = [Image.fromarray(GREY), Image.fromarray(255 - GREY)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    content = (tmp_path / "a.png").read_bytes()
    place = content.index(b"acTL")
    broken = content[place : place + 4] + bytes(8)  # no frames
    chunk = broken + struct.pack(">I", zlib.crc32(broken))
    (tmp_path / "a.png").write_bytes(content[:place] + chunk + content[place + 16 :])
    np.testing.assert_array_equal(
        images.read_image(tmp_path / "a.png"), GREY[..., None]
    )
    assert len(lines) == 1
    assert "a.png: Invalid APNG" in lines[0]


def test_names_that_are_not_utf8_are_escaped(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    path.write_bytes(b"no image")
    with pytest.raises(InputError, match=r"caf\\xe9\.png: not an image"):
        images.read_image(path)


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


UPRIGHT = {  # what an Exif orientation does to the stored pixels
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
LOSSLESS = {"png": {}, "tiff": {}, "webp": {"lossless": True}}


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_every_orientation_is_applied_and_known_from_the_header(
    tmp_path, suffix, orientation
):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(COLOUR).save(path, exif=exif, **LOSSLESS[suffix])
    expected = UPRIGHT[orientation](COLOUR)
    np.testing.assert_array_equal(images.read_image(path), expected)
    assert images.probe_image(path) == expected.shape


def on_black(colour, alpha):
    return np.round(colour.astype(float) * alpha[..., None] / 255)


ALPHA = GREY[::-1]
PALETTE = Image.fromarray(COLOUR).quantize(12)
FILES = {  # an image, its format, and what a viewer shows
    "palette": (PALETTE, "png", {}, COLOUR),
    "palette with a transparent colour": (
        *(PALETTE, "gif", {"transparency": 3}),
        on_black(COLOUR, 255 * (np.asarray(PALETTE) != 3)),
    ),
    "palette with transparencies": (
        *(PALETTE, "png", {"transparency": bytes(range(0, 240, 20))}),
        on_black(COLOUR, 20 * np.asarray(PALETTE).astype(int)),
    ),
    "CMYK": (Image.fromarray(COLOUR).convert("CMYK"), "tiff", {}, COLOUR),
    "grey with alpha": (
        *(Image.fromarray(np.stack([GREY, ALPHA], -1)), "png", {}),
        on_black(GREY[..., None], ALPHA),
    ),
    "colour with alpha": (
        *(Image.fromarray(np.dstack([COLOUR, ALPHA])), "tiff", {}),
        on_black(COLOUR, ALPHA),
    ),
    "16-bit grey": (
        *(Image.fromarray(WIDE[..., 0]), "png", {}),
        narrow(WIDE[..., :1]),
    ),
    "one bit": (Image.fromarray(GREY > 100), "png", {}, 255 * (GREY > 100)[..., None]),
}


@pytest.mark.parametrize("kind", FILES)
def test_images_are_as_a_viewer_shows_them(tmp_path, kind):
    image, suffix, options, expected = FILES[kind]
    path = tmp_path / f"a.{suffix}"
    image.save(path, **options)
    pixels = images.read_image(path)
    assert pixels.shape == expected.shape == images.probe_image(path)
    np.testing.assert_array_equal(pixels, expected)


def test_cmyk_jpegs_with_and_without_inverted_colours(tmp_path):
    """Adobe's programs store them inverted, which a marker says."""
    flat = np.full((16, 16, 3), (200, 40, 90), np.uint8)
    Image.fromarray(flat).convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    content = (tmp_path / "a.jpg").read_bytes()
    assert b"Adobe" in content
    pixels = images.read_image(tmp_path / "a.jpg").astype(int)
    assert np.abs(pixels - flat).max() <= 3
    assert images.probe_image(tmp_path / "a.jpg") == (16, 16, 3)
    start = content.index(b"\xff\xee")  # the marker, of 16 bytes
    (tmp_path / "b.jpg").write_bytes(content[:start] + content[start + 16 :])
    with Image.open(tmp_path / "a.jpg") as image:
        inverted = Image.fromarray(255 - np.asarray(image)).convert("RGB")
    without = images.read_image(tmp_path / "b.jpg")
    assert np.abs(without.astype(int) - np.asarray(inverted)).max() <= 3


def test_a_header_that_is_none(tmp_path):
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(InputError, match=r"a\.png: not an image"):
        images.probe_image(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match=r"no file at .*none\.png"):
        images.probe_image(tmp_path / "none.png")


@pytest.mark.parametrize("channels", [2, 4])
def test_channels_that_are_no_colours_are_resized_one_by_one(channels):
    x = np.random.default_rng(0).integers(0, 256, (9, 7, channels), dtype=np.uint8)
    small = images.resize(x, (4, 6, channels))
    for c in range(channels):
        expected = images.resize(x[..., c : c + 1], (4, 6, 1))
        np.testing.assert_array_equal(small[..., c : c + 1], expected)
    with pytest.raises(InputError, match=f"with {channels} channels to 3"):
        images.resize(x, (4, 6, 3))
