"""Figures 5, 6, 8 and 11 of the learned prior on MNIST, as numbers, at a CPU's scale.

    python -m experiments.sweep --sweep=experiments/sweeps/learned_prior_small.py \
        --workdir=runs/learned_prior

Codes of 8 and of 100 dimensions, without a condition, with labels and with clusters;
each against an adversarial autoencoder of the same encoder and decoder.
"""

from experiments.sweeps import Row, Sweep

CONFIG = "configs/learned_prior_mnist_small.py"
SETTINGS = (  # what it is called, and the arguments
    ("8-d codes", "latent=8"),
    ("100-d codes", "latent=100"),
    ("with labels", "condition=label"),
    ("with clusters", "condition=categorical"),
)


def _row(model: str, setting: str, arguments: str) -> Row:
    title = {"learned": "Learned prior", "aae": "AAE"}[model]
    return Row(
        title,
        setting,
        name=f"{setting.split()[-1] if 'with' in setting else arguments[7:]}_{model}",
        config=f"{CONFIG}:{arguments},model={model}",
        overrides={"trials": 3, "classifier_workdir": "{workdir}/classifier"},
    )


SWEEP = Sweep(
    title="The learned prior on MNIST, at a CPU's scale",
    results=(
        "classifier_inception_score",
        "classifier_frechet_distance",
        "generated_label_accuracy",
        "style_consistency",
        "clustering_accuracy",
        "reconstruction_mse",
    ),
    rows=tuple(
        _row(model, setting, arguments)
        for setting, arguments in SETTINGS
        for model in ("learned", "aae")
    ),
)
