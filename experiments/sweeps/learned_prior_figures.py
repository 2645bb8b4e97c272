"""Figures 5, 6, 8, 9, 11 and 12 of the learned prior, with the numbers of their runs.

    python -m experiments.sweep --sweep=experiments/sweeps/learned_prior_figures.py \
        --workdir=runs/learned_prior

Each run is paired with an adversarial autoencoder with the same encoder and decoder.
The runs draw the paper's figures, and experiments.compare stacks those of several runs:

    5, 6    `samples` without a condition, with small and large codes (for CIFAR-10, see
            learned_prior_table1.py)
    8, 11   `samples` with labels and with clusters
    9, 12   `prior_codes` of the same runs; with clusters also `inferred_codes`

`learned_prior_small.py` has the MNIST rows with narrow networks, for a CPU.
"""

from experiments.sweeps import Row, Sweep

RESULTS = (
    "classifier_inception_score",
    "classifier_frechet_distance",
    "generated_label_accuracy",
    "style_consistency",
    "clustering_accuracy",
    "reconstruction_mse",
)
MODELS = {"learned": "Learned prior", "aae": "AAE"}
DATA = {"mnist": ("MNIST", (8, 100)), "svhn": ("SVHN", ()), "cifar10": ("CIFAR-10", ())}


def rows(config: str, latents: tuple[int, ...], data: str = "") -> tuple[Row, ...]:
    """Returns the rows of one data set.

    Args:
      config: a config with the arguments of configs/learned_prior_mnist.py.
      latents: dimensions of the codes without a condition.
      data: name of the data set, if the sweep has several.
    """
    settings = [(f"{d}-d codes", str(d), f"latent={d}") for d in latents]
    settings += [
        ("with labels", "labels", "condition=label"),
        ("with clusters", "clusters", "condition=categorical"),
    ]
    before = f"{data}, " if data else ""
    directory = f"{data.replace('-', '').lower()}_" if data else ""
    return tuple(
        Row(
            title,
            before + setting,
            name=f"{directory}{name}_{model}",
            config=f"{config}:{arguments},model={model}",
            overrides={
                "trials": 3,
                "classifier_workdir": f"{{workdir}}/{directory}classifier",
            },
        )
        for setting, name, arguments in settings
        for model, title in MODELS.items()
    )


SWEEP = Sweep(
    title="The learned prior: figures 5, 6, 8, 9, 11 and 12",
    results=RESULTS,
    rows=tuple(
        row
        for name, (data, latents) in DATA.items()
        for row in rows(f"configs/learned_prior_{name}.py", latents, data)
    ),
)
