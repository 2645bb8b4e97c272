"""Compiled programs on disk."""

import os
import subprocess
import sys

import jax
from absl import logging

from adversarial_latent import keep_compiled_programs

_PROGRAM = """
import jax
import adversarial_latent

adversarial_latent.keep_compiled_programs()
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
hits = []
jax.monitoring.register_event_listener(lambda event, **_: hits.append(event))
jax.jit(lambda x: 3.0 * x + 1.0)(2.0)
print(hits.count("/jax/compilation_cache/cache_hits"))
"""


def run(cache, **environment):
    """What a process with a cache of its own prints, and its errors."""
    settings = {"ADVERSARIAL_LATENT_CACHE": str(cache), **environment}
    inherited = {k: v for k, v in os.environ.items() if "COMPILATION_CACHE" not in k}
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(
        command, env=inherited | settings, capture_output=True, text=True, check=True
    )
    return done.stdout.strip(), done.stderr


def test_another_process_reads_what_was_compiled(tmp_path):
    assert run(tmp_path)[0] == "0"
    entries = list((tmp_path / "xla").glob("jit__lambda*-cache"))
    assert len(entries) == 1
    # A process was killed while it wrote an entry.
    broken = tmp_path / "xla" / "jit_broken-0123-cache"
    broken.write_bytes(b"half of")
    assert run(tmp_path) == ("1", "")
    assert not broken.exists()
    # A directory that the user chose is left to JAX.
    chosen = tmp_path / "chosen"
    assert run(tmp_path, JAX_COMPILATION_CACHE_DIR=str(chosen)) == ("0", "")
    assert list(chosen.glob("jit__lambda*"))


def test_a_directory_that_cannot_be_used_is_said_once(tmp_path):
    file = tmp_path / "file"
    file.touch()
    result, errors = run(file)
    assert result == "0"
    assert errors.count("compiled programs are not kept") == 1
    assert "set ADVERSARIAL_LATENT_CACHE to another directory" in errors
    assert "Error" not in errors.replace("NotADirectoryError", "")


def test_settings_of_jax_are_kept(caplog):
    before = jax.config.jax_compilation_cache_dir
    assert before is not None  # see conftest.py
    with caplog.at_level(logging.WARNING, logger="absl"):
        keep_compiled_programs()
    assert jax.config.jax_compilation_cache_dir == before
    assert not caplog.text
