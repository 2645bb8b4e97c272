"""Table 1 of AMM: clustering MNIST and SVHN without labels.

    python -m experiments.sweep --sweep=experiments/sweeps/amm_table1.py \
        --workdir=runs/amm_table1

Paper: "Adversarially Learned Mixture Model", 10 trials. Its error may be by argmax of
q(y|x) or by eq. 19, see configs/amm_mnist.py.
"""

from configs.amm_mnist import ERRORS
from experiments.sweeps import Row, Sweep


def _quoted(model: str, k: int, data: str, error: str) -> Row:
    return Row(model, f"{data}, K = {k}", {"clustering_error": error})


def _amm(k: int, data: str, error: str) -> Row:
    return Row(
        "AMM",
        f"{data}, K = {k}",
        dict.fromkeys(ERRORS, error),
        name=f"{data.lower()}_k{k}",
        config=f"configs/amm_{data.lower()}.py:k={k}",
        overrides={"trials": 10},
    )


SWEEP = Sweep(
    title="AMM, Table 1: clustering without labels (*: with data augmentation)",
    results=(
        *ERRORS,
        "classifier_agreement",
        "clustering_accuracy",
        "nmi",
    ),
    rows=(
        _quoted("GMVAE (Dilokthanakul et al., 2016)", 30, "MNIST", "7.23 ± 1.60"),
        _quoted("VaDE (Jiang et al., 2017)", 10, "MNIST", "5.54"),
        _quoted("CatGAN (Springenberg, 2015)", 20, "MNIST", "9.70"),
        _quoted("InfoGAN (Chen et al., 2016)", 10, "MNIST", "5.00"),
        _quoted("AAE (Makhzani et al., 2016)", 30, "MNIST", "4.10 ± 1.13"),
        _quoted("IMSAT (Hu et al., 2017) *", 10, "MNIST", "1.59 ± 0.40"),
        _quoted("LALNets (Kilinc & Uysal, 2018) *", 10, "MNIST", "1.68 ± 0.08"),
        _amm(10, "MNIST", "3.32 ± 0.39"),
        _amm(20, "MNIST", "3.99 ± 0.79"),
        _amm(30, "MNIST", "4.01 ± 1.11"),
        _quoted("IMSAT (Hu et al., 2017) *", 10, "SVHN", "42.7 ± 3.90"),
        _quoted("LALNets (Kilinc & Uysal, 2018) *", 10, "SVHN", "23.2 ± 1.30"),
        _amm(20, "SVHN", "35.0 ± 5.24"),
        _amm(30, "SVHN", "20.4 ± 0.80"),
    ),
)
