"""Figures 5, 6, 8, 9, 11 and 12 of the learned prior on MNIST, at a CPU's scale.

    python -m experiments.sweep --sweep=experiments/sweeps/learned_prior_small.py \
        --workdir=runs/learned_prior

Codes of 8 and of 100 dimensions, without a condition, with labels and with clusters;
each against an adversarial autoencoder of the same encoder and decoder.
"""

from experiments.sweeps import Sweep
from experiments.sweeps.learned_prior_figures import RESULTS, rows

SWEEP = Sweep(
    title="The learned prior on MNIST, at a CPU's scale",
    results=RESULTS,
    rows=rows("configs/learned_prior_mnist_small.py", latents=(8, 100)),
)
