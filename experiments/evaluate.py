"""Evaluates a trained run again: results.json, figures/ and report.html.

python -m experiments.evaluate --workdir=runs/digits
"""

from absl import app, flags

from adversarial_latent.evaluation.evaluate import evaluate
from experiments import summary

_WORKDIR = flags.DEFINE_string("workdir", None, "Directory of the run.", required=True)


def main(argv: list[str]) -> None:
    """Evaluates the run."""
    if len(argv) > 1:
        raise app.UsageError(f"unknown arguments: {argv[1:]}")
    with summary.clear_errors():
        print(summary.describe(evaluate(_WORKDIR.value), _WORKDIR.value))


if __name__ == "__main__":
    app.run(main)
