r"""Measures which numbers of clusters are chosen without labels, beside the true ones.

    python -m experiments.choose_number_of_clusters --workdir=runs/numbers \
        --data_dir=TFDS_DIRECTORY --output=experiments/results/number_of_clusters

Candidates are those of configs/cluster.py:k=auto, or of --candidates. They are trained
and scored exactly as there; the run that follows such a choice is left out. MNIST has
dense networks, so that a candidate takes minutes on a CPU, and 10,000 images.

--output is a folder that receives a JSON file and a figure for each data set, and
README.md. Labels are only used after the choice: for the adjusted Rand index of each
candidate with the classes. Launched again, the program continues.
"""

import os
from collections.abc import Callable
from typing import Any

import ml_collections
import numpy as np
from absl import flags
from sklearn import datasets
from sklearn.metrics import adjusted_rand_score

from adversarial_latent import games, number_of_clusters, run_data
from adversarial_latent.environment import environment
from adversarial_latent.evaluation import candidates
from adversarial_latent.evaluation.figures import candidates_figure, save_figures
from adversarial_latent.evaluation.selection import examples_to_compare
from adversarial_latent.train import train
from adversarial_latent.workdir import (
    load_trials,
    read_json,
    trained_steps,
    write_json,
)
from configs import cluster
from experiments import command_line

_WORKDIR = command_line.define_path("workdir", "Directory of the runs.", required=True)
_OUTPUT = command_line.define_path("output", "Folder of the results.", required=True)
_DATA_DIR = flags.DEFINE_string("data_dir", "", "Directory of TFDS data sets.")
_SETS = flags.DEFINE_list("sets", [], "Names of data sets; all if empty.")
_CANDIDATES = flags.DEFINE_list("candidates", [], "Numbers of clusters; default: auto.")
_QUICK = flags.DEFINE_bool("quick", False, "Few examples and steps, to try it out.")

_LIMIT = 10_000  # training examples
_DURATION = "1000_steps"  # that of configs/cluster.py for up to 20,000 examples


def _digits(config: ml_collections.ConfigDict) -> None:
    config.dataset.name = "digits"


def _mnist(config: ml_collections.ConfigDict) -> None:
    config.dataset.update(name="tfds:mnist", data_dir=_DATA_DIR.value, limit=_LIMIT)
    games.use_preset(config.game, "dense(width=16)")


def _vectors(name: str) -> Callable[[ml_collections.ConfigDict], None]:
    """Standardised measurements that scikit-learn has."""

    def settings(config: ml_collections.ConfigDict) -> None:
        found = getattr(datasets, f"load_{name}")()
        path = os.path.join(_WORKDIR.value, f"{name}.npz")
        os.makedirs(_WORKDIR.value, exist_ok=True)
        np.savez(path, x=found.data.astype(np.float32), y=found.target)
        config.dataset.update(name="npz", path=path)

    return settings


def _ring(config: ml_collections.ConfigDict) -> None:
    config.dataset.update(name="ring", limit=_LIMIT, standardize=False)


DATA: dict[str, Callable[[ml_collections.ConfigDict], None]] = {
    "digits": _digits,
    "mnist": _mnist,
    "ring": _ring,
    "wine": _vectors("wine"),
    "breast_cancer": _vectors("breast_cancer"),
}


def _config(name: str) -> ml_collections.ConfigDict:
    config = cluster.get_config("k=auto")
    DATA[name](config)
    if _CANDIDATES.value:
        config.number_of_clusters.candidates = tuple(map(int, _CANDIDATES.value))
    config.number_of_clusters.duration = _DURATION
    config.evaluators = ()
    if _QUICK.value:
        config.dataset.limit = 200
        config.update(duration="4_steps", steps_per_call=2)
    return config


def _choose(name: str) -> dict[str, Any]:
    """Chooses a number of clusters, and compares the candidates with the classes."""
    config, workdir = _config(name), os.path.join(_WORKDIR.value, name)
    dataset = run_data.load_examples(config, workdir)
    chosen = number_of_clusters.choose(
        config, workdir, dataset, lambda config, workdir, _: train(config, workdir)
    )
    if chosen is None:
        raise KeyboardInterrupt
    scores = read_json(workdir, candidates.FILE)["scores"]
    x = examples_to_compare(dataset)
    labels = dataset.splits["train"].label
    assert labels is not None
    for k, found in scores.items():
        directory = os.path.join(workdir, "number_of_clusters", f"k{k}")
        clusters = [one.encode(x)["y"].argmax(-1) for one in load_trials(directory)]
        found["ari_with_classes"] = [
            float(adjusted_rand_score(labels[: len(x)], trial)) for trial in clusters
        ]
        found["clusters_in_use"] = [len(np.unique(trial)) for trial in clusters]
        found["steps"] = trained_steps(directory)
    return {
        "chosen": chosen,
        "classes": dataset.num_classes,
        "candidates": scores,
        "seeds": [config.seed + trial for trial in range(config.trials)],
        "command": (
            f"python -m experiments.choose_number_of_clusters --sets={name} "
            f"--candidates={','.join(scores)}"
        ),
        "protocol": f"{dataset.protocol}; scored on {len(x)} training examples",
        "environment": environment(),
    }


def _draw(name: str, found: dict[str, Any]) -> None:
    """Draws the curve of a data set, with the index that labels give."""
    scores = found["candidates"].values()
    columns = {
        "score": [one["score"] for one in scores],
        "agreement": [one["agreement"] for one in scores],
        "modularity": [one["modularity"] for one in scores],
        "adjusted Rand index\nwith the classes": [
            float(np.mean(one["ari_with_classes"])) for one in scores
        ],
    }
    figure = candidates_figure(
        np.array([int(k) for k in found["candidates"]]),
        np.array(list(columns.values())).T,
        list(columns),
        found["chosen"],
        found["classes"],
    )
    save_figures({name: figure}, _OUTPUT.value)


def _page(results: dict[str, dict[str, Any]]) -> str:
    """The README of the results: a table with a row for each data set."""
    wrong = [n for n, found in results.items() if found["chosen"] != found["classes"]]
    lines = [
        "# The number of clusters, chosen without labels",
        "",
        "`python -m experiments.choose_number_of_clusters` wrote this page, and for",
        "each data set a figure and a JSON file with scores, seeds, steps, device and",
        "commit. Score: agreement of the trials (adjusted Rand index) times modularity",
        "in the graph of 5 nearest neighbours. Labels were not used to choose. Best by",
        "labels: the highest mean adjusted Rand index with the classes.",
        "",
        "Trials agree on clusters of the data, but also on unions of them. That is",
        "why modularity is a factor. The score was fixed on three blobs, digits with 2",
        "and 10 clusters and the ring with 2, 6, 8 and 10, and was not changed for the",
        "other results.",
        "",
        f"The number is not that of the classes on: {', '.join(wrong) or 'no set'}.",
        "",
        "Limits: a number that is no candidate cannot be found, and the clusters need",
        "not be the classes, even if their number is right: see their adjusted Rand",
        "index. Limits to be expected, but not measured: the loss balances clusters,",
        "so classes of very different sizes are split or joined; groups that have",
        "subgroups have two right answers; and two trials are one pair, whose",
        "agreement varies with the seeds.",
        "",
        "| data | chosen | classes | candidates | best by labels |",
        "|---|---|---|---|---|",
    ]
    for name, found in results.items():
        by_labels = {
            k: float(np.mean(one["ari_with_classes"]))
            for k, one in found["candidates"].items()
        }
        chosen, classes = (
            f'[{found[field]}]({name}.json "{field}")'
            for field in ("chosen", "classes")
        )
        lines.append(
            f"| {name} | {chosen} | {classes} | {', '.join(found['candidates'])} | "
            f"{max(by_labels, key=lambda k: by_labels[k])} |"
        )
    for name, found in results.items():
        lines += [
            "",
            f"## {name}",
            "",
            "| clusters | score | agreement | modularity | in use | ARI with classes |",
            "|---|---|---|---|---|---|",
        ]
        for k, one in found["candidates"].items():
            shown = f"**{k}**" if int(k) == found["chosen"] else k
            in_use = ", ".join(map(str, one["clusters_in_use"]))
            ari = ", ".join(f"{value:.3f}" for value in one["ari_with_classes"])
            lines.append(
                f"| {shown} | {one['score']:.3f} | {one['agreement']:.3f} | "
                f"{one['modularity']:.3f} | {in_use} | {ari} |"
            )
        lines += ["", f"![Scores of numbers of clusters on {name}]({name}.png)"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Chooses a number of clusters for each data set."""
    names = _SETS.value or list(DATA)
    if unknown := set(names) - set(DATA):
        raise ValueError(f"--sets: unknown {sorted(unknown)}; there are {list(DATA)}")
    os.makedirs(_OUTPUT.value, exist_ok=True)
    for name in names:
        found = _choose(name)
        write_json(_OUTPUT.value, f"{name}.json", found)
        _draw(name, found)
    results = {
        name: read_json(_OUTPUT.value, f"{name}.json")
        for name in DATA
        if os.path.exists(os.path.join(_OUTPUT.value, f"{name}.json"))
    }
    with open(os.path.join(_OUTPUT.value, "README.md"), "w") as file:
        file.write(_page(results))


if __name__ == "__main__":
    command_line.run(main)
