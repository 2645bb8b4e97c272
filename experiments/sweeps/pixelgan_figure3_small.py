"""Figures 2 and 3 of PixelGAN autoencoders with a quarter of all units and maps.

    python -m experiments.sweep --sweep=experiments/sweeps/pixelgan_figure3_small.py \
        --workdir=runs/figure3_small

For a CPU: an hour of one core with `-- --config.duration=10_epochs`, otherwise five.
"""

from experiments.sweeps.pixelgan_figure3 import figure3

SWEEP = figure3(narrow=4, trials=1)
