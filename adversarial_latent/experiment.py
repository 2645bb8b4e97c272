"""What a config means: its game, data and optimisers, put together and checked."""

import dataclasses
import functools
from typing import Any

import jax
import ml_collections
import numpy as np
from flax.errors import FlaxError

from adversarial_latent import config as config_lib
from adversarial_latent.data import Dataset, Pipeline, label_subset, make_pipeline
from adversarial_latent.evaluation.evaluate import (
    check_codes,
    check_data,
    check_evaluation,
)
from adversarial_latent.game import Game
from adversarial_latent.games import make_game
from adversarial_latent.parallel import Parallel
from adversarial_latent.state import create_state
from adversarial_latent.steps import TrainStep, make_train_step


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What a config means on given data and devices, before anything is trained.

    Attributes:
      game: the game.
      train_step: its pure step.
      create: `key -> TrainState` of one trial.
      pipeline: gives batches [num_steps, T, R * B].
      examples_per_step: over all devices and minibatches.
      minibatches: R, how many minibatches a step takes.
      parallel: how steps are run on the devices.
      num_steps: train steps of the run, a multiple of `steps_per_call`.
      steps_per_call: train steps between two looks at the host.
    """

    game: Game
    train_step: TrainStep
    create: Any
    pipeline: Pipeline
    examples_per_step: int
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

    def abstract_inputs(self) -> tuple[Any, Any]:
        """Shapes of a state and a batch, as the train step takes them."""
        state = jax.eval_shape(self.create, jax.random.key(0))
        batch = jax.eval_shape(
            self.pipeline.examples,
            self.pipeline.resident,
            jax.tree.map(lambda leaf: leaf[0, 0, 0], self.next_batches()),
        )
        return state, batch

    def lowered_step(self) -> str:
        """The train step as text (StableHLO), equal for steps that are the same."""
        return jax.jit(self.train_step).lower(*self.abstract_inputs()).as_text()

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
    config_lib.check_ranges(config)
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
    labels, labelled, told = config.labels, None, None
    labelled_batch_size = labels.batch_size or config.batch_size
    if game.captioned:
        told = _vectors_of_captions(config, dataset)
        labelled = [np.arange(num_examples)] * config.trials
    elif game.uses_labels:
        labelled = _choose_labelled(config, dataset, game)
    elif labels.to_dict() != config_lib.default_config().labels.to_dict():
        raise ValueError(
            f"config.labels has no meaning for the game {config.game.name!r}, which "
            "sees none: leave it as it is"
        )
    batch_sizes = {"batch_size": config.batch_size}
    if labelled is not None:
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
        told=told,
    )
    example: dict[str, np.ndarray] = {
        "x": np.zeros((2, *dataset.example_shape), np.float32)
    }
    if labelled is not None:
        label = np.zeros(2, np.int32) if told is None else told[:2]
        example |= {"labelled_x": example["x"], "label": label}
    create = functools.partial(
        create_state, game, optimizers, batch=example, ema=config.ema_decay > 0
    )
    try:
        state = jax.eval_shape(create, jax.random.key(config.seed))
    except (AssertionError, KeyError, TypeError, ValueError, FlaxError) as error:
        shape = "x".join(map(str, dataset.example_shape))
        reason = str(error).splitlines()[0]
        if isinstance(error, KeyError):
            reason = f"no row or network is called {reason}"
        raise ValueError(
            f"the networks of config.game do not fit examples of shape {shape}: "
            + reason
        ) from error
    check_codes(config, game, state, example)
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
        examples_per_step=examples_per_step,
        minibatches=minibatches,
        parallel=parallel,
        num_steps=num_steps,
        steps_per_call=steps_per_call,
    )


def _vectors_of_captions(
    config: ml_collections.ConfigDict, dataset: Dataset
) -> np.ndarray:
    """What stands for the captions of training examples: [N, C, D]."""
    vectors = dataset.splits["train"].embedding
    if vectors is None:
        raise ValueError(
            f"the game {config.game.name!r} learns from captions, and those of "
            f"{dataset.name!r} are not embedded: load it with sentences.load_dataset"
        )
    return vectors


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
