"""A sampler of PixelCNN without caches: a full forward pass for each pixel.

It is the reference for the cached sampler in tests and in
`experiments.benchmarks.sampler`.
"""

import chex
import jax
import jax.numpy as jnp
from jax import lax

from adversarial_latent.networks.pixelcnn import PixelCNN, pixel_noise


def sample(
    module: PixelCNN,
    code: chex.Array | None = None,
    *,
    number: int | None = None,
    train: bool = False,
) -> chex.Array:
    """Samples like `PixelCNN.sample`, from the same noise, in one compiled loop.

    Use it as a method: `module.apply(variables, code, method=sample, rngs=...)`.

    Args:
      module: the network, bound to its variables.
      code: [B, d] codes of a conditional network.
      number: B, for a network without codes.
      train: unused.

    Returns:
      [B, H, W, C] values on the likelihood's grid.

    Raises:
      ValueError: a code or number is missing or not expected.
    """
    del train
    height, width, channels = module.image_shape
    batch_size = module.batch_size(code, number)
    key = module.make_rng("noise")
    pixelcnn, variables = module.unbind()  # Flax forbids bound modules in a loop
    shape = (batch_size, module.likelihood.num_uniforms(channels))
    # Channels that the network conditions on each other are sampled one by one.
    passes = channels if module.likelihood.factorized else 1

    def sample_pixel(step: chex.Array, x: chex.Array) -> chex.Array:
        index = step // passes
        row, column = index // width, index % width
        outputs: chex.Array = pixelcnn.apply(  # type: ignore[assignment]
            variables, x, code, train=False, method="outputs"
        )
        pixel = module.likelihood.from_uniform(
            outputs[:, row, column], pixel_noise(key, index, shape)
        )
        return x.at[:, row, column].set(pixel)

    x = jnp.zeros((batch_size, height, width, channels))
    steps = height * width * passes
    return jax.jit(lambda x: lax.fori_loop(0, steps, sample_pixel, x))(x)
