"""Convolutions that are fast on every platform, forwards and twice backwards.

XLA's CPU backend runs a convolution inside a loop body as a naive loop
(jax-ml/jax#12868) and is slow on transposed and doubly differentiated ones. There
the convolution is written as a matrix product: `extract_patches`, static slices laid
side by side, times the kernel as a matrix; the transposed one is a matrix product
followed by `overlap_add`, the transpose of `extract_patches`. An input of one pixel
so becomes a dense layer by itself. On GPU and TPU the compiler's own convolution is
used.
"""

import functools
import math
import operator
from typing import Literal

import chex
import jax
import jax.numpy as jnp
from jax import lax

Padding = Literal["VALID", "SAME"] | int

_DIMENSION_NUMBERS = ("NHWC", "HWIO", "NHWC")


def conv(
    x: chex.Array, kernel: chex.Array, stride: int, padding: Padding
) -> chex.Array:
    """Correlates images with a kernel, as every deep learning library does.

    Args:
      x: images [B, H, W, C].
      kernel: weights [kh, kw, C, F].
      stride: step between the windows, in pixels, along both axes.
      padding: "VALID" (none: H' = (H - kh) // stride + 1), "SAME" (zeros, as many
        after as before or one more: H' = ceil(H / stride)), or the number of zeros at
        each edge (PyTorch's: H' = (H + 2 padding - kh) // stride + 1).

    Returns:
      [B, H', W', F].

    Raises:
      ValueError: if ranks, channels, stride or padding do not fit.
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
    return (_conv_matrix if _matrix_is_faster() else _conv_lax)(x, kernel, stride)


def conv_transpose(
    x: chex.Array, kernel: chex.Array, stride: int, padding: Padding
) -> chex.Array:
    """Transposed convolution: every pixel paints a window, weighted by the kernel.

    With "VALID", out[stride * h + i, stride * w + j] += x[h, w] @ kernel[i, j]: the
    orientation of PyTorch, and of `jax.lax.conv_transpose` with a flipped kernel.

    Args:
      x: images [B, H, W, C].
      kernel: weights [kh, kw, C, F].
      stride: step between the windows, in pixels, along both axes.
      padding: "VALID" (H' = (H - 1) * stride + kh), "SAME" (H' = H * stride, the
        crop of "VALID" that `jax.lax.conv_transpose` makes), or how many pixels are
        cut from each edge of "VALID": the gradient of a `conv` with that padding,
        which is PyTorch's.

    Returns:
      [B, H', W', F].

    Raises:
      ValueError: if ranks, channels, stride or padding do not fit.
    """
    _check(x, kernel, stride, padding)
    transposed = _conv_transpose_matrix if _matrix_is_faster() else _conv_transpose_lax
    y = transposed(x, kernel, stride)
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


def extract_patches(x: chex.Array, window: tuple[int, int], stride: int) -> chex.Array:
    """Lays the pixels of every window side by side.

    Args:
      x: images [B, H, W, C].
      window: (kh, kw).
      stride: step between the windows.

    Returns:
      [B, H', W', kh * kw * C] with H' = (H - kh) // stride + 1.
    """
    batch, height, width, channels = x.shape
    if window == (height, width):  # A dense layer: nothing to copy, quick to compile.
        return x.reshape(batch, 1, 1, -1)
    rows = (height - window[0]) // stride
    columns = (width - window[1]) // stride
    slices = [
        lax.slice(
            x,
            (0, i, j, 0),
            (batch, i + rows * stride + 1, j + columns * stride + 1, channels),
            (1, stride, stride, 1),
        )
        for i in range(window[0])
        for j in range(window[1])
    ]
    return lax.concatenate(slices, dimension=3)


def overlap_add(
    patches: chex.Array, window: tuple[int, int], stride: int
) -> chex.Array:
    """Adds the windows into an image: the transpose of `extract_patches`.

    Args:
      patches: [B, H, W, kh * kw * C].
      window: (kh, kw).
      stride: step between the windows.

    Returns:
      [B, H', W', C] with H' = (H - 1) * stride + kh.
    """
    batch, height, width, size = patches.shape
    if (height, width) == (1, 1):
        return patches.reshape(batch, *window, size // math.prod(window))
    zero = jnp.zeros((), patches.dtype)
    parts = jnp.split(patches, window[0] * window[1], axis=3)
    painted = []
    for index, part in enumerate(parts):
        edges = [
            (offset, size - 1 - offset, stride - 1)
            for offset, size in zip(divmod(index, window[1]), window, strict=True)
        ]
        painted.append(lax.pad(part, zero, [(0, 0, 0), *edges, (0, 0, 0)]))
    return functools.reduce(operator.add, painted)


def _conv_matrix(x: chex.Array, kernel: chex.Array, stride: int) -> chex.Array:
    patches = extract_patches(x, kernel.shape[:2], stride)
    return _matmul(patches, kernel.reshape(-1, kernel.shape[3]))


def _conv_lax(x: chex.Array, kernel: chex.Array, stride: int) -> chex.Array:
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), "VALID", dimension_numbers=_DIMENSION_NUMBERS
    )


def _conv_transpose_matrix(
    x: chex.Array, kernel: chex.Array, stride: int
) -> chex.Array:
    matrix = kernel.transpose(2, 0, 1, 3).reshape(kernel.shape[2], -1)
    return overlap_add(_matmul(x, matrix), kernel.shape[:2], stride)


def _matmul(x: chex.Array, matrix: chex.Array) -> chex.Array:
    # Two axes, so that the gradient of the matrix contracts one axis: XLA would copy
    # x transposed, slowly, to contract three.
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


def _matrix_is_faster() -> bool:
    # Asked while tracing: `lax.platform_dependent` would trace and differentiate both
    # forms. Code placed on another device than the default one is right, only slower.
    return jax.default_backend() == "cpu"


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
