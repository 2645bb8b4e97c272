"""Figures 2 and 3 of PixelGAN autoencoders: codes of two dimensions by decoder.

    python -m experiments.sweep --sweep=experiments/sweeps/pixelgan_figure3.py \
        --workdir=runs/figure3

Shallow decoders have 3 residual blocks, deep ones 12. The figures are `manifold_codes`
and `samples` of the runs; experiments.compare sets them side by side:

    python -m experiments.compare --figure=samples --output=figure2.png \
        --workdirs=runs/figure3/shallow_dependent,runs/figure3/pixelcnn,runs/figure3/aae
"""

from experiments.sweeps import Row, Sweep

CONFIG = "configs/pixelgan_gaussian.py"
THREE = {"trials": 3}


def _row(blocks: int, conditioning: str) -> Row:
    depth = {3: "shallow", 12: "deep"}[blocks]
    return Row(
        "PixelGAN autoencoder",
        f"{depth}, {conditioning}",
        name=f"{depth}_{conditioning}",
        config=f"{CONFIG}:blocks={blocks},conditioning={conditioning}",
        overrides=THREE,
    )


SWEEP = Sweep(
    title="PixelGAN autoencoders, figures 2 and 3: nats of test images",
    results=("nats_per_example_given_code", "nats_per_example"),
    rows=(
        *(
            _row(blocks, conditioning)
            for blocks in (3, 12)
            for conditioning in ("invariant", "dependent")
        ),
        *(
            Row(title, setting, {}, model, f"{CONFIG}:model={model}", THREE)
            for title, setting, model in (
                ("PixelCNN", "shallow", "pixelcnn"),
                ("AAE", "-", "aae"),
            )
        ),
    ),
)
