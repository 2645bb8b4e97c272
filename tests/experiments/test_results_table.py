"""The committed tables' numbers are those of the runs' own files."""

import json
import pathlib

import pytest

from experiments import results_table
from experiments.results_table import RESULTS, readme_table, results_page

ROOT = pathlib.Path(__file__).parents[2]
MODES = {"mean": 24.5, "std": 0.5, "trials": [24, 25], "chosen": 24, "paper": 25}
ACCURACY = {"mean": 0.75, "std": 0.05, "trials": [0.7, 0.8], "chosen": 0.8}
COLOUR = {"mean": 0.5, "std": 0.0, "trials": [0.5], "chosen": 0.5}


def test_the_readme_shows_the_committed_results():
    table = readme_table()
    assert table.count("\n") == 1 + len(results_table.README_ROWS)
    assert table in (ROOT / "README.md").read_text()


def test_the_page_of_results_shows_the_committed_ones():
    assert (RESULTS / "README.md").read_text() == results_page()


def test_the_page_has_a_row_for_each_committed_number():
    page, rows = results_page(), 0
    for path in RESULTS.glob("*/*/results.json"):
        numbers = json.loads(path.read_text())["results"]
        name = "/".join(path.parts[-3:-1])
        assert page.count(f"| [{name}]({name}) |") == len(numbers) > 0
        rows += len(numbers)
    assert page.count("\n|") == 2 + rows


@pytest.fixture
def folder(tmp_path):
    """A folder of two runs, of which the second has a trial chosen without labels."""
    numbers = {"nmi": ACCURACY, "clustering_accuracy": ACCURACY, "purity": COLOUR}
    numbers["caption_accuracy_colour"] = COLOUR
    selection = {"criterion": "nearest_neighbours"}
    for name, run in {
        "aim/grid": {"selection": None, "results": {"modes_captured": MODES}},
        "amm/digits": {"selection": selection, "results": numbers},
    }.items():
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "results.json").write_text(json.dumps(run))
    return tmp_path


def test_rows_of_the_page(folder):
    start, table = results_page(folder).split("\n\n|")
    assert start.startswith("# Results\n\n")
    assert table.splitlines()[2:] == [
        "| [aim/grid](aim/grid) | Modes captured | 25.0 | 24.5 ± 0.5 (2) "
        "| 24.0 to 25.0 | - |",
        "| [amm/digits](amm/digits) | Clustering accuracy, one-to-one, % | - "
        "| 75.00 ± 5.00 (2) | 70.00 to 80.00 | 80.00 |",
        "| [amm/digits](amm/digits) | Normalised mutual information | - "
        "| 0.750 ± 0.050 (2) | 0.700 to 0.800 | 0.800 |",
        # Those that are not registered.
        "| [amm/digits](amm/digits) | Accuracy of illustrations: colour, % | - "
        "| 50.00 (1) | - | 50.00 |",
        "| [amm/digits](amm/digits) | Purity | - | 0.500 (1) | - | 0.500 |",
    ]


def test_rows_of_the_readme(folder, monkeypatch):
    chosen = (("amm/digits", "nmi"), ("aim/grid", "modes_captured"))
    monkeypatch.setattr(results_table, "README_ROWS", chosen)
    assert readme_table(folder).splitlines()[2:] == [
        "| [amm/digits](experiments/results/amm/digits) "
        "| Normalised mutual information | - | 0.750 ± 0.050 (2) | 0.700 to 0.800 "
        "| 0.800 |",
        "| [aim/grid](experiments/results/aim/grid) | Modes captured | 25.0 "
        "| 24.5 ± 0.5 (2) | 24.0 to 25.0 | - |",
    ]


def test_the_program_writes_the_page_and_prints_the_table(folder, monkeypatch, capsys):
    monkeypatch.setattr(results_table, "RESULTS", folder)
    monkeypatch.setattr(results_table, "results_page", lambda: "page\n")
    monkeypatch.setattr(results_table, "readme_table", lambda: "table")
    results_table.main()
    assert (folder / "README.md").read_text() == "page\n"
    assert capsys.readouterr().out == "table\n"
