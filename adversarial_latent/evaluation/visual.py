"""Reconstructions, interpolations, variations, samples and manifolds."""

import numpy as np

from adversarial_latent.evaluation import metrics
from adversarial_latent.evaluation.clusters import sample_components
from adversarial_latent.evaluation.evaluator import (
    Arrays,
    Evaluation,
    EvaluationData,
    choose,
    evaluator,
)
from adversarial_latent.evaluation.limits import IMAGES_PER_COMPONENT, check_number
from adversarial_latent.model import Model

_NUM_RECONSTRUCTIONS = 40
_NUM_ROWS = 8
_VARIATIONS = 10
_INTERPOLATION_STEPS = 9
_SAMPLE_ROWS = 8
_TRAVERSAL = np.linspace(-2.0, 2.0, 11)  # in standard deviations of the codes


@evaluator("encode", "decode")
def reconstruction(model: Model, data: EvaluationData, seed: int) -> Evaluation:
    """Decodes the codes of the test split (AMM, figure 2c; AIM, table 1).

    Numbers: `reconstruction_mse`. Figures: `reconstruction` (with images).
    """
    x = data.x
    decoded = model.decode(data.encode(model))
    error = metrics.reconstruction_mse(x, decoded)
    protocol = (
        "reconstruction_mse: mean of (x - decode(encode(x)))^2 over "
        f"{data.description} and all their "
    )
    if data.is_image:
        protocol += (
            "pixels and channels, in [0, 1]; for pixels in [-1, 1] it is four times as "
            f"large, {4 * error:.4f}."
        )
    else:
        protocol += "coordinates."

    def pairs() -> Arrays:
        chosen = choose(len(x), _NUM_RECONSTRUCTIONS, seed)
        return {
            "originals": x[chosen],
            "reconstructions": decoded[chosen],
            "ink": data.is_ink,
        }

    arrays = {"reconstruction": pairs} if data.is_image else {}
    return Evaluation({"reconstruction_mse": error}, protocol, arrays)


@evaluator("encode", "decode", "images", min_examples=2)
def interpolation(model: Model, data: EvaluationData, seed: int) -> Evaluation:
    """Decodes lines between the codes of two test images (AMM, figure 2d).

    Numbers: none. Figures: `interpolation`.
    """
    x = data.x
    rows = min(_NUM_ROWS, len(x) // 2)
    protocol = (
        f"interpolation: {rows} random pairs of test images; all parts of the latent "
        f"code are interpolated linearly in {_INTERPOLATION_STEPS} points, both ends "
        "included, and decoded."
    )

    def lines() -> Arrays:
        chosen = choose(len(x), 2 * rows, seed)
        weight = np.linspace(0, 1, _INTERPOLATION_STEPS, dtype=np.float32)[:, None]
        line = {
            name: (
                (1 - weight) * part[:rows, None] + weight * part[rows:, None]
            ).reshape(rows * _INTERPOLATION_STEPS, -1)  # [R, T, d] as [R T, d]
            for name, part in data.encode(model, chosen).items()
        }
        between = model.decode(line).reshape(rows, _INTERPOLATION_STEPS, *x.shape[1:])
        return {
            "first": x[chosen[:rows]],
            "between": between,
            "last": x[chosen[rows:]],
            "ink": data.is_ink,
        }

    return Evaluation({}, protocol, {"interpolation": lines})


@evaluator("variations", "images")
def variations(model: Model, data: EvaluationData, seed: int) -> Evaluation:
    """Generates images that are similar to test images (AIM, figures 5 and 9).

    Numbers: none. Figures: `variations`.
    """
    rows = min(_NUM_ROWS, len(data.x))
    protocol = (
        f"variations: {_VARIATIONS} images generated from codes z ~ q(z|x) of each of "
        f"{rows} random test images x, seed {seed}."
    )

    def images() -> Arrays:
        x = data.x[choose(len(data.x), rows, seed)]
        return {
            "originals": x,
            "variations": model.variations(x, _VARIATIONS, seed),
            "ink": data.is_ink,
        }

    return Evaluation({}, protocol, {"variations": images})


@evaluator("sample", "images")
def samples(model: Model, data: EvaluationData, seed: int) -> Evaluation:
    """Samples images from the model, with codes from its prior (AMM, figure 3a).

    Numbers: none. Figures: `samples`. With components, each row is a component. If the
    model separates style and component, each column is a style.
    """
    components = model.num_components
    rows = components or _SAMPLE_ROWS
    columns = IMAGES_PER_COMPONENT if components else _SAMPLE_ROWS
    has_styles = bool(components) and model.can("styles")
    protocol = f"samples: {rows * columns} draws from the model's prior, seed {seed}."

    def images() -> Arrays:
        check_number(rows, "rows of images")
        if has_styles:
            sampled = model.styles(columns, seed)
        elif components:
            sampled = sample_components(model, components, columns, seed)
        else:
            sampled = model.sample(rows * columns, seed)["x"]
        return {
            "images": sampled.reshape(rows, columns, *sampled.shape[-3:]),
            "components": np.arange(components or 0),
            "styles": np.array(has_styles),
            "ink": data.is_ink,
        }

    return Evaluation({}, protocol, {"samples": images})


@evaluator("encode", "decode", "images", "z_in_plane")
def manifold(model: Model, data: EvaluationData) -> Evaluation:
    """Shows two-dimensional codes of images, and a decoded grid of codes.

    Numbers: none. Figures: `manifold_codes` and `manifold_traversal` (AIM, figure 4).

    Raises:
      InputError: codes are not just a z of 2 dimensions.
    """
    x = data.x
    code = data.encode(model)
    manifold.check_codes({name: part.shape for name, part in code.items()})
    # Rounded, so that the grid of a standard normal prior is always from -2 to 2.
    scale = max(1.0, np.round(code["z"].std()))
    values = (scale * _TRAVERSAL).astype(np.float32)
    protocol = (
        f"manifold: z of {len(x)} test images; decoded on a grid of {len(values)} x "
        f"{len(values)} values of z from {values[0]:g} to {values[-1]:g}."
    )

    def codes() -> Arrays:
        arrays = {"z": code["z"]}
        if data.labels is None:
            return arrays
        return arrays | {
            "labels": data.labels,
            "class_names": np.array(data.class_names),
        }

    def traversal() -> Arrays:
        first, second = np.meshgrid(values, values[::-1])  # z_2 increases upwards
        grid = np.stack([first, second], axis=-1).reshape(-1, 2)
        decoded = model.decode({"z": grid})
        return {
            "images": decoded.reshape(len(values), len(values), *x.shape[1:]),
            "values": values,
            "ink": data.is_ink,
        }

    arrays = {"manifold_codes": codes, "manifold_traversal": traversal}
    return Evaluation({}, protocol, arrays)
