"""Table 1 of PixelGAN autoencoders: errors on MNIST, SVHN and NORB with few labels.

    python -m experiments.sweep --sweep=experiments/sweeps/pixelgan_table1.py \
        --workdir=runs/pixelgan_table1

With the paper's networks, this takes days on a GPU. Rivals' numbers are quoted as
printed in the paper. The curves of figure 7 are `validation/classification_error` of
these runs; experiments.compare plots them.
"""

from experiments.sweeps import Row, Sweep

RIVALS = {  # in the order of SETTINGS below; "-" if there is no number
    "VAE": "- - - 3.33±0.14 - 36.02±0.10 18.79±0.05",
    "VAT": "- - - 2.33 - 24.63 9.88",
    "ADGM": "- - - 0.96±0.02 - 22.86 10.06±0.05",
    "SDGM": "- - - 1.32±0.07 - 16.61±0.24 9.40±0.04",
    "Adversarial autoencoder": "4.10±1.13 - - 1.90±0.10 - 17.70±0.30 -",
    "Ladder networks": "- - - 0.89±0.50 - - -",
    "Convolutional CatGAN": "4.27 - - 1.39±0.28 - - -",
    "InfoGAN": "5.00 - - - - - -",
    "Feature matching GAN": "- 16.77±4.52 2.21±1.36 0.93±0.06 18.44±4.80 8.11±1.30 -",
    "Temporal ensembling": "- - - - 7.05±0.30 5.43±0.25 -",
}
OURS = "5.27±1.81 12.08±5.50 1.16±0.17 1.08±0.15 10.47±1.80 6.96±0.55 8.90±1.0"
SETTINGS = (  # setting, name of our run, config of our run
    ("MNIST, unsupervised", "mnist", "configs/pixelgan_clustering.py"),
    ("MNIST, 20 labels", "mnist_20", "configs/pixelgan_mnist.py:labels=20"),
    ("MNIST, 50 labels", "mnist_50", "configs/pixelgan_mnist.py:labels=50"),
    ("MNIST, 100 labels", "mnist_100", "configs/pixelgan_mnist.py:labels=100"),
    ("SVHN, 500 labels", "svhn_500", "configs/pixelgan_svhn.py:labels=500"),
    ("SVHN, 1000 labels", "svhn_1000", "configs/pixelgan_svhn.py:labels=1000"),
    ("NORB, 1000 labels", "norb_1000", "configs/pixelgan_norb.py"),
)
NUMBERS = ("classification_error", "clustering_error_by_exemplar")


def _rows() -> tuple[Row, ...]:
    """Returns, for each setting, the rivals with a number and our run."""
    rows = []
    for column, (setting, name, config) in enumerate(SETTINGS):
        number = NUMBERS["unsupervised" in setting]
        for rival, line in RIVALS.items():
            printed = line.split()[column]
            if printed != "-":
                paper = {number: printed.replace("±", " ± ")}
                rows.append(Row(rival, setting, paper))
        paper = {number: OURS.split()[column].replace("±", " ± ")}
        rows.append(
            Row(
                "PixelGAN autoencoder",
                setting,
                paper,
                name=name,
                config=config,
                overrides={"trials": 3},
            )
        )
    return tuple(rows)


SWEEP = Sweep(
    title="PixelGAN autoencoders, Table 1: errors with few labels or none",
    results=(*NUMBERS, "clustering_error"),
    rows=_rows(),
)
