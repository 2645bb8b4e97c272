"""The page about numbers of clusters is that of its files."""

import json
from pathlib import Path

import pytest

from tests.experiments import programs

program, _ = programs.load("choose_number_of_clusters")
RESULTS = Path(__file__).parents[2] / "experiments/results/number_of_clusters"


def test_the_page_is_made_of_the_files():
    results = {
        name: json.loads((RESULTS / f"{name}.json").read_text())
        for name in program.DATA
    }
    assert (RESULTS / "README.md").read_text() == program._page(results)
    for name, found in results.items():
        assert (RESULTS / f"{name}.png").is_file()
        scores = {k: one["score"] for k, one in found["candidates"].items()}
        assert scores[str(found["chosen"])] == pytest.approx(max(scores.values()))


def test_a_page():
    one = {
        "score": 0.3,
        "agreement": 0.5,
        "modularity": 0.6,
        "clusters_in_use": [2, 2],
        "ari_with_classes": [0.1, 0.2],
    }
    found = {"chosen": 3, "classes": 4, "candidates": {"2": one, "3": one}}
    page = program._page({"ring": found})
    assert '| ring | [3](ring.json "chosen") | [4](ring.json "classes") |' in page
    assert "| **3** | 0.300 | 0.500 | 0.600 | 2, 2 | 0.100, 0.200 |" in page
