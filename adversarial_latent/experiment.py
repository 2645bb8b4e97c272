"""Builds and checks what a config describes: game, data, optimisers and train step."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import chex
import jax
import ml_collections
import numpy as np
from absl import logging
from flax.errors import FlaxError

from adversarial_latent import config as config_lib
from adversarial_latent.data import (
    Dataset,
    Pairs,
    Pipeline,
    compute_quantities,
    label_subset,
    make_pipeline,
)
from adversarial_latent.game import Game
from adversarial_latent.games import make_game
from adversarial_latent.inputs import InputError
from adversarial_latent.networks.spec import ImportedNetwork
from adversarial_latent.optimizers import make_optimizer
from adversarial_latent.parallel import Parallel
from adversarial_latent.state import create_state
from adversarial_latent.steps import TrainStep, make_train_step


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What a config describes, on given data and devices.

    Attributes:
      game: the game.
      train_step: its pure train step.
      create: `key -> TrainState` of one trial.
      pipeline: provides batches [num_steps, T, R * B].
      examples_per_step: number of examples, over all devices and minibatches.
      minibatches: R, number of minibatches of a step.
      parallel: runs steps on the devices.
      num_steps: train steps of the run, a multiple of `steps_per_call`.
      steps_per_call: train steps in one call of the compiled program.
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
        """The batches of one call, split over the local devices."""

        def separate(leaf: np.ndarray) -> np.ndarray:
            steps, trials, examples, *rest = leaf.shape
            minibatches = self.minibatches
            return leaf.reshape(
                steps, trials, minibatches, examples // minibatches, *rest
            )

        batches = jax.tree.map(separate, self.pipeline.next(self.steps_per_call))
        return self.parallel.split(batches)

    def abstract_inputs(self) -> tuple[Any, Any]:
        """Shapes of the state and batch that the train step takes."""
        state = jax.eval_shape(self.create, jax.random.key(0))
        batch = jax.eval_shape(
            self.pipeline.examples,
            self.pipeline.resident,
            jax.tree.map(lambda leaf: leaf[0, 0, 0], self.next_batches()),
        )
        return state, batch

    def lowered_step(self) -> str:
        """The train step as StableHLO text, which is equal for equal steps."""
        return jax.jit(self.train_step).lower(*self.abstract_inputs()).as_text()

    def compile(self) -> Any:
        """`run(placed state, resident, batches)`, see `Parallel.compile`."""
        return self.parallel.compile(self.train_step, self.pipeline.examples)


def make_experiment(config: ml_collections.ConfigDict, dataset: Dataset) -> Experiment:
    """Builds everything that training needs.

    Args:
      config: fields as in `config.default_config`.
      dataset: as `data.load(config.dataset)` returns it; with `caption_vectors` for a
        game that uses captions.

    Raises:
      ValueError: a field does not fit; the error names it.
    """
    config_lib.check_ranges(config)
    game = make_game(config.game)
    repeats = _repeats(config, game)
    minibatches = max(repeats.values())
    examples_per_step = config.batch_size * minibatches
    in_steps = functools.partial(
        config_lib.duration_in_steps,
        batch_size=examples_per_step,
        num_examples=len(dataset.splits["train"]),
    )
    num_steps = in_steps(config.duration)
    steps_per_call = min(config.steps_per_call, num_steps)
    num_steps = -(-num_steps // steps_per_call) * steps_per_call
    optimizers = {
        name: make_optimizer(config.players[name], num_steps, in_steps("1_epochs"))
        for name in repeats
    }
    pairs = _pairs(config, dataset, game)
    batch_sizes = {"batch_size": config.batch_size}
    for pair in pairs:
        batch_sizes["labels.batch_size"] = pair.batch_size
    parallel = Parallel.create(config.trials, batch_sizes, config.trial_loop)
    pipeline = make_pipeline(
        dataset.splits["train"],
        batch_size=examples_per_step,
        seed=config.seed,
        trials=config.trials,
        kind=config.pipeline,
        process_index=jax.process_index(),
        process_count=jax.process_count(),
        pairs=[
            dataclasses.replace(pair, batch_size=pair.batch_size * minibatches)
            for pair in pairs
        ],
        quantities=compute_quantities(
            dataset.splits["train"], game.quantities, config.dataset.cache
        ),
    )
    batch = example_batch(game, dataset)
    create = functools.partial(
        create_state, game, optimizers, batch=batch, ema=config.ema_decay > 0
    )
    _check_networks(create, game, batch, config)
    if config.update_order not in ("", game.update_order):
        logging.warning(
            "config.update_order=%s departs from the game %r, whose updates are %s",
            config.update_order,
            config.game.name,
            game.update_order,
        )
    return Experiment(
        game=game,
        train_step=make_train_step(
            game,
            optimizers,
            num_steps=num_steps,
            update_order=config.update_order or None,
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


def example_batch(game: Game, dataset: Dataset) -> dict[str, np.ndarray]:
    """A batch of two examples with all fields that a game reads, for shapes."""
    train = dataset.splits["train"]
    x = np.zeros((2, *dataset.example_shape), np.float32)
    fields: dict[str, np.ndarray] = {"label": np.zeros(2, np.int32)}
    if train.caption_vectors is not None:
        fields["caption"] = train.caption_vectors[:2]
    # Batches of every game have x.
    batch = {name: fields.get(name, x) for name in ("x", *game.batch_fields)}
    for name in [name for name in batch if batch[name] is x]:
        for quantity in game.quantities:
            batch[name.removesuffix("x") + quantity] = np.ones(2, np.float32)
    return batch


def _repeats(config: ml_collections.ConfigDict, game: Game) -> dict[str, int]:
    """Number of updates of each player in one turn.

    Raises:
      ValueError: config and game have different players.
    """
    names = {player.name for player in game.players}
    if names != set(config.players):
        raise ValueError(
            f"config.players has {sorted(config.players)}, but the players of "
            f"{config.game.name} are {sorted(names)}"
        )
    return {name: config.players[name].repeats for name in names}


def _pairs(
    config: ml_collections.ConfigDict, dataset: Dataset, game: Game
) -> list[Pairs]:
    """The labelled or captioned examples that batches contain besides x.

    Raises:
      ValueError: the data lack labels or captions, or `config.labels` is set for a game
        without labels.
    """
    train, labels = dataset.splits["train"], config.labels
    batch_size = labels.batch_size or config.batch_size
    if game.uses_captions:
        if train.caption_vectors is None:
            raise ValueError(
                f"the game {config.game.name!r} learns from captions, but those of "
                f"{dataset.name!r} are not embedded: see text.embed_captions"
            )
        indices = [np.arange(len(train))] * config.trials
        vectors = train.caption_vectors
        return [Pairs("captioned_x", "caption", vectors, indices, batch_size)]
    if game.uses_labels:
        chosen = _labelled_examples(config, dataset, game)
        assert train.label is not None
        return [Pairs("labelled_x", "label", train.label, chosen, batch_size)]
    if labels.to_dict() != config_lib.default_config().labels.to_dict():
        raise ValueError(
            f"config.labels has no meaning for the game {config.game.name!r}, which "
            "uses no labels: leave it at its default"
        )
    return []


def _labelled_examples(
    config: ml_collections.ConfigDict, dataset: Dataset, game: Game
) -> list[np.ndarray]:
    """Indices of each trial's labelled training examples."""
    if dataset.num_classes is None:
        raise ValueError(
            f"the game {config.game.name!r} learns from labels, but {dataset.name!r} "
            "has none"
        )
    if game.num_components != dataset.num_classes:
        raise ValueError(
            f"config.game.num_components={game.num_components}, but its components are "
            f"the {dataset.num_classes} classes of {dataset.name!r}"
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


def _check_networks(
    create: Any,
    game: Game,
    batch: Mapping[str, np.ndarray],
    config: ml_collections.ConfigDict,
) -> None:
    """Checks that networks fit the data and each other.

    Raises:
      InputError: they do not; the error gives the first reason.
    """
    try:
        state = jax.eval_shape(create, jax.random.key(config.seed))
        if any(isinstance(net, ImportedNetwork) for net in game.modules.values()):
            # Tables take all options of inference functions, other modules may not.
            parts = (state.params, state.model_state, state.key)
            jax.eval_shape(functools.partial(_infer, game), *parts, batch)
    except (AssertionError, KeyError, TypeError, ValueError, FlaxError) as error:
        shape = "x".join(map(str, batch["x"].shape[1:]))
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(
            f"config.game.networks do not fit examples of shape {shape}: {reason}"
        ) from error


def _infer(
    game: Game,
    params: Any,
    model_state: Any,
    key: chex.PRNGKey,
    batch: Mapping[str, Any],
) -> dict[str, Any]:
    """Calls each inference function that needs no caption."""
    net = game.bind(params, model_state, key, train=False)
    results: dict[str, Any] = {}
    if game.can("encode"):
        label = {"label": batch["label"]} if game.conditional else {}
        results["code"] = game.encode(net, batch["x"], **label)
        if game.can("decode"):
            results["x"] = game.decode(net, results["code"])
    if game.can("sample") and not game.uses_captions:
        results["sample"] = game.sample(net, len(batch["x"]))
    if game.can("mixture"):
        results["mixture"] = game.mixture(net)
    return results


def code_shapes(
    game: Game, batch: Mapping[str, np.ndarray]
) -> dict[str, tuple[int, ...]]:
    """Shapes of the parts of a code by name; the game must be able to encode.

    Args:
      game: the game.
      batch: a batch of two examples, see `example_batch`.
    """

    def code(key: chex.PRNGKey) -> dict[str, chex.Array]:
        return _infer(game, *game.init(key, batch), key, batch)["code"]

    shapes = jax.eval_shape(code, jax.random.key(0))
    return {name: part.shape for name, part in shapes.items()}
