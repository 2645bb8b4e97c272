"""Applies a trained run to new images and writes a CSV, one row an image.

    python -m experiments.predict --workdir=runs/digits --input=photos/ --output=out.csv

The input is a folder of images, one image, or an .npz with an array `x`. Columns are
the file's name (or the index in the .npz), the most probable cluster, its probability
and, with --code, the inferred code.
"""

import csv

from absl import flags

from adversarial_latent.data import read_images
from adversarial_latent.workdir import input_shape, load
from experiments import summary

_WORKDIR = flags.DEFINE_string("workdir", None, "Directory of the run.", required=True)
_INPUT = flags.DEFINE_string("input", None, "Images to look at.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "The CSV to write.", required=True)
_CODE = flags.DEFINE_bool("code", False, "Write the latent code, too.")
_RESIZE = flags.DEFINE_bool("resize", False, "Fit images to the size of training.")
_TRIAL = flags.DEFINE_integer("trial", None, "Trial; if not given, the chosen one.")


def main() -> None:
    """Reads, infers and writes."""
    shape = input_shape(_WORKDIR.value)
    examples = read_images(_INPUT.value, shape, _RESIZE.value)
    code = load(_WORKDIR.value, _TRIAL.value).encode(examples.as_float())
    columns = {"name": list(examples.name)}
    if "y" in code:
        columns["cluster"] = code["y"].argmax(-1).tolist()
        columns["probability"] = [f"{p:.6f}" for p in code["y"].max(-1)]
    if _CODE.value or "y" not in code:
        for i, values in enumerate(code["z"].T):
            columns[f"z{i}"] = [f"{value:.6g}" for value in values]
    with open(_OUTPUT.value, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    print(f"{len(examples)} rows in {_OUTPUT.value}")


if __name__ == "__main__":
    summary.run(main)
