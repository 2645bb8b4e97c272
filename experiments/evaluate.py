"""Evaluates a trained run again: results.json, figures/ and report.html.

python -m experiments.evaluate --workdir=runs/digits
"""

from adversarial_latent.evaluation.evaluate import evaluate
from adversarial_latent.workdir import claim, read_config
from experiments import summary

_WORKDIR = summary.define_path("workdir", "Directory of the run.", required=True)


def main() -> None:
    """Evaluates the run."""
    workdir = _WORKDIR.value
    with claim(workdir, read_config(workdir)):
        results = evaluate(workdir)
    print(summary.describe(results, workdir))


if __name__ == "__main__":
    summary.run(main)
