"""Trains and evaluates a config in a work directory."""

import contextlib
import json
import os
import signal
import threading
import types
from collections.abc import Callable
from typing import Any

import jax
import ml_collections
import numpy as np
from absl import logging

from adversarial_latent import config as config_lib
from adversarial_latent import number_of_clusters, run_data, sizing
from adversarial_latent import parallel as parallel_lib
from adversarial_latent.checkpoints import Checkpoints
from adversarial_latent.data import Dataset
from adversarial_latent.environment import environment
from adversarial_latent.evaluation.run import (
    check_codes,
    check_data,
    check_evaluation,
    classifier_workdir,
    evaluate,
    evaluate_models,
    requires_codes,
    split_of_curves,
)
from adversarial_latent.experiment import (
    Experiment,
    code_shapes,
    example_batch,
    make_experiment,
)
from adversarial_latent.game import Game
from adversarial_latent.games import make_game
from adversarial_latent.logging import (
    Forecast,
    MetricsLog,
    announce,
    progress_bar,
)
from adversarial_latent.model import Model
from adversarial_latent.state import TrainState
from adversarial_latent.workdir import (
    claim,
    load_trials,
    read_config,
    read_json,
    write_json,
)


class NonFiniteLossError(FloatingPointError):
    """A player's loss became infinite or NaN."""


class _StopSignal:
    """Records that the process received SIGTERM or Ctrl-C."""

    def __init__(self):
        self.received = False

    def __enter__(self) -> "_StopSignal":
        self._previous = {}
        # Only the main thread can handle signals in Python. A run in another thread, as
        # in a server or notebook, ends with its process, and resumes from its last
        # checkpoint.
        if threading.current_thread() is not threading.main_thread():
            return self
        self._previous = {
            number: signal.signal(number, self._receive)
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        return self

    def _receive(self, number: int, frame: types.FrameType | None) -> None:
        del number, frame
        self.received = True

    def __exit__(self, *exception: Any) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)


def _check_finite(
    metrics: dict[str, np.ndarray], last_step: int, saved_step: int | None = None
) -> None:
    """Raises an error if a loss is not finite.

    Args:
      metrics: arrays [T, steps] by name.
      last_step: step of their last column.
      saved_step: step of the newest checkpoint, if there is one.
    """
    for name, values in metrics.items():
        if name.endswith("/loss") and not np.isfinite(values).all():
            index, trial = np.argwhere(~np.isfinite(values.T))[0]
            first_step = last_step - values.shape[1] + 1
            checkpoint = (
                f"The checkpoint of step {saved_step} is intact."
                if saved_step is not None
                else "There is no checkpoint yet."
            )
            raise NonFiniteLossError(
                f"the loss of player {name.removesuffix('/loss')!r} is no longer "
                f"finite at step {first_step + index} of trial {trial} (steps "
                f"{first_step}-{last_step} were checked). {checkpoint} Lower that "
                "player's learning rate, clip its gradient (clip_norm), or weaken its "
                "penalty."
            )


def train(config: ml_collections.ConfigDict, workdir: str) -> bool:
    """Trains, resuming from the newest intact checkpoint if there is one.

    A longer `config.duration` than that of the run continues it. The result is the
    same, bit for bit, as if the run had had this duration from the start.

    Args:
      config: the run's config, complete (`sizing.fit_to_data`).
      workdir: its directory.

    Returns:
      whether training is complete. False if a signal stopped it; then everything is
      saved, and the same call resumes.

    Raises:
      NonFiniteLossError: a loss is not finite; the error names player and steps.
      ValueError: config or data do not fit; nothing is changed.
    """
    return _train(config, workdir, run_data.load_examples(config, workdir))


def _train(config: ml_collections.ConfigDict, workdir: str, dataset: Dataset) -> bool:
    """Trains on data that are loaded already."""
    dataset = run_data.with_caption_vectors(dataset, config, workdir)
    experiment = make_experiment(config, dataset)
    _check_evaluation_of(experiment, config, dataset, workdir)
    parallel, pipeline = experiment.parallel, experiment.pipeline
    log_every, checkpoint_every = (
        _calls(config, experiment, name) for name in ("log_every", "checkpoint_every")
    )
    evaluate_every = (
        _calls(config, experiment, "evaluate_every") if config.curves else 0
    )

    def due(step: int, name: str = "") -> bool:
        """Whether a metric is logged at `step`, unless it is the last step."""
        call = step // experiment.steps_per_call
        curve = bool(config.curves) and call % evaluate_every == 0
        if name.startswith(f"{split_of_curves(dataset)}/"):
            return curve
        return curve or call % log_every == 0

    with contextlib.ExitStack() as stack:
        checkpoints = Checkpoints(os.path.join(workdir, "checkpoints"))
        stack.callback(checkpoints.close)
        stack.callback(pipeline.close)
        step = 0
        if checkpoints.latest() is None:
            state = parallel.init(experiment.create, config.seed)
        else:
            _check_duration(config, experiment, dataset, workdir)
            template = parallel.abstract_state(experiment.create)
            state, position = checkpoints.restore(template)
            pipeline.restore(position)
            step = int(np.asarray(state.step)[0])
        if step >= experiment.num_steps:
            return True
        if step:
            logging.info("resuming at step %d of %d", step, experiment.num_steps)
            _compare_devices(workdir)
        log = None
        if jax.process_index() == 0:
            _describe(config, dataset, workdir)
            announce(*sizing.describe(experiment, dataset))
            log = MetricsLog(workdir, step, due)
            stack.callback(log.close)
            passed = range(0, step + 1, experiment.steps_per_call)[1:]
            if (missing := sum(map(due, passed)) - log.num_kept) > 0:
                logging.warning(
                    "metrics.jsonl in %s lacks %d of the rows up to step %d; the run "
                    "continues without them",
                    workdir,
                    missing,
                    step,
                )
            evaluate_curves = _curves(config, dataset, experiment.game, workdir)
        placed = parallel.place(state)
        resident = parallel.replicate(pipeline.resident)
        run = experiment.compile()
        progress = progress_bar(experiment.num_steps, step, config.game.name)
        stack.callback(progress.close)
        stop = stack.enter_context(_StopSignal())
        done = stopping = False
        pending: list[dict[str, jax.Array]] = []
        forecast = Forecast((experiment.num_steps - step) // experiment.steps_per_call)
        while not (done or stopping):
            placed, metrics = run(placed, resident, experiment.next_batches())
            pending.append(metrics)
            if log is not None:
                forecast(metrics)
            if len(pending) > 1:
                # One queued call keeps a device busy. With more, the progress bar would
                # count calls that are not done, and a signal would have to wait.
                jax.block_until_ready(pending[-2])
            step += experiment.steps_per_call
            call = step // experiment.steps_per_call
            done = step >= experiment.num_steps
            stopping = parallel_lib.any_process(stop.received)
            evaluate_now = config.curves and (done or call % evaluate_every == 0)
            log_now = done or due(step)
            save = done or stopping or call % checkpoint_every == 0
            if save or log_now:
                since_last = jax.tree.map(
                    lambda *parts: np.concatenate(parts, axis=-1), *pending
                )
                pending = []
                _check_finite(since_last, step, checkpoints.latest())
            if log_now and log is not None:
                # Means over the last call, not over all pending ones, so that rows do
                # not depend on where a run was stopped and resumed.
                latest = jax.tree.map(np.asarray, metrics)
                row = {name: v.mean(-1) for name, v in latest.items()}
                if evaluate_now:
                    row |= evaluate_curves(parallel.gather(placed))
                log.write(step, row)
            if save:
                checkpoints.save(step, parallel.gather(placed), pipeline.state())
            progress.update(experiment.steps_per_call)
        return not stopping


def _check_evaluation_of(
    experiment: Experiment,
    config: ml_collections.ConfigDict,
    dataset: Dataset,
    workdir: str,
) -> None:
    """Checks, before training, data and codes against the evaluators' requirements.

    Raises:
      InputError: a requirement is not met; the error names it and the evaluator.
    """
    check_data(config, dataset)
    if requires_codes(config):
        batch = example_batch(experiment.game, dataset)
        check_codes(config, code_shapes(experiment.game, batch))
    if directory := classifier_workdir(config, workdir):
        run_data.check_classifier(config, directory, dataset)


def _calls(config: ml_collections.ConfigDict, experiment: Experiment, name: str) -> int:
    """Converts a duration of the config to calls of the train step, at least one."""
    steps = config_lib.duration_in_steps(
        config[name], experiment.examples_per_step, experiment.pipeline.num_examples
    )
    calls = max(1, steps // experiment.steps_per_call)
    if calls * experiment.steps_per_call != steps:
        logging.warning(
            "config.%s=%s is %d steps, not a multiple of the %d steps of a call "
            "(steps_per_call): every %d steps is used instead",
            name,
            config[name],
            steps,
            experiment.steps_per_call,
            calls * experiment.steps_per_call,
        )
    return calls


def _check_duration(
    config: ml_collections.ConfigDict,
    experiment: Experiment,
    dataset: Dataset,
    workdir: str,
) -> None:
    """Checks that a changed duration only adds steps to the run.

    Raises:
      ValueError: the run would be shorter, or its steps depend on its length, so that
        it would differ from a run that had this duration from the start.
    """
    before = read_config(workdir)
    if before.duration == config.duration:
        return
    shorter = make_experiment(before, dataset)
    differ = f"config.duration: {before.duration!r} there, {config.duration!r} here"
    if experiment.num_steps < shorter.num_steps:
        raise ValueError(
            f"{workdir} has a run of {shorter.num_steps} steps, whose duration can "
            f"only be raised ({differ}). Choose another --workdir."
        )
    if experiment.steps_per_call != shorter.steps_per_call or (
        experiment.lowered_step() != shorter.lowered_step()
    ):
        raise ValueError(
            f"{workdir} has a run whose steps depend on its duration ({differ}): a "
            "learning rate or a weight of its losses changes during the run, or "
            "steps_per_call exceeds the duration. Continued, it would differ from a "
            "run with this duration from the start. Choose another --workdir."
        )


def _compare_devices(workdir: str) -> None:
    """Warns if a run resumes on other devices than before."""
    if not os.path.exists(os.path.join(workdir, "environment.json")):
        return
    before, now = read_json(workdir, "environment.json"), environment()
    fields = ("device", "num_devices", "jax")
    changed = [
        f"{name} ({before.get(name)}; now {now[name]})"
        for name in fields
        if before.get(name) != now[name]
    ]
    if changed:
        logging.warning(
            "this run resumes with another %s: the last digits of its numbers may "
            "differ from those of an uninterrupted run",
            ", ".join(changed),
        )


def _curves(
    config: ml_collections.ConfigDict, dataset: Dataset, game: Game, workdir: str
) -> Callable[[TrainState], dict[str, np.ndarray]]:
    """Returns a function that evaluates `config.curves`: `{split/name: [T]}`."""
    # One model for all evaluations keeps its compiled functions.
    untrained = Model(game, {}, {}, embedding=_embedding(config, workdir))
    split = split_of_curves(dataset)
    directory = classifier_workdir(config, workdir)
    classifier = load_trials(directory)[0] if directory else None

    def evaluate_curves(state: TrainState) -> dict[str, np.ndarray]:
        params = state.ema_params or state.params
        arrays = jax.tree.map(np.asarray, (params, state.model_state))
        numbers, _, left_out = evaluate_models(
            config.curves,
            untrained.trials(*arrays),
            dataset,
            config.seed,
            split=split,
            classifier=classifier,
            sentences=config.sentences,
        )
        for name, reason in left_out.items():
            logging.warning("%s/%s is left out: %s", split, name, reason)
        return {f"{split}/{name}": np.array(values) for name, values in numbers.items()}

    return evaluate_curves


def _embedding(config: ml_collections.ConfigDict, workdir: str) -> Any:
    if not config.embedding:
        return None
    from adversarial_latent.text import load_embedding

    return load_embedding(config, workdir)


def _describe(
    config: ml_collections.ConfigDict, dataset: Dataset, workdir: str
) -> None:
    """Writes config, data and environment of the run, which evaluation needs."""
    write_json(workdir, "config.json", json.loads(config.to_json()))
    write_json(workdir, "dataset.json", run_data.describe(dataset, workdir))
    write_json(workdir, "environment.json", environment())


def train_and_evaluate(
    config: ml_collections.ConfigDict,
    workdir: str | os.PathLike[str],
    dataset: Dataset | None = None,
) -> dict[str, Any] | None:
    """Trains and evaluates a run, and resumes it if it was interrupted.

    Args:
      config: fields as in `config.default_config`.
      workdir: directory for all files: config.json, metrics.jsonl, checkpoints/, and
        at the end results.json, figures/ and report.html.
      dataset: examples in memory, in place of `config.dataset`. They are not stored:
        whoever resumes or evaluates the run has to give them again.

    Returns:
      the contents of results.json; None if a signal stopped training, and on every
      process but the first.

    Raises:
      NonFiniteLossError: a loss became infinite or NaN.
      RuntimeError: another live run uses `workdir`.
      ValueError: config, data or `workdir` do not fit; nothing is changed.
    """
    workdir = os.fspath(workdir)
    sizing.check(config)
    complete = not sizing.needs_data(config)
    if complete:  # before the data are loaded, which may take long
        check_evaluation(config, make_game(config.game))
    if dataset is not None:
        config = run_data.in_memory(config)
    given, dataset = dataset, run_data.load_examples(config, workdir, dataset)
    if number_of_clusters.is_open(config):
        chosen = number_of_clusters.choose(config, workdir, dataset, _train)
        if chosen is None:
            return None
        config = config.copy_and_resolve_references()
        config.game.num_components = chosen
    if not complete:
        config = sizing.fit_to_data(config, dataset)
        check_evaluation(config, make_game(config.game))
    with claim(workdir, config):
        if not (
            _train_classifier(config, workdir) and _train(config, workdir, dataset)
        ):
            return None
        return evaluate(workdir, given) if jax.process_index() == 0 else None


def _train_classifier(config: ml_collections.ConfigDict, workdir: str) -> bool:
    """Trains the classifier of generated images, if it is needed and missing.

    Returns:
      whether the run can continue; False if a signal stopped it.
    """
    directory = classifier_workdir(config, workdir)
    if directory is None or os.path.exists(os.path.join(directory, "results.json")):
        return True
    if not config.classifier:
        return True  # `train` raises an error
    classifier = config.classifier.copy_and_resolve_references()
    classifier.dataset = run_data.classifier_dataset(config)
    if jax.process_index() != 0:
        return train(classifier, directory)
    logging.info("training the classifier of generated images in %s", directory)
    return train_and_evaluate(classifier, directory) is not None
