"""Runs scikit-learn's checks of estimators on all of ours.

    python -m experiments.checks.estimators --output=estimators.json

Each check fits several models of a few hundred steps, so that all take hours without a
compilation cache. PixelGAN's estimators take images only; scikit-learn has no checks of
such estimators besides those of their interface.
"""

import collections
import sys
import time
import warnings
from typing import Any

import jax
from absl import flags
from sklearn.utils.estimator_checks import estimator_checks_generator

from adversarial_latent.estimators import ESTIMATORS
from experiments import command_line

_OUTPUT = command_line.define_path("output", "JSON file for the output.")
_ONLY = flags.DEFINE_list("only", [], "Names of estimators; all if empty.")
_STEPS = flags.DEFINE_integer("steps", 300, "Train steps of each fit.", lower_bound=1)

EXPECTED_FAILURES: dict[str, dict[str, str]] = {name: {} for name in ESTIMATORS}
"""Checks that an estimator cannot pass, and why: `expected_failed_checks`."""


def checked(name: str) -> Any:
    """The estimator that is checked."""
    return ESTIMATORS[name](max_steps=_STEPS.value, n_init=1)


def main() -> None:
    """Runs all checks."""
    # Programs are compiled many times and run for a moment.
    jax.config.update("jax_disable_most_optimizations", True)
    outcomes: dict[str, dict[str, str]] = {}
    for name in _ONLY.value or ESTIMATORS:
        outcomes[name] = {}
        for estimator, check in estimator_checks_generator(
            checked(name), expected_failed_checks=EXPECTED_FAILURES[name], mark="skip"
        ):
            title = getattr(check, "func", check).__name__
            start = time.perf_counter()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    check(estimator)
                outcome = "passed"
            except Exception as error:  # all are outcomes to be reported
                outcome = f"{type(error).__name__}: {error}"
            while title in outcomes[name]:
                title += "'"
            outcomes[name][title] = outcome[:500]
            seconds = time.perf_counter() - start
            print(f"{name} {title}: {outcome[:300]} ({seconds:.0f} s)", flush=True)
            jax.clear_caches()
    failures = sum(
        outcome.startswith(("passed", "SkipTest")) is False
        for results in outcomes.values()
        for outcome in results.values()
    )
    command_line.report_figures(
        {
            "counts": {
                name: collections.Counter(
                    outcome.partition(":")[0] for outcome in results.values()
                )
                for name, results in outcomes.items()
            },
            "failures": failures,
            "outcomes": outcomes,
        },
        _OUTPUT.value,
    )
    if failures:
        sys.exit(1)


if __name__ == "__main__":
    command_line.run(main)
