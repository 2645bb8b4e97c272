"""The sampler's benchmark measures what it says; no time is checked."""

import json

import jax
import pytest

from tests.experiments import programs

TINY = ("--blocks=2", "--hidden_channels=4", "--number=2", "--repeats=2")


@pytest.fixture(autouse=True)
def _compile_fast():
    """What is measured here takes a moment: the time goes to compilation."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def test_figures(tmp_path, capsys):
    output = tmp_path / "figures.json"
    flags = ("--image_shape=4x5x1", "--sizes=3,4", f"--output={output}")
    programs.run("benchmarks.sampler", *TINY, *flags)
    figures = json.loads(output.read_text())
    assert json.loads(capsys.readouterr().out) == figures
    assert (figures["blocks"], figures["hidden_channels"], figures["number"]) == (
        2,
        4,
        2,
    )
    assert figures["image_shape"] == [4, 5, 1]
    assert figures["different_pixels"] == 0
    cached, naive = (figures["seconds"][name] for name in ("cached", "naive"))
    for seconds in (cached, naive):
        assert 0 < seconds["min"] <= seconds["median"] <= seconds["max"]
    ratio = figures["ratio"]
    assert naive["min"] / cached["max"] <= ratio["min"] <= ratio["max"]
    assert ratio["max"] <= naive["max"] / cached["min"]
    assert min(figures["compile_seconds"].values()) > 0
    sizes = figures["cached_by_size"]
    assert list(sizes) == ["3x3", "4x4"]
    for pixels, size in zip((9, 16), sizes.values(), strict=True):
        assert size["seconds_per_image"] == pytest.approx(size["seconds"]["min"] / 2)
        per_pixel = size["microseconds_per_pixel"] * 1e-6
        assert per_pixel * pixels == pytest.approx(size["seconds_per_image"])
        assert size["compile_seconds"] > 0
    assert isinstance(figures["exponent_in_pixels"], float)
    assert figures["environment"]["jax"] == jax.__version__


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--image_shape=8", "image_shape"),
        ("--image_shape=", "--image_shape is missing"),
        ("--sizes=8", "--sizes must be two or more heights, not \\['8'\\]"),
        ("--sizes=8,wide", "--sizes must be two or more heights"),
        ("--sizes=0,4", "--sizes must be two or more heights"),
        ("--blocks=-1", "blocks"),
    ],
)
def test_wrong_flags(flag, message):
    with pytest.raises(SystemExit, match=message):
        programs.run("benchmarks.sampler", *TINY, flag)
