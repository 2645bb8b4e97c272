"""Compares runs: stacks a figure of each run, or plots one curve of all runs.

    python -m experiments.compare --workdirs=runs/aim,runs/ali --figure=modes \
        --output=modes.png
    python -m experiments.compare --workdirs=runs/mnist,runs/cifar10 \
        --curve=test/reconstruction_mse --output=curves.png

--figure is the name of a file in WORKDIR/figures, without its ending. --curve is a
metric in WORKDIR/metrics.jsonl; it is plotted over epochs. Runs are labelled with the
names of their directories.
"""

import os
from collections.abc import Sequence
from typing import Any

from absl import flags
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from adversarial_latent.evaluation import figures
from adversarial_latent.logging import TIMES, read_metrics
from adversarial_latent.run_data import check_same_scored
from adversarial_latent.workdir import read_config, read_json
from experiments import command_line

_WORKDIRS = command_line.define_path(
    "workdirs", "Directories of runs.", several=True, required=True
)
_FIGURE = flags.DEFINE_string("figure", None, "Which figure, e.g. modes.")
_CURVE = flags.DEFINE_string("curve", None, "Which curve, e.g. generator/loss.")
_OUTPUT = command_line.define_path("output", "A .png file.", required=True)

_TITLE = 40  # pixels above each figure


def _name(workdir: str) -> str:
    return os.path.basename(os.path.normpath(workdir))


def stack_figures(workdirs: Sequence[str], figure: str) -> Image.Image:
    """Stacks the same figure of several runs, each below the run's name.

    Raises:
      FileNotFoundError: a run has no such figure; the message lists its figures.
    """
    pictures = []
    for workdir in workdirs:
        path = os.path.join(workdir, "figures", f"{figure}.png")
        if not os.path.exists(path):
            folder = os.path.dirname(path)
            there = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
            raise FileNotFoundError(
                f"{workdir} has no figure {figure!r}, only "
                f"{[name.removesuffix('.png') for name in there]}"
            )
        with Image.open(path) as picture:
            pictures.append(picture.convert("RGB"))
    width = max(picture.width for picture in pictures)
    height = sum(picture.height + _TITLE for picture in pictures)
    sheet = Image.new("RGB", (width, height), "white")
    draw, font, top = ImageDraw.Draw(sheet), ImageFont.load_default(22), 0
    for workdir, picture in zip(workdirs, pictures, strict=True):
        middle = (width // 2, top + _TITLE // 2)
        draw.text(middle, _name(workdir), fill="black", font=font, anchor="mm")
        sheet.paste(picture, ((width - picture.width) // 2, top + _TITLE))
        top += _TITLE + picture.height
    return sheet


def curves_figure(workdirs: Sequence[str], curve: str) -> Figure:
    """Plots one curve of several runs over epochs; trials are thin lines.

    Raises:
      ValueError: a run did not log the curve; the message lists its curves.
    """
    _, _, quantity = curve.rpartition("/")
    joined: list[dict[str, Any]] = []
    for workdir in workdirs:
        config, rows = read_config(workdir), read_metrics(workdir)
        examples = read_json(workdir, "dataset.json")["num_train"]
        repeats = max(player.repeats for player in config.players.values())
        steps_per_epoch = examples / (config.batch_size * repeats)
        found = [row for row in rows if curve in row]
        if not found:
            there = sorted(set().union(*rows) - {"step", *TIMES, "trials"})
            raise ValueError(f"{workdir} has no curve {curve!r}, only {there}")
        name = f"{_name(workdir)}/{quantity}"
        joined += [
            {
                "step": row["step"] / steps_per_epoch,
                name: row[curve],
                "trials": {name: row.get("trials", {}).get(curve, [row[curve]])},
            }
            for row in found
        ]
    return figures.training_figure(joined, x_label="epoch")


def main() -> None:
    """Draws the comparison and writes it to --output."""
    workdirs, output = _WORKDIRS.value, _OUTPUT.value
    command_line.check_output(output, ".png")
    check_same_scored(workdirs)
    if (_FIGURE.value is None) == (_CURVE.value is None):
        raise ValueError("give either --figure or --curve")
    if _FIGURE.value:
        stack_figures(workdirs, _FIGURE.value).save(output)
    else:
        figures.save_figure(curves_figure(workdirs, _CURVE.value), output)
    print(f"{', '.join(map(_name, workdirs))} in {output}")


if __name__ == "__main__":
    command_line.run(main)
