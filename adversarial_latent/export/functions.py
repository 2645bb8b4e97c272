"""The functions of a trained model that can be exported."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import chex
import jax
import numpy as np

from adversarial_latent.data import Scaling
from adversarial_latent.export.tracing import (
    Function,
    Input,
    output_shapes,
    used_by,
)
from adversarial_latent.game import Code, Networks
from adversarial_latent.model import Model

MEANINGS = {
    "encode": "the code of x: probabilities y of the components (clusters or classes), "
    "z or its mean, the log-variances of z; those that the model has",
    "decode": "x for each code",
    "sample": "x and the code that it was generated from, y one-hot",
    "sample_component": "the same, from given components, numbered from 0",
    "sample_caption": "the same, for given vectors of captions",
    "styles": "x [K, n, ...]: n random styles, each with all components or captions",
    "variations": "x for a random code z ~ q(z|x)",
    "log_prob": "log-density in nats, of vectors after standardisation",
    "mixture": "the prior p(z): p(y), and means and log-variances of p(z|y)",
    "posterior": "p(y|z) under the mixture",
    "log_prob_z": "log p(z) under the mixture, in nats",
}
"""What the functions return."""


def functions_of(
    model: Model, scaling: Scaling | None, caption_dim: int
) -> dict[str, Function]:
    """The functions of a model, by the names that `ExportedModel` calls them by."""
    game, (to_units, from_units) = model.game, _units(scaling)
    x = Input(("n", *(model.example_shape or ())))
    rows = Input(("n",), np.int32)  # their number is n
    index = Input(("n",), np.int32)
    caption = Input(("n", caption_dim))

    def draw(net: Networks, n: int, **given: chex.Array) -> Code:
        drawn = game.sample(net, n, **given)
        return {**drawn, "x": to_units(drawn["x"])}

    def sample(net: Networks, rows: chex.Array) -> Code:
        return draw(net, rows.shape[0])

    def sample_component(net: Networks, component: chex.Array) -> Code:
        return draw(net, component.shape[0], component=component)

    def sample_caption(net: Networks, caption: chex.Array) -> Code:
        return draw(net, caption.shape[0], caption=caption)

    def styles(net: Networks, rows: chex.Array, **caption: chex.Array) -> chex.Array:
        return to_units(game.styles(net, rows.shape[0], **caption))

    def encode(net: Networks, x: chex.Array, **label: chex.Array) -> Code:
        return game.encode(net, from_units(x), **label)

    def decode(net: Networks, **code: chex.Array) -> chex.Array:
        return to_units(game.decode(net, code))

    def variations(net: Networks, x: chex.Array) -> chex.Array:
        return to_units(game.variations(net, from_units(x)))

    def log_prob(net: Networks, x: chex.Array) -> chex.Array:
        return game.log_prob(net, from_units(x))

    found: dict[str, Function] = {}
    if model.can("encode"):
        label = {"label": index} if model.conditional else {}
        found["encode"] = Function(encode, {"x": x, **label})
    if model.can("sample") and model.uses_captions:
        found["sample_caption"] = Function(sample_caption, {"caption": caption})
    elif model.can("sample"):
        found["sample"] = Function(sample, {"rows": rows})
        if model.num_components:
            found["sample_component"] = Function(sample_component, {"component": index})
    if model.can("styles") and model.uses_captions:
        captions = dataclasses.replace(caption, shape=("k", caption_dim))
        found["styles"] = Function(
            styles, {"rows": rows, "caption": captions}, in_batches=False
        )
    elif model.can("styles") and model.num_components:
        found["styles"] = Function(styles, {"rows": rows}, in_batches=False)
    if model.can("decode"):
        found["decode"] = Function(decode, _code_inputs(model, found))
    if model.can("variations"):
        found["variations"] = Function(variations, {"x": x})
    if model.can("log_prob"):
        found["log_prob"] = Function(log_prob, {"x": x})
    if model.can("mixture"):
        found |= _mixture_functions(model)
    return found


def _units(scaling: Scaling | None) -> tuple[Callable, Callable]:
    """Functions that turn the networks' x into the user's, and the inverse."""
    if scaling is None:
        return lambda x: x, lambda x: x
    allow = jax.numpy_rank_promotion("allow")
    return allow(scaling.invert), allow(scaling.apply)


def _code_inputs(model: Model, functions: Mapping[str, Function]) -> dict[str, Input]:
    """The parts of the codes of other functions that `decode` reads."""
    codes: dict[str, Any] = {}
    for name in {"encode", "sample", "sample_caption"} & functions.keys():
        codes |= output_shapes(model, functions[name])
    codes.pop("x", None)
    parts = {name: Input(("n", *codes[name].shape[1:])) for name in sorted(codes)}
    decode = Function(lambda net, **code: model.game.decode(net, code), parts)
    used = used_by(model, decode)
    return {name: part for name, part in parts.items() if f"inputs/{name}" in used}


def _mixture_functions(model: Model) -> dict[str, Function]:
    """The prior's parameters, and its posterior and density of codes z."""

    def mixture(net: Networks) -> Code:
        prior = model.game.mixture(net)
        return {
            "probabilities": prior.probabilities,
            "mean": prior.mean,
            "log_variance": prior.log_variance,
        }

    def posterior(net: Networks, z: chex.Array) -> chex.Array:
        return model.game.mixture(net).posterior(z)

    def log_prob_z(net: Networks, z: chex.Array) -> chex.Array:
        return model.game.mixture(net).log_prob(z)

    parameters = Function(mixture, {})
    z = Input(("n", *output_shapes(model, parameters)["mean"].shape[1:]))
    return {
        "mixture": parameters,
        "posterior": Function(posterior, {"z": z}),
        "log_prob_z": Function(log_prob_z, {"z": z}),
    }
