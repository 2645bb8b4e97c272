"""What each of the learned prior's three ideas does: switched off one by one, on MNIST.

    python -m experiments.sweep --sweep=experiments/sweeps/learned_prior_ablation.py \
        --workdir=runs/ablation

Learned similarity or that of pixels, a learned prior or a fixed one, with the
mutual-information term (which needs an s, here clusters) and without. Codes have 100
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
    title="The learned prior's three ideas, on MNIST at a CPU's scale",
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
