"""What results depend on besides config and seeds."""

import os
import platform
import subprocess
from typing import Any

import jax


def environment() -> dict[str, Any]:
    """Commit, device and versions of this process."""
    return {
        "commit": _commit(),
        "device": jax.devices()[0].device_kind,
        "num_devices": jax.device_count(),
        "jax": jax.__version__,
        "python": platform.python_version(),
    }


def _commit() -> str:
    """The commit of the source tree, marked as dirty if files differ."""
    tree = os.path.dirname(os.path.abspath(__file__))
    command = ["git", "-C", tree, "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown (no git checkout)"
    return found.stdout.strip()
