"""Prints the README's table of results from the results.json files that runs wrote.

python -m experiments.results_table

Every folder experiments/results/GAME/NAME with a results.json gives one row a number.
A test compares what this prints with what the README says.
"""

import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

_RESULTS = pathlib.Path(__file__).parent / "results"
NUMBERS = {  # what the results are called in tables, and how they are shown
    "clustering_accuracy": ("one-to-one clustering accuracy", "{:.1%}"),
    "clustering_error": ("clustering error, eq. 17", "{:.1%}"),
    "clustering_error_by_exemplar": ("clustering error, by exemplars", "{:.1%}"),
    "clustering_error_from_z": ("clustering error, by eq. 19", "{:.1%}"),
    "nmi": ("normalised mutual information", "{:.3f}"),
    "classification_error": ("classification error", "{:.1%}"),
    "classification_error_from_z": ("classification error, by eq. 19", "{:.1%}"),
    "classifier_agreement": ("agreement of both classifiers", "{:.1%}"),
    "modes_captured": ("modes captured", "{:.1f}"),
    "high_quality_fraction": ("high-quality samples", "{:.1%}"),
    "bits_per_dim": ("bits per dimension", "{:.3f}"),
    "bits_per_dim_given_code": ("bits per dimension, given the code", "{:.3f}"),
    "nats_per_example": ("negative log-likelihood, nats", "{:.2f}"),
    "nats_per_example_given_code": (
        "negative log-likelihood given the code, nats",
        "{:.2f}",
    ),
    "reconstruction_mse": ("reconstruction error, pixels in [0, 1]", "{:.4f}"),
    "generated_label_accuracy": (
        "generated images read as their label by a classifier of the data",
        "{:.1%}",
    ),
    "style_consistency": ("consistency of style", "{:.2f}"),
    "caption_accuracy": (
        "illustrations read as what their caption says, all attributes",
        "{:.1%}",
    ),
    "caption_accuracy_colour": (
        "illustrations read as what their caption says, colour",
        "{:.1%}",
    ),
    "classifier_inception_score": (
        "inception score by a classifier of the data",
        "{:.3f}",
    ),
    "classifier_frechet_distance": (
        "Frechet distance by a classifier of the data",
        "{:.3f}",
    ),
    "per_mode_std": ("standard deviation within modes", "{:.3f}"),
}
_README = (  # and all numbers that the paper reports, too
    "clustering_accuracy",
    "clustering_error",
    "classification_error",
    "classifier_agreement",
    "generated_label_accuracy",
    "caption_accuracy",
    "caption_accuracy_colour",
    "nats_per_example",
    "modes_captured",
    "high_quality_fraction",
)


def our_cells(
    run: Mapping[str, Any], number: str, show: Callable[[float], str]
) -> list[str]:
    """Formats what a run measured.

    Args:
      run: has `results` and `selection` of results.json.
      number: which of the results.
      show: formats one value.

    Returns:
      mean ± std (number of trials); lowest to highest; the trial chosen without
      labels, or "-".
    """
    value = run["results"][number]
    trials = value["trials"]
    return [
        f"{show(value['mean'])} ± {show(value['std'])} ({len(trials)})",
        f"{show(min(trials))} to {show(max(trials))}",
        show(value["chosen"]) if run["selection"] else "-",
    ]


def results_table(folder: pathlib.Path = _RESULTS) -> str:
    """Formats the numbers of all runs below a folder as a Markdown table.

    Args:
      folder: has GAME/NAME/results.json, as runs wrote them.

    Returns:
      the table, one row for each run and number.
    """
    lines = [
        "| experiment | measured on test data | paper | mean ± std of trials | lowest "
        "to highest | chosen without labels |",
        "|---|---|---|---|---|---|",
    ]
    for path in sorted(folder.glob("*/*/results.json")):
        run = json.loads(path.read_text())
        name = "/".join(path.parts[-3:-1])
        for number, (title, form) in NUMBERS.items():
            paper = run["results"].get(number, {}).get("paper")
            if number not in run["results"] or (
                number not in _README and paper is None
            ):
                continue
            cells = [
                f"[{name}](experiments/results/{name})",
                title,
                "-" if paper is None else form.format(paper),
                *our_cells(run, number, form.format),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Prints the table."""
    print(results_table())


if __name__ == "__main__":
    main()
