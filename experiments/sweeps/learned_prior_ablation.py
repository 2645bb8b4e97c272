"""Ablation of the learned prior: its three ideas, each on and off, on MNIST.

    python -m experiments.sweep --sweep=experiments/sweeps/learned_prior_ablation.py \
        --workdir=runs/ablation

Similarity is learned or that of pixels. The prior is learned or fixed. The
mutual-information term is used or not; it needs an s, here clusters. Codes have 100
dimensions.
"""

from experiments.sweeps import Row, Sweep

CONFIG = "configs/learned_prior_mnist_small.py"


def _row(condition: str, similarity: str, prior: str) -> Row:
    information = {"none": "no s", "categorical": "mutual information"}[condition]
    arguments = f"latent=100,condition={condition},similarity={similarity}"
    return Row(
        f"{prior} prior",
        f"{similarity} similarity, {information}",
        name=f"{prior}_{similarity}_{condition}",
        config=f"{CONFIG}:{arguments},prior={prior}",
        overrides={"trials": 3, "classifier_workdir": "{workdir}/classifier"},
    )


SWEEP = Sweep(
    title="Ablation of the learned prior on MNIST, with narrow networks",
    results=(
        "classifier_inception_score",
        "classifier_frechet_distance",
        "clustering_accuracy",
        "reconstruction_mse",
    ),
    rows=tuple(
        _row(condition, similarity, prior)
        for condition in ("none", "categorical")
        for similarity in ("learned", "pixel")
        for prior in ("learned", "fixed")
    ),
)
