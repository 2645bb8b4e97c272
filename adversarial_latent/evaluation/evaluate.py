"""Evaluates a run: every trial is judged, one is chosen, figures show that one."""

import contextlib
import os
import platform
import subprocess
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import chex
import jax
import ml_collections
import numpy as np
from absl import logging

from adversarial_latent import config as config_lib
from adversarial_latent import run_data
from adversarial_latent.data import Dataset
from adversarial_latent.evaluation import figures
from adversarial_latent.evaluation.evaluator import Evaluation
from adversarial_latent.evaluation.evaluators import get_evaluator
from adversarial_latent.evaluation.report import write_report
from adversarial_latent.evaluation.selection import get_criterion
from adversarial_latent.game import Game, Networks
from adversarial_latent.inputs import InputError, printable
from adversarial_latent.model import Model
from adversarial_latent.sentences import load_dataset
from adversarial_latent.state import TrainState
from adversarial_latent.workdir import (
    load_trials,
    read_config,
    read_json,
    trained_steps,
    write_json,
)

_MAX_SELECTION_EXAMPLES = 5000


def check_evaluation(config: ml_collections.ConfigDict, game: Game) -> None:
    """Refuses, before training, an evaluation that could not happen after it.

    Raises:
      ValueError: an unknown evaluator or selection, one that asks what the game does
        not answer, or one that compares clusters where the game infers none; captions
        that are not embedded, or an embedding that the game has no use for.
    """
    if game.captioned and not config.embedding:
        raise ValueError(
            f"the game {config.game.name!r} learns from captions: let config.embedding "
            "be how they are embedded, as sentences.default_config() has it"
        )
    if config.embedding and not game.captioned:
        raise ValueError(
            f"the game {config.game.name!r} has no use for captions as it is: leave "
            "config.embedding empty"
        )
    untrained = Model(game, {}, {})
    for name in (*config.evaluators, *config.curves):
        evaluator = get_evaluator(name)
        evaluator.check_model(untrained)
        if "classifier" in evaluator.needs and not config.classifier:
            raise ValueError(
                f"the evaluator {name!r} judges generated images by a classifier: let "
                "config.classifier be its config, as configs/classifier.py has it"
            )
    if config.classifier and config.classifier.dataset.name != config.dataset.name:
        raise ValueError(
            f"config.classifier is one of {config.classifier.dataset.name!r}, and "
            f"cannot judge what a model of {config.dataset.name!r} generates"
        )
    if config.selection:
        get_criterion(config.selection)
        if game.num_components is None or game.conditional:
            raise ValueError(
                f"the game {config.game.name!r} infers no clusters to choose a trial "
                "by: leave config.selection empty"
            )


def check_data(config: ml_collections.ConfigDict, dataset: Dataset) -> None:
    """Refuses, before training, data that the evaluators are not for.

    Raises:
      ValueError: naming the evaluator and what the data lack.
    """
    for name in config.evaluators:
        get_evaluator(name).check_data(dataset)
    for name in config.curves:
        get_evaluator(name).check_data(dataset, split_of_curves(dataset))
    if config.selection and config.trials > 1 and len(dataset.splits["train"]) < 2:
        raise InputError(
            f"config.selection={config.selection!r} compares training examples, and "
            f"{dataset.name!r} has one: leave it empty"
        )


def check_codes(
    config: ml_collections.ConfigDict,
    game: Game,
    state: TrainState,
    example: Mapping[str, np.ndarray],
) -> None:
    """Refuses, before training, evaluators of other codes than the game's.

    Args:
      config: of the run.
      game: its game.
      state: shapes of the state of one trial.
      example: a batch, for shapes.

    Raises:
      InputError: naming the evaluator and what it needs.
    """
    evaluators = map(get_evaluator, (*config.evaluators, *config.curves))
    needing = [evaluator for evaluator in evaluators if evaluator.needs_codes]
    if not needing:
        return

    def encode(
        params: chex.ArrayTree, model_state: chex.ArrayTree, key: chex.PRNGKey
    ) -> dict[str, chex.Array]:
        net = Networks(game.networks, params, model_state, key, train=False)
        label = {"label": example["label"]} if game.conditional else {}
        return game.encode(net, example["x"], **label)  # type: ignore[attr-defined]

    code = jax.eval_shape(encode, state.params, state.model_state, state.key)
    for evaluator in needing:
        evaluator.check_codes({name: part.shape for name, part in code.items()})


def split_of_curves(dataset: Dataset) -> str:
    """What models are judged on while they train: test only where there is no other."""
    return "validation" if "validation" in dataset.splits else "test"


def classifier_workdir(config: ml_collections.ConfigDict, workdir: str) -> str | None:
    """Where the classifier of generated images is; None if no evaluator needs one."""
    names = (*config.evaluators, *config.curves)
    if not any("classifier" in get_evaluator(name).needs for name in names):
        return None
    own = os.path.expanduser(config.classifier_workdir)
    return own or os.path.join(workdir, "classifier")


@contextlib.contextmanager
def _left_out_if_it_fails(left_out: dict[str, str], name: str) -> Iterator[None]:
    """Lets the rest go on where one thing cannot be made.

    Args:
      left_out: the reason is added here.
      name: what is made.
    """
    try:
        yield
    except InputError as error:
        left_out[name] = _first_line(error)
    except OSError:  # a full disk is no fault of what is made
        raise
    except Exception as error:  # one fault must not cost all other results
        left_out[name] = f"{type(error).__name__}: {_first_line(error)}"
        lines = map(printable, traceback.format_exc().splitlines())
        logging.error("%s is left out\n%s", name, "\n".join(lines))


def _first_line(error: Exception) -> str:
    return printable((str(error).splitlines() or [""])[0][:500])


def judge(
    names: Sequence[str],
    models: Sequence[Model],
    dataset: Dataset,
    seed: int,
    *,
    split: str = "test",
    classifier: Model | None = None,
    sentences: Sequence[str] = (),
    shown: int | None = None,
) -> tuple[dict[str, list[float]], dict[str, Evaluation], dict[str, str]]:
    """Evaluates all trials of a run.

    Args:
      names: of the evaluators.
      models: the trials.
      dataset: what they are evaluated on.
      seed: of what is drawn at random.
      split: of the data set.
      classifier: of generated images, for evaluators that need one.
      sentences: to illustrate.
      shown: the trial of which figures are drawn; None for no figures.

    Returns:
      numbers by name, the value of each trial; by the evaluator's name, what it found
      of the shown trial; and by the name of an evaluator or a number, why it is left
      out.
    """
    numbers: dict[str, list[float]] = {}
    evaluations: dict[str, Evaluation] = {}
    left_out: dict[str, str] = {}
    for name in names:
        with _left_out_if_it_fails(left_out, name):
            found: list[Mapping[str, float]] = []
            for trial, model in enumerate(models):
                evaluation = get_evaluator(name)(
                    model,
                    dataset,
                    seed,
                    split=split,
                    classifier=classifier,
                    sentences=sentences,
                )
                found.append(evaluation.results)
                if trial == shown:
                    shown_evaluation = evaluation
            for result in dict.fromkeys(key for results in found for key in results):
                with _left_out_if_it_fails(left_out, result):
                    numbers[result] = _finite(
                        [float(results.get(result, np.nan)) for results in found]
                    )
            if shown is not None:
                evaluations[name] = shown_evaluation
    return numbers, evaluations, left_out


def _finite(values: list[float]) -> list[float]:
    """The values of all trials.

    Raises:
      InputError: if one is not finite.
    """
    if not np.isfinite(values).all():
        shown = ", ".join(f"{value:g}" for value in values)
        raise InputError(f"not finite: {shown}")
    return values


def evaluate(workdir: str) -> dict[str, Any]:
    """Evaluates a trained run: results.json, figures/, arrays/ and report.html.

    The trial is chosen first, from training examples without their labels; then the
    evaluators see all trials on the test split. What cannot be made is left out, with
    its reason; the rest is written.

    Args:
      workdir: directory of a run.

    Returns:
      what results.json holds: for every number its mean and std over trials, the
      value of each trial and of the chosen one; what is left out, with the reason;
      and the protocol.

    Raises:
      FileNotFoundError: if the directory holds no trained run.
    """
    config = read_config(workdir)
    dataset = load_dataset(config, workdir)
    models = load_trials(workdir)
    chosen, selection = 0, None
    left_out: dict[str, str] = {}
    if len(models) > 1 and config.selection:
        with _left_out_if_it_fails(left_out, "selection"):
            chosen, selection = _choose_trial(config.selection, models, dataset)
        if selection is None:
            left_out["selection"] += f"; trial {chosen} is shown instead"
    classifier = None
    if directory := classifier_workdir(config, workdir):
        with _left_out_if_it_fails(left_out, "classifier"):
            trained = load_trials(directory)[0]
            run_data.check_classifier(config, directory, dataset)
            classifier = trained
    numbers, evaluations, without = judge(
        config.evaluators,
        models,
        dataset,
        config.seed,
        classifier=classifier,
        sentences=config.sentences,
        shown=chosen,
    )
    left_out |= without
    figures_folder = _empty_folder(workdir, "figures", ".png")
    arrays_folder = _empty_folder(workdir, "arrays", ".npz")
    for name, found in evaluations.items():
        for figure, draw in found.figures.items():
            with _left_out_if_it_fails(left_out, figure):
                figures.save_figures({figure: draw()}, figures_folder)
        if found.arrays:
            with _left_out_if_it_fails(left_out, f"{name}.npz"):
                os.makedirs(arrays_folder, exist_ok=True)
                path = os.path.join(arrays_folder, f"{name}.npz")
                np.savez(path, **found.arrays)  # type: ignore[arg-type]
    results = {
        "results": {
            name: {
                "mean": float(np.mean(values)),
                "std": float(np.std(values)),
                "trials": values,
                "chosen": values[chosen],
                **({"paper": config.paper[name]} if name in config.paper else {}),
            }
            for name, values in numbers.items()
        },
        "left_out": left_out,
        "chosen_trial": chosen,
        "selection": selection,
        "protocol": {
            "data": dataset.protocol + _labels_seen(config, models[0]),
            **{name: found.protocol for name, found in evaluations.items()},
        },
        "step": trained_steps(workdir),
        "seeds": [config.seed + trial for trial in range(len(models))],
        "config_hash": config_lib.config_hash(config),
        "environment": read_json(workdir, "environment.json"),
    }
    write_json(workdir, "results.json", results)
    with _left_out_if_it_fails(left_out, "report.html"):
        write_report(workdir)
    if "report.html" in left_out:
        write_json(workdir, "results.json", results)
    return results


def _empty_folder(workdir: str, name: str, ending: str) -> str:
    """A folder of the run, without the files that an earlier evaluation left there."""
    folder = os.path.join(workdir, name)
    for file in os.listdir(folder) if os.path.isdir(folder) else ():
        if file.endswith(ending):
            os.remove(os.path.join(folder, file))
    return folder


def _choose_trial(
    name: str, models: Sequence[Model], dataset: Dataset
) -> tuple[int, dict[str, Any]]:
    """The trial that a criterion scores highest, and how it came about."""
    train = dataset.splits["train"]
    number = min(len(train), _MAX_SELECTION_EXAMPLES)
    scores = get_criterion(name)(models, train.as_float(np.arange(number)))
    if not np.isfinite(scores).all():
        raise InputError(f"the criterion {name!r} gives {scores.tolist()}")
    chosen = int(np.argmax(scores))
    return chosen, {
        "criterion": name,
        "scores": scores.tolist(),
        "protocol": (
            f"Trial {chosen} was chosen by the criterion {name!r} on {number} training "
            "examples; no labels were seen."
        ),
    }


def _labels_seen(config: ml_collections.ConfigDict, model: Model) -> str:
    """What the protocol says of labels in training."""
    if not model.game.uses_labels:
        return ""
    if not config.labels.number:
        return "; all training labels were seen"
    how = "as many of each class" if config.labels.balanced else "whatever their class"
    return (
        f"; each trial saw {config.labels.number} training labels, drawn by its seed, "
        f"{how}"
    )


def environment() -> dict[str, Any]:
    """What a number depends on beside config and seeds."""
    return {
        "commit": _commit(),
        "device": jax.devices()[0].device_kind,
        "num_devices": jax.device_count(),
        "jax": jax.__version__,
        "python": platform.python_version(),
    }


def _commit() -> str:
    """The commit of the source tree, marked if files differ from it."""
    tree = os.path.dirname(os.path.abspath(__file__))
    command = ["git", "-C", tree, "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown (no git checkout)"
    return found.stdout.strip()
