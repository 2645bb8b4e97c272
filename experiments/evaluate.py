"""Evaluates a trained run again; writes results.json, arrays, figures and report.

    python -m experiments.evaluate --workdir=runs/digits
    python -m experiments.evaluate --workdir=runs/digits --figures

--figures keeps the numbers and only draws the figures again from arrays/. This needs
neither the model nor the data. Results that cannot be computed are left out, and the
reason is printed. The exit code is 3 then, as for experiments.launch.
"""

from absl import flags

from adversarial_latent.evaluation.run import draw_figures, evaluate
from adversarial_latent.workdir import claim, read_config
from experiments import command_line

_WORKDIR = command_line.define_path("workdir", "Directory of the run.", required=True)
_FIGURES = flags.DEFINE_bool("figures", False, "Only draw the figures again.")


def main() -> None:
    """Evaluates the run, or draws its figures."""
    workdir = _WORKDIR.value
    with claim(workdir, read_config(workdir)):
        results = (draw_figures if _FIGURES.value else evaluate)(workdir)
    command_line.finish(results, workdir)


if __name__ == "__main__":
    command_line.run(main)
