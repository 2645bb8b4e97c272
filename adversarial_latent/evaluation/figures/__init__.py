"""The figures of the papers, as pure functions from arrays to `Figure`.

Matplotlib's object interface only: nothing here touches pyplot, so that no state
and no window is left behind. A figure's caption is its label (`figure.set_label`):
`save_figures` stores it in the PNG.
"""

from adversarial_latent.evaluation.figures.charts import (
    mixture_figure,
    mode_figure,
    scatter_figure,
    simplex_figure,
    training_figure,
)
from adversarial_latent.evaluation.figures.images import (
    component_figure,
    image_blocks,
    image_grid,
    interpolation_figure,
    reconstruction_figure,
)
from adversarial_latent.evaluation.figures.matrices import (
    distance_figure,
    matrix_figure,
)
from adversarial_latent.evaluation.figures.style import (
    CAPTION_KEY,
    MOST_SHOWN,
    check_number,
    save_figure,
    save_figures,
)

__all__ = [
    "CAPTION_KEY",
    "MOST_SHOWN",
    "check_number",
    "component_figure",
    "distance_figure",
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
]
