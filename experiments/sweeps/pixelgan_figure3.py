"""Figures 2 and 3 of PixelGAN autoencoders: 2-d codes with different decoders.

    python -m experiments.sweep --sweep=experiments/sweeps/pixelgan_figure3.py \
        --workdir=runs/figure3

Shallow decoders have 3 residual blocks, deep ones 12. The figures are `manifold_codes`
and `samples` of the runs; experiments.compare stacks them:

    python -m experiments.compare --figure=samples --output=figure2.png \
        --workdirs=runs/figure3/shallow_dependent,runs/figure3/pixelcnn,runs/figure3/aae

`pixelgan_figure3_small.py` has the same rows with narrow networks, for a CPU.
"""

from experiments.sweeps import Row, Sweep

CONFIG = "configs/pixelgan_gaussian.py"
THREE = {"trials": 3}


def figure3(narrow: int = 1) -> Sweep:
    """Returns the runs of both figures, with all layer sizes divided by `narrow`."""
    config = f"{CONFIG}:narrow={narrow},"

    def row(blocks: int, conditioning: str) -> Row:
        depth = {3: "shallow", 12: "deep"}[blocks]
        return Row(
            "PixelGAN autoencoder",
            f"{depth}, {conditioning}",
            name=f"{depth}_{conditioning}",
            config=f"{config}blocks={blocks},conditioning={conditioning}",
            overrides=THREE,
        )

    return Sweep(
        title="PixelGAN autoencoders, figures 2 and 3: nats of test images",
        results=("nats_per_example_given_code", "nats_per_example"),
        rows=(
            *(
                row(blocks, conditioning)
                for blocks in (3, 12)
                for conditioning in ("invariant", "dependent")
            ),
            *(
                Row(title, setting, {}, model, f"{config}model={model}", THREE)
                for title, setting, model in (
                    ("PixelCNN", "shallow", "pixelcnn"),
                    ("AAE", "-", "aae"),
                )
            ),
        ),
    )


SWEEP = figure3()
