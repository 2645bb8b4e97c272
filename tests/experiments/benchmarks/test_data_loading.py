"""The benchmark of loading measures what it says; no time is checked."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.experiments import programs


@pytest.fixture(autouse=True)
def own_cache(monkeypatch):
    """Restores the variable that the benchmark sets."""
    monkeypatch.setenv("ADVERSARIAL_LATENT_CACHE", "unused")


@pytest.mark.parametrize("shape", ["", "16x16x1"])
def test_figures(tmp_path, shape):
    output = tmp_path / "figures.json"
    flags = ("--images=1005", "--steps=0", "--few=3", f"--image_shape={shape}")
    programs.run(
        "benchmarks.data_loading", f"--folder={tmp_path}", f"--output={output}", *flags
    )
    figures = json.loads(output.read_text())
    assert figures["images"] == 1005
    assert figures["image_shape"] == ([16, 16, 1] if shape else [200, 200, 3])
    assert min(figures["seconds"].values()) > 0
    assert figures["first_load_speedup"] == pytest.approx(
        figures["seconds"]["one_core"] / figures["seconds"]["first_load"]
    )
    assert "peak_memory_bytes" not in figures
    folder = tmp_path / "jpegs_1005"
    files = {file.read_bytes() for file in folder.iterdir()}
    assert len(files) == 1005
    with Image.open(folder / "00001004.jpg") as image:
        assert image.size == (200, 200)
        assert np.asarray(image).std() > 10
    (entry,) = (tmp_path / "cache").glob("*.bin")
    assert entry.stat().st_size == 1005 * int(np.prod(figures["image_shape"]))


def test_shapes_that_are_refused(tmp_path):
    with pytest.raises(SystemExit, match="--image_shape=8x9x1 must be square"):
        programs.run(
            "benchmarks.data_loading", f"--folder={tmp_path}", "--image_shape=8x9x1"
        )
