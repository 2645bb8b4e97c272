"""How a config specifies a network: as a table, a Flax module, or a preset.

A table is text with a row for each layer (`table.py`). A preset is the name of tables
that fit the data, such as `conv(width=32)` (`presets.py`). A module is a call, such as
`my_package.my_module:Encoder(width=256, dim={d})`: the import path of a Flax module
(linen or NNX), and its arguments as Python literals. In both, `{k}` and `{d}` stand for
the game's number of components and its latent dimension.

A module takes `(*inputs, train)`, and returns a dict of outputs by name. The docstring
of each game lists inputs, outputs, and options if the game passes any. Batch statistics
are kept if they are in one of the module's variable collections. The streams `dropout`
and `noise` provide random keys.
"""

import ast
import math
import re
from collections.abc import Mapping
from typing import Any

import chex
import flax.linen as nn

from adversarial_latent.inputs import InputError, import_object
from adversarial_latent.networks.presets import is_preset
from adversarial_latent.networks.table import Table
from adversarial_latent.networks.table_network import TableNetwork

_KERNEL_INIT = re.compile(r"lecun|he|orthogonal(\d+(\.\d+)?)?")
_CALL = re.compile(r"\s*([\w.]+)(?::([\w.]+))?\s*(\(.*)?", re.DOTALL)


class ImportedNetwork(nn.Module):
    """A module from outside this package, which must return a dict.

    Attributes:
      inner: the module.
      source: its import path.
    """

    inner: nn.Module
    source: str

    def __call__(
        self, *inputs: chex.Array, train: bool, **options: Any
    ) -> dict[str, chex.Array]:
        """Evaluates the module.

        Raises:
          InputError: the module does not return a dict.
        """
        outputs = self.inner(*inputs, train=train, **options)  # type: ignore[operator]
        if not isinstance(outputs, Mapping):
            raise InputError(
                f"{self.source} returns {type(outputs).__name__}; it must return a "
                "dict of arrays by name"
            )
        return dict(outputs)


def make_network(
    spec: str, kernel_init: float | str, **values: Any
) -> TableNetwork | ImportedNetwork:
    """Builds a network from its specification in a config.

    Args:
      spec: a table, or a call of a module.
      kernel_init: initialisation of a table's kernels, see `read_kernel_init`.
      **values: values of the placeholders in `spec`.

    Raises:
      ValueError: the table is invalid, or the module cannot be imported or built.
    """
    if not isinstance(spec, str):
        raise InputError(f"it must be text, such as str(table), not {spec!r}")
    if is_preset(spec):
        raise InputError(
            f"{spec!r} is a preset, which needs the shape of the data: see "
            "games.size_networks"
        )
    call = _CALL.fullmatch(spec.rstrip())
    if not call:
        table = Table.parse(spec).fill(**values)
        _ = table.layers  # checks the table early
        return TableNetwork(table, kernel_init)
    module, name, arguments = call.groups()
    if not name:
        raise InputError(
            f"{spec.strip()!r} is neither a table nor the import path of a Flax "
            "module, such as package.module:Class(argument=value)"
        )
    for placeholder, value in values.items():
        arguments = (arguments or "()").replace(f"{{{placeholder}}}", str(value))
    path = f"{module}:{name}"
    return ImportedNetwork(_import(module, name, _keywords(arguments, path)), path)


def read_kernel_init(value: float | str) -> float | str:
    """Reads `config.game.kernel_init`, see `TableNetwork`.

    Raises:
      InputError: the value is invalid.
    """
    if isinstance(value, str) and _KERNEL_INIT.fullmatch(value):
        return value
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise InputError(
            f"config.game.kernel_init={value!r} must be a number, or one of lecun, he, "
            "orthogonal and, with a gain, orthogonal1.4"
        )
    return number


def _keywords(arguments: str, path: str) -> dict[str, Any]:
    """Parses "(width=256, dim=10)"."""
    try:
        call = ast.parse(f"f{arguments or '()'}", mode="eval").body
        if (
            not isinstance(call, ast.Call)
            or not isinstance(call.func, ast.Name)
            or call.args
        ):
            raise ValueError("only keyword arguments")
        return {
            word.arg or "**": ast.literal_eval(word.value) for word in call.keywords
        }
    except (SyntaxError, ValueError) as error:
        raise InputError(
            f"{path}: cannot read the arguments {arguments!r}; write them as "
            f"(name=value, ...) with plain numbers, strings or tuples ({error})"
        ) from error


def _import(module: str, name: str, arguments: Mapping[str, Any]) -> nn.Module:
    path = f"{module}:{name}"
    target = import_object(path)
    is_linen = isinstance(target, type) and issubclass(target, nn.Module)
    try:
        if is_linen or not isinstance(target, type):
            built = target(**arguments)
        else:
            from flax import nnx  # here, because it is slow to import

            if not issubclass(target, nnx.Module):
                raise TypeError("it is not a Flax module")
            built = nnx.bridge.to_linen(target, **arguments)
    except TypeError as error:
        raise InputError(f"{path}: {error}") from error
    if not isinstance(built, nn.Module):
        raise InputError(f"{path} returns {type(built).__name__}, not a Flax module")
    return built
