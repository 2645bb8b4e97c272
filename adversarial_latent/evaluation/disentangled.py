"""What of an image the component decides, and what is left to style; codes of both."""

import functools

import numpy as np
from matplotlib.figure import Figure

from adversarial_latent.evaluation import figures
from adversarial_latent.evaluation.evaluator import (
    Evaluation,
    Judged,
    Model,
    captioned,
    choose,
    evaluator,
)
from adversarial_latent.evaluation.projection import MAX_POINTS, project

_STYLES = 200


@evaluator("styles", needs=("images", "components"))
def style(model: Model, judged: Judged, seed: int) -> Evaluation:
    """Asks whether a style is the same with every component (learned prior, figure 8).

    Results: `style_consistency`. The evaluator `samples` shows styles in columns.
    """
    images = model.styles(_STYLES, seed)  # [K, n, H, W, C]
    components = len(images)
    shares = [consistency(values) for values in style_statistics(images)]
    protocol = (
        f"style_consistency: {_STYLES} styles, each with all {components} components "
        f"(seed {seed}). Of their images' brightness, breadth and slant, what the "
        "component explains is taken off; of the variance that is left, the share that "
        "the style explains, in the mean of the three. Were styles not kept it would "
        f"be {1 / components:.2f}."
    )
    return Evaluation({"style_consistency": float(np.mean(shares))}, {}, protocol)


def style_statistics(images: np.ndarray) -> np.ndarray:
    """Simple statistics of style, of images [..., H, W, C] in [0, 1].

    Returns:
      [3, ...]: mean brightness; standard deviation of the bright columns; and how far
      columns move from a row to the next (slant), both as regression on the brightness.
    """
    bright = images.mean(-1)  # [..., H, W]
    mass = np.maximum(bright.sum((-2, -1)), 1e-6)
    height, width = bright.shape[-2:]
    row, column = np.arange(height)[:, None], np.arange(width)

    def mean(values: np.ndarray) -> np.ndarray:
        return (bright * values).sum((-2, -1)) / mass

    down = row - mean(row)[..., None, None]
    across = column - mean(column)[..., None, None]
    slant = mean(down * across) / np.maximum(mean(down**2), 1e-6)
    return np.stack([bright.mean((-2, -1)), np.sqrt(mean(across**2)), slant])


def consistency(values: np.ndarray) -> float:
    """Share of the variance within components that styles explain.

    Args:
      values: [K, n], of n styles with each of K components.

    Returns:
      sum of squares of styles over that of styles and residuals, as a two-way analysis
      of variance without interaction has them; 0 where nothing varies.
    """
    within = values - values.mean(axis=1, keepdims=True)
    total = np.square(within).sum()
    styles = len(values) * np.square(within.mean(axis=0)).sum()
    varies = total > 1e-10 * np.square(values).sum()  # more than by rounding
    return float(styles / total) if varies else 0.0


@evaluator("encode", "sample", needs=("components", "z"))
def prior_codes(model: Model, judged: Judged, seed: int) -> Evaluation:
    """Shows codes of the prior beside inferred ones (learned prior, figures 9 and 12).

    Results: none. Figures: `prior_codes`, coloured by component, and `inferred_codes`,
    coloured by class if there are labels, in one and the same projection.

    Raises:
      InputError: the model's codes have no part z.
    """
    number = min(len(judged.x), MAX_POINTS)
    protocol = (
        f"prior_codes: t-SNE of codes z, {number} drawn from the prior and as many "
        f"inferred from {judged.described}, together (seed {seed})."
    )
    chosen = choose(len(judged.x), number, seed)
    inferred = judged.encode(model, chosen)
    prior_codes.check_codes({name: part.shape for name, part in inferred.items()})
    components = model.num_components
    assert components is not None
    component = np.arange(number) % components

    @functools.cache
    def projected() -> np.ndarray:
        drawn = model.sample(number, seed, component=component)
        return project(np.concatenate([drawn["z"], inferred["z"]]), seed)

    def draw_prior() -> Figure:
        names = [str(k) for k in range(components)]
        points = projected()
        return captioned(
            _scatter(points, points[:number], component, names, "component"),
            f"t-SNE projection of {number} codes drawn from the prior, coloured by "
            "component.",
        )

    def draw_inferred() -> Figure:
        labels = None if judged.labels is None else judged.labels[chosen]
        points = projected()
        return captioned(
            _scatter(points, points[number:], labels, judged.class_names, "class"),
            f"Codes inferred from {number} test images, in the same projection.",
        )

    drawings = {"prior_codes": draw_prior, "inferred_codes": draw_inferred}
    return Evaluation({}, drawings, protocol)


def _scatter(
    everything: np.ndarray,
    points: np.ndarray,
    classes: np.ndarray | None,
    names: tuple[str, ...] | list[str],
    title: str,
) -> Figure:
    """Some of all points, where the axes are those of all."""
    figure = figures.scatter_figure(points, classes, names, legend_title=title)
    axes = figure.axes[0]
    axes.update_datalim([everything.min(axis=0), everything.max(axis=0)])
    axes.autoscale_view()
    return figure
