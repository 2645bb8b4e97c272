"""Figures 5, 6, 8, 9, 11 and 12 of the learned prior on MNIST, with narrow networks.

    python -m experiments.sweep --sweep=experiments/sweeps/learned_prior_small.py \
        --workdir=runs/learned_prior

Codes have 8 or 100 dimensions without a condition; further runs use labels or clusters.
Each run is paired with an adversarial autoencoder with the same encoder and decoder.
"""

from experiments.sweeps import Sweep
from experiments.sweeps.learned_prior_figures import RESULTS, rows

SWEEP = Sweep(
    title="The learned prior on MNIST, with narrow networks",
    results=RESULTS,
    rows=rows("configs/learned_prior_mnist_small.py", latents=(8, 100)),
)
