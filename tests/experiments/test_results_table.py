"""The README's numbers are those of the runs' own files."""

import json
import pathlib

from experiments.results_table import results_table

_ROOT = pathlib.Path(__file__).parents[2]


def test_readme_shows_the_committed_results():
    table = results_table()
    assert table.count("\n") > 2
    assert table in (_ROOT / "README.md").read_text()


def test_rows(tmp_path):
    folder = tmp_path / "aim" / "grid"
    folder.mkdir(parents=True)
    modes = {"mean": 24.5, "std": 0.5, "trials": [24, 25], "chosen": 24, "paper": 25}
    accuracy = {"mean": 0.75, "std": 0.05, "trials": [0.7, 0.8], "chosen": 0.8}
    run = {"selection": None, "results": {"modes_captured": modes}}
    (folder / "results.json").write_text(json.dumps(run))
    assert results_table(tmp_path).splitlines()[2:] == [
        "| [aim/grid](experiments/results/aim/grid) | modes captured | 25.0 | "
        "24.5 ± 0.5 (2) | 24.0 to 25.0 | - |"
    ]
    run = {"selection": {}, "results": {"clustering_accuracy": accuracy, "nmi": {}}}
    run["selection"]["criterion"] = "neighbours"
    (folder / "results.json").write_text(json.dumps(run))
    (row,) = results_table(tmp_path).splitlines()[2:]
    assert row.endswith("| - | 75.0% ± 5.0% (2) | 70.0% to 80.0% | 80.0% |")
