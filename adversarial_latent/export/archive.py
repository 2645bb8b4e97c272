"""Exports a trained model to one file that runs where only JAX and NumPy are installed.

The file is a zip of

    model.json            what the model takes and returns; versions and sizes
    exported_model.py     loads and runs it
    __main__.py           prints model.json
    functions/NAME.bin    each function as StableHLO, serialised by `jax.export`
    weights/.../NAME.npy  the weights that the functions share
    flatbuffers/          the package that JAX reads serialised functions with

The number of examples is symbolic, so that a function takes any number of them. If a
network can only be traced with a fixed number, this is the model's batch size. Then
model.json gives the reason, and the loader fills batches up.
"""

import io
import json
import os
import platform
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import chex
import flatbuffers
import jax
import jaxlib
import numpy as np

from adversarial_latent.data import Scaling
from adversarial_latent.export import exported_model
from adversarial_latent.export.functions import MEANINGS, functions_of
from adversarial_latent.export.tracing import (
    NotSymbolicError,
    export_function,
    named_weights,
)
from adversarial_latent.inputs import InputError
from adversarial_latent.model import Model

PLATFORMS = ("cpu", "cuda", "tpu")
"""Where an exported model runs by default; "rocm" is the only other one."""

_COMPATIBILITY = (
    "Functions can be loaded by JAX versions up to 6 months newer than versions.jax, "
    "and up to 3 weeks older; see "
    "https://docs.jax.dev/en/latest/export/export.html#compatibility-guarantees"
)
_MAIN = """\
import os
import sys
import zipfile

with zipfile.ZipFile(os.path.dirname(__file__)) as archive:
    sys.stdout.write(archive.read("model.json").decode())
"""


def export_model(
    model: Model,
    path: str | os.PathLike[str],
    *,
    platforms: Sequence[str] = PLATFORMS,
    scaling: Scaling | None = None,
    caption_dim: int = 0,
    about: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Writes a trained model to a zip file.

    Args:
      model: the model, with its `example_shape`.
      path: the file.
      platforms: platforms on which it can run, as `jax.export` calls them.
      scaling: how its vectors are standardised, if they are. The exported model takes
        and returns them in their original units.
      caption_dim: dimension of the vectors of captions, for a model that uses them.
      about: more fields of model.json.

    Returns:
      the contents of model.json.

    Raises:
      InputError: a platform is unknown, or the shape of examples is not known.
    """
    if unknown := set(platforms) - {*PLATFORMS, "rocm"}:
        raise InputError(
            f"unknown platforms {sorted(unknown)}; choose from {(*PLATFORMS, 'rocm')}"
        )
    if model.example_shape is None:
        raise InputError(
            "the shape of examples is not known: load the model from a run that has a "
            "dataset.json, or give example_shape to Model"
        )
    functions, files, left_out = {}, {}, {}
    for name, function in functions_of(model, scaling, caption_dim).items():
        try:
            exported, described = export_function(model, function, platforms)
        except NotSymbolicError as error:
            left_out[name] = str(error)
            continue
        file = f"functions/{name}.bin"
        functions[name] = {"file": file, "returns": MEANINGS[name], **described}
        files[file] = bytes(exported.serialize())
    used = {name for described in functions.values() for name in described["weights"]}
    weights = {name: x for name, x in named_weights(model).items() if name in used}
    files |= {f"{name}.npy": _as_npy(x) for name, x in weights.items()}
    contents = {
        "format": exported_model.FORMAT,
        "game": type(model.game).__name__,
        **(about or {}),
        "input": _describe_input(model, scaling),
        "num_components": model.num_components,
        "batch_size": model.batch_size,
        "arguments": "weights by name; uint32 [seed, number of the batch]; inputs by "
        "name",
        "functions": functions,
        "left_out": left_out,
        "num_weights": sum(x.size for x in weights.values()),
        "bytes": {
            kind: sum(len(files[name]) for name in files if name.startswith(kind))
            for kind in ("functions", "weights")
        },
        "platforms": list(platforms),
        "versions": {
            "jax": jax.__version__,
            "jaxlib": jaxlib.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "flatbuffers": flatbuffers.__version__,
        },
        "compatibility": _COMPATIBILITY,
    }
    text = json.dumps(contents, indent=2) + "\n"
    _write_zip(path, {"model.json": text.encode(), **_code(), **files})
    return contents


def _describe_input(model: Model, scaling: Scaling | None) -> dict[str, Any]:
    shape = model.example_shape or ()
    if len(shape) == 3:
        kind, bounds = "images: uint8 pixels divided by 255", [0, 1]
    elif scaling is None:
        kind, bounds = "vectors", None
    else:
        kind, bounds = "vectors in their original units", None
    return {"shape": list(shape), "dtype": "float32", "range": bounds, "kind": kind}


def _as_npy(x: chex.Array) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(x), allow_pickle=False)
    return file.getvalue()


def _code() -> dict[str, bytes]:
    """Python files of the zip: the loader, and the package that JAX reads it with."""
    package = Path(flatbuffers.__file__).parent
    return {
        "exported_model.py": Path(exported_model.__file__).read_bytes(),
        "__main__.py": _MAIN.encode(),
        **{
            f"flatbuffers/{file.relative_to(package).as_posix()}": file.read_bytes()
            for file in sorted(package.rglob("*.py"))
        },
    }


def _write_zip(path: str | os.PathLike[str], files: Mapping[str, bytes]) -> None:
    """Writes files to a zip, which is the same for the same files."""
    new = f"{os.fspath(path)}.new"
    with zipfile.ZipFile(new, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)  # of a constant date
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    os.replace(new, path)
