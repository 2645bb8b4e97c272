"""Estimators in npz files, without pickled objects."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flax import traverse_util

from adversarial_latent.inputs import InputError, read_npz

_TEXT = "estimator"  # name of the array that has, as JSON, all that is not an array


def write(
    path: str | os.PathLike[str],
    name: str,
    parameters: Mapping[str, Any],
    fitted: Mapping[str, Any],
) -> None:
    """Writes an estimator.

    Args:
      path: the npz file.
      name: name of its class.
      parameters: its parameters.
      fitted: its fitted attributes: plain values, arrays, and trees of arrays.

    Raises:
      InputError: a parameter, such as a random generator, is no plain value.
    """
    arrays: dict[str, np.ndarray] = {}
    values: dict[str, Any] = {}
    for key, value in fitted.items():
        tree = traverse_util.flatten_dict({key: value}, sep="/")
        if all(_is_plain_array(leaf) for leaf in tree.values()):
            arrays |= tree
        else:
            values[key] = _to_json(value)
    try:
        text = json.dumps({"class": name, "parameters": parameters, "fitted": values})
    except TypeError as error:
        raise InputError(f"parameters cannot be saved as JSON: {error}") from error
    np.savez(path, **{_TEXT: np.array(text), **arrays})  # type: ignore[arg-type]


def read(
    path: str | os.PathLike[str],
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Reads what `write` wrote: name, parameters and fitted attributes.

    Empty trees within trees are left out.

    Raises:
      MissingInputError: there is no such file.
      InputError: it is not such a file.
    """
    arrays = read_npz(Path(path))
    try:
        saved = json.loads(str(arrays.pop(_TEXT)))
        values = {key: _from_json(value) for key, value in saved["fitted"].items()}
        trees = traverse_util.unflatten_dict(arrays, sep="/")
        return saved["class"], saved["parameters"], values | trees
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a saved estimator: {error!r}") from error


def _is_plain_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype != object


def _to_json(value: Any) -> Any:
    return {"objects": value.tolist()} if isinstance(value, np.ndarray) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"objects"}:
        return np.array(value["objects"], object)
    return tuple(value) if isinstance(value, list) else value
