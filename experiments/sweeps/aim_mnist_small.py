"""The MNIST half of AIM's Table 1 with narrow networks: one hour per row on a CPU core.

    python -m experiments.sweep --sweep=experiments/sweeps/aim_mnist_small.py \
        --workdir=runs/aim_mnist_small

The column "paper" is for the full networks after 400 epochs.
"""

from experiments.sweeps import Sweep
from experiments.sweeps.aim_table1 import PAPER, RESULTS, row

SWEEP = Sweep(
    title="AIM, Table 1, on MNIST with a quarter of the channels and 20 epochs",
    results=RESULTS,
    rows=tuple(
        row(
            model,
            "MNIST",
            game,
            f"configs/aim_mnist_small.py:game={game}",
            reconstruction_mse=mse,
            classifier_inception_score=score,
        )
        for game, (model, mse, score, _) in PAPER.items()
    ),
)
