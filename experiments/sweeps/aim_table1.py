"""Table 1 of AIM: reconstruction and generation on MNIST and CIFAR-10.

    python -m experiments.sweep --sweep=experiments/sweeps/aim_table1.py \
        --workdir=runs/aim_table1

The paper quotes the numbers of ALI and ALICE from the ALICE paper, which uses other
networks. Here all games use the networks of AIM. The MNIST scores are computed with a
classifier like the paper's. The CIFAR-10 scores use a classifier trained on CIFAR-10
and are not comparable with the paper's, which use a network trained on ImageNet. Each
data set's classifier is trained once, by the first run that needs it.
"""

from experiments.sweeps import Row, Sweep

RESULTS = (
    "reconstruction_mse",
    "classifier_inception_score",
    "classifier_frechet_distance",
)
PAPER = {  # (MSE, score) on MNIST, MSE on CIFAR-10
    "gan": ("GAN", None, "9.464 ± 0.020", None),
    "ali": ("ALI", "0.480 ± 0.100", "8.749 ± 0.090", "0.672 ± 0.113"),
    "alice": ("ALICE", "0.080 ± 0.007", "9.279 ± 0.070", "0.416 ± 0.202"),
    "aim_minus": ("AIM-", "0.028 ± 0.018", "9.331 ± 0.021", "0.037 ± 0.017"),
    "aim": ("AIM", "0.026 ± 0.018", "9.483 ± 0.020", "0.019 ± 0.009"),
}


def row(model: str, data: str, game: str, config: str, **paper: str | None) -> Row:
    """Returns a run of `game`; all runs on the same data share one classifier."""
    return Row(
        model,
        data,
        {name: number for name, number in paper.items() if number},
        name=f"{data.lower().replace('-', '')}_{game}",
        config=config,
        overrides={
            "trials": 3,
            "classifier_workdir": f"{{workdir}}/{data.lower()}_classifier",
        },
    )


SWEEP = Sweep(
    title="AIM, Table 1: reconstruction and generation",
    results=RESULTS,
    rows=(
        *(
            row(
                model,
                "MNIST",
                game,
                f"configs/aim_mnist.py:game={game}",
                reconstruction_mse=mse,
                classifier_inception_score=score,
            )
            for game, (model, mse, score, _) in PAPER.items()
        ),
        *(
            row(
                model,
                "CIFAR-10",
                game,
                f"configs/aim_cifar10.py:game={game}",
                reconstruction_mse=mse,
            )
            for game, (model, _, _, mse) in PAPER.items()
        ),
    ),
)
