"""Prints the README's table of results from the results.json files that runs wrote.

python -m experiments.results_table

Every folder experiments/results/GAME/NAME with a results.json gives one row a number.
A test compares what this prints with what the README says.
"""

import json
import pathlib

_RESULTS = pathlib.Path(__file__).parent / "results"
_NUMBERS = {  # which numbers the README shows, and how
    "clustering_accuracy": ("one-to-one clustering accuracy", "{:.1%}"),
    "clustering_error": ("clustering error, eq. 17", "{:.1%}"),
    "modes_captured": ("modes captured, of 25", "{:.1f}"),
    "high_quality_fraction": ("high-quality samples", "{:.1%}"),
}


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
        for number, (title, form) in _NUMBERS.items():
            if number not in run["results"]:
                continue
            value = run["results"][number]
            paper = form.format(value["paper"]) if "paper" in value else "-"
            chosen = form.format(value["chosen"]) if run["selection"] else "-"
            trials = value["trials"]
            mean, low, high = map(
                form.format, (value["mean"], min(trials), max(trials))
            )
            std = form.format(value["std"])
            lines.append(
                f"| [{name}](experiments/results/{name}) | {title} | {paper} | "
                f"{mean} ± {std} ({len(trials)}) | {low} to {high} | {chosen} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Prints the table."""
    print(results_table())


if __name__ == "__main__":
    main()
