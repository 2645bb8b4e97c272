"""Applies a trained run to new images and writes a CSV, one row an image.

    python -m experiments.predict --workdir=runs/digits --input=photos/ --output=out.csv

The input is a folder of images, one image, or an .npz with an array `x`. The columns:

    name                what the file is called, or the index in the .npz
    class, or cluster   the most probable one as the encoder infers it from the image;
                        classes are those of the labels that the run learned from
    probability         its probability
    class_from_z (cluster_from_z), probability_from_z
                        the same as the mixture infers it from the code (AMM, eq. 19)
    log_p_z             log-density of the code under the mixture, in nats: low where
                        the model did not expect such an image
    p_NAME, p_NAME_from_z
                        with --probabilities: those of every class or cluster
    z0, z1, ...         with --code: the inferred code z, of a model that has one

A model without components has only a name and a code. --resize prepares images as those
of training were: the square in the middle (dataset.center_crop), then the size.
"""

import csv
from collections.abc import Sequence

import jax
import numpy as np
from absl import flags

from adversarial_latent.data import read_images
from adversarial_latent.distributions import GaussianMixture
from adversarial_latent.workdir import input_shape, load, read_config, read_json
from experiments import summary

_WORKDIR = summary.define_path("workdir", "Directory of the run.", required=True)
_INPUT = summary.define_path("input", "Images to look at.", required=True)
_OUTPUT = summary.define_path("output", "The CSV to write.", required=True)
_PROBABILITIES = flags.DEFINE_bool(
    "probabilities", False, "Write those of all classes or clusters, too."
)
_CODE = flags.DEFINE_bool("code", False, "Write the latent code, too.")
_RESIZE = flags.DEFINE_bool("resize", False, "Fit images to the size of training.")
_TRIAL = flags.DEFINE_integer("trial", None, "Trial; if not given, the chosen one.")


def main() -> None:
    """Reads, infers and writes."""
    summary.check_output(_OUTPUT.value)
    shape = input_shape(_WORKDIR.value)
    crop = read_config(_WORKDIR.value).dataset.get("center_crop", 0)
    examples = read_images(_INPUT.value, shape, _RESIZE.value, crop)
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
    # Names of files may have bytes that are no text.
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
    summary.run(main)
