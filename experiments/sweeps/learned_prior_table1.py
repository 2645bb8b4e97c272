"""Table 1 of the learned prior: inception scores on CIFAR-10.

    python -m experiments.sweep --sweep=experiments/sweeps/learned_prior_table1.py \
        --workdir=runs/learned_prior_table1

The paper's scores are by a network of ImageNet, and ours by a classifier of CIFAR-10
that is trained here: only ours can be compared with each other. Codes of 64 dimensions
are those of figure 5, and of 2000 those of figure 6; "AAE" is the figures' baseline.
"""

from experiments.sweeps import Row, Sweep

CONFIG = "configs/learned_prior_cifar10.py"
RIVALS = {"DCGAN": 6.16, "WGAN-GP": 7.86, "BEGAN": 5.62, "DFM": 7.72}
OURS = (  # model, arguments, and the score in Table 1
    ("Learned prior", "model=learned", 6.52),
    ("Gaussian prior", "model=learned,prior=fixed", 6.02),
    ("AAE", "model=aae", None),
)


def _paper(score: float | None) -> dict[str, str]:
    if score is None:
        return {}
    return {"classifier_inception_score": f"{score} (ImageNet)"}


SWEEP = Sweep(
    title="The learned prior, Table 1: CIFAR-10",
    results=(
        "classifier_inception_score",
        "classifier_frechet_distance",
        "reconstruction_mse",
    ),
    rows=(
        *(Row(rival, "", _paper(score)) for rival, score in RIVALS.items()),
        *(
            Row(
                model,
                f"{latent}-d codes",
                _paper(score if latent == 64 else None),
                name=f"{model.split()[0].lower()}_{latent}",
                config=f"{CONFIG}:{arguments},latent={latent}",
                overrides={"trials": 3, "classifier_workdir": "{workdir}/classifier"},
            )
            for latent in (64, 2000)
            for model, arguments, score in OURS
        ),
    ),
)
