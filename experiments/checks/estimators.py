"""Runs scikit-learn's checks of estimators on all of ours.

    python -m experiments.checks.estimators --output=estimators.json

Each check fits several models of a few hundred steps, so that all take hours without a
compilation cache. None is expected to fail. PixelGAN's estimators take images only, for
which scikit-learn has no checks.
"""

import collections
import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any
from unittest import SkipTest

import jax
from absl import flags
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator

from adversarial_latent.estimators import ESTIMATORS
from experiments import command_line

_OUTPUT = command_line.define_path("output", "JSON file for the output.")
_ONLY = flags.DEFINE_list("only", [], "Names of estimators; all if empty.")
_STEPS = flags.DEFINE_integer("steps", 300, "Train steps of each fit.", lower_bound=1)


def run(check: Callable[[Any], None], estimator: Any) -> str:
    """Runs a check, and says how it ended."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check(estimator)
    except SkipTest as reason:
        return f"skipped: {reason}"
    except Exception as error:  # all are failures to be reported
        return f"failed: {type(error).__name__}: {error}"[:500]
    return "passed"


def main() -> None:
    """Runs all checks."""
    # Programs are compiled many times and run for a moment.
    jax.config.update("jax_disable_most_optimizations", True)
    rows = []
    for name in _ONLY.value or ESTIMATORS:
        estimator = ESTIMATORS[name](max_steps=_STEPS.value)
        if "n_init" in estimator.get_params():
            estimator.set_params(n_init=1)
        if not get_tags(estimator).input_tags.two_d_array:
            continue
        for checked, check in estimator_checks_generator(estimator, mark="skip"):
            start = time.perf_counter()
            result = run(check, checked)
            row = {
                "estimator": name,
                "check": getattr(check, "func", check).__name__,
                "result": result,
                "seconds": time.perf_counter() - start,
            }
            print(json.dumps(row), flush=True)
            rows.append(row)
            jax.clear_caches()  # a process may map only so many compiled programs
    counts = collections.Counter(row["result"].partition(":")[0] for row in rows)
    command_line.report_figures({**counts, "checks": rows}, _OUTPUT.value)
    if counts["failed"]:
        sys.exit(1)


if __name__ == "__main__":
    command_line.run(main)
