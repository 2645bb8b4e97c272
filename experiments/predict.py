"""Applies a trained run to new images and writes a CSV with one row per image.

    python -m experiments.predict --workdir=runs/digits --input=photos/ --output=out.csv

The input is a folder of images, one image, or an .npz with an array `x`. The columns:

    name                name of the file, or index in the .npz
    class or cluster    the most probable one given the image, by the encoder; a class
                        if the run learned from labels
    probability         its probability
    class_from_z (cluster_from_z), probability_from_z
                        the same given the code, by the mixture (AMM, eq. 19)
    log_p_z             log-density of the code under the mixture, in nats; low for
                        images that are unlike the training data
    p_NAME, p_NAME_from_z
                        with --probabilities: probabilities of all classes or clusters
    z0, z1, ...         with --code: the inferred code z, if the model has one

For a model without components, the columns are the name and the code. --resize prepares
images as in training: it cuts out the central square (dataset.center_crop) and scales
it. If the run learned from features of images (dataset.features), the same function is
applied to the new ones. Vectors are standardised as in training.
"""

import csv
from collections.abc import Sequence

import jax
import numpy as np
from absl import flags

from adversarial_latent import run_data
from adversarial_latent.distributions import GaussianMixture
from adversarial_latent.workdir import load, read_json
from experiments import command_line

_WORKDIR = command_line.define_path("workdir", "Directory of the run.", required=True)
_INPUT = command_line.define_path("input", "Images to predict.", required=True)
_OUTPUT = command_line.define_path("output", "The CSV to write.", required=True)
_PROBABILITIES = flags.DEFINE_bool(
    "probabilities", False, "Also write the probabilities of all classes or clusters."
)
_CODE = flags.DEFINE_bool("code", False, "Also write the latent code.")
_RESIZE = flags.DEFINE_bool("resize", False, "Crop and scale images as in training.")
_TRIAL = flags.DEFINE_integer("trial", None, "Trial. Default: the chosen one.")


def main() -> None:
    """Reads the images, encodes them and writes the CSV."""
    command_line.check_output(_OUTPUT.value)
    examples = run_data.read_inputs(_INPUT.value, _WORKDIR.value, _RESIZE.value)
    model = load(_WORKDIR.value, _TRIAL.value)
    if _PROBABILITIES.value and model.num_components is None:
        raise ValueError("--probabilities: the model has no classes and no clusters")
    kind, names = "cluster", range(model.num_components or 0)
    if model.classifies:
        kind, names = "class", read_json(_WORKDIR.value, "dataset.json")["class_names"]
    code = model.encode(examples.as_float())
    inferred = {"": code["y"]} if "y" in code else {}
    columns: list[tuple[str, Sequence]] = [("name", examples.name)]
    if model.can("mixture"):
        mixture = model.mixture()
        posterior = jax.jit(GaussianMixture.posterior)(mixture, code["z"])
        inferred["_from_z"] = np.asarray(posterior)
    for suffix, probabilities in inferred.items():  # [N, K]
        most_probable = [names[k] for k in probabilities.argmax(-1)]
        columns.append((f"{kind}{suffix}", most_probable))
        columns.append((f"probability{suffix}", _text("{:.6f}", probabilities.max(-1))))
    if model.can("mixture"):
        log_p_z = jax.jit(GaussianMixture.log_prob)(mixture, code["z"])
        columns.append(("log_p_z", _text("{:.6g}", log_p_z)))
    if _PROBABILITIES.value:
        for suffix, probabilities in inferred.items():
            for name, column in zip(names, probabilities.T, strict=True):
                columns.append((f"p_{name}{suffix}", _text("{:.6f}", column)))
    if "z" in code and (_CODE.value or not inferred):
        for i, column in enumerate(code["z"].T):
            columns.append((f"z{i}", _text("{:.6g}", column)))
    # File names may contain undecodable bytes.
    with open(
        _OUTPUT.value, "w", newline="", encoding="utf-8", errors="backslashreplace"
    ) as file:
        writer = csv.writer(file)
        writer.writerow(name for name, _ in columns)
        writer.writerows(zip(*(values for _, values in columns), strict=True))
    print(f"{len(examples)} rows in {_OUTPUT.value}")


def _text(form: str, values: np.ndarray) -> list[str]:
    return [form.format(value) for value in np.asarray(values)]


if __name__ == "__main__":
    command_line.run(main)
