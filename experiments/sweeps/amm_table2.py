"""Table 2 of AMM: classifying SVHN with 1000 labels.

    python -m experiments.sweep --sweep=experiments/sweeps/amm_table2.py \
        --workdir=runs/amm_table2

Paper: "Adversarially Learned Mixture Model", 10 trials.
"""

from experiments.sweeps import Row, Sweep


def _quoted(model: str, error: str) -> Row:
    return Row(model, "SVHN, 1000 labels", {"classification_error": error})


SWEEP = Sweep(
    title="AMM, Table 2: classifying SVHN with 1000 labels "
    "(† and ‡: similar encoders or classifiers)",
    results=(
        "classification_error",
        "classification_error_from_z",
        "classification_error_from_sampled_z",
        "classifier_agreement",
    ),
    rows=(
        _quoted("AAE (Makhzani et al., 2016)", "17.70 ± 0.24"),
        _quoted("ImprovedGAN (Salimans et al., 2016) † ‡", "8.11 ± 1.30"),
        _quoted("ALI (Dumoulin et al., 2016)", "7.42 ± 0.65"),
        _quoted("VAT small (Miyato et al., 2017) †", "6.83 ± 0.24"),
        _quoted("TripleGAN (Li et al., 2017) ‡", "5.77 ± 0.17"),
        _quoted("SGAN (Deng et al., 2017) ‡", "5.73 ± 0.12"),
        _quoted("VAT large (Miyato et al., 2017) ‡", "4.28 ± 0.10"),
        _quoted("(Dai et al., 2017) †", "4.25 ± 0.03"),
        Row(
            "SAMM †",
            "SVHN, 1000 labels",
            {"classification_error": "5.60 ± 0.45"},
            name="svhn",
            config="configs/samm_svhn.py",
            overrides={"trials": 10},
        ),
    ),
)
