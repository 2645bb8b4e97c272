"""Completes a config by what follows from the data, and says what will happen.

A config can leave these fields to the data:

    game.num_components  0: one of `config.number_of_clusters.candidates`, if there are
                         any (see `number_of_clusters`); otherwise the number of
                         classes, or 10 without labels
    game.networks.NAME   a preset: tables for the shape of an example
    game.pixelcnn.image_shape  (): the shape of an image
    batch_size           0: 100 examples; of fewer, the largest power of two, so that
                         batches can be divided over devices
    evaluators           ("auto",): all that suit model and data

A run records the completed config.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import ml_collections
import numpy as np

from adversarial_latent.config import check_ranges
from adversarial_latent.data import Dataset
from adversarial_latent.evaluation.evaluators import EVALUATORS
from adversarial_latent.experiment import Experiment, code_shapes, example_batch
from adversarial_latent.game import Game
from adversarial_latent.games import make_game, size_networks
from adversarial_latent.inputs import InputError, shape_text
from adversarial_latent.model import Model
from adversarial_latent.networks.presets import is_preset
from adversarial_latent.networks.table_network import TableNetwork

_AUTO = ("auto",)
_NUM_COMPONENTS = 10  # without labels
_BATCH_SIZE = 100


def needs_data(config: ml_collections.ConfigDict) -> bool:
    """Whether a config leaves fields to the data."""
    game = config.game
    return (
        game.get("num_components") == 0
        or any(map(is_preset, game.get("networks", {}).values()))
        or _lacks_image_shape(game)
        or config.batch_size == 0
        or tuple(config.evaluators) == _AUTO
    )


def check(config: ml_collections.ConfigDict) -> None:
    """Checks, before data are loaded, the ranges of what a config says already.

    Raises:
      InputError: a value is out of range, or candidates for the number of clusters
        are too few.
    """
    config = config.copy_and_resolve_references()
    config.batch_size = config.batch_size or 1
    if config.game.get("num_components") == 0:
        config.game.num_components = 1
    check_ranges(config)
    _check_candidates(config)


def _check_candidates(config: ml_collections.ConfigDict) -> None:
    candidates = tuple(config.number_of_clusters.candidates)
    if not candidates:
        return
    field = f"config.number_of_clusters.candidates={candidates}"
    if len(candidates) < 2 or len(set(candidates)) < len(candidates):
        raise InputError(f"{field} must be several different numbers")
    if "num_components" not in config.game:
        raise InputError(
            f"{field}: the game {config.game.name!r} learns no clusters; leave it empty"
        )
    if config.trials < 2:
        raise InputError(
            f"{field} are compared by the agreement of trials: set config.trials "
            "(n_init) to 2 or more"
        )


def fit_to_data(
    config: ml_collections.ConfigDict, dataset: Dataset
) -> ml_collections.ConfigDict:
    """Returns the config with all fields that it leaves to the data.

    Args:
      config: fields as in `config.default_config`; it is not changed.
      dataset: the data of the run.

    Raises:
      InputError: the number of clusters is yet to be chosen, a preset cannot be
        read or does not fit the data, or a PixelCNN gets vectors.
    """
    config = config.copy_and_resolve_references()
    game, shape = config.game, dataset.example_shape
    if game.get("num_components") == 0:
        if config.number_of_clusters.candidates:
            raise InputError(
                "the number of clusters is chosen in training: set "
                "config.game.num_components to one of "
                f"{tuple(config.number_of_clusters.candidates)} to see what follows"
            )
        game.num_components = dataset.num_classes or _NUM_COMPONENTS
    if _lacks_image_shape(game):
        if len(shape) != 3:
            raise InputError(
                f"the game {game.name!r} models pixels, but examples are vectors of "
                f"{shape[0]} values: choose another game"
            )
        game.pixelcnn.image_shape = shape
    config.game = size_networks(game, shape)
    if not config.batch_size:
        number = len(dataset.splits["train"])
        fits = number >= _BATCH_SIZE
        config.batch_size = _BATCH_SIZE if fits else 1 << (number.bit_length() - 1)
    if tuple(config.evaluators) == _AUTO:
        config.evaluators = _evaluators(config, dataset)
    return config


def _lacks_image_shape(game: ml_collections.ConfigDict) -> bool:
    return bool(game.get("pixelcnn")) and tuple(game.pixelcnn.image_shape) == ()


def _evaluators(config: ml_collections.ConfigDict, dataset: Dataset) -> tuple[str, ...]:
    """Names of the evaluators whose requirements model, data and codes meet."""
    game = make_game(config.game)
    model = Model(game, {}, {})
    codes: Mapping[str, Any] = {}
    if game.can("encode"):
        codes = code_shapes(game, example_batch(game, dataset))
    names = []
    for name, evaluator in EVALUATORS.items():
        if evaluator.needs_classifier and not config.classifier:
            continue
        try:
            evaluator.check_model(model)
            evaluator.check_data(dataset)
            evaluator.check_codes(codes)
        except InputError:
            continue
        names.append(name)
    if "classification" in names and "clustering" in names:
        names.remove("clustering")  # the components are classes
    return tuple(names)


def describe(experiment: Experiment, dataset: Dataset) -> list[str]:
    """Says in a few lines what a run is about to do: data, networks and steps.

    Args:
      experiment: the run.
      dataset: its data.
    """
    sizes = " and ".join(
        f"{len(part):,} {name}" for name, part in dataset.splits.items()
    )
    kind = "images" if len(dataset.example_shape) == 3 else "vectors"
    classes = f", {dataset.num_classes} classes" if dataset.num_classes else ""
    state = jax.eval_shape(experiment.create, jax.random.key(0))
    parameters = ", ".join(
        f"{name} {count:,}"
        for name, params in state.params.items()
        if (count := _count(params))
    )
    examples = experiment.num_steps * experiment.examples_per_step
    epochs = examples / experiment.pipeline.num_examples
    trials = experiment.parallel.trials
    return [
        f"data: {sizes} {kind} of {shape_text(dataset.example_shape)}{classes} "
        f"({dataset.protocol})",
        f"parameters: {parameters}",
        f"training: {experiment.num_steps:,} steps of {experiment.examples_per_step} "
        f"examples ({epochs:.4g} epochs), {trials} trial{'s' * (trials > 1)}",
    ]


def describe_networks(game: Game, dataset: Dataset) -> str:
    """Lists all rows of tables, with the shapes of their outputs and parameters.

    Args:
      game: the game.
      dataset: its data.
    """
    found: dict[str, dict[str, Any]] = {}
    tables = {
        name: module.table
        for name, module in game.modules.items()
        if isinstance(module, TableNetwork)
    }

    def record(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
        outputs = call(*args, **kwargs)
        if (
            isinstance(context.module, TableNetwork)
            and context.method_name == "__call__"
        ):
            for name, table in tables.items():
                if table is context.module.table:
                    found[name] = {row: x.shape[1:] for row, x in outputs.items()}
        return outputs

    with nn.intercept_methods(record):
        batch = example_batch(game, dataset)
        params, _ = jax.eval_shape(game.init, jax.random.key(0), batch)
    blocks = []
    for name, parameters in params.items():
        title = f"{name}: {_count(parameters):,} parameters"
        if name not in tables:
            blocks.append(f"{title}, {type(game.modules[name]).__name__}")
            continue
        header, *rows = str(dataclasses.replace(tables[name], transposed=False)).split(
            "\n"
        )
        width = max(map(len, (header, *rows))) + 2
        lines = [f"{title}{', transposed' * tables[name].transposed}"]
        lines.append(f"{header:{width}}Output      Parameters")
        for row, line in zip(tables[name].rows, rows, strict=True):
            kinds = ("kernel", "bias", "norm")
            own = [parameters.get(f"{row.name}_{kind}") for kind in kinds]
            shape = shape_text(found[name][row.name])
            lines.append(f"{line:{width}}{shape:12}{_count(own) or '-'}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _count(params: Any) -> int:
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(params))
