"""Table 1 of the learned prior: inception scores on CIFAR-10.

    python -m experiments.sweep --sweep=experiments/sweeps/learned_prior_table1.py \
        --workdir=runs/learned_prior_table1

The paper reports 6.52 with a learned prior and 6.02 with a Gaussian one (DCGAN 6.16,
WGAN-GP 7.86, BEGAN 5.62, DFM 7.72), computed with a network trained on ImageNet. Our
scores use a classifier of CIFAR-10 that is trained here; they are comparable only with
each other. Codes have 64 dimensions as in figure 5, or 2000 as in figure 6. "AAE" is
the baseline of these figures.
"""

from experiments.sweeps import Row, Sweep

CONFIG = "configs/learned_prior_cifar10.py"
MODELS = {
    "Learned prior": "model=learned",
    "Gaussian prior": "model=learned,prior=fixed",
    "AAE": "model=aae",
}

SWEEP = Sweep(
    title="The learned prior, Table 1: CIFAR-10",
    results=(
        "classifier_inception_score",
        "classifier_frechet_distance",
        "reconstruction_mse",
    ),
    rows=tuple(
        Row(
            model,
            f"{latent}-d codes",
            name=f"{model.split()[0].lower()}_{latent}",
            config=f"{CONFIG}:{arguments},latent={latent}",
            overrides={"trials": 3, "classifier_workdir": "{workdir}/classifier"},
        )
        for latent in (64, 2000)
        for model, arguments in MODELS.items()
    ),
)
