"""Runs an exported model. Needs JAX and NumPy only; a copy is in every exported file.

    import sys

    sys.path.append("model.zip")
    import exported_model

    model = exported_model.load("model.zip")
    clusters = model.encode(images)["y"].argmax(-1)
    images = model.sample(16, seed=0, component=3)["x"]

`python model.zip` prints what the model takes and returns, which `model.about` also has
(it is `model.json` in the file). The methods are those of the model that was exported,
with NumPy inputs and outputs. There are three differences: captions are given as
vectors, `mixture` returns plain arrays, and vectors, if the model standardises them,
are in their original units.

Checked are dtype, shape and that all numbers are finite, and labels, components and
seeds against their range. The range of images is not checked: they are in [0, 1].
"""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np

FORMAT = 1
"""Version of the layout of the file."""


class ExportedModel:
    """The functions and weights of an exported model.

    Results are deterministic given the arguments, and equal those of the model that was
    exported. Each function is compiled at its first use with a number of examples.
    Larger numbers are split into batches of `about["batch_size"]`.

    Attributes:
      about: the contents of `model.json`: inputs, outputs, versions and sizes.
    """

    def __init__(self, path: str):
        with zipfile.ZipFile(path) as archive:
            self.about: dict[str, Any] = json.loads(archive.read("model.json"))
            if self.about["format"] != FORMAT:
                raise ValueError(
                    f"{path} has format {self.about['format']}, but this loader reads "
                    f"format {FORMAT}: use the exported_model.py in the file"
                )
            functions = self.about["functions"]
            self._serialized = {
                name: archive.read(function["file"])
                for name, function in functions.items()
            }
            used = {name for each in functions.values() for name in each["weights"]}
            self._weights = {
                name: jnp.asarray(np.load(io.BytesIO(archive.read(f"{name}.npy"))))
                for name in sorted(used)
            }
        self._compiled: dict[str, Any] = {}

    def can(self, function: str) -> bool:
        """Whether the model has this function, such as "encode"."""
        return function in self._serialized

    def encode(
        self, x: np.ndarray, label: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Infers codes.

        Args:
          x: floats [N, ...]; images in [0, 1].
          label: integers [N], if the model requires labels.

        Returns:
          the parts of the codes: `z` [N, d], or the probabilities `y` [N, K] of the
          components (clusters or classes), or both.
        """
        inputs = {"x": self._check_x(x)}
        if label is not None:
            inputs["label"] = self._check_index("label", label, len(inputs["x"]))
        return self._in_batches("encode", inputs)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The most probable component of each x [N, ...]: integers [N].

        Names of classes are in `about["class_names"]`.
        """
        code = self.encode(x)
        if "y" not in code:
            raise ValueError("the model infers no components; use encode")
        return code["y"].argmax(-1)

    def decode(self, code: Mapping[str, np.ndarray]) -> np.ndarray:
        """Generates x [N, ...] from codes, as `encode` and `sample` return them."""
        specs = self._function("decode")["inputs"]
        if missing := specs.keys() - code.keys():
            raise ValueError(f"the code has no {', '.join(sorted(missing))}")
        inputs = {
            name: _check_floats(name, code[name], spec["shape"][1:])
            for name, spec in specs.items()
        }
        return self._in_batches("decode", inputs)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """The log-density [N] of x [N, ...] in nats."""
        return self._in_batches("log_prob", {"x": self._check_x(x)})

    def variations(self, x: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
        """Generates n variations of each x [N, ...]: [N, n, ...]."""
        x = self._check_x(x)
        inputs = {"x": np.repeat(x, n, axis=0)}
        varied = self._in_batches("variations", inputs, seed)
        return varied.reshape(len(x), n, *varied.shape[1:])

    def sample(
        self,
        n: int,
        seed: int = 0,
        component: int | np.ndarray | None = None,
        *,
        caption: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Samples from the model.

        Args:
          n: number of samples.
          seed: equal seeds give equal samples.
          component: one for all samples or [n]; None to sample it from its prior.
          caption: vectors of captions [n, D], if the model requires them.

        Returns:
          `x` [n, ...] and the code that it was generated from.
        """
        if caption is not None:
            width = self._function("sample_caption")["inputs"]["caption"]["shape"][1:]
            caption = np.broadcast_to(caption, (n, *width))
            inputs = {"caption": _check_floats("caption", caption, width)}
            return self._in_batches("sample_caption", inputs, seed)
        if component is not None:
            self._function("sample_component")
            component = np.broadcast_to(np.asarray(component), (n,))
            inputs = {"component": self._check_index("component", component, n)}
            return self._in_batches("sample_component", inputs, seed)
        return self._in_batches("sample", {"rows": np.zeros(n, np.int32)}, seed)

    def styles(
        self, n: int, seed: int = 0, *, captions: np.ndarray | None = None
    ) -> np.ndarray:
        """Samples n styles, each with every component or caption: [K, n, ...].

        Args:
          n: number of styles.
          seed: equal seeds give equal samples.
          captions: vectors [K, D], if the model requires them.
        """
        inputs = {"rows": np.zeros(n, np.int32)}
        if captions is not None:
            width = self._function("styles")["inputs"]["caption"]["shape"][1:]
            inputs["caption"] = _check_floats("captions", captions, width)
        return self._call("styles", inputs, seed)

    def mixture(self) -> dict[str, np.ndarray]:
        """The prior p(z): `probabilities` [K], `mean` and `log_variance` [K, d]."""
        return self._call("mixture", {})

    def posterior(self, z: np.ndarray) -> np.ndarray:
        """The probabilities p(y|z) [N, K] of the components, given z [N, d]."""
        return self._of_z("posterior", z)

    def log_prob_z(self, z: np.ndarray) -> np.ndarray:
        """The log-density of z [N, d] under the mixture, in nats: [N]."""
        return self._of_z("log_prob_z", z)

    def _of_z(self, name: str, z: np.ndarray) -> np.ndarray:
        shape = self._function(name)["inputs"]["z"]["shape"][1:]
        return self._in_batches(name, {"z": _check_floats("z", z, shape)})

    def _function(self, name: str) -> dict[str, Any]:
        """The description of a function."""
        if not self.can(name):
            reason = self.about["left_out"].get(name)
            raise ValueError(
                f"{name!r} was not exported: {reason}"
                if reason
                else f"the model has no {name!r}; it has {', '.join(self._serialized)}"
            )
        return self.about["functions"][name]

    def _call(self, name: str, inputs: dict, seed: int = 0, batch: int = 0) -> Any:
        function = self._function(name)
        if inputs.keys() != function["inputs"].keys():
            raise ValueError(
                f"{name!r} takes {', '.join(function['inputs']) or 'nothing'}, not "
                + (", ".join(inputs) or "nothing")
            )
        if not 0 <= seed < 2**32:
            raise ValueError(f"seed={seed} must be in [0, 2**32)")
        if name not in self._compiled:
            exported = jax.export.deserialize(bytearray(self._serialized[name]))
            self._compiled[name] = jax.jit(exported.call)
        weights = {weight: self._weights[weight] for weight in function["weights"]}
        draw = np.array([seed, batch], np.uint32)
        results = self._compiled[name](weights, draw, inputs)
        return jax.tree.map(np.asarray, results)

    def _in_batches(self, name: str, inputs: dict, seed: int = 0) -> Any:
        """Applies a function to `inputs` (leaves [N, ...]) batch by batch."""
        fixed = self._function(name)["fixed_batch_size"]
        number, size = len(next(iter(inputs.values()))), self.about["batch_size"]
        if number == 0:
            raise ValueError(f"nothing to {name}: there are no examples")
        results = []
        for batch, start in enumerate(range(0, number, size)):
            part = {key: x[start : start + size] for key, x in inputs.items()}
            count = len(next(iter(part.values())))
            missing = size - count if fixed else 0
            part = {
                key: np.pad(x, [(0, missing)] + [(0, 0)] * (x.ndim - 1), "edge")
                for key, x in part.items()
            }
            result = self._call(name, part, seed, batch)
            results.append(jax.tree.map(lambda x, n=count: x[:n], result))
        return jax.tree.map(lambda *parts: np.concatenate(parts), *results)

    def _check_x(self, x: np.ndarray) -> np.ndarray:
        return _check_floats("x", x, self.about["input"]["shape"])

    def _check_index(self, name: str, index: np.ndarray, number: int) -> np.ndarray:
        index, classes = np.asarray(index), self.about["num_components"] or 0
        if index.shape != (number,) or index.dtype.kind not in "iu":
            raise ValueError(
                f"{name} is {index.dtype} of shape {index.shape}, but must be integers "
                f"of shape ({number},)"
            )
        if number and not 0 <= index.min() <= index.max() < classes:
            raise ValueError(
                f"{name} {index.min()}..{index.max()} is given, but the model has "
                f"{classes} components"
            )
        return index.astype(np.int32)


def load(path: str) -> ExportedModel:
    """Loads an exported model.

    Raises:
      FileNotFoundError: the file does not exist.
    """
    return ExportedModel(path)


def _check_floats(name: str, x: np.ndarray, shape: list[int]) -> np.ndarray:
    """Checks numbers [N, *shape] and converts them to float32."""
    x = np.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            f"{name} is {x.dtype}, but the model takes floats, images in [0, 1]: "
            "divide by the largest possible value, x / 255 for most images"
        )
    if list(x.shape[1:]) != list(shape) or x.ndim == 0:
        expected = ", ".join(map(str, shape))
        raise ValueError(
            f"{name} has shape {list(x.shape)}, but the model takes [N, {expected}]"
        )
    x = x.astype(np.float32)
    bad = ~np.isfinite(x).all(axis=tuple(range(1, x.ndim)))
    if bad.any():
        raise ValueError(
            f"{name}: {bad.sum()} examples contain NaN or infinity, first at "
            f"{bad.argmax()}"
        )
    return x
