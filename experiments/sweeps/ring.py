"""Modes of the ring of 8 Gaussians: AIM and its rivals, with the settings of the grid.

    python -m experiments.sweep --sweep=experiments/sweeps/ring.py --workdir=runs/ring

The AIM paper has no such experiment. The VEEGAN paper reports 8 modes on this ring.
"""

from experiments.sweeps import Sweep
from experiments.sweeps.aim_table2 import rows

SWEEP = Sweep(
    title="Modes of the ring of 8 Gaussians",
    results=("modes_captured", "high_quality_fraction", "per_mode_std"),
    rows=rows("ring", ("veegan", "unrolled_gan")),
)
