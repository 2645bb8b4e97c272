"""What models make of images: reconstructions, interpolations, samples, manifolds."""

import numpy as np
from matplotlib.figure import Figure

from adversarial_latent.evaluation import figures, metrics
from adversarial_latent.evaluation.clusters import IMAGES_PER_COMPONENT, sample_rows
from adversarial_latent.evaluation.evaluator import (
    Evaluation,
    Judged,
    Model,
    captioned,
    choose,
    evaluator,
)

_NUM_RECONSTRUCTIONS = 40
_NUM_ROWS = 8
_NEIGHBOURS = 10
_INTERPOLATION_STEPS = 9
_SAMPLE_ROWS = 8
_TRAVERSAL = np.linspace(-2.0, 2.0, 11)  # in standard deviations of the codes


@evaluator("encode", "decode")
def reconstruction(model: Model, judged: Judged, seed: int) -> Evaluation:
    """Decodes the codes of the test split (AMM, figure 2c; AIM, table 1).

    Results: `reconstruction_mse`. Figures: `reconstruction` (images only).
    """
    x = judged.x
    decoded = model.decode(judged.encode(model))
    is_images = x.ndim == 4
    error = metrics.reconstruction_mse(x, decoded)
    protocol = (
        "reconstruction_mse: mean of (x - decode(encode(x)))^2 over "
        f"{judged.described} and all their "
    )
    if is_images:
        protocol += (
            "pixels and channels, in [0, 1]; of pixels in [-1, 1] it is four times as "
            f"large, {4 * error:.4f}."
        )
    else:
        protocol += "coordinates."

    def draw() -> Figure:
        chosen = choose(len(x), _NUM_RECONSTRUCTIONS, seed)
        return captioned(
            figures.reconstruction_figure(
                x[chosen], decoded[chosen], inverted=judged.is_ink
            ),
            "Reconstructions of random test images. In each pair the original is on "
            "the left, its reconstruction on the right.",
        )

    drawings = {"reconstruction": draw} if is_images else {}
    return Evaluation({"reconstruction_mse": error}, drawings, protocol)


@evaluator("encode", "decode", needs=("images",), at_least=2)
def interpolation(model: Model, judged: Judged, seed: int) -> Evaluation:
    """Decodes lines between the codes of two test images (AMM, figure 2d).

    Results: none. Figures: `interpolation`.
    """
    x = judged.x
    rows = min(_NUM_ROWS, len(x) // 2)
    chosen = choose(len(x), 2 * rows, seed)
    ends = x[chosen]  # [2 R, H, W, C]
    protocol = (
        f"interpolation: {rows} random pairs of test images; all parts of the latent "
        f"code are interpolated linearly in {_INTERPOLATION_STEPS} points, both ends "
        "included, and decoded."
    )

    def draw() -> Figure:
        weight = np.linspace(0, 1, _INTERPOLATION_STEPS, dtype=np.float32)[:, None]
        line = {
            name: (
                (1 - weight) * part[:rows, None] + weight * part[rows:, None]
            ).reshape(rows * _INTERPOLATION_STEPS, -1)  # [R, T, d] as [R T, d]
            for name, part in judged.encode(model, chosen).items()
        }
        between = model.decode(line).reshape(rows, _INTERPOLATION_STEPS, *x.shape[1:])
        return captioned(
            figures.interpolation_figure(
                ends[:rows], between, ends[rows:], inverted=judged.is_ink
            ),
            "Interpolation between random test images, which stand in the first and "
            "last columns; between them, decoded points of the straight line from one "
            "latent code to the other, ends included.",
        )

    return Evaluation({}, {"interpolation": draw}, protocol)


@evaluator("neighbours", needs=("images",))
def neighbours(model: Model, judged: Judged, seed: int) -> Evaluation:
    """Generates images that are similar to test images (AIM, figures 5 and 9).

    Results: none. Figures: `neighbours`.
    """
    rows = min(_NUM_ROWS, len(judged.x))
    protocol = (
        f"neighbours: {_NEIGHBOURS} images generated from codes z ~ q(z|x) of each of "
        f"{rows} random test images x, seed {seed}."
    )

    def draw() -> Figure:
        x = judged.x[choose(len(judged.x), rows, seed)]
        return captioned(
            figures.image_blocks(
                [x[:, None], model.neighbours(x, _NEIGHBOURS, seed)],
                headers=["original", "generated from codes drawn from q(z|x)"],
                inverted=judged.is_ink,
            ),
            "Random test images (left), and in the same row images generated from "
            "random codes that the model infers for them.",
        )

    return Evaluation({}, {"neighbours": draw}, protocol)


@evaluator("sample", needs=("images",))
def samples(model: Model, judged: Judged, seed: int) -> Evaluation:
    """Draws images from the model, with codes from its prior (AMM, figure 3a).

    Results: none. Figures: `samples`, in which a row is a component if there are any,
    and a column a style if the model knows what that is.
    """
    components = model.num_components
    rows = components or _SAMPLE_ROWS
    columns = IMAGES_PER_COMPONENT if components else _SAMPLE_ROWS
    protocol = f"samples: {rows * columns} draws from the model's prior, seed {seed}."

    def draw() -> Figure:
        figures.check_number(rows, "rows of images")
        caption = "Samples of the model, with codes drawn from its prior; not selected."
        if components and model.can("styles"):
            drawn = model.styles(columns, seed)
            caption += " A row is a component of the prior, and a column a style."
        elif components:
            drawn = sample_rows(model, components, columns, seed)
            caption += " A row is a component of the prior."
        else:
            drawn = model.sample(rows * columns, seed)["x"]
        figure = figures.image_grid(
            drawn.reshape(rows, columns, *drawn.shape[-3:]),
            row_labels=[str(k) for k in range(components or 0)],
            inverted=judged.is_ink,
        )
        return captioned(figure, caption)

    return Evaluation({}, {"samples": draw}, protocol)


@evaluator("encode", "decode", needs=("images", "plane"))
def manifold(model: Model, judged: Judged, seed: int) -> Evaluation:
    """Shows two-dimensional codes of images, and what they decode to (AIM, figure 4).

    Results: none. Figures: `manifold_codes` and `manifold_traversal`.

    Raises:
      InputError: codes are more than a z of 2 dimensions.
    """
    del seed  # nothing is drawn at random
    x, labels = judged.x, judged.labels
    code = judged.encode(model)
    manifold.check_codes({name: part.shape for name, part in code.items()})
    # A standard normal prior is swept from -2 to 2, whatever codes are exactly.
    scale = max(1.0, np.round(code["z"].std()))
    values = (scale * _TRAVERSAL).astype(np.float32)
    protocol = (
        f"manifold: z of {len(x)} test images; decoded on a grid of {len(values)} x "
        f"{len(values)} values of z from {values[0]:g} to {values[-1]:g}."
    )

    def draw_codes() -> Figure:
        coloured = "" if labels is None else ", coloured by class"
        return captioned(
            figures.scatter_figure(
                code["z"], labels, judged.class_names, axis_labels=("z₁", "z₂")
            ),
            f"Latent codes of the test split{coloured}.",
        )

    def draw_traversal() -> Figure:
        first, second = np.meshgrid(values, values[::-1])  # z_2 grows upwards
        grid = np.stack([first, second], axis=-1).reshape(-1, 2)
        decoded = model.decode({"z": grid})
        return captioned(
            figures.image_grid(
                decoded.reshape(len(values), len(values), *x.shape[1:]),
                row_labels=[f"{value:.1f}" for value in values[::-1]],
                column_labels=[f"{value:.1f}" for value in values],
                inverted=judged.is_ink,
            ),
            "What the model decodes on a grid of latent codes.",
        )

    drawings = {"manifold_codes": draw_codes, "manifold_traversal": draw_traversal}
    return Evaluation({}, drawings, protocol)
