"""Evaluates a trained run again: results.json, figures/ and report.html.

    python -m experiments.evaluate --workdir=runs/digits

Numbers and figures that cannot be made are left out, with the reason, and the exit code
is 3; it is that of experiments.launch, too.
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
    summary.finish(results, workdir)


if __name__ == "__main__":
    summary.run(main)
