"""The figures of the papers, as pure functions from arrays to `Figure`.

They use Matplotlib's object interface rather than pyplot, so they leave no global state
and no windows. The label of a figure (`figure.set_label`) is its caption, which
`save_figures` stores in the PNG.
"""

from adversarial_latent.evaluation.figures.by_name import FIGURES, draw
from adversarial_latent.evaluation.figures.charts import (
    mixture_figure,
    mode_figure,
    scatter_figure,
    simplex_figure,
)
from adversarial_latent.evaluation.figures.curves import (
    candidates_figure,
    training_figure,
)
from adversarial_latent.evaluation.figures.grids import (
    component_figure,
    image_blocks,
    image_grid,
    interpolation_figure,
    reconstruction_figure,
)
from adversarial_latent.evaluation.figures.matrices import (
    distance_figure,
    matrix_figure,
    tree_figure,
)
from adversarial_latent.evaluation.figures.style import (
    CAPTION_KEY,
    save_figure,
    save_figures,
)

__all__ = [
    "CAPTION_KEY",
    "FIGURES",
    "candidates_figure",
    "component_figure",
    "distance_figure",
    "draw",
    "image_blocks",
    "image_grid",
    "interpolation_figure",
    "matrix_figure",
    "mixture_figure",
    "mode_figure",
    "reconstruction_figure",
    "save_figure",
    "save_figures",
    "scatter_figure",
    "simplex_figure",
    "training_figure",
    "tree_figure",
]
