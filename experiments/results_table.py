"""Writes the tables of results from the results.json files of the committed runs.

    python -m experiments.results_table

This writes experiments/results/README.md, with a row for each number in each
experiments/results/GAME/NAME/results.json, and prints the table for the README. A test
compares both with the committed files.
"""

import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from adversarial_latent.evaluation.registry import METRICS, describe

RESULTS = pathlib.Path(__file__).parent / "results"
README_ROWS = (  # runs, and the number of each that the README shows
    ("amm/digits", "clustering_accuracy"),
    ("amm/mnist_dense", "clustering_error"),
    ("amm/samm_mnist_dense", "classification_error"),
    ("aim/grid25", "high_quality_fraction"),
    ("aim/mnist_small", "reconstruction_mse"),
    ("pixelgan/mnist_100", "classification_error"),
    ("pixelgan/k30", "clustering_error_by_exemplar"),
    ("learned_prior/mnist_label", "generated_label_accuracy"),
)
_HEADER = (
    "| run | measured on test data | paper | mean ± std (trials) | lowest to highest | "
    "chosen without labels |",
    "|---|---|---|---|---|---|",
)
_INTRODUCTION = """# Results

All numbers that the committed runs measured. `python -m experiments.results_table`
wrote this file from their `results.json`, which also hold protocol, seeds, device and
commit. "Chosen without labels" is the trial that a criterion chose on training images.
How settings were found is described beside the runs.

"""


def cells(
    run: Mapping[str, Any], number: str, show: Callable[[float], str]
) -> list[str]:
    """Formats one number of a run.

    Args:
      run: contains `results` and `selection` of results.json.
      number: key of the number in `results`.
      show: formats one value.

    Returns:
      "mean ± std (number of trials)", without a deviation if there is one trial;
      "lowest to highest", or "-" likewise; the value of the trial chosen without
      labels, or "-".
    """
    value = run["results"][number]
    trials = value["trials"]
    several = len(trials) > 1
    deviation = f" ± {show(value['std'])}" if several else ""
    return [
        f"{show(value['mean'])}{deviation} ({len(trials)})",
        f"{show(min(trials))} to {show(max(trials))}" if several else "-",
        show(value["chosen"]) if run["selection"] else "-",
    ]


def readme_table(folder: pathlib.Path = RESULTS) -> str:
    """The table for the README, in Markdown."""
    rows = [
        _row(name, _read(folder / name), number, f"experiments/results/{name}")
        for name, number in README_ROWS
    ]
    return "\n".join([*_HEADER, *rows])


def results_page(folder: pathlib.Path = RESULTS) -> str:
    """The text of experiments/results/README.md.

    Args:
      folder: contains GAME/NAME/results.json for each run.
    """
    lines = [*_HEADER]
    for path in sorted(folder.glob("*/*/results.json")):
        name, run = "/".join(path.parts[-3:-1]), _read(path.parent)
        numbers = [number for number in METRICS if number in run["results"]]
        numbers += sorted(run["results"].keys() - METRICS.keys())
        lines += [_row(name, run, number, name) for number in numbers]
    return _INTRODUCTION + "\n".join(lines) + "\n"


def _read(directory: pathlib.Path) -> dict[str, Any]:
    return json.loads((directory / "results.json").read_text())


def _row(name: str, run: Mapping[str, Any], number: str, link: str) -> str:
    metric = describe(number)
    paper = run["results"][number].get("paper")
    columns = [
        f"[{name}]({link})",
        ", ".join(filter(None, (metric.title, metric.unit))),
        "-" if paper is None else metric.show(paper),
        *cells(run, number, metric.show),
    ]
    return f"| {' | '.join(columns)} |"


def main() -> None:
    """Writes and prints the tables."""
    (RESULTS / "README.md").write_text(results_page())
    print(readme_table())


if __name__ == "__main__":
    main()
