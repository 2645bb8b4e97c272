"""Functions and classes of users, given by their import path."""

import importlib
from typing import Any

from adversarial_latent.inputs.files import InputError


def import_object(path: str) -> Any:
    """Imports a function or class.

    Args:
      path: "package.module:name", where the name may have dots.

    Raises:
      InputError: the path has another form, cannot be imported, or is that of
        something that cannot be called.
    """
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise InputError(
            f"{path!r} is not an import path; write it as package.module:name"
        )
    try:
        target: Any = importlib.import_module(module)
        for part in name.split("."):
            target = getattr(target, part)
    except (AttributeError, ImportError, TypeError, ValueError) as error:
        raise InputError(f"{path}: cannot be imported ({error})") from error
    if not callable(target):
        raise InputError(f"{path} is not a class or function")
    return target
