"""Data sources, splits and label subsets, and the pipelines that feed train steps."""

from adversarial_latent.data.examples import Dataset, Examples, to_float
from adversarial_latent.data.features import compute as compute_features
from adversarial_latent.data.lazy import LazyArray
from adversarial_latent.data.new_inputs import read_images
from adversarial_latent.data.pipelines import Pairs, Pipeline, make_pipeline
from adversarial_latent.data.quantities import Quantity
from adversarial_latent.data.quantities import compute as compute_quantities
from adversarial_latent.data.scaling import Scaling
from adversarial_latent.data.sources import default_config, load
from adversarial_latent.data.splits import label_subset
from adversarial_latent.data.synthetic import (
    GRID_SIGMA,
    RING_SIGMA,
    grid_means,
    mode_names,
    ring_means,
)
from adversarial_latent.inputs import parse_image_shape

__all__ = [
    "GRID_SIGMA",
    "RING_SIGMA",
    "Dataset",
    "Examples",
    "LazyArray",
    "Pairs",
    "Pipeline",
    "Quantity",
    "Scaling",
    "compute_features",
    "compute_quantities",
    "default_config",
    "grid_means",
    "label_subset",
    "load",
    "make_pipeline",
    "mode_names",
    "parse_image_shape",
    "read_images",
    "ring_means",
    "to_float",
]
