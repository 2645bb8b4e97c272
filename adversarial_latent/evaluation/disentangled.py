"""Separation of component and style, and codes of the prior beside inferred ones."""

import functools

import numpy as np

from adversarial_latent.evaluation.evaluator import (
    Arrays,
    Evaluation,
    EvaluationData,
    choose,
    evaluator,
)
from adversarial_latent.evaluation.limits import MAX_POINTS
from adversarial_latent.evaluation.projection import project
from adversarial_latent.model import Model

_STYLES = 200


@evaluator("styles", "images", "components")
def style(model: Model, seed: int) -> Evaluation:
    """Measures whether a style looks the same with every component.

    Numbers: `style_consistency`. The evaluator `samples` shows styles in columns
    (learned prior, figure 8).
    """
    images = model.styles(_STYLES, seed)  # [K, n, H, W, C]
    components = len(images)
    values = [consistency(statistic) for statistic in style_statistics(images)]
    protocol = (
        f"style_consistency: {_STYLES} styles, each with all {components} components "
        f"(seed {seed}). From the brightness, breadth and slant of the images, the "
        "mean of each component is subtracted. The number is the share of the "
        "remaining variance that the style explains, averaged over the three. Without "
        f"any consistency it would be {1 / components:.2f}."
    )
    return Evaluation({"style_consistency": float(np.mean(values))}, protocol)


def style_statistics(images: np.ndarray) -> np.ndarray:
    """Simple style statistics of images [..., H, W, C] in [0, 1].

    Returns:
      [3, ...]: the mean brightness, the standard deviation of the column (breadth), and
      the slope of the column regressed on the row (slant). The latter two weight pixels
      by brightness.
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
      values: [K, n] values of n styles with each of K components.

    Returns:
      Sum of squares of styles, divided by that of styles and residuals, as in a two-way
      analysis of variance without interaction; 0 without variance.
    """
    within = values - values.mean(axis=1, keepdims=True)
    total = np.square(within).sum()
    styles = len(values) * np.square(within.mean(axis=0)).sum()
    varies = total > 1e-10 * np.square(values).sum()  # exceeds rounding errors
    return float(styles / total) if varies else 0.0


@evaluator("encode", "sample", "components", "z")
def prior_codes(model: Model, data: EvaluationData, seed: int) -> Evaluation:
    """Shows codes of the prior beside inferred ones (learned prior, figures 9 and 12).

    Numbers: none. Figures: `prior_codes`, coloured by component, and `inferred_codes`,
    coloured by class if there are labels, in the same projection.

    Raises:
      InputError: the model's codes have no z.
    """
    number = min(len(data.x), MAX_POINTS)
    protocol = (
        f"prior_codes: joint t-SNE of codes z, {number} drawn from the prior and as "
        f"many inferred from {data.description} (seed {seed})."
    )
    chosen = choose(len(data.x), number, seed)
    inferred = data.encode(model, chosen)
    prior_codes.check_codes({name: part.shape for name, part in inferred.items()})
    components = model.num_components
    assert components is not None
    component = np.arange(number) % components

    @functools.cache
    def projected() -> np.ndarray:
        sampled = model.sample(number, seed, component=component)
        return project(np.concatenate([sampled["z"], inferred["z"]]), seed)

    def of_prior() -> Arrays:
        return {
            "points": projected()[:number],
            "others": projected()[number:],
            "component": component,
            "num_components": np.array(components),
        }

    def of_data() -> Arrays:
        arrays = {"points": projected()[number:], "others": projected()[:number]}
        if data.labels is None:
            return arrays
        return arrays | {
            "labels": data.labels[chosen],
            "class_names": np.array(data.class_names),
        }

    arrays = {"prior_codes": of_prior, "inferred_codes": of_data}
    return Evaluation({}, protocol, arrays)
