"""The registry of numbers in results.json: their meaning and format.

It is used by the report, the table of results and the tables of sweeps.
"""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Metric:
    """The meaning and format of a number.

    Attributes:
      title: its name in words.
      meaning: what it measures, in one clause.
      unit: written after a value; "%" shows a fraction in percent.
      decimals: digits after the point.
      better: "lower", "higher", or "" if neither is better.
    """

    title: str
    meaning: str
    unit: str = ""
    decimals: int = 3
    better: str = ""

    def show(self, value: float) -> str:
        """Formats a value, without its unit."""
        return f"{self._scale * value:.{self.decimals}f}"

    def show_spread(self, mean: float, std: float) -> str:
        """Formats a mean and a standard deviation, without their unit."""
        return f"{self.show(mean)} ± {self.show(std)}"

    def with_unit(self, text: str) -> str:
        """Adds the unit to a formatted value or spread."""
        return f"{text} {self.unit}".strip()

    @property
    def _scale(self) -> float:
        return 100.0 if self.unit == "%" else 1.0


def _percent(title: str, meaning: str, better: str) -> Metric:
    return Metric(title, meaning, unit="%", decimals=2, better=better)


METRICS: Mapping[str, Metric] = {
    "classification_error": _percent(
        "Classification error",
        "share of test examples whose predicted class is wrong",
        better="lower",
    ),
    "classification_error_from_z": _percent(
        "Classification error, from the code",
        "the same, with the class inferred from an example's latent code",
        better="lower",
    ),
    "classification_error_from_sampled_z": _percent(
        "Classification error, from a sampled code",
        "the same, with a code that is sampled as in training",
        better="lower",
    ),
    "clustering_accuracy": _percent(
        "Clustering accuracy, one-to-one",
        "share of test examples in the right cluster when each class gets one cluster",
        better="higher",
    ),
    "clustering_error": _percent(
        "Clustering error",
        "share of test examples whose class is not the majority class of their cluster",
        better="lower",
    ),
    "clustering_error_by_exemplar": _percent(
        "Clustering error, by exemplars",
        "the same, with each cluster labelled by the validation example that is most "
        "probable in it",
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
    "clustering_accuracy_from_z": _percent(
        "Clustering accuracy, one-to-one, from the code",
        "the same, with the cluster inferred from an example's latent code",
        better="higher",
    ),
    "clustering_error_from_z": _percent(
        "Clustering error, from the code",
        "the same, with the cluster inferred from an example's latent code",
        better="lower",
    ),
    "clustering_accuracy_from_sampled_z": _percent(
        "Clustering accuracy, one-to-one, from a sampled code",
        "the same, with a code that is sampled as in training",
        better="higher",
    ),
    "clustering_error_from_sampled_z": _percent(
        "Clustering error, from a sampled code",
        "the same, with a code that is sampled as in training",
        better="lower",
    ),
    "classifier_agreement": _percent(
        "Agreement of image and code",
        "share of test examples for which the image and its latent code give the same "
        "class or cluster",
        better="higher",
    ),
    "classifier_agreement_from_sampled_z": _percent(
        "Agreement of image and sampled code",
        "the same, with a code that is sampled as in training",
        better="higher",
    ),
    "modes_captured": Metric(
        "Modes captured",
        "modes of the data that samples of the model reach",
        decimals=1,
        better="higher",
    ),
    "high_quality_fraction": _percent(
        "High-quality samples",
        "share of samples within three standard deviations of a mode",
        better="higher",
    ),
    "per_mode_std": Metric(
        "Standard deviation within a mode",
        "to be compared with that of an exact sampler, see below",
        decimals=4,
    ),
    "kl_to_uniform": Metric(
        "KL divergence of the modes from uniform",
        "in nats; 0 if all modes are equally frequent",
        decimals=4,
        better="lower",
    ),
    "reconstruction_mse": Metric(
        "Reconstruction error",
        "mean squared difference of an example and its decoded code",
        decimals=4,
        better="lower",
    ),
    "bits_per_dim": Metric(
        "Bits per dimension",
        "code length of a test example under its likelihood, divided by the number of "
        "its pixels and channels",
        unit="bits",
        better="lower",
    ),
    "nats_per_example": Metric(
        "Negative log-likelihood",
        "mean of -log p(x) of test examples, in nats",
        unit="nats",
        decimals=2,
        better="lower",
    ),
    "bits_per_dim_given_code": Metric(
        "Bits per dimension, given the code",
        "the same for -log p(x|z) with the inferred code z; not a likelihood of x, "
        "since the code is not counted",
        unit="bits",
        better="lower",
    ),
    "nats_per_example_given_code": Metric(
        "Negative log-likelihood, given the code",
        "mean of -log p(x|z) of test examples and the codes z inferred from them, in "
        "nats; not a likelihood of x",
        unit="nats",
        decimals=2,
        better="lower",
    ),
    "generated_label_accuracy": _percent(
        "Accuracy of generated images",
        "share of images generated for a class that a classifier of the data assigns "
        "to that class",
        better="higher",
    ),
    "caption_accuracy": _percent(
        "Accuracy of illustrations",
        "share of images generated for a caption that a classifier of the data assigns "
        "to the class of the caption's image",
        better="higher",
    ),
    "style_consistency": Metric(
        "Consistency of style",
        "share of the variance of brightness, breadth and slant within components that "
        "the style explains",
        decimals=2,
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
    "classifier_error": _percent(
        "Error of that classifier",
        "share of real test images that it classifies wrongly",
        better="lower",
    ),
    "classifier_frechet_distance": Metric(
        "Frechet distance by a classifier of the data",
        "between the classifier's features of generated and test images; not "
        "comparable with distances by ImageNet networks",
        better="lower",
    ),
    "nearest_component_distance": Metric(
        "Distance to the nearest component",
        "mean over the mixture's components, in their standard deviations; below 2 "
        "neighbours overlap",
        decimals=2,
    ),
    "merged_clustering_accuracy": _percent(
        "Clustering accuracy of merged components, one-to-one",
        "with the nearest components merged until there are as many as classes",
        better="higher",
    ),
    "merged_nmi": Metric(
        "Normalised mutual information of merged components",
        "the same clusters and the classes, from 0 to 1",
        better="higher",
    ),
    "mixture_std": Metric(
        "Standard deviation of the components",
        "mean over the mixture's components and the dimensions of the latent code",
    ),
    "log_p_z": Metric(
        "Log-density of the codes",
        "mean of log p(z) of test examples under the mixture, in nats; compare it "
        "between trials of one config only",
        unit="nats",
        decimals=2,
    ),
}
"""In order of importance: the first one that a run has is its headline."""


def describe(name: str) -> Metric:
    """Looks up a number; the title of an unregistered one is its name.

    Numbers of one attribute, such as `caption_accuracy_colour`, are described like the
    number of which they are a part.
    """
    whole, _, attribute = name.partition("_accuracy_")
    if (accuracy := METRICS.get(f"{whole}_accuracy")) and whole == "caption":
        return dataclasses.replace(
            accuracy,
            title=f"{accuracy.title}: {attribute}",
            meaning=f"the same for the attribute {attribute!r} alone",
        )
    return METRICS.get(name) or Metric(name.replace("_", " ").capitalize(), "")
