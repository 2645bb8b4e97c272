"""Training: from a config to a work directory that holds a trained, evaluated run."""

import contextlib
import dataclasses
import functools
import json
import os
import signal
import types
from collections.abc import Callable
from typing import Any

import jax
import ml_collections
import numpy as np
from absl import logging

from adversarial_latent import config as config_lib
from adversarial_latent import parallel as parallel_lib
from adversarial_latent.checkpoints import Checkpoints
from adversarial_latent.data import (
    Dataset,
    Pipeline,
    label_subset,
    load,
    make_pipeline,
)
from adversarial_latent.evaluation.evaluate import (
    check_data,
    check_evaluation,
    classifier_workdir,
    environment,
    evaluate,
    judge,
    split_of_curves,
)
from adversarial_latent.game import Game
from adversarial_latent.games import make_game
from adversarial_latent.logging import MetricsLog, progress_bar
from adversarial_latent.model import Model
from adversarial_latent.parallel import Parallel
from adversarial_latent.state import TrainState, create_state
from adversarial_latent.steps import TrainStep, make_train_step
from adversarial_latent.workdir import claim, load_trials, write_json


class NonFiniteLossError(FloatingPointError):
    """A player's loss became infinite or NaN."""


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What a config means on given data and devices, before anything is trained.

    Attributes:
      game: the game.
      train_step: its pure step.
      create: `key -> TrainState` of one trial.
      pipeline: gives batches [num_steps, T, R * B].
      minibatches: R, how many minibatches a step takes.
      parallel: how steps are run on the devices.
      num_steps: train steps of the run, a multiple of `steps_per_call`.
      steps_per_call: train steps between two looks at the host.
    """

    game: Game
    train_step: TrainStep
    create: Any
    pipeline: Pipeline
    minibatches: int
    parallel: Parallel
    num_steps: int
    steps_per_call: int

    def next_batches(self) -> Any:
        """The batches of one call, cut for the local devices."""

        def separate(leaf: np.ndarray) -> np.ndarray:
            steps, trials, examples, *rest = leaf.shape
            minibatches = self.minibatches
            return leaf.reshape(
                steps, trials, minibatches, examples // minibatches, *rest
            )

        batches = jax.tree.map(separate, self.pipeline.next(self.steps_per_call))
        return self.parallel.split(batches)

    def compile(self) -> Any:
        """`run(placed state, resident, batches)`, see `Parallel.compile`."""
        return self.parallel.compile(self.train_step, self.pipeline.examples)


def make_experiment(config: ml_collections.ConfigDict, dataset: Dataset) -> Experiment:
    """Builds everything that a run needs.

    Args:
      config: fields as in `config.default_config`.
      dataset: as `data.load(config.dataset)` gives it.

    Raises:
      ValueError: naming the field that does not fit.
    """
    for field in ("batch_size", "steps_per_call", "trials"):
        if config[field] < 1:
            raise ValueError(f"config.{field}={config[field]} must be at least 1")
    game = make_game(config.game)
    check_evaluation(config, game)
    check_data(config, dataset)
    names = {player.name for player in game.players}
    if names != set(config.players):
        raise ValueError(
            f"config.players has {sorted(config.players)}, but the players of "
            f"{config.game.name} are {sorted(names)}"
        )
    repeats = {name: config.players[name].repeats for name in names}
    minibatches = max(repeats.values())
    examples_per_step = config.batch_size * minibatches
    num_examples = len(dataset.splits["train"].x)
    in_steps = functools.partial(
        config_lib.duration_in_steps,
        batch_size=examples_per_step,
        num_examples=num_examples,
    )
    num_steps = in_steps(config.duration)
    steps_per_call = min(config.steps_per_call, num_steps)
    num_steps = -(-num_steps // steps_per_call) * steps_per_call
    optimizers = {
        name: config_lib.make_optimizer(
            config.players[name], num_steps, in_steps("1_epochs")
        )
        for name in names
    }
    labels, labelled = config.labels, None
    labelled_batch_size = labels.batch_size or config.batch_size
    if game.uses_labels:
        labelled = _choose_labelled(config, dataset, game)
    elif labels.to_dict() != config_lib.default_config().labels.to_dict():
        raise ValueError(
            f"config.labels has no meaning for the game {config.game.name!r}, which "
            "sees none: leave it as it is"
        )
    batch_sizes = {"batch_size": config.batch_size}
    if game.uses_labels:
        batch_sizes["labels.batch_size"] = labelled_batch_size
    parallel = Parallel.create(
        config.trials,
        batch_sizes,
        config.trial_loop,
    )
    pipeline = make_pipeline(
        dataset.splits["train"],
        batch_size=examples_per_step,
        seed=config.seed,
        trials=config.trials,
        kind=config.pipeline,
        process_index=jax.process_index(),
        process_count=jax.process_count(),
        labelled=labelled,
        labelled_batch_size=labelled_batch_size * minibatches,
    )
    example = {"x": np.zeros((2, *dataset.example_shape), np.float32)}
    if game.uses_labels:
        example |= {"labelled_x": example["x"], "label": np.zeros(2, np.int32)}
    create = functools.partial(
        create_state, game, optimizers, batch=example, ema=config.ema_decay > 0
    )
    try:
        jax.eval_shape(create, jax.random.key(config.seed))
    except (AssertionError, TypeError, ValueError) as error:
        shape = "x".join(map(str, dataset.example_shape))
        raise ValueError(
            f"the networks of config.game do not fit examples of shape {shape}: "
            + str(error).splitlines()[0]
        ) from error
    return Experiment(
        game=game,
        train_step=make_train_step(
            game,
            optimizers,
            num_steps=num_steps,
            moves=config.moves,
            repeats=repeats,
            ema_decay=config.ema_decay,
        ),
        create=create,
        pipeline=pipeline,
        minibatches=minibatches,
        parallel=parallel,
        num_steps=num_steps,
        steps_per_call=steps_per_call,
    )


def _choose_labelled(
    config: ml_collections.ConfigDict, dataset: Dataset, game: Game
) -> list[np.ndarray]:
    """Indices of the training examples whose labels each trial sees."""
    if dataset.num_classes is None:
        raise ValueError(
            f"the game {config.game.name!r} learns from labels, but {dataset.name!r} "
            "has none"
        )
    if game.num_components != dataset.num_classes:
        raise ValueError(
            f"config.game.num_components={game.num_components}, but its components are "
            f"the classes of {dataset.name!r}, of which there are {dataset.num_classes}"
        )
    return [
        label_subset(
            dataset.splits["train"],
            config.labels.number,
            config.seed + trial,
            config.labels.balanced,
        )
        for trial in range(config.trials)
    ]


class _StopSignal:
    """Remembers that the process was asked to stop (SIGTERM, or Ctrl-C)."""

    def __init__(self):
        self.received = False

    def __enter__(self) -> "_StopSignal":
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


def _check_finite(metrics: dict[str, np.ndarray], last_step: int) -> None:
    """Raises if a loss in `metrics`, [T, steps] up to `last_step`, is not finite."""
    for name, values in metrics.items():
        if name.endswith("/loss") and not np.isfinite(values).all():
            index, trial = np.argwhere(~np.isfinite(values.T))[0]
            first_step = last_step - values.shape[1] + 1
            raise NonFiniteLossError(
                f"the loss of player {name.removesuffix('/loss')!r} is no longer "
                f"finite at step {first_step + index} of trial {trial} (steps "
                f"{first_step}-{last_step} were looked at). The checkpoint before "
                "them is intact. Lower that player's learning rate, clip its gradient "
                "(clip_norm), or weaken its penalty."
            )


def train(config: ml_collections.ConfigDict, workdir: str) -> bool:
    """Trains, resuming from the newest checkpoint if there is one.

    Args:
      config: the run's config.
      workdir: its directory.

    Returns:
      whether training is complete; False if a signal asked to stop, in which case
      everything is saved and the same call goes on where this one ended.

    Raises:
      NonFiniteLossError: naming player and steps.
      ValueError: if config or data are not usable; nothing is lost then.
    """
    dataset = load(config.dataset)
    experiment = make_experiment(config, dataset)
    parallel, pipeline = experiment.parallel, experiment.pipeline

    def calls(duration: str) -> int:
        """A duration as a number of calls, at least one."""
        steps = config_lib.duration_in_steps(
            duration,
            config.batch_size * experiment.minibatches,
            len(dataset.splits["train"]),
        )
        return max(1, steps // experiment.steps_per_call)

    log_every = calls(config.log_every)
    checkpoint_every = calls(config.checkpoint_every)
    evaluate_every = calls(config.evaluate_every) if config.curves else None
    with contextlib.ExitStack() as stack:
        checkpoints = Checkpoints(os.path.join(workdir, "checkpoints"))
        stack.callback(checkpoints.close)
        stack.callback(pipeline.close)
        state = parallel.init(experiment.create, config.seed)
        step = checkpoints.latest() or 0
        if step:
            state, position = checkpoints.restore(state)
            pipeline.restore(position)
            logging.info("resuming at step %d of %d", step, experiment.num_steps)
        if step >= experiment.num_steps:
            return True
        log = None
        if jax.process_index() == 0:
            _describe(config, dataset, workdir)
            log = MetricsLog(workdir, step)
            stack.callback(log.close)
            follow = _follower(config, dataset, experiment.game, workdir)
        placed = parallel.place(state)
        resident = parallel.replicate(pipeline.resident)
        run = experiment.compile()
        progress = progress_bar(experiment.num_steps, step, config.game.name)
        stack.callback(progress.close)
        stop = stack.enter_context(_StopSignal())
        done = stopping = False
        pending: list[dict[str, jax.Array]] = []
        while not (done or stopping):
            placed, metrics = run(placed, resident, experiment.next_batches())
            pending.append(metrics)
            step += experiment.steps_per_call
            call = step // experiment.steps_per_call
            done = step >= experiment.num_steps
            stopping = parallel_lib.any_process(stop.received)
            judge_now = evaluate_every and (done or call % evaluate_every == 0)
            log_now = judge_now or done or call % log_every == 0
            save = done or stopping or call % checkpoint_every == 0
            if save or log_now:
                since_last = jax.tree.map(
                    lambda *parts: np.concatenate(parts, axis=-1), *pending
                )
                pending = []
                _check_finite(since_last, step)
            if log_now and log is not None:
                # Means over one call, not over all that is pending: rows are the same
                # wherever a run was stopped and resumed.
                latest = jax.tree.map(np.asarray, metrics)
                row = {name: v.mean(-1) for name, v in latest.items()}
                if judge_now:
                    row |= follow(parallel.gather(placed))
                log.write(step, row)
            if save:
                checkpoints.save(step, parallel.gather(placed), pipeline.state())
            progress.update(experiment.steps_per_call)
        return not stopping


def _follower(
    config: ml_collections.ConfigDict, dataset: Dataset, game: Game, workdir: str
) -> Callable[[TrainState], dict[str, np.ndarray]]:
    """Asks `config.curves` of a state of leaves [T, ...]: gives `{split/name: [T]}`."""
    untrained = Model(game, {}, {})  # keeps what is compiled from one time to the next
    split = split_of_curves(dataset)
    directory = classifier_workdir(config, workdir)

    def follow(state: TrainState) -> dict[str, np.ndarray]:
        params = state.ema_params or state.params
        arrays = jax.tree.map(np.asarray, (params, state.model_state))
        numbers, _ = judge(
            config.curves,
            untrained.trials(*arrays),
            dataset,
            config.seed,
            split=split,
            classifier=load_trials(directory)[0] if directory else None,
        )
        return {f"{split}/{name}": np.array(values) for name, values in numbers.items()}

    return follow


def _describe(
    config: ml_collections.ConfigDict, dataset: Dataset, workdir: str
) -> None:
    """Writes what is trained, on what, and where: what evaluation has to know."""
    write_json(workdir, "config.json", json.loads(config.to_json()))
    write_json(
        workdir,
        "dataset.json",
        {
            "name": dataset.name,
            "input_shape": list(dataset.example_shape),
            "num_train": len(dataset.splits["train"]),
            "class_names": list(dataset.class_names),
            "protocol": dataset.protocol,
        },
    )
    write_json(workdir, "environment.json", environment())


def train_and_evaluate(
    config: ml_collections.ConfigDict, workdir: str
) -> dict[str, Any] | None:
    """Trains and evaluates a run, resuming by itself.

    Args:
      config: fields as in `config.default_config`.
      workdir: where everything is written: config.json, metrics.jsonl, checkpoints/,
        and at the end results.json, figures/ and report.html.

    Returns:
      what results.json holds; None if a signal stopped training before its end, and
      on every process but the first.

    Raises:
      NonFiniteLossError: if a loss became infinite or NaN.
      RuntimeError: if another live run holds `workdir`.
      ValueError: if config, data or `workdir` do not fit; nothing is changed then.
    """
    if jax.process_index() != 0:
        if _train_classifier(config, workdir):
            train(config, workdir)
        return None
    with claim(workdir, config):
        if not (_train_classifier(config, workdir) and train(config, workdir)):
            return None
        return evaluate(workdir)


def _train_classifier(config: ml_collections.ConfigDict, workdir: str) -> bool:
    """Trains the classifier of generated images, if one is needed and not there yet.

    Returns:
      whether the run can go on; False if a signal stopped it.
    """
    directory = classifier_workdir(config, workdir)
    if directory is None or os.path.exists(os.path.join(directory, "results.json")):
        return True
    if not config.classifier:
        return True  # which `train` refuses
    judge = config.classifier.copy_and_resolve_references()
    for field in ("data_dir", "path"):  # the same data, wherever they are
        judge.dataset[field] = config.dataset[field]
    if jax.process_index() != 0:
        return train(judge, directory)
    logging.info("training the classifier of generated images in %s", directory)
    return train_and_evaluate(judge, directory) is not None
