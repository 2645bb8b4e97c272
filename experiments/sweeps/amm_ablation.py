"""What the game adds to information maximisation, on MNIST with dense networks.

    python -m experiments.sweep --sweep=experiments/sweeps/amm_ablation.py \
        --workdir=runs/amm_ablation

Every row has the same seeds, networks of q(y|x), minibatches and steps. The paper has
no such table. `y_gradient` is the fraction of the adversarial gradient that reaches y.
"""

from collections.abc import Mapping
from typing import Any

from experiments.sweeps import Row, Sweep

CONFIG = "configs/amm_mnist_dense.py"
# By any of the three, see configs/amm_mnist.py.
PAPER = {
    "clustering_error": "3.32 ± 0.39",
    "clustering_error_from_z": "3.32 ± 0.39",
    "clustering_error_from_sampled_z": "3.32 ± 0.39",
}
WITHOUT_TERMS = {
    "game.consistency_weight": 0.0,
    "game.confidence_weight": 0.0,
    "game.balance_weight": 0.0,
    "game.y_gradient": 1.0,
}


def _row(
    model: str,
    setting: str,
    name: str,
    arguments: str = "",
    overrides: Mapping[str, Any] | None = None,
) -> Row:
    return Row(
        model,
        setting,
        {} if arguments.startswith("game=") else PAPER,
        name=name,
        config=f"{CONFIG}:{arguments}" if arguments else CONFIG,
        overrides={"trials": 3, "seed": 300, **(overrides or {})},
    )


def _gradient(fraction: float) -> Row:
    return _row(
        "both",
        f"eq. 6, fixed prior, y_gradient {fraction:g}",
        f"y_gradient_{fraction:g}",
        overrides={"game.y_gradient": fraction},
    )


SWEEP = Sweep(
    title="AMM on MNIST: what the game adds to information maximisation",
    results=(
        "clustering_error",
        "clustering_error_from_z",
        "clustering_error_from_sampled_z",
        "clustering_accuracy",
        "reconstruction_mse",
        "log_p_z",
    ),
    rows=(
        _row("information maximisation", "no game", "information", "game=information"),
        _row("game", "eq. 6, fixed prior", "game", overrides=WITHOUT_TERMS),
        _row("InfoGAN", "lambda 1", "infogan", "game=infogan"),
        *(_gradient(fraction) for fraction in (0.0, 0.01, 0.1, 1.0)),
        _row("both", "eq. 6, learned prior", "learned_prior", "prior=separated"),
        _row("both", "eq. 7, fixed prior", "eq7", "factorization=7"),
        _row("both", "eq. 15, fixed prior", "eq15", "factorization=15"),
    ),
)
