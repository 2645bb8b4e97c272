"""All figures by name, drawn from the arrays that evaluators compute.

Each function takes the arrays in WORKDIR/arrays/NAME.npz, where numbers and texts are
arrays of rank 0, and returns a figure with its caption.
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from adversarial_latent.evaluation.figures.charts import (
    mixture_figure,
    mode_figure,
    scatter_figure,
    simplex_figure,
)
from adversarial_latent.evaluation.figures.curves import candidates_figure
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
from adversarial_latent.evaluation.mixtures import DISTANCE

Draw = Callable[..., Figure]

_ARROWS = " Arrows name the majority class of a component's test examples."


def draw(name: str, arrays: Mapping[str, np.ndarray]) -> Figure:
    """Draws a figure.

    Args:
      name: a name in `FIGURES`.
      arrays: its arrays by name, as an evaluator computes them.

    Raises:
      InputError: there are too many components, rows or columns.
    """
    return FIGURES[name](**arrays)


def _captioned(figure: Figure, caption: str) -> Figure:
    figure.set_label(caption)
    return figure


def _components(
    members: np.ndarray,
    wrong: np.ndarray,
    names: np.ndarray,
    ink: np.ndarray,
    generated: np.ndarray | None = None,
) -> Figure:
    caption = "Random test images that were assigned to each component."
    if generated is not None:
        caption = (
            caption[:-1] + " (left), and random samples of that component (right)."
        )
    if any("→" in name for name in names):
        caption += " The arrow names the majority class of its images."
    if wrong.any():
        caption += " Images of another class have a red frame."
    figure = component_figure(
        members, generated, _texts(names), wrong=wrong, inverted=bool(ink)
    )
    return _captioned(figure, caption)


def _clustering_matrix(**arrays: np.ndarray) -> Figure:
    return _matrices(
        "cluster",
        "Cluster matrix of the test split: how many examples of each class (row) "
        "are in each cluster (column; blank: none). Clusters are ordered by "
        "their majority class, which is outlined. Colour: share of the class.",
        **arrays,
    )


def _classification_matrix(**arrays: np.ndarray) -> Figure:
    return _matrices(
        "predicted class",
        "Confusion matrix of the test split: how many examples of each class (row) "
        "were assigned to each class (column; blank: none). Colour: share of the "
        "class.",
        **arrays,
    )


def _matrices(
    column_title: str,
    caption: str,
    *,
    counts: np.ndarray,
    mappings: np.ndarray,
    titles: np.ndarray,
    class_names: np.ndarray,
    column_names: np.ndarray,
) -> Figure:
    if len(counts) > 1:
        caption += (
            " The first matrix shows what the network infers from an image; with "
            "eq. 19, it is what the mixture's p(y|z) infers from the image's code."
        )
    figure = matrix_figure(
        dict(zip(_texts(titles), counts, strict=True)),
        list(mappings),
        _texts(class_names),
        _texts(column_names),
        column_title,
    )
    return _captioned(figure, caption)


def _simplex(
    y: np.ndarray,
    corner_names: np.ndarray,
    meaning: np.ndarray,
    groups: np.ndarray,
    group_names: np.ndarray,
) -> Figure:
    figure = simplex_figure(
        y,
        groups,
        _texts(group_names),
        _texts(corner_names),
        legend_title=str(meaning),
    )
    return _captioned(
        figure,
        f"The probabilities q(y|x) of {len(y)} test examples on the simplex. At a "
        "corner, the component named there is certain; in the middle, all three are "
        f"equally probable. Colour: {meaning}. Points are shifted slightly at random, "
        "so that those at a corner do not hide each other.",
    )


def _tsne(
    points: np.ndarray,
    meaning: np.ndarray,
    groups: np.ndarray,
    group_names: np.ndarray,
) -> Figure:
    figure = scatter_figure(
        points, groups, _texts(group_names), legend_title=str(meaning)
    )
    return _captioned(
        figure,
        f"t-SNE projection of the latent codes z of {len(points)} test examples, "
        f"coloured by {meaning}.",
    )


def _mixture_distances(
    distances: np.ndarray, names: np.ndarray, named_by_majority: np.ndarray
) -> Figure:
    caption = (
        "Distances between the components of the mixture, ordered so that near "
        f"components are adjacent: {DISTANCE}."
    )
    caption += _ARROWS if named_by_majority else ""
    return _captioned(distance_figure(distances, _texts(names)), caption)


def _mixture_merging(
    tree: np.ndarray, names: np.ndarray, named_by_majority: np.ndarray
) -> Figure:
    caption = (
        "The order in which the nearest components of the mixture merge. A bar stands "
        "at the mean distance between the components that it joins, in standard "
        "deviations."
    )
    caption += _ARROWS if named_by_majority else ""
    return _captioned(tree_figure(tree, _texts(names)), caption)


def _mixture_plane(
    codes: np.ndarray,
    means: np.ndarray,
    covariances: np.ndarray,
    component_classes: np.ndarray,
    names: np.ndarray,
    shares: np.ndarray,
    meaning: np.ndarray,
    groups: np.ndarray,
    group_names: np.ndarray,
) -> Figure:
    figure = mixture_figure(
        codes,
        groups,
        _texts(group_names),
        means,
        covariances,
        component_classes,
        _texts(names),
        legend_title=str(meaning),
        axis_labels=(
            f"first principal component of the means ({shares[0]:.0%})",
            f"second ({shares[1]:.0%})",
        ),
    )
    return _captioned(
        figure,
        "The mixture in the plane of the first two principal components of its means, "
        "with the share of the means' variance that each explains. Ellipses of one "
        "standard deviation, labelled with the number or class of the component, over "
        f"the codes of {len(codes)} test examples. Colour: {meaning}; for a component, "
        "that of most of its examples.",
    )


def _reconstruction(
    originals: np.ndarray, reconstructions: np.ndarray, ink: np.ndarray
) -> Figure:
    return _captioned(
        reconstruction_figure(originals, reconstructions, inverted=bool(ink)),
        "Reconstructions of random test images. In each pair the original is on "
        "the left, its reconstruction on the right.",
    )


def _interpolation(
    first: np.ndarray, between: np.ndarray, last: np.ndarray, ink: np.ndarray
) -> Figure:
    return _captioned(
        interpolation_figure(first, between, last, inverted=bool(ink)),
        "Interpolation between random test images, which are in the first and last "
        "columns. Between them are decoded points on the straight line from one latent "
        "code to the other, ends included.",
    )


def _variations(
    originals: np.ndarray, variations: np.ndarray, ink: np.ndarray
) -> Figure:
    figure = image_blocks(
        [originals[:, None], variations],
        headers=["original", "generated from codes drawn from q(z|x)"],
        inverted=bool(ink),
    )
    return _captioned(
        figure,
        "Random test images (left) and, in the same row, images generated from random "
        "codes that the model infers for them.",
    )


def _samples(
    images: np.ndarray, components: np.ndarray, styles: np.ndarray, ink: np.ndarray
) -> Figure:
    caption = "Samples of the model, with codes drawn from its prior; not selected."
    if styles:
        caption += " Each row is a component of the prior, and each column is a style."
    elif len(components):
        caption += " Each row is a component of the prior."
    figure = image_grid(
        images, row_labels=[str(k) for k in components], inverted=bool(ink)
    )
    return _captioned(figure, caption)


def _manifold_codes(
    z: np.ndarray,
    labels: np.ndarray | None = None,
    class_names: np.ndarray | Sequence[str] = (),
) -> Figure:
    coloured = "" if labels is None else ", coloured by class"
    return _captioned(
        scatter_figure(z, labels, _texts(class_names), axis_labels=("z₁", "z₂")),
        f"Latent codes of the test split{coloured}.",
    )


def _manifold_traversal(
    images: np.ndarray, values: np.ndarray, ink: np.ndarray
) -> Figure:
    figure = image_grid(
        images,
        row_labels=[f"{value:.1f}" for value in values[::-1]],
        column_labels=[f"{value:.1f}" for value in values],
        inverted=bool(ink),
    )
    return _captioned(figure, "Images decoded from a grid of latent codes.")


def _prior_codes(
    points: np.ndarray,
    others: np.ndarray,
    component: np.ndarray,
    num_components: np.ndarray,
) -> Figure:
    names = [str(k) for k in range(int(num_components))]
    return _captioned(
        _scatter_in_common_axes(points, others, component, names, "component"),
        f"t-SNE projection of {len(points)} codes drawn from the prior, coloured by "
        "component.",
    )


def _inferred_codes(
    points: np.ndarray,
    others: np.ndarray,
    labels: np.ndarray | None = None,
    class_names: np.ndarray | Sequence[str] = (),
) -> Figure:
    names = _texts(class_names)
    return _captioned(
        _scatter_in_common_axes(points, others, labels, names, "class"),
        f"Codes inferred from {len(points)} test images, in the same projection.",
    )


def _scatter_in_common_axes(
    points: np.ndarray,
    others: np.ndarray,
    classes: np.ndarray | None,
    names: Sequence[str],
    title: str,
) -> Figure:
    """Draws the points, in axes whose limits include the others."""
    both = np.concatenate([points, others])
    figure = scatter_figure(points, classes, names, legend_title=title)
    axes = figure.axes[0]
    axes.update_datalim([both.min(axis=0), both.max(axis=0)])
    axes.autoscale_view()
    return figure


def _captions(images: np.ndarray, captions: np.ndarray, split: np.ndarray) -> Figure:
    figure = image_grid(
        images,
        row_labels=["\n".join(textwrap.wrap(text, 45)) for text in _texts(captions)],
    )
    return _captioned(
        figure,
        f"Images generated for random captions of the {split} split. Each column is a "
        "style: noise that is the same for all captions.",
    )


def _sentences(
    images: np.ndarray, first: np.ndarray, differences: np.ndarray
) -> Figure:
    figure = image_grid(images.swapaxes(0, 1), column_labels=_texts(differences))
    return _captioned(
        figure,
        f"Images generated for '{first}' and for the same sentence with other words. "
        "Each row is a style.",
    )


def _modes(
    data: np.ndarray,
    samples: np.ndarray,
    means: np.ndarray,
    data_modes: np.ndarray,
    sample_modes: np.ndarray,
    codes: np.ndarray | None = None,
    reconstructions: np.ndarray | None = None,
    codes_title: np.ndarray | str = "",
) -> Figure:
    figure = mode_figure(
        data,
        samples,
        means=means,
        data_modes=data_modes,
        sample_modes=sample_modes,
        codes=codes,
        reconstructions=reconstructions,
        codes_title=str(codes_title),
    )
    inferred = ""
    if reconstructions is not None:
        shown = "Reconstructions" if codes is None else "Codes and reconstructions"
        inferred = f" {shown} have the colour of their data point."
    return _captioned(
        figure,
        f"{len(data)} test points and {len(samples)} samples of the model, "
        f"coloured by mode.{inferred} Samples more than 3 sigma away from every mean "
        "are grey. Small crosses mark the means. Points far outside the data are "
        "cut off.",
    )


def _texts(values: np.ndarray | Sequence[str]) -> list[str]:
    return [str(value) for value in values]


FIGURES: Mapping[str, Draw] = {
    "number_of_clusters": candidates_figure,
    "classification_components": _components,
    "classification_matrix": _classification_matrix,
    "clustering_components": _components,
    "clustering_matrix": _clustering_matrix,
    "classification_simplex": _simplex,
    "clustering_simplex": _simplex,
    "modes": _modes,
    "reconstruction": _reconstruction,
    "manifold_traversal": _manifold_traversal,
    "manifold_codes": _manifold_codes,
    "variations": _variations,
    "interpolation": _interpolation,
    "samples": _samples,
    "captions": _captions,
    "sentences": _sentences,
    "classification_tsne": _tsne,
    "clustering_tsne": _tsne,
    "prior_codes": _prior_codes,
    "inferred_codes": _inferred_codes,
    "mixture_distances": _mixture_distances,
    "mixture_merging": _mixture_merging,
    "mixture_plane": _mixture_plane,
}
"""In the order of a report."""
