"""Traces functions of a model as StableHLO, with a symbolic number of examples."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import chex
import jax
import jax.export
import jax.numpy as jnp
import numpy as np

from adversarial_latent.model import Model, batch_key
from adversarial_latent.networks.conv import on_every_platform


@dataclasses.dataclass(frozen=True)
class Input:
    """An input of a function.

    Attributes:
      shape: sizes of its axes; the name of a size that is not fixed.
      dtype: type of its elements.
    """

    shape: tuple[int | str, ...]
    dtype: Any = np.float32


@dataclasses.dataclass(frozen=True)
class Function:
    """A function of a model.

    Attributes:
      evaluate: `(net, **inputs) -> outputs`.
      inputs: its inputs by name.
      in_batches: whether outputs [n, ...] may be computed batch by batch.
    """

    evaluate: Callable[..., Any]
    inputs: Mapping[str, Input]
    in_batches: bool = True


class NotSymbolicError(Exception):
    """A function cannot be traced with a symbolic number of examples."""


def export_function(
    model: Model, function: Function, platforms: Sequence[str]
) -> tuple[jax.export.Exported, dict[str, Any]]:
    """Exports a function, and describes it for model.json."""
    used = used_by(model, function)
    weights = {name: x for name, x in named_weights(model).items() if name in used}
    # Unused arguments are kept: the number of rows is an argument by its shape.
    pure = jax.jit(_pure(model, function), keep_unused=True)
    export = jax.export.export(pure, platforms=platforms)
    n, k = jax.export.symbolic_shape("n, k")
    described: dict[str, Any] = {"fixed_batch_size": None}
    with _without_source_locations():
        try:
            exported = export(*_abstract(weights, function, {"n": n, "k": k}))
        except Exception as error:  # of any kind, as networks may be the user's own
            if not function.in_batches:
                raise NotSymbolicError(_first_line(error)) from error
            exported = export(*_abstract(weights, function, {"n": model.batch_size}))
            described["fixed_batch_size"] = model.batch_size
            described["why_fixed"] = _first_line(error)
    outputs = jax.tree.unflatten(exported.out_tree, exported.out_avals)
    described |= {
        "inputs": {
            name: {"shape": list(each.shape), "dtype": np.dtype(each.dtype).name}
            for name, each in function.inputs.items()
        },
        "outputs": jax.tree.map(
            lambda x: {
                "shape": [s if isinstance(s, int) else str(s) for s in x.shape],
                "dtype": x.dtype.name,
            },
            outputs,
        ),
        "weights": list(weights),
    }
    return exported, described


def output_shapes(model: Model, function: Function) -> Any:
    """Shapes of the outputs of a function, for two examples."""
    arguments = _abstract(named_weights(model), function, {"n": 2, "k": 2})
    return jax.eval_shape(_pure(model, function), *arguments)


def used_by(model: Model, function: Function) -> set[str]:
    """The weights that a function depends on, and its inputs as "inputs/NAME"."""
    arguments = _abstract(named_weights(model), function, {"n": 2, "k": 2})
    pure = jax.jit(_pure(model, function))
    exported = jax.export.export(pure, platforms=["cpu"])(*arguments)
    weights, _, inputs = arguments
    names = [*sorted(weights), "draw", *(f"inputs/{name}" for name in sorted(inputs))]
    return {names[index] for index in exported.module_kept_var_idx}


def named_weights(model: Model) -> dict[str, chex.Array]:
    """Parameters and statistics of all networks by path, in the order of the leaves.

    A path is, for example, "weights/params/encoder/h1/kernel".
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(_tree(model))
    name = functools.partial(jax.tree_util.keystr, simple=True, separator="/")
    return {name(path): leaf for path, leaf in leaves}


def _tree(model: Model) -> chex.ArrayTree:
    return {"weights": {"params": model.params, "state": model.model_state}}


def _pure(model: Model, function: Function) -> Callable[..., Any]:
    """`function` as a pure one of `(weights, draw, inputs)`.

    `weights` has those that the function uses, by path; `draw` is uint32 [2], the seed
    and the number of the batch.
    """
    _, structure = jax.tree.flatten(_tree(model))

    def pure(weights, draw, inputs):
        complete = [
            weights[name] if name in weights else jnp.zeros_like(x)
            for name, x in named_weights(model).items()
        ]
        tree = jax.tree.unflatten(structure, complete)["weights"]
        net = model.game.bind(
            tree["params"], tree["state"], batch_key(draw[0], draw[1]), train=False
        )
        with on_every_platform():
            return function.evaluate(net, **inputs)

    return pure


def _abstract(
    weights: Mapping[str, chex.Array], function: Function, sizes: Mapping[Any, Any]
) -> tuple[Any, ...]:
    """Abstract arguments of a pure function, with the sizes of axes that have names."""
    abstract = jax.ShapeDtypeStruct
    return (
        {name: abstract(x.shape, x.dtype) for name, x in weights.items()},
        abstract((2,), np.uint32),
        {
            name: abstract([sizes.get(s, s) for s in each.shape], each.dtype)
            for name, each in function.inputs.items()
        },
    )


@contextlib.contextmanager
def _without_source_locations() -> Iterator[None]:
    """Leaves the paths of source files, which are of no use elsewhere, out of code."""
    name = "jax_traceback_in_locations_limit"
    limit = getattr(jax.config, name)
    jax.config.update(name, 0)
    try:
        yield
    finally:
        jax.config.update(name, limit)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
