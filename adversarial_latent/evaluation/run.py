"""Evaluates a run: numbers of all trials, and figures of a chosen one."""

import contextlib
import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_collections
import numpy as np
from absl import logging

from adversarial_latent import config as config_lib
from adversarial_latent import run_data
from adversarial_latent.data import Dataset
from adversarial_latent.evaluation.candidates import choice
from adversarial_latent.evaluation.evaluator import Arrays, Evaluation
from adversarial_latent.evaluation.evaluators import get_evaluator
from adversarial_latent.evaluation.selection import (
    examples_to_compare,
    get_criterion,
)
from adversarial_latent.game import Game
from adversarial_latent.inputs import InputError, MissingInputError, printable
from adversarial_latent.model import Model
from adversarial_latent.workdir import (
    load_trials,
    read_config,
    read_json,
    trained_steps,
    write_json,
)


def check_evaluation(config: ml_collections.ConfigDict, game: Game) -> None:
    """Checks, before training, that the game can be evaluated after it.

    Raises:
      InputError: an evaluator or criterion is unknown, or its requirements are not met
        by the game; or an embedding of captions is missing or unused.
    """
    if game.uses_captions and not config.embedding:
        raise InputError(
            f"the game {config.game.name!r} learns from captions: set "
            "config.embedding, as in text.default_config()"
        )
    if config.embedding and not game.uses_captions:
        raise InputError(
            f"the game {config.game.name!r} does not use captions: leave "
            "config.embedding empty"
        )
    untrained = Model(game, {}, {})
    for name in (*config.evaluators, *config.curves):
        evaluator = get_evaluator(name)
        evaluator.check_model(untrained)
        if evaluator.needs_classifier and not config.classifier:
            raise InputError(
                f"the evaluator {name!r} classifies generated images: set "
                "config.classifier to the config of a classifier, as in "
                "configs/classifier.py"
            )
    if config.classifier and config.classifier.dataset.name != config.dataset.name:
        raise InputError(
            f"config.classifier is for {config.classifier.dataset.name!r}, and cannot "
            f"classify what a model of {config.dataset.name!r} generates"
        )
    if config.selection:
        get_criterion(config.selection)
        if game.num_components is None or game.conditional:
            raise InputError(
                f"the game {config.game.name!r} infers no clusters, by which trials "
                "are chosen: leave config.selection empty"
            )


def check_data(config: ml_collections.ConfigDict, dataset: Dataset) -> None:
    """Checks, before training, the data against the evaluators' requirements.

    Raises:
      InputError: a requirement is not met; the error names it and the evaluator.
    """
    for name in config.evaluators:
        get_evaluator(name).check_data(dataset)
    for name in config.curves:
        get_evaluator(name).check_data(dataset, split_of_curves(dataset))
    if config.selection and config.trials > 1 and len(dataset.splits["train"]) < 2:
        raise InputError(
            f"config.selection={config.selection!r} compares training examples, but "
            f"{dataset.name!r} has only one: leave it empty"
        )


def check_codes(
    config: ml_collections.ConfigDict, shapes: Mapping[str, tuple[int, ...]]
) -> None:
    """Checks, before training, the game's codes against the evaluators' requirements.

    Args:
      config: the run's config.
      shapes: shapes of the parts of a code, by name.

    Raises:
      InputError: a requirement is not met; the error names it and the evaluator.
    """
    for name in (*config.evaluators, *config.curves):
        get_evaluator(name).check_codes(shapes)


def requires_codes(config: ml_collections.ConfigDict) -> bool:
    """Whether an evaluator has requirements for `check_codes`."""
    names = (*config.evaluators, *config.curves)
    return any(get_evaluator(name).requires_codes for name in names)


def split_of_curves(dataset: Dataset) -> str:
    """The split for evaluation during training: test only if there is no other."""
    return "validation" if "validation" in dataset.splits else "test"


def classifier_workdir(config: ml_collections.ConfigDict, workdir: str) -> str | None:
    """Directory of the classifier of generated images; None if it is not needed."""
    names = (*config.evaluators, *config.curves)
    if not any(get_evaluator(name).needs_classifier for name in names):
        return None
    directory = os.path.expanduser(config.classifier_workdir)
    return directory or os.path.join(workdir, "classifier")


def evaluate_models(
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
    """Runs evaluators on all trials of a run.

    Args:
      names: names of the evaluators.
      models: the models of the trials.
      dataset: the data set.
      seed: seed of everything random.
      split: split of the data set.
      classifier: classifier of generated images, for evaluators that need one.
      sentences: captions to illustrate.
      shown: the trial whose evaluations are returned, for figures; None for none.

    Returns:
      the values of all trials by the name of the number; the evaluations of the shown
      trial by the name of the evaluator; and the reasons for what is left out, by the
      name of the evaluator or number.
    """
    numbers: dict[str, list[float]] = {}
    evaluations: dict[str, Evaluation] = {}
    left_out: dict[str, str] = {}
    for name in names:
        with _left_out_if_it_fails(left_out, name):
            found = [
                get_evaluator(name)(
                    model,
                    dataset,
                    seed,
                    split=split,
                    classifier=classifier,
                    sentences=sentences,
                )
                for model in models
            ]
            for number in dict.fromkeys(key for one in found for key in one.numbers):
                with _left_out_if_it_fails(left_out, number):
                    numbers[number] = _finite(
                        [float(one.numbers.get(number, np.nan)) for one in found]
                    )
            if shown is not None:
                evaluations[name] = found[shown]
    return numbers, evaluations, left_out


@contextlib.contextmanager
def _left_out_if_it_fails(left_out: dict[str, str], name: str) -> Iterator[None]:
    """Records an error in `left_out` instead of raising it.

    Args:
      left_out: receives the reason.
      name: name of the result that is computed.
    """
    try:
        yield
    except InputError as error:
        left_out[name] = _first_line(error)
    except OSError:  # such as a full disk, which is not the result's fault
        raise
    except Exception as error:  # one error must not cost all other results
        left_out[name] = f"{type(error).__name__}: {_first_line(error)}"
        lines = map(printable, traceback.format_exc().splitlines())
        logging.error("%s is left out\n%s", name, "\n".join(lines))


def _first_line(error: Exception) -> str:
    return printable((str(error).splitlines() or [""])[0][:500])


def _finite(values: list[float]) -> list[float]:
    """Checks the values of all trials, and returns them.

    Raises:
      InputError: a value is not finite.
    """
    if not np.isfinite(values).all():
        shown = ", ".join(f"{value:g}" for value in values)
        raise InputError(f"not finite: {shown}")
    return values


def evaluate(workdir: str, dataset: Dataset | None = None) -> dict[str, Any]:
    """Evaluates a trained run: writes results.json, arrays/, figures/ and report.html.

    First a trial is chosen, from training examples without labels. Then the evaluators
    evaluate all trials on the test split. Results that fail are left out, with the
    reason; all others are written.

    Args:
      workdir: directory of the run.
      dataset: the data of the run, if they are in memory.

    Returns:
      the contents of results.json: for every number its mean and std over trials, the
      value of each trial and of the chosen one; the reasons for what is left out; and
      the protocol.

    Raises:
      FileNotFoundError: the directory does not contain a trained run.
    """
    config = read_config(workdir)
    dataset = run_data.load(config, workdir, dataset)
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
    numbers, evaluations, without = evaluate_models(
        config.evaluators,
        models,
        dataset,
        config.seed,
        classifier=classifier,
        sentences=config.sentences,
        shown=chosen,
    )
    left_out |= without
    evaluations |= choice(workdir, dataset)
    _write_arrays(workdir, evaluations, left_out)
    left_out |= _draw(workdir)
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
    _report(workdir, results)
    return results


def draw_figures(workdir: str) -> dict[str, Any]:
    """Draws the figures of an evaluated run again, and rewrites its report.

    It needs only the run's arrays, neither model nor data.

    Args:
      workdir: directory of the run.

    Returns:
      the contents of results.json.

    Raises:
      InputError: the run is not evaluated, or arrays of its figures are missing.
    """
    from adversarial_latent.evaluation.figures import FIGURES

    again = f"evaluate the run: python -m experiments.evaluate --workdir={workdir}"
    if not os.path.exists(os.path.join(workdir, "results.json")):
        raise MissingInputError(f"{workdir} has no results.json; {again}")
    results = read_json(workdir, "results.json")
    if missing := [
        f"arrays/{name}.npz"
        for name in FIGURES
        if os.path.exists(os.path.join(workdir, "figures", f"{name}.png"))
        and not _has_arrays(workdir, name)
    ]:
        raise MissingInputError(f"{workdir} lacks {', '.join(missing)}; {again}")
    earlier = {
        name: reason
        for name, reason in results["left_out"].items()
        if name != "report.html"
        and not (name in FIGURES and _has_arrays(workdir, name))
    }
    results["left_out"] = earlier | _draw(workdir)
    write_json(workdir, "results.json", results)
    _report(workdir, results)
    return results


def _report(workdir: str, results: dict[str, Any]) -> None:
    """Writes the report; if that fails, results.json gives the reason."""
    from adversarial_latent.evaluation.report import write_report

    with _left_out_if_it_fails(results["left_out"], "report.html"):
        write_report(workdir)
    if "report.html" in results["left_out"]:
        write_json(workdir, "results.json", results)


def _write_arrays(
    workdir: str, evaluations: Mapping[str, Evaluation], left_out: dict[str, str]
) -> None:
    """Computes and saves the arrays of all figures; leaves out those that fail."""
    folder = _empty_folder(workdir, "arrays", ".npz")
    for found in evaluations.values():
        for name, compute in found.arrays.items():
            with _left_out_if_it_fails(left_out, name):
                arrays = compute()
                os.makedirs(folder, exist_ok=True)
                path = os.path.join(folder, f"{name}.npz")
                np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def _draw(workdir: str) -> dict[str, str]:
    """Draws all figures that have arrays; returns the reasons for those that fail."""
    from adversarial_latent.evaluation.figures import FIGURES, draw, save_figures

    left_out: dict[str, str] = {}
    folder = _empty_folder(workdir, "figures", ".png")
    for name in FIGURES:
        if _has_arrays(workdir, name):
            with _left_out_if_it_fails(left_out, name):
                figure = draw(name, _read_arrays(workdir, name))
                save_figures({name: figure}, folder)
    return left_out


def _has_arrays(workdir: str, name: str) -> bool:
    return os.path.exists(os.path.join(workdir, "arrays", f"{name}.npz"))


def _read_arrays(workdir: str, name: str) -> Arrays:
    with np.load(os.path.join(workdir, "arrays", f"{name}.npz")) as arrays:
        return dict(arrays)


def _empty_folder(workdir: str, name: str, ending: str) -> str:
    """A folder of the run, after removing the files of an earlier evaluation."""
    folder = os.path.join(workdir, name)
    for file in os.listdir(folder) if os.path.isdir(folder) else ():
        if file.endswith(ending):
            os.remove(os.path.join(folder, file))
    return folder


def _choose_trial(
    name: str, models: Sequence[Model], dataset: Dataset
) -> tuple[int, dict[str, Any]]:
    """Returns the trial with the highest score, and how it was chosen."""
    compared = examples_to_compare(dataset)
    number = len(compared)
    scores = get_criterion(name)(models, compared)
    if not np.isfinite(scores).all():
        raise InputError(
            f"the scores of the criterion {name!r} are not finite: {scores.tolist()}"
        )
    chosen = int(np.argmax(scores))
    return chosen, {
        "criterion": name,
        "scores": scores.tolist(),
        "protocol": (
            f"Trial {chosen} was chosen by the criterion {name!r} on {number} training "
            "examples, without labels."
        ),
    }


def _labels_seen(config: ml_collections.ConfigDict, model: Model) -> str:
    """The protocol's clause about labels in training."""
    if not model.game.uses_labels:
        return ""
    if not config.labels.number:
        return "; all training labels were seen"
    how = "as many of each class" if config.labels.balanced else "whatever their class"
    return (
        f"; each trial saw {config.labels.number} training labels, drawn by its seed, "
        f"{how}"
    )
