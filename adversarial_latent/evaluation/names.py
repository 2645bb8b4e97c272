"""What the numbers of results.json are, for readers who do not know them."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Metric:
    """How a number is shown to a reader who does not know it.

    Attributes:
      title: its name in words.
      meaning: one clause.
      is_share: shown in percent.
      better: "lower", "higher", or "" where neither is.
    """

    title: str
    meaning: str
    is_share: bool = False
    better: str = ""

    def show(self, value: float) -> str:
        """Formats one value, without its unit."""
        if self.is_share:
            return f"{100 * value:.2f}"
        return f"{value:.0f}" if float(value).is_integer() else f"{value:#.4g}"

    def show_spread(self, mean: float, std: float) -> str:
        """Formats a mean and a standard deviation."""
        spread = f"{100 * std:.2f}" if self.is_share else f"{std:.2g}"
        return f"{self.show(mean)} ± {spread}"

    @property
    def unit(self) -> str:
        """What stands behind a value."""
        return " %" if self.is_share else ""


METRICS: Mapping[str, Metric] = {
    "classification_error": Metric(
        "Classification error",
        "share of test examples whose predicted class is wrong",
        is_share=True,
        better="lower",
    ),
    "classification_error_from_z": Metric(
        "Classification error, from the code",
        "the same, where the class is read off an example's latent code",
        is_share=True,
        better="lower",
    ),
    "clustering_accuracy": Metric(
        "Clustering accuracy, one-to-one",
        "share of test examples in the right cluster when each class gets one cluster",
        is_share=True,
        better="higher",
    ),
    "clustering_error": Metric(
        "Clustering error",
        "share of test examples whose class is not the majority class of their cluster",
        is_share=True,
        better="lower",
    ),
    "clustering_error_by_exemplar": Metric(
        "Clustering error, by exemplars",
        "the same, where a cluster has the label of the one validation example that is "
        "most probable in it",
        is_share=True,
        better="lower",
    ),
    "nmi": Metric(
        "Normalised mutual information",
        "agreement of clusters and classes, from 0 to 1",
        better="higher",
    ),
    "ari": Metric(
        "Adjusted Rand index",
        "agreement on which pairs belong together; 0 by chance, 1 at best",
        better="higher",
    ),
    "clustering_accuracy_from_z": Metric(
        "Clustering accuracy, one-to-one, from the code",
        "the same, where the cluster is read off an example's latent code",
        is_share=True,
        better="higher",
    ),
    "clustering_error_from_z": Metric(
        "Clustering error, from the code",
        "the same, where the cluster is read off an example's latent code",
        is_share=True,
        better="lower",
    ),
    "classifier_agreement": Metric(
        "Agreement of image and code",
        "share of test examples for which the image and its latent code give the same "
        "class or cluster",
        is_share=True,
        better="higher",
    ),
    "modes_captured": Metric(
        "Modes captured",
        "modes of the data that samples of the model reach",
        better="higher",
    ),
    "high_quality_fraction": Metric(
        "High-quality samples",
        "share of samples within three standard deviations of a mode",
        is_share=True,
        better="higher",
    ),
    "per_mode_std": Metric(
        "Standard deviation within a mode",
        "to be compared with that of an exact sampler, see below",
    ),
    "kl_to_uniform": Metric(
        "KL divergence of the modes from uniform",
        "in nats; 0 if all modes are equally frequent",
        better="lower",
    ),
    "reconstruction_mse": Metric(
        "Reconstruction error",
        "mean squared difference of an example and its decoded code",
        better="lower",
    ),
    "bits_per_dim": Metric(
        "Bits per dimension",
        "what a test example's likelihood takes to write down, divided by its pixels "
        "and channels",
        better="lower",
    ),
    "nats_per_example": Metric(
        "Negative log-likelihood",
        "mean of -log p(x) of test examples, in nats",
        better="lower",
    ),
    "bits_per_dim_given_code": Metric(
        "Bits per dimension, given the code",
        "the bits that the inferred code leaves open, divided by pixels and channels; "
        "no likelihood, since the code is not counted",
        better="lower",
    ),
    "nats_per_example_given_code": Metric(
        "Negative log-likelihood, given the code",
        "mean of -log p(x|z) of test examples and the codes z inferred from them, in "
        "nats; no likelihood of x",
        better="lower",
    ),
    "generated_label_accuracy": Metric(
        "Accuracy of generated images",
        "share of images generated for a class that a classifier of the data takes for "
        "that class",
        is_share=True,
        better="higher",
    ),
    "caption_accuracy": Metric(
        "Accuracy of illustrations",
        "share of images generated for a caption that a classifier of the data takes "
        "for the class of the image that the caption is of",
        is_share=True,
        better="higher",
    ),
    "style_consistency": Metric(
        "Consistency of style",
        "share of the variance of brightness, breadth and slant within components that "
        "the style explains",
        better="higher",
    ),
    "classifier_inception_score": Metric(
        "Inception score by a classifier of the data",
        "1 for images of one class or of none, at best the number of classes; not "
        "comparable with scores by ImageNet networks",
        better="higher",
    ),
    "classifier_inception_score_of_data": Metric(
        "The same score of real test images",
        "what a perfect generator would reach",
    ),
    "classifier_error": Metric(
        "Error of that classifier",
        "share of real test images that it classifies wrongly",
        is_share=True,
        better="lower",
    ),
    "classifier_frechet_distance": Metric(
        "Frechet distance by a classifier of the data",
        "of the classifier's features of generated and of test images; not comparable "
        "with distances by ImageNet networks",
        better="lower",
    ),
    "nearest_component_distance": Metric(
        "Distance to the nearest component",
        "mean over the mixture's components, in their standard deviations; below 2 "
        "neighbours overlap",
    ),
    "mixture_std": Metric(
        "Standard deviation of the components",
        "mean over the mixture's components and the dimensions of the latent code",
    ),
    "log_p_z": Metric(
        "Log-density of the codes",
        "mean of log p(z) of test examples under the mixture, in nats; compare it "
        "between trials of one config only",
    ),
}
"""In order of importance: the first one that a run has is its headline."""


def describe(name: str) -> Metric:
    """What a number is; one that is not listed has just its name.

    Numbers of one attribute, `caption_accuracy_colour`, are described as the whole.
    """
    whole, _, attribute = name.partition("_accuracy_")
    if (accuracy := METRICS.get(f"{whole}_accuracy")) and whole == "caption":
        return dataclasses.replace(
            accuracy,
            title=f"{accuracy.title}: {attribute}",
            meaning=f"the same of the attribute {attribute!r} alone",
        )
    return METRICS.get(name) or Metric(name.replace("_", " ").capitalize(), "")
