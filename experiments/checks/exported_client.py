"""Runs an exported model as a user would, who has JAX and NumPy only.

    python -I exported_client.py MODEL.zip INPUTS.npz ANSWERS.npz

It is a script of its own, which imports nothing of this project, see `exported.py`. The
inputs are `x`, and `label` if the model needs it. After the answers of all functions,
it prints seconds, versions and the packages that it has imported, as JSON.
"""

import json
import sys
import time
from typing import Any

AT_START = set(sys.modules)  # some systems import a `sitecustomize` of their own

import numpy as np  # noqa: E402


def answers(model: Any, functions: list[str], **inputs: Any) -> dict[str, Any]:
    """Calls all functions of a model, exported or not, and names the arrays.

    Args:
      model: an `ExportedModel`, or a `Model`.
      functions: names of the functions, as in `about["functions"]`.
      **inputs: arguments of `encode`.
    """
    found: dict[str, Any] = {}
    x = inputs["x"]
    if "encode" in functions:
        found["encode"] = model.encode(**inputs)
    if "sample" in functions:
        found["sample"] = model.sample(len(x), seed=3)
    if "sample_component" in functions:
        found["sample_component"] = model.sample(len(x), seed=4, component=1)
    if "decode" in functions:
        found["decode"] = model.decode(found["sample"])
    if "styles" in functions:
        found["styles"] = model.styles(2, seed=5)
    if "variations" in functions:
        found["variations"] = model.variations(x, 2, seed=6)
    if "log_prob" in functions:
        found["log_prob"] = model.log_prob(x)
    flat = {}
    for name, answer in found.items():
        parts = answer if isinstance(answer, dict) else {"": answer}
        flat |= {f"{name} {part}".strip(): array for part, array in parts.items()}
    return flat


def mixture_answers(model: Any, z: Any) -> dict[str, Any]:
    """The mixture of an exported model, and what it says of codes z [N, d]."""
    return {
        **{f"mixture {name}": x for name, x in model.mixture().items()},
        "posterior": model.posterior(z),
        "log_prob_z": model.log_prob_z(z),
    }


def main(path: str, inputs_path: str, answers_path: str) -> None:
    """Loads the model, calls its functions, and writes their answers."""
    start = time.perf_counter()
    sys.path.append(path)
    import exported_model
    import jax

    model = exported_model.load(path)
    with np.load(inputs_path) as file:
        inputs = dict(file)
    if model.can("encode"):
        model.encode(**inputs)
    else:
        model.sample(len(inputs["x"]))
    first = time.perf_counter()
    if model.can("encode"):
        model.encode(**inputs)
    else:
        model.sample(len(inputs["x"]))
    second = time.perf_counter()
    found = answers(model, list(model.about["functions"]), **inputs)
    if model.can("mixture"):
        found |= mixture_answers(model, found["sample z"])
    np.savez(answers_path, **found)
    modules = {name.partition(".")[0] for name in sys.modules if name[0] != "_"}
    print(
        json.dumps(
            {
                "seconds_to_first_answer": first - start,
                "seconds_of_second_answer": second - first,
                "examples": len(inputs["x"]),
                "device": jax.devices()[0].device_kind,
                "versions": {
                    "jax": jax.__version__,
                    "numpy": np.__version__,
                    "python": sys.version.split()[0],
                },
                "packages": sorted(modules - AT_START - set(sys.stdlib_module_names)),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
