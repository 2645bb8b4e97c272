"""Runs an exported model in another environment, and compares it with the run.

    python -m experiments.checks.exported --workdir=runs/digits \
        --python=clean/bin/python --output=exported.json

`--python` is the interpreter of an environment with JAX and NumPy only, for example
`python -m venv clean && clean/bin/pip install jax numpy`. The output has the size of
the file, the seconds from the start of the script to the first answer (imports, loading
and compiling included), and the largest difference of each function. The exit code is 1
if one is greater than 1e-5.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from adversarial_latent.export import export_model
from adversarial_latent.model import Model
from adversarial_latent.workdir import load
from experiments import command_line
from experiments.checks import exported_client

_WORKDIR = command_line.define_path("workdir", "Directory of the run.", required=True)
_PYTHON = command_line.define_path("python", "The other interpreter.", required=True)
_OUTPUT = command_line.define_path("output", "JSON file for the output.")
_EXAMPLES = flags.DEFINE_integer("examples", 100, "Number of inputs.", lower_bound=1)

TOLERANCE = 1e-5


def expected_answers(
    model: Model, functions: list[str], inputs: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The answers of the model itself, named as by `exported_client`."""
    found = exported_client.answers(model, functions, **inputs)
    if "mixture" in functions:
        mixture, z = model.mixture(), found["sample z"]
        found |= {
            "mixture probabilities": mixture.probabilities,
            "mixture mean": mixture.mean,
            "mixture log_variance": mixture.log_variance,
            "posterior": mixture.posterior(z),
            "log_prob_z": mixture.log_prob(z),
        }
    return found


def run_elsewhere(
    command: list[str], path: str, inputs: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Runs `exported_client` in another process.

    Args:
      command: the interpreter and the script, with their options.
      path: the exported model.
      inputs: arguments of `encode`.

    Returns:
      the answers by name, and what the client prints.

    Raises:
      RuntimeError: the client fails.
    """
    with tempfile.TemporaryDirectory() as directory:
        given, answered = (os.path.join(directory, n) for n in ("in.npz", "out.npz"))
        np.savez(given, **inputs)
        done = subprocess.run(
            [*command, os.path.abspath(path), given, answered],
            capture_output=True,
            text=True,
            cwd=directory,
        )
        if done.returncode:
            raise RuntimeError(f"the exported model does not run: {done.stderr}")
        with np.load(answered) as file:
            return dict(file), json.loads(done.stdout)


def differences(
    found: dict[str, np.ndarray], expected: dict[str, np.ndarray]
) -> dict[str, float]:
    """The largest absolute difference of each answer, relative if it exceeds 1."""
    if found.keys() != expected.keys():
        raise RuntimeError(f"answers {sorted(found)}, expected {sorted(expected)}")
    return {
        name: float(np.max(np.abs(x - found[name]) / np.maximum(1, np.abs(x))))
        for name, x in expected.items()
    }


def main() -> None:
    """Exports, runs and compares."""
    model = load(_WORKDIR.value)
    shape = (_EXAMPLES.value, *(model.example_shape or ()))
    inputs = {"x": np.random.default_rng(0).random(shape, np.float32)}
    if model.conditional:
        inputs["label"] = np.zeros(_EXAMPLES.value, np.int32)
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "model.zip")
        # Standardised vectors, so that both take and return the same.
        about = export_model(model, path)
        size = os.path.getsize(path)
        client = [
            os.path.abspath(_PYTHON.value),
            "-I",
            str(Path(exported_client.__file__)),
        ]
        found, measured = run_elsewhere(client, path, inputs)
    differ = differences(found, expected_answers(model, [*about["functions"]], inputs))
    command_line.report_figures(
        {
            "game": about["game"],
            "input_shape": list(model.example_shape or ()),
            "num_weights": about["num_weights"],
            "file_bytes": size,
            "bytes": about["bytes"],
            "exported_by": about["versions"],
            **measured,
            "differences": differ,
        },
        _OUTPUT.value,
    )
    if max(differ.values()) > TOLERANCE:
        sys.exit(1)


if __name__ == "__main__":
    command_line.run(main)
