r"""Compares AMM with other clustering methods on data sets of several kinds.

    pip install scikit-image
    npm pack emoji-datasource-google && tar xzf emoji-datasource-google-*.tgz
    python -m experiments.compare_clustering --workdir=runs/clustering \
        --data_dir=TFDS_DIRECTORY --emoji=package \
        --output=experiments/results/clustering

The number of clusters is the number of classes. Every method sees the same training
examples, without labels, and is scored on the same test examples. Vectors are
standardised. AMM and information maximisation are configs/cluster.py as it is; of their
trials, one is chosen without labels. k-means and Gaussian mixtures (diagonal
covariances on pixels, full ones on principal components) are scikit-learn's with 10 and
3 initialisations, of which the best by their own objective counts. No setting was tuned
on any of the data sets but the digits and MNIST, on which AMM's were found.

--output is a folder that receives table.json and README.md. Launched again, the program
continues; data sets that are done are not repeated.
"""

import json
import os
import time
import warnings
from collections.abc import Callable
from typing import Any

import ml_collections
import numpy as np
from absl import flags

from adversarial_latent import run_data
from adversarial_latent.data import Dataset
from adversarial_latent.environment import environment
from adversarial_latent.evaluation import metrics
from adversarial_latent.logging import read_metrics
from adversarial_latent.train import train_and_evaluate
from configs import cluster
from experiments import command_line

_WORKDIR = command_line.define_path("workdir", "Directory of the runs.", required=True)
_OUTPUT = command_line.define_path("output", "Folder of the table.", required=True)
_DATA_DIR = flags.DEFINE_string("data_dir", "", "Directory of TFDS data sets.")
_EMOJI = command_line.define_path(
    "emoji", "The npm package emoji-datasource-google, unpacked."
)
_SETS = flags.DEFINE_list("sets", [], "Names of data sets; all if empty.")
_QUICK = flags.DEFINE_bool("quick", False, "Few examples and steps, to try it out.")

_COMPONENTS = 50  # principal components
_INITIALISATIONS = {"k-means": 10, "Gaussian mixture": 3}
_SEED = 0
# Examples of each split, so that all data sets take minutes.
_LIMIT = 10_000


def _save(name: str, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Saves arrays as an npz file, and returns the fields of `config.dataset`."""
    path = os.path.join(_WORKDIR.value, f"{name}.npz")
    os.makedirs(_WORKDIR.value, exist_ok=True)
    np.savez(path, x=x, y=y)
    return {"name": "npz", "path": path}


def _vectors(name: str) -> dict[str, Any]:
    """A data set of scikit-learn with measurements."""
    from sklearn import datasets

    found = getattr(datasets, f"load_{name}")()
    return _save(name, found.data.astype(np.float32), found.target)


def _faces() -> dict[str, Any]:
    """scikit-image's 100 faces of LFW and 100 other patches, 25x25 grey."""
    from skimage.data import lfw_subset

    x = (np.asarray(lfw_subset()) * 255).round().astype(np.uint8)
    return _save("faces", x, np.repeat(["face", "other"], 100))


def _emoji() -> dict[str, Any]:
    """Google's emoji on black, 32x32 colour, with their categories."""
    from PIL import Image

    if not _EMOJI.value:
        raise ValueError("set --emoji to the unpacked package, or leave out this set")
    with open(os.path.join(_EMOJI.value, "emoji.json")) as file:
        listed = [one for one in json.load(file) if one["has_img_google"]]
    listed = [one for one in listed if one["category"] != "Component"]
    folder = os.path.join(_EMOJI.value, "img", "google", "64")
    x = []
    for one in listed:
        with Image.open(os.path.join(folder, one["image"])) as image:
            colour = image.convert("RGBA")
        black = Image.new("RGBA", colour.size, (0, 0, 0, 255))
        black.alpha_composite(colour)
        x.append(np.asarray(black.convert("RGB").resize((32, 32))))
    return _save("emoji", np.stack(x), np.array([one["category"] for one in listed]))


def _tfds(name: str) -> dict[str, Any]:
    return {"name": f"tfds:{name}", "data_dir": _DATA_DIR.value, "limit": _LIMIT}


DATA: dict[str, Callable[[], dict[str, Any]]] = {
    "digits": lambda: {"name": "digits"},
    "wine": lambda: _vectors("wine"),
    "breast_cancer": lambda: _vectors("breast_cancer"),
    "faces": _faces,
    "emoji": _emoji,
    "mnist": lambda: _tfds("mnist"),
    "cifar10": lambda: _tfds("cifar10"),
}


def _config(game: str, fields: dict[str, Any]) -> ml_collections.ConfigDict:
    config = cluster.get_config(f"game={game}")
    config.dataset.update(fields)
    config.seed = _SEED
    config.evaluators = ("clustering",)
    if _QUICK.value:
        config.dataset.limit = 200
        config.update(duration="4_steps", steps_per_call=2)
    return config


def _learned(game: str, fields: dict[str, Any], workdir: str) -> dict[str, Any]:
    """Trains configs/cluster.py with a game; resumes it if it was interrupted."""
    results = train_and_evaluate(_config(game, fields), workdir)
    if results is None:
        raise KeyboardInterrupt
    found = results["results"]
    return {
        "accuracy": found["clustering_accuracy"]["chosen"],
        "nmi": found["nmi"]["chosen"],
        "accuracy_of_trials": found["clustering_accuracy"]["trials"],
        "nmi_of_trials": found["nmi"]["trials"],
        # The log starts again when a run resumes: then this is the last part only.
        "seconds": read_metrics(workdir)[-1]["seconds"],
    }


def _classical(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """k-means and Gaussian mixtures on values, and on principal components."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture

    train, test = (
        dataset.splits[name].as_float().reshape(len(dataset.splits[name]), -1)
        for name in ("train", "test")
    )
    labels, k = dataset.splits["test"].label, dataset.num_classes
    assert labels is not None
    assert k is not None
    spaces = {"": (train, test)}
    if train.shape[1] > _COMPONENTS:
        pca = PCA(_COMPONENTS, random_state=_SEED).fit(train)
        spaces[f" on {_COMPONENTS} components"] = (
            pca.transform(train),
            pca.transform(test),
        )
    found = {}
    for space, (fitted, scored) in spaces.items():
        covariance = "full" if space or fitted.shape[1] <= _COMPONENTS else "diag"
        methods = {
            "k-means": KMeans(
                k, n_init=_INITIALISATIONS["k-means"], random_state=_SEED
            ),
            "Gaussian mixture": GaussianMixture(
                k,
                covariance_type=covariance,
                n_init=_INITIALISATIONS["Gaussian mixture"],
                random_state=_SEED,
                reg_covar=1e-4,
            ),
        }
        for name, method in methods.items():
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of convergence
                method.fit(fitted)
            seconds = time.perf_counter() - start
            clusters = method.predict(scored)
            counts = metrics.cluster_matrix(labels, clusters, k, k)
            found[name + space] = {
                "accuracy": metrics.clustering_accuracy(counts),
                "nmi": metrics.nmi(labels, clusters),
                "seconds": seconds,
            }
    return found


def _compare(name: str) -> dict[str, Any]:
    """Results of all methods on a data set."""
    fields = DATA[name]()
    workdir = os.path.join(_WORKDIR.value, name)
    dataset = run_data.load_examples(_config("amm", fields), workdir)
    methods = _classical(dataset)
    for title, game in (("information maximisation", "information"), ("AMM", "amm")):
        methods[title] = _learned(game, fields, os.path.join(workdir, game))
    return {
        "protocol": dataset.protocol,
        "shape": list(dataset.example_shape),
        "classes": dataset.num_classes,
        "seed": _SEED,
        "methods": methods,
        "environment": environment(),
    }


def _table(found: dict[str, Any]) -> str:
    """The README of the results: a table with a row for each data set and method."""
    lines = [
        "# Clustering without labels",
        "",
        "`python -m experiments.compare_clustering` wrote this page and `table.json`,",
        "which has protocols, seeds, trials, devices and commits. Accuracy is",
        "one-to-one, on test examples. Seconds are those of fitting, on the device",
        "that the file names; other programs may have run beside it. AMM's settings",
        "were found on digits and MNIST.",
        "",
        "| data | method | accuracy, % | NMI | seconds |",
        "|---|---|---|---|---|",
    ]
    for name, data in found.items():
        for method, result in data["methods"].items():
            lines.append(
                f"| {name} | {method} | {100 * result['accuracy']:.1f} | "
                f"{result['nmi']:.3f} | {result['seconds']:.1f} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Compares all methods on all data sets."""
    names = _SETS.value or list(DATA)
    if unknown := set(names) - set(DATA):
        raise ValueError(f"--sets: unknown {sorted(unknown)}; there are {list(DATA)}")
    os.makedirs(_OUTPUT.value, exist_ok=True)
    path = os.path.join(_OUTPUT.value, "table.json")
    found: dict[str, Any] = {}
    if os.path.exists(path):
        with open(path) as file:
            found = json.load(file)
    for name in names:
        if name in found:
            continue
        found[name] = _compare(name)
        found = {key: found[key] for key in DATA if key in found}
        with open(path, "w") as file:
            file.write(json.dumps(found, indent=2) + "\n")
        with open(os.path.join(_OUTPUT.value, "README.md"), "w") as file:
            file.write(_table(found))
    print(_table(found))


if __name__ == "__main__":
    command_line.run(main)
