r"""Records the results of every config, and compares two records bit for bit.

    python -m experiments.checks.regression --output=records/before
    python -m experiments.checks.regression --output=records/after \
        --reference=records/before --renamed=old_name:new_name

Every config runs with `runlocal` and the arguments in `VARIANTS`. The configs in
`LONGER` also run for a few hundred steps. TFDS data sets are replaced by random images
of the same shapes, so that nothing is downloaded. A record contains the rows of
metrics.jsonl, the numbers of results.json, and hashes of the figures' pixels. On the
same machine, two records of the same computation are equal bit for bit. The exit code
is 1 if metrics or numbers differ; different figures are only listed. Setting
JAX_COMPILATION_CACHE_DIR saves most of the time.
"""

import contextlib
import glob
import hashlib
import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import ml_collections
from absl import app, flags, logging
from PIL import Image

from adversarial_latent.data import flowers
from adversarial_latent.logging import TIMES
from adversarial_latent.train import train_and_evaluate
from experiments.checks import made_up

_OUTPUT = flags.DEFINE_string("output", None, "Folder of the record.", required=True)
_REFERENCE = flags.DEFINE_string("reference", None, "Folder of an earlier record.")
_RENAMED = flags.DEFINE_list("renamed", [], "Renamed metrics, as OLD:NEW.")
_ONLY = flags.DEFINE_list("only", [], "Only runs whose names contain one of these.")
_SHARD = flags.DEFINE_string("shard", "0/1", "I/N: every N-th run, starting with I.")

VARIANTS = {  # arguments in addition to `runlocal`
    "aae_mnist": (
        "",
        "task=clustering",
        "task=supervised",
        "task=codes",
        "consistency",
    ),
    "aim_cifar10": ("narrow=16",),
    "aim_celeba": ("narrow=16",),
    "aim_mnist": ("", "game=unrolled_gan,narrow=4", "latent=2,narrow=4"),
    "amm_mnist": ("", "factorization=6,prior=unit", "factorization=15,prior=separated"),
    "amm_svhn": ("", "factorization=6,prior=independent"),
    "grid25": (
        *("game=aim", "game=aim_minus", "game=gan", "game=ali", "game=alice"),
        *("game=veegan", "game=unrolled_gan", "game=ali,published"),
        *("game=unrolled_gan,published", "game=veegan,published"),
    ),
    "learned_prior_cifar10": ("narrow=8",),
    "learned_prior_digits": (
        *("", "condition=categorical", "condition=none"),
        *("model=aae", "model=aae,condition=none"),
    ),
    "learned_prior_flowers": ("narrow=8",),
    "learned_prior_mnist": ("narrow=8", "model=aae,latent=100,narrow=8"),
    "learned_prior_mnist_small": ("", "condition=categorical"),
    "learned_prior_svhn": ("narrow=8",),
    "pixelgan_clustering": ("", "classes=0-1-2,k=3,free"),
    "pixelgan_digits": ("", "labels=0"),
    "pixelgan_gaussian": ("narrow=8", "model=pixelcnn,narrow=8", "model=aae,narrow=8"),
    "pixelgan_mnist": ("", "real"),
    "pixelgan_mnist_small": ("", "labels=0"),
}
LONGER = {  # settings for a few hundred steps of the full config, with fewer trials
    "grid25:game=aim": {"duration": "400_steps", "trials": 2},
    "amm_digits": {"duration": "300_steps", "trials": 2},
    "samm_digits": {"duration": "300_steps", "trials": 2},
    "pixelgan_digits": {"duration": "200_steps", "trials": 2},
    "learned_prior_digits": {"duration": "200_steps"},
}


def all_runs() -> Iterator[tuple[str, ml_collections.ConfigDict]]:
    """Yields the names and configs of all runs."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for path in sorted(glob.glob(os.path.join(root, "configs", "[!_]*.py"))):
        name = Path(path).stem
        module = importlib.import_module(f"configs.{name}")
        for arguments in VARIANTS.get(name, ("",)):
            given = ",".join(filter(None, (arguments, "runlocal")))
            yield f"{name}:{given}", module.get_config(given)
    for name, settings in LONGER.items():
        module, _, arguments = name.partition(":")
        config = importlib.import_module(f"configs.{module}").get_config(arguments)
        for part in (config, config.classifier):
            if part:
                part.update(log_every="100_steps", checkpoint_every="100_steps")
        if config.classifier:
            config.classifier.duration = "100_steps"
        config.update(settings)
        yield name, config


def record(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """Runs a config and returns its results."""
    with (
        tempfile.TemporaryDirectory() as workdir,
        made_up.tfds_is_made_up(),
        mock.patch.object(flowers, "PER_COMBINATION", 2),
    ):
        results = train_and_evaluate(config, workdir)
        assert results is not None
        lines = Path(workdir, "metrics.jsonl").read_text().splitlines()
        rows = [json.loads(line) | dict.fromkeys(TIMES, 0) for line in lines]
        figures = {}
        for path in sorted(Path(workdir, "figures").glob("*.png")):
            with Image.open(path) as picture:
                figures[path.stem] = hashlib.sha256(
                    f"{picture.size}".encode() + picture.convert("RGB").tobytes()
                ).hexdigest()
        if selection := results["selection"]:
            selection = selection["scores"]
        return {
            "metrics": rows,
            "results": results["results"],
            "chosen_trial": results["chosen_trial"],
            "selection": selection,
            "left_out": sorted(results["left_out"]),
            "step": results["step"],
            "seeds": results["seeds"],
            "figures": figures,
        }


def rename(tree: Any, names: dict[str, str]) -> Any:
    """Returns the tree with renamed keys."""
    if isinstance(tree, dict):
        return {
            names.get(key, key): rename(value, names) for key, value in tree.items()
        }
    return [rename(value, names) for value in tree] if isinstance(tree, list) else tree


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Lists the paths at which two trees differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            line
            for key in sorted(before.keys() | after.keys())
            for line in differences(before.get(key), after.get(key), f"{path}/{key}")
        ]
    lists = isinstance(before, list) and isinstance(after, list)
    if lists and len(before) == len(after):
        return [
            line
            for index, pair in enumerate(zip(before, after, strict=True))
            for line in differences(*pair, f"{path}/{index}")
        ]
    return [] if before == after else [f"{path}: {before!r}, now {after!r}"]


def main(argv: list[str]) -> None:
    """Records the results and compares them with the reference."""
    del argv
    logging.set_verbosity(logging.ERROR)
    names = dict(pair.split(":") for pair in _RENAMED.value)
    index, shards = map(int, _SHARD.value.split("/"))
    os.makedirs(_OUTPUT.value, exist_ok=True)
    runs = [
        (name, config)
        for name, config in all_runs()
        if not _ONLY.value or any(part in name for part in _ONLY.value)
    ][index::shards]
    failed = 0
    for name, config in runs:
        start = time.monotonic()
        file = f"{name.replace(':', '__').replace('=', '-')}.json"
        found = {"error": ""}
        try:
            with open(os.devnull, "w") as quiet, contextlib.redirect_stderr(quiet):
                found = record(config)
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        Path(_OUTPUT.value, file).write_text(json.dumps(found, indent=1) + "\n")
        jax.clear_caches()
        words = found.get("error", "")
        if _REFERENCE.value:
            before = rename(json.loads(Path(_REFERENCE.value, file).read_text()), names)
            changed = [
                line
                for key in sorted(before.keys() | found.keys())
                for line in differences(before.get(key), found.get(key), key)
            ]
            numbers = [line for line in changed if not line.startswith("figures")]
            failed += bool(numbers or words)
            words = "; ".join([f"{len(numbers)} differ", *numbers[:3], words])
            figures = [
                line.partition(":")[0] for line in changed if line not in numbers
            ]
            words += f"; other figures: {figures}" if figures else ""
        elif words:
            failed += 1
        print(f"{name} ({time.monotonic() - start:.0f} s) {words}", flush=True)
    print(f"{len(runs)} runs, {failed} with differences or errors")
    sys.exit(bool(failed))


if __name__ == "__main__":
    app.run(main)
