"""Chooses the number of clusters of a run without labels.

If `config.number_of_clusters.candidates` are given and `config.game.num_components` is
0, each candidate is trained first, in WORKDIR/number_of_clusters/kK: an ordinary run
with its own config, which resumes and can be evaluated as any other. Its clusters of
training examples are scored (`evaluation.candidates`). Then the run itself is trained
with the best number. WORKDIR/number_of_clusters.json has the scores.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import jax
import ml_collections

from adversarial_latent import config as config_lib
from adversarial_latent import parallel, run_data, sizing
from adversarial_latent.checkpoints import has_checkpoint
from adversarial_latent.data import Dataset
from adversarial_latent.evaluation import candidates as scoring
from adversarial_latent.evaluation.run import check_evaluation
from adversarial_latent.evaluation.selection import examples_to_compare
from adversarial_latent.games import make_game
from adversarial_latent.inputs import InputError
from adversarial_latent.logging import announce
from adversarial_latent.workdir import claim, load_trials, read_json, write_json

Train = Callable[[ml_collections.ConfigDict, str, Dataset], bool]
Configs = Mapping[int, ml_collections.ConfigDict]


def is_open(config: ml_collections.ConfigDict) -> bool:
    """Whether a config leaves the number of clusters to be chosen."""
    candidates = config.number_of_clusters.candidates
    return bool(candidates) and config.game.get("num_components") == 0


def choose(
    config: ml_collections.ConfigDict, workdir: str, dataset: Dataset, train: Train
) -> int | None:
    """Trains and scores the candidates, and chooses one.

    An interrupted choice continues: candidates with a score are not trained again.

    Args:
      config: config of the run, for which `is_open` is true.
      workdir: its directory.
      dataset: its data.
      train: trains a complete config in a directory; returns whether it is complete.

    Returns:
      the number of clusters; None if a signal stopped training.

    Raises:
      InputError: a candidate does not fit the game or the data, or candidates in
        `workdir` were trained on other data.
      RuntimeError: another live run uses `workdir`.
      ValueError: `workdir` has a run, or candidates, with another config.
    """
    record = _read_record(workdir)
    if has_checkpoint(os.path.join(workdir, "checkpoints")):
        if record["chosen"] is None:
            raise ValueError(
                f"{workdir} contains a run with a given number of clusters, but here "
                "it is to be chosen: choose another --workdir, or give the number"
            )
        return record["chosen"]  # the run's config is compared when it continues
    configs = _configs(config, dataset)
    scores = {int(k): score for k, score in record["scores"].items()}
    with claim(workdir, config):
        if configs.keys() - scores.keys():
            announce(_describe(configs))
        for number, (k, candidate) in enumerate(configs.items(), start=1):
            directory = os.path.join(workdir, "number_of_clusters", f"k{k}")
            with claim(directory, candidate):
                run_data.check_recorded(dataset, directory)
                if k in scores:
                    continue
                announce(f"candidate {number} of {len(configs)}: {k} clusters")
                if not train(candidate, directory, dataset):
                    return None
                compared = examples_to_compare(dataset)
                scores[k] = scoring.score(load_trials(directory), compared)
                _write_record(workdir, scores, None)
        scores = {k: scores[k] for k in configs}
        chosen = parallel.from_first_process(scoring.best(scores))
        _write_record(workdir, scores, chosen)
        announce(f"{chosen} clusters are chosen")
    return chosen


def _configs(config: ml_collections.ConfigDict, dataset: Dataset) -> Configs:
    """The configs of the candidates by their numbers of clusters, in ascending order.

    Raises:
      InputError: a candidate does not fit the game or the data.
    """
    numbers = sorted(config.number_of_clusters.candidates)
    if numbers[-1] > len(dataset.splits["train"]):
        raise InputError(
            f"config.number_of_clusters.candidates has {numbers[-1]}, but "
            f"{dataset.name!r} has only {len(dataset.splits['train'])} training "
            "examples: leave out such candidates"
        )
    configs = {}
    for k in numbers:
        complete = config.copy_and_resolve_references()
        complete.game.num_components = k
        complete = sizing.fit_to_data(complete, dataset)
        game = make_game(complete.game)
        if game.num_components is None or game.uses_labels or game.conditional:
            raise InputError(
                f"the game {complete.game.name!r} learns no clusters whose number "
                "could be chosen: leave config.number_of_clusters.candidates empty"
            )
        check_evaluation(complete, game)  # of the run, before hours of training
        configs[k] = _candidate(complete, len(dataset.splits["train"]))
    return configs


def _candidate(
    config: ml_collections.ConfigDict, num_examples: int
) -> ml_collections.ConfigDict:
    """The config of a candidate, from that of the run with its number of clusters."""
    candidate = config.copy_and_resolve_references()
    durations = (config.duration, config.number_of_clusters.duration)
    steps = min(_steps(config, duration, num_examples) for duration in durations)
    candidate.update(duration=f"{steps}_steps", evaluators=(), curves=())
    candidate.number_of_clusters = config_lib.default_config().number_of_clusters
    return candidate


def _steps(config: ml_collections.ConfigDict, duration: str, num_examples: int) -> int:
    minibatches = max((one.repeats for one in config.players.values()), default=1)
    examples_per_step = config.batch_size * minibatches
    return config_lib.duration_in_steps(duration, examples_per_step, num_examples)


def _describe(configs: Configs) -> str:
    numbers = ", ".join(map(str, configs))
    steps = next(iter(configs.values())).duration.replace("_", " ")
    return (
        f"number of clusters: {len(configs)} candidates ({numbers}), each trained for "
        f"{steps}; then the run itself, with the best"
    )


def _read_record(workdir: str) -> dict[str, Any]:
    """Reads what is known of the candidates by now."""
    if not os.path.exists(os.path.join(workdir, scoring.FILE)):
        return {"chosen": None, "scores": {}}
    return read_json(workdir, scoring.FILE)


def _write_record(
    workdir: str, scores: Mapping[int, scoring.Score], chosen: int | None
) -> None:
    if jax.process_index() == 0:
        by_name = {str(k): score for k, score in sorted(scores.items())}
        write_json(workdir, scoring.FILE, {"chosen": chosen, "scores": by_name})
