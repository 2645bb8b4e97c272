"""The gate through which everything from outside passes: checked values, or one error.

Files that people bring (images, arrays, captions, JSON) are read here and nowhere else.
What is not sound raises an `InputError` that names the file and says what to do.
"""

import json
from pathlib import Path
from typing import Any


class InputError(ValueError):
    """Something from outside is not usable; names it, and says what to do."""


class MissingInputError(InputError, FileNotFoundError):
    """A file or folder is not where it was said to be."""


def read_json(path: str | Path) -> Any:
    """Reads a JSON file.

    Raises:
      MissingInputError: there is no such file.
      InputError: it is empty, cut off, or otherwise not JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise MissingInputError(f"no file at '{path}'") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: empty, cut off or not JSON ({error}); restore it from a copy, "
            "or use another --workdir"
        ) from error
