"""Compiled programs on disk, so that no process compiles what another one did.

JAX compiles each function for each shape of its inputs, which takes longer than a short
run. Its persistent cache keeps the compiled programs for later processes. An entry is
named by all that it depends on: the program, the versions of JAX and XLA, compiler
options and devices.
"""

from pathlib import Path

import filelock
import jax
from absl import logging
from jax.experimental.compilation_cache import compilation_cache

from adversarial_latent.data import cache
from adversarial_latent.inputs import printable

_MAX_SIZE = 1 << 29  # bytes; JAX deletes the entries that were not used for longest
_MIN_SECONDS = 0.05  # of compilation; many programs that take less are not worth a file


def keep_compiled_programs() -> None:
    """Lets JAX keep compiled programs on disk, for this process and later ones.

    The programs in `experiments` call it. Importing the library does not, because it
    applies to everything that the process compiles with JAX. The directory is `xla` in
    that of `data/cache.py`. Where JAX's own cache is configured already, for example by
    JAX_COMPILATION_CACHE_DIR, nothing is changed. If the directory cannot be written,
    a warning says so, and programs are not kept.
    """
    if jax.config.values["jax_compilation_cache_dir"] is not None:
        return
    folder = cache.directory() / "xla"
    try:
        prepare(folder)
    except (OSError, NotImplementedError) as error:
        logging.warning(
            "compiled programs are not kept: %s cannot be used (%s); set %s to another "
            "directory",
            printable(str(folder)),
            printable(str(error)),
            cache.VARIABLE,
        )
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_compilation_cache_max_size", _MAX_SIZE)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _MIN_SECONDS)
    compilation_cache.reset_cache()  # JAX reads the settings once, when it compiles


def prepare(folder: Path) -> None:
    """Creates the directory, and deletes entries that a killed process left incomplete.

    JAX locks the directory, and writes an entry and then the time of its last use.

    Raises:
      OSError: the directory cannot be written or locked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / ".lockfile", timeout=10):
        for entry in folder.glob("*-cache"):
            if not Path(str(entry).removesuffix("cache") + "atime").exists():
                entry.unlink()
