"""Strict settings for every test: 4 CPU devices, no silent broadcasts or casts."""

import os
import pathlib

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
os.environ.setdefault("MPLBACKEND", "Agg")

import filelock
import hypothesis
import jax
import pytest

from adversarial_latent import compilation
from adversarial_latent.train import train_and_evaluate
from tests.runs import tiny_config
from tests.toys import amm_config

# The same examples in every run; experiments/fuzz_*.py take seeds.
hypothesis.settings.register_profile("suite", derandomize=True)
hypothesis.settings.load_profile("suite")

if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    # Compiled programs, for all processes of this session and of later ones.
    compiled = pathlib.Path(__file__).parents[1] / ".pytest_cache" / "xla"
    compilation.prepare(compiled)
    for name, value in {
        "jax_compilation_cache_dir": str(compiled),
        "jax_compilation_cache_max_size": 1 << 30,  # with a limit, JAX locks it
        "jax_persistent_cache_min_compile_time_secs": 0.2,
    }.items():
        os.environ[name.upper()] = str(value)
        jax.config.update(name, value)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_this_session(tmp_path_factory):
    """Keeps decoded images of tests out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADVERSARIAL_LATENT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def _in_a_hurry():
    """Compiles without most optimisations: a run of two steps is its compilation."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def _trained_once(tmp_path_factory, name, get_config):
    """The work directory of a run that all processes of pytest share."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    directory = root / name
    with filelock.FileLock(root / f"{name}.lock"):
        if not (directory / "run" / "results.json").exists():
            directory.mkdir(exist_ok=True)
            train_and_evaluate(get_config(directory), str(directory / "run"))
    return directory / "run"


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """Work directory of a run of `tiny_config` that nothing disturbed; do not write."""
    return _trained_once(tmp_path_factory, "finished", tiny_config)


@pytest.fixture(scope="session")
def classifier_run(tmp_path_factory):
    """Likewise of SAMM: two trials of two steps that learned classes from labels."""
    return _trained_once(tmp_path_factory, "classifier", _classifier_config)


def _classifier_config(directory):
    config = tiny_config(directory)
    config.game = amm_config(name="samm", penalty_weight=0.0, frequencies="labels")
    config.labels.number = 6
    config.update(duration="2_steps", selection="", paper={})
    config.evaluators = ("classification", "mixture")
    return config
