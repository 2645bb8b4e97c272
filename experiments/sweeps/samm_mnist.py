"""Classifying MNIST with few labels: SAMM beside Table 1 of PixelGAN autoencoders.

    python -m experiments.sweep --sweep=experiments/sweeps/samm_mnist.py \
        --workdir=runs/samm_mnist

The SAMM paper has no such experiment, so its rows have no number of the paper. The
quoted numbers are from Table 1 of "PixelGAN Autoencoders", which has no row with 1000
labels.
"""

from experiments.sweeps import Row, Sweep


def _quoted(model: str, labels: int, error: str) -> Row:
    return Row(model, f"MNIST, {labels} labels", {"classification_error": error})


def _samm(labels: int) -> Row:
    return Row(
        "SAMM",
        f"MNIST, {labels} labels",
        name=f"labels{labels}",
        config=f"configs/samm_mnist.py:labels={labels}",
        overrides={"trials": 10},
    )


SWEEP = Sweep(
    title="SAMM on MNIST, beside Table 1 of PixelGAN autoencoders",
    results=(
        "classification_error",
        "classification_error_from_z",
        "classification_error_from_sampled_z",
        "classifier_agreement",
    ),
    rows=(
        _quoted("Feature matching GAN", 20, "16.77 ± 4.52"),
        _quoted("PixelGAN autoencoders", 20, "12.08 ± 5.50"),
        _samm(20),
        _quoted("Feature matching GAN", 50, "2.21 ± 1.36"),
        _quoted("PixelGAN autoencoders", 50, "1.16 ± 0.17"),
        _samm(50),
        _quoted("VAE", 100, "3.33 ± 0.14"),
        _quoted("VAT", 100, "2.33"),
        _quoted("ADGM", 100, "0.96 ± 0.02"),
        _quoted("SDGM", 100, "1.32 ± 0.07"),
        _quoted("Adversarial autoencoder", 100, "1.90 ± 0.10"),
        _quoted("Ladder networks", 100, "0.89 ± 0.50"),
        _quoted("Convolutional CatGAN", 100, "1.39 ± 0.28"),
        _quoted("Feature matching GAN", 100, "0.93 ± 0.06"),
        _quoted("PixelGAN autoencoders", 100, "1.08 ± 0.15"),
        _samm(100),
        _samm(1000),
    ),
)
