"""Convolutions that are fast on every platform, also when differentiated twice.

XLA's CPU backend runs a convolution inside a loop body as a naive loop
(jax-ml/jax#12868). It is also slow on transposed and doubly differentiated ones. On the
CPU, convolutions are therefore written as matrix products. The pixels in one row of a
window are concatenated and multiplied by that row of the kernel, and the products are
summed over rows. A transposed convolution with stride 1 is a matrix product followed by
overlap-adding. With a larger stride it is a convolution whose channels become pixels.
For an input of one pixel, both are dense layers. On GPU and TPU, XLA's own convolution
is used.
"""

import contextlib
import contextvars
import functools
import math
import operator
from collections.abc import Callable, Iterator
from typing import Literal

import chex
import jax
import jax.numpy as jnp
from jax import lax

Padding = Literal["VALID", "SAME"] | int

# Products with matrices that have fewer rows than this are slow.
_NARROW = 8
_ON_EVERY_PLATFORM = contextvars.ContextVar("on_every_platform", default=False)
_DIMENSION_NUMBERS = ("NHWC", "HWIO", "NHWC")


def conv(
    x: chex.Array, kernel: chex.Array, stride: int, padding: Padding
) -> chex.Array:
    """Correlates images with a kernel, like a convolutional layer.

    Args:
      x: images [B, H, W, C].
      kernel: weights [kh, kw, C, F].
      stride: step between windows, in pixels, along both axes.
      padding: "VALID" (none, H' = (H - kh) // stride + 1), "SAME" (zeros, as many after
        the image as before it or one more, H' = ceil(H / stride)), or the number of
        zeros at each edge, as in PyTorch (H' = (H + 2 padding - kh) // stride + 1).

    Returns:
      [B, H', W', F].

    Raises:
      ValueError: ranks, channels, stride or padding do not match.
    """
    _check(x, kernel, stride, padding)
    if isinstance(padding, int):
        pads = [(padding, padding)] * 2
    else:
        pads = lax.padtype_to_pads(
            x.shape[1:3], kernel.shape[:2], (stride, stride), padding
        )
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *_edges(pads), (0, 0, 0)])
    if x.shape[1] < kernel.shape[0] or x.shape[2] < kernel.shape[1]:
        raise ValueError(
            f"A {kernel.shape[0]}x{kernel.shape[1]} kernel does not fit into a "
            f"{x.shape[1]}x{x.shape[2]} image; use more padding or a smaller kernel."
        )
    return _fastest(_conv_matrix, _conv_lax, x, kernel, stride)


def conv_transpose(
    x: chex.Array, kernel: chex.Array, stride: int, padding: Padding
) -> chex.Array:
    """Transposed convolution: each pixel adds a window, weighted by the kernel.

    With "VALID", out[stride * h + i, stride * w + j] += x[h, w] @ kernel[i, j]. This is
    the orientation of PyTorch, and of `jax.lax.conv_transpose` with a flipped kernel.

    Args:
      x: images [B, H, W, C].
      kernel: weights [kh, kw, C, F].
      stride: step between windows, in pixels, along both axes.
      padding: "VALID" (H' = (H - 1) * stride + kh), "SAME" (H' = H * stride, cropped
        from "VALID" like `jax.lax.conv_transpose`), or the number of pixels cropped
        from each edge of "VALID". The latter is the gradient of a `conv` with that
        padding, as in PyTorch.

    Returns:
      [B, H', W', F].

    Raises:
      ValueError: ranks, channels, stride or padding do not match.
    """
    _check(x, kernel, stride, padding)
    y = _fastest(_conv_transpose_matrix, _conv_transpose_lax, x, kernel, stride)
    if padding == "VALID":
        return y
    crops = []
    for size, full in zip(x.shape[1:3], y.shape[1:3], strict=True):
        if isinstance(padding, int):
            if full <= 2 * padding:
                raise ValueError(f"Nothing of {full} pixels is left by {padding=}.")
            crops.append((-padding, -padding))
        else:
            before = max(full - size * stride, 0) // 2
            crops.append((-before, size * stride - full + before))
    return lax.pad(y, jnp.zeros((), y.dtype), [(0, 0, 0), *_edges(crops), (0, 0, 0)])


def _overlap_add(patches: chex.Array, window: tuple[int, int]) -> chex.Array:
    """Adds windows, which are one pixel apart, into an image.

    Args:
      patches: [B, H, W, kh * kw * C].
      window: (kh, kw).

    Returns:
      [B, H', W', C] with H' = H - 1 + kh.
    """
    batch, height, width, size = patches.shape
    if (height, width) == (1, 1):
        return patches.reshape(batch, *window, size // math.prod(window))
    zero = jnp.zeros((), patches.dtype)
    parts = jnp.split(patches, window[0] * window[1], axis=3)
    padded = []
    for index, part in enumerate(parts):
        edges = [
            (offset, size - 1 - offset, 0)
            for offset, size in zip(divmod(index, window[1]), window, strict=True)
        ]
        padded.append(lax.pad(part, zero, [(0, 0, 0), *edges, (0, 0, 0)]))
    return functools.reduce(operator.add, padded)


def _conv_matrix(x: chex.Array, kernel: chex.Array, stride: int) -> chex.Array:
    height, width, channels, features = kernel.shape
    if (height, width) == x.shape[1:3]:  # A dense layer.
        return _matmul(x.reshape(x.shape[0], 1, 1, -1), kernel.reshape(-1, features))
    x = _side_by_side(_shifted(x, width, stride, axis=2))
    if width * channels < _NARROW:
        x = _side_by_side(_shifted(x, height, stride, axis=1))
        return _matmul(x, kernel.reshape(-1, features))
    kernel = kernel.reshape(height, -1, features)
    if stride == 1 and x.shape[1] > height:  # One product for all rows.
        parts = jnp.split(_matmul(x, jnp.concatenate([*kernel], axis=1)), height, 3)
        span = x.shape[1] - height + 1
        return sum(part[:, i : i + span] for i, part in enumerate(parts))
    rows = _shifted(x, height, stride, axis=1)
    return functools.reduce(operator.add, map(_matmul, rows, kernel))


def _shifted(x: chex.Array, window: int, stride: int, axis: int) -> list[chex.Array]:
    """For each position in a window, the pixels at this position in all windows."""
    span = (x.shape[axis] - window) // stride * stride + 1
    return [lax.slice_in_dim(x, i, i + span, stride, axis) for i in range(window)]


def _side_by_side(images: list[chex.Array]) -> chex.Array:
    return lax.concatenate(images, dimension=3)


def _conv_lax(x: chex.Array, kernel: chex.Array, stride: int) -> chex.Array:
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), "VALID", dimension_numbers=_DIMENSION_NUMBERS
    )


def _conv_transpose_matrix(
    x: chex.Array, kernel: chex.Array, stride: int
) -> chex.Array:
    if stride == 1 or x.shape[1:3] == (1, 1):
        channels, features = kernel.shape[2:]
        if features == 1:  # this transpose is part of the product, not a copy
            matrix = kernel.reshape(-1, channels).T
        else:
            matrix = kernel.transpose(2, 0, 1, 3).reshape(channels, -1)
        return _overlap_add(_matmul(x, matrix), kernel.shape[:2])
    return _sub_pixel_conv(x, kernel, stride)


def _sub_pixel_conv(x: chex.Array, kernel: chex.Array, stride: int) -> chex.Array:
    """`conv_transpose`, "VALID", as a convolution whose channels become pixels.

    Along one axis, pixel stride * q + r is the sum over t of x[q - t] @
    kernel[stride * t + r], with the same x for all r (Shi et al. 2016, section 3.2).
    """
    batch, height, width, channels = x.shape
    sizes, features = kernel.shape[:2], kernel.shape[3]
    taps = tuple(-(-size // stride) for size in sizes)
    zero = jnp.zeros((), x.dtype)
    edges = [(t - 1, t - 1, 0) for t in taps]
    x = lax.pad(x, zero, [(0, 0, 0), *edges, (0, 0, 0)])
    fill = [(0, t * stride - size, 0) for t, size in zip(taps, sizes, strict=True)]
    kernel = lax.pad(kernel, zero, [*fill, (0, 0, 0), (0, 0, 0)])
    kernel = kernel.reshape(taps[0], stride, taps[1], stride, channels, features)
    kernel = kernel[::-1, :, ::-1].transpose(0, 2, 4, 1, 3, 5)
    y = _conv_matrix(x, kernel.reshape(*taps, channels, -1), 1)
    rows, columns = y.shape[1:3]
    y = y.reshape(batch, rows, columns, stride, stride, features)
    y = y.transpose(0, 1, 3, 2, 4, 5)
    y = y.reshape(batch, rows * stride, columns * stride, features)
    full = [(n - 1) * stride + k for n, k in zip((height, width), sizes, strict=True)]
    return y[:, : full[0], : full[1]]


def _matmul(x: chex.Array, matrix: chex.Array) -> chex.Array:
    # With two axes, the gradient of the matrix contracts a single axis. To contract
    # three, XLA would make a slow transposed copy of x.
    return (x.reshape(-1, x.shape[3]) @ matrix).reshape(*x.shape[:3], -1)


def _conv_transpose_lax(x: chex.Array, kernel: chex.Array, stride: int) -> chex.Array:
    return lax.conv_general_dilated(
        x,
        kernel[::-1, ::-1],
        window_strides=(1, 1),
        padding=[(k - 1, k - 1) for k in kernel.shape[:2]],
        lhs_dilation=(stride, stride),
        dimension_numbers=_DIMENSION_NUMBERS,
    )


@contextlib.contextmanager
def on_every_platform() -> Iterator[None]:
    """Within this context, convolutions are traced for all platforms.

    Otherwise they are traced for the default one, because both forms would have to be
    differentiated. On another device, results are still correct, only slower.
    """
    token = _ON_EVERY_PLATFORM.set(True)
    try:
        yield
    finally:
        _ON_EVERY_PLATFORM.reset(token)


def _fastest(
    matrix: Callable[..., chex.Array],
    xla: Callable[..., chex.Array],
    x: chex.Array,
    kernel: chex.Array,
    stride: int,
) -> chex.Array:
    """Evaluates the form of a convolution that is faster on the platform."""
    matrix, xla = (functools.partial(form, stride=stride) for form in (matrix, xla))
    if _ON_EVERY_PLATFORM.get():
        return lax.platform_dependent(x, kernel, cpu=matrix, default=xla)
    return (matrix if jax.default_backend() == "cpu" else xla)(x, kernel)


def _edges(pads: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    return [(before, after, 0) for before, after in pads]


def _check(x: chex.Array, kernel: chex.Array, stride: int, padding: Padding) -> None:
    if x.ndim != 4 or kernel.ndim != 4 or x.shape[3] != kernel.shape[2]:
        raise ValueError(
            "Expected images [B, H, W, C] and a kernel [kh, kw, C, F], got "
            f"{x.shape} and {kernel.shape}."
        )
    if stride < 1:
        raise ValueError(f"stride must be at least 1, got {stride}.")
    if padding not in ("VALID", "SAME") and not (
        isinstance(padding, int) and padding >= 0
    ):
        raise ValueError(
            f"padding must be 'VALID', 'SAME' or a number of pixels, got {padding!r}."
        )
