"""Figures 2 and 3 of PixelGAN autoencoders with a quarter of all units and channels.

    python -m experiments.sweep --sweep=experiments/sweeps/pixelgan_figure3_small.py \
        --workdir=runs/figure3_small --trials=1 -- --config.duration=10_epochs

For a CPU. Without the last two arguments, the sweep takes fifteen times as long.
"""

from experiments.sweeps.pixelgan_figure3 import figure3

SWEEP = figure3(narrow=4)
