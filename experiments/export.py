"""Exports a trained run to one file that runs where only JAX and NumPy are installed.

    python -m experiments.export --workdir=runs/digits --output=model.zip

Then, anywhere, with images as floats in [0, 1]:

    import sys

    sys.path.append("model.zip")
    import exported_model

    model = exported_model.load("model.zip")
    clusters = model.predict(images)

`python model.zip` prints what the functions of the model take and return. Vectors are
in their original units. If the run learned from features of images (dataset.features),
the exported model takes these features; if it uses captions, it takes their vectors.
"""

import os

from absl import flags

from adversarial_latent import run_data
from adversarial_latent.config import config_hash
from adversarial_latent.export import PLATFORMS, export_model
from adversarial_latent.workdir import load, read_config, read_json, trained_steps
from experiments import command_line

_WORKDIR = command_line.define_path("workdir", "Directory of the run.", required=True)
_OUTPUT = command_line.define_path("output", "The .zip to write.", required=True)
_PLATFORMS = flags.DEFINE_list(
    "platforms", list(PLATFORMS), "Where it can run: cpu, cuda, rocm, tpu."
)
_TRIAL = flags.DEFINE_integer("trial", None, "Trial. Default: the chosen one.")


def main() -> None:
    """Writes the file."""
    command_line.check_output(_OUTPUT.value, ".zip")
    workdir = _WORKDIR.value
    config, dataset = read_config(workdir), read_json(workdir, "dataset.json")
    model = load(workdir, _TRIAL.value)
    components = {}
    if model.num_components:
        components["components_are"] = "classes" if model.classifies else "clusters"
    if model.classifies:
        components["class_names"] = dataset["class_names"]
    about = {
        "dataset": dataset["name"],
        "features": config.dataset.features,
        **components,
        "config_hash": config_hash(config),
        "steps": trained_steps(workdir),
        "commit": read_json(workdir, "environment.json")["commit"],
    }
    contents = export_model(
        model,
        _OUTPUT.value,
        platforms=_PLATFORMS.value,
        scaling=run_data.read_scaling(workdir),
        caption_dim=config.embedding.dim if model.uses_captions else 0,
        about=about,
    )
    print(
        f"{', '.join(contents['functions'])} in {_OUTPUT.value} "
        f"({os.path.getsize(_OUTPUT.value) / 1e6:.1f} MB), for "
        f"{', '.join(contents['platforms'])}"
    )
    for name, function in contents["functions"].items():
        if reason := function.get("why_fixed"):
            print(f"{name} takes {contents['batch_size']} examples at a time: {reason}")
    for name, reason in contents["left_out"].items():
        print(f"{name} is left out: {reason}")


if __name__ == "__main__":
    command_line.run(main)
