"""Both forms of the convolutions agree with each other and with independent oracles."""

import contextlib
import functools

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from scipy import signal

from adversarial_latent.networks import conv as conv_lib

# (image size, channels in, channels out, window, stride): AMM's tables 3 and 6, then
# a stride that leaves pixels over, a window smaller than the stride, and one pixel.
CONVOLUTIONS = [
    (28, 1, 32, 2, 1),
    (27, 32, 32, 3, 2),
    (13, 32, 64, 3, 2),
    (6, 64, 64, 3, 1),
    (4, 64, 128, 4, 1),
    (8, 3, 5, 3, 2),
    (7, 2, 3, 2, 3),
    (1, 4, 3, 1, 1),
]
# AMM's table 5 (28-27-13-6-4-1 backwards), table 9's 4x4 with stride 2, and the same
# corner cases.
TRANSPOSED = [
    (1, 128, 64, 4, 1),
    (4, 64, 64, 3, 1),
    (6, 64, 32, 3, 2),
    (13, 32, 32, 3, 2),
    (27, 32, 1, 2, 1),
    (15, 4, 3, 4, 2),
    (3, 2, 3, 2, 3),
    (1, 4, 3, 1, 1),
]


_conv = jax.jit(conv_lib.conv, static_argnums=(2, 3))
_conv_transpose = jax.jit(conv_lib.conv_transpose, static_argnums=(2, 3))


def _arrays(size, channels_in, channels_out, window, seed=0, batch=2):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(batch, size, size, channels_in))
    kernel = rng.normal(size=(window, window, channels_in, channels_out))
    kernel /= np.sqrt(window * window * channels_in)
    return x.astype(np.float32), kernel.astype(np.float32)


def _correlate(x, kernel, stride):
    """SciPy's correlation, image by image and channel by channel: [B, H', W', F]."""
    planes = [
        [
            sum(
                signal.correlate2d(image[..., c], kernel[..., c, f], mode="valid")
                for c in range(kernel.shape[2])
            )[::stride, ::stride]
            for f in range(kernel.shape[3])
        ]
        for image in x
    ]
    return np.moveaxis(np.array(planes), 1, 3)


def _paint(x, kernel, stride):
    """The definition of the transposed convolution, pixel by pixel."""
    batch, height, width, _ = x.shape
    kh, kw, _, channels = kernel.shape
    y = np.zeros(
        (batch, (height - 1) * stride + kh, (width - 1) * stride + kw, channels)
    )
    for h in range(height):
        for w in range(width):
            window = np.einsum("bc,ijcf->bijf", x[:, h, w], kernel)
            y[:, h * stride : h * stride + kh, w * stride : w * stride + kw] += window
    return y


def _derivatives(function, x, kernel):
    """Value, gradients, and gradients of the gradients' squared norm."""

    def loss(x, kernel):
        return jnp.sum(jnp.tanh(function(x, kernel)) ** 2)

    def gradient_norm(x, kernel):
        dx, dk = jax.grad(loss, argnums=(0, 1))(x, kernel)
        return jnp.sum(dx**2) + jnp.sum(dk**2)

    value = function(x, kernel)
    first = jax.grad(loss, argnums=(0, 1))(x, kernel)
    second = jax.grad(gradient_norm, argnums=(0, 1))(x, kernel)
    return value, *first, *second


def _assert_close(actual, expected):
    for a, b in zip(actual, expected, strict=True):
        assert a.shape == b.shape
        scale = max(1.0, float(np.abs(b).max()))
        np.testing.assert_allclose(a / scale, b / scale, atol=2e-5)


@pytest.mark.parametrize(("size", "c", "f", "window", "stride"), CONVOLUTIONS)
def test_conv_equals_scipy(size, c, f, window, stride):
    x, kernel = _arrays(size, c, f, window)
    actual = _conv(x, kernel, stride, "VALID")
    np.testing.assert_allclose(actual, _correlate(x, kernel, stride), atol=2e-5)


@pytest.mark.parametrize(("size", "c", "f", "window", "stride"), TRANSPOSED)
def test_conv_transpose_equals_its_definition(size, c, f, window, stride):
    x, kernel = _arrays(size, c, f, window)
    actual = _conv_transpose(x, kernel, stride, "VALID")
    np.testing.assert_allclose(actual, _paint(x, kernel, stride), atol=2e-5)


@pytest.mark.parametrize(
    ("matrix", "compiler", "shape"),
    [(conv_lib._conv_matrix, conv_lib._conv_lax, s) for s in CONVOLUTIONS]
    + [
        (conv_lib._conv_transpose_matrix, conv_lib._conv_transpose_lax, s)
        for s in TRANSPOSED
    ],
)
def test_both_forms_agree_twice_differentiated(matrix, compiler, shape):
    *sizes, stride = shape
    arrays = _arrays(*sizes)

    def derivatives(form):
        function = functools.partial(form, stride=stride)
        return jax.jit(lambda x, kernel: _derivatives(function, x, kernel))(*arrays)

    _assert_close(derivatives(matrix), derivatives(compiler))


@pytest.mark.parametrize(
    ("function", "padding"),
    [(conv_lib.conv, "VALID"), (conv_lib.conv_transpose, "SAME")],
)
def test_vmap_over_trials_equals_a_loop(function, padding):
    # Trials have their own images and their own kernels; so do their derivatives.
    trials = [_arrays(6, 3, 4, 3, seed) for seed in range(2)]
    x, kernel = (np.stack(leaves) for leaves in zip(*trials, strict=True))

    def derivatives(x, kernel):
        return _derivatives(lambda a, b: function(a, b, 2, padding), x, kernel)

    batched = jax.jit(jax.vmap(derivatives))(x, kernel)
    single = jax.jit(derivatives)
    for i, trial in enumerate(trials):
        _assert_close([leaf[i] for leaf in batched], single(*trial))


def test_derivatives_inside_scan_and_forward_mode():
    x, kernel = _arrays(7, 2, 2, 3)

    def loss(kernel):
        y = conv_lib.conv(x, kernel, 2, "VALID")
        return jnp.sum(conv_lib.conv_transpose(y, kernel, 2, "VALID") ** 3)

    def body(kernel, _):
        return kernel - 1e-3 * jax.grad(loss)(kernel), None

    scanned, _ = jax.jit(lambda k: lax.scan(body, k, None, length=2))(kernel)
    step = jax.jit(lambda kernel: body(kernel, None)[0])
    np.testing.assert_allclose(scanned, step(step(kernel)), atol=1e-6)

    direction = np.ones_like(kernel)
    _, tangent = jax.jit(lambda k: jax.jvp(loss, (k,), (direction,)))(kernel)
    gradient = jax.jit(jax.grad(loss))(kernel)
    np.testing.assert_allclose(tangent, np.sum(gradient * direction), rtol=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("size", "window"), [(5, 3), (6, 3), (5, 2), (6, 4), (3, 1)])
def test_same_padding_equals_lax(size, window, stride):
    x, kernel = _arrays(size, 2, 3, window)
    numbers = ("NHWC", "HWIO", "NHWC")
    expected = lax.conv_general_dilated(
        x, kernel, (stride, stride), "SAME", dimension_numbers=numbers
    )
    actual = _conv(x, kernel, stride, "SAME")
    np.testing.assert_allclose(actual, expected, atol=1e-5)
    assert actual.shape[1] == -(-size // stride)

    expected = lax.conv_transpose(
        x, kernel[::-1, ::-1], (stride, stride), "SAME", dimension_numbers=numbers
    )
    actual = _conv_transpose(x, kernel, stride, "SAME")
    np.testing.assert_allclose(actual, expected, atol=1e-5)
    assert actual.shape[1] == size * stride


@pytest.mark.parametrize("function", [conv_lib.conv, conv_lib.conv_transpose])
def test_the_platform_chooses_the_form(function, monkeypatch):
    x, kernel = _arrays(6, 3, 4, 3)

    def uses_lax():
        trace = jax.make_jaxpr(lambda a, b: function(a, b, 2, "VALID"))(x, kernel)
        return "conv_general_dilated" in str(trace)

    assert not uses_lax()
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert uses_lax()


def test_bad_input_is_named():
    x, kernel = _arrays(6, 3, 4, 3)
    with pytest.raises(ValueError, match="kernel \\[kh, kw, C, F\\]"):
        conv_lib.conv(x[..., :2], kernel, 1, "VALID")
    with pytest.raises(ValueError, match="images \\[B, H, W, C\\]"):
        conv_lib.conv_transpose(x[0], kernel, 1, "VALID")
    with pytest.raises(ValueError, match="does not fit"):
        conv_lib.conv(x[:, :2], kernel, 1, "VALID")
    with pytest.raises(ValueError, match="stride must be at least 1"):
        conv_lib.conv_transpose(x, kernel, 0, "VALID")
    with pytest.raises(ValueError, match="number of pixels, got 'FULL'"):
        conv_lib.conv(x, kernel, 1, "FULL")


@pytest.mark.parametrize(
    ("size", "window", "stride", "padding", "out"),
    [(28, 4, 2, 1, 14), (7, 4, 2, 1, 3), (1, 2, 1, 1, 2), (5, 3, 1, 2, 7)],
)
def test_padding_by_pixels(size, window, stride, padding, out):
    """The first three are rows of AIM's tables 3 and 4."""
    x, kernel = _arrays(size, 2, 3, window)
    padded = np.pad(x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    actual = _conv(x, kernel, stride, padding)
    assert actual.shape == (2, out, out, 3)
    np.testing.assert_allclose(actual, _correlate(padded, kernel, stride), atol=2e-5)


@pytest.mark.parametrize(
    ("size", "window", "stride", "padding", "out"),
    [(7, 4, 2, 1, 14), (14, 4, 2, 1, 28), (2, 5, 1, 2, 2)],
)
def test_transposed_padding_cuts_pixels_off(size, window, stride, padding, out):
    x, kernel = _arrays(size, 3, 2, window)
    painted = _paint(x, kernel, stride)[:, padding:-padding, padding:-padding]
    actual = _conv_transpose(x, kernel, stride, padding)
    assert actual.shape == (2, out, out, 2)
    np.testing.assert_allclose(actual, painted, atol=2e-5)


@pytest.mark.parametrize("platform", ["cpu", "gpu"])
def test_transposed_padding_is_the_gradient_of_padding(platform, monkeypatch):
    """Which is PyTorch's definition; in both forms, which run here alike."""
    monkeypatch.setattr(jax, "default_backend", lambda: platform)
    x, kernel = _arrays(7, 3, 2, 4)
    image = _arrays(14, 2, 1, 4)[0]

    def padded(image):
        return lax.conv_general_dilated(
            image,
            kernel.swapaxes(2, 3),
            (2, 2),
            [(1, 1), (1, 1)],
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )

    expected, gradient = jax.vjp(padded, image)
    actual = conv_lib.conv(image, kernel.swapaxes(2, 3), 2, 1)
    np.testing.assert_allclose(actual, expected, atol=2e-5)
    actual = conv_lib.conv_transpose(x, kernel, 2, 1)
    np.testing.assert_allclose(actual, gradient(x)[0], atol=2e-5)


def test_paddings_that_cannot_be():
    x, kernel = _arrays(2, 1, 1, 1)
    with pytest.raises(ValueError, match="Nothing of 2 pixels is left by padding=1"):
        conv_lib.conv_transpose(x, kernel, 1, 1)
    for padding in ("FULL", -1):
        with pytest.raises(ValueError, match="or a number of pixels, got"):
            conv_lib.conv(x, kernel, 1, padding)


@pytest.mark.parametrize(
    ("convolution", "x"),
    [(conv_lib.conv, (2, 8, 8, 3)), (conv_lib.conv_transpose, (2, 3, 3, 3))],
)
def test_each_platform_gets_its_form_of_exported_code(convolution, x):
    arguments = [jax.ShapeDtypeStruct(s, np.float32) for s in (x, (3, 3, 3, 5))]

    def code(platform, traced):
        def convolve(x, kernel):
            with traced():
                return convolution(x, kernel, 2, "VALID")

        exported = jax.export.export(jax.jit(convolve), platforms=[platform])
        return exported(*arguments).mlir_module()

    everywhere = conv_lib.on_every_platform
    assert "stablehlo.convolution" in code("tpu", everywhere)
    assert "stablehlo.convolution" not in code("cpu", everywhere)
    assert "stablehlo.convolution" not in code("tpu", contextlib.nullcontext)
