"""The sampler of PixelCNN without caches: a full forward pass for each pixel.

What the cached one is compared with, in tests and in `experiments.sampler_benchmark`.
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
    """Draws what `PixelCNN.sample` draws, from the same noise, in one compiled loop.

    It is used as a method: `module.apply(variables, code, method=sample, rngs=...)`.

    Args:
      module: bound to its variables.
      code: [B, d], if there is conditioning.
      number: B, if there is no code.
      train: without effect.

    Returns:
      [B, H, W, C] values on the likelihood's grid.

    Raises:
      ValueError: if a code or number is missing or not expected.
    """
    del train
    height, width, channels = module.image_shape
    batch_size = module.batch_size(code, number)
    key = module.make_rng("noise")
    pixelcnn, variables = module.unbind()  # flax allows no bound one in a loop
    shape = (batch_size, module.likelihood.num_uniforms(channels))
    # Channels that are conditioned by the network are drawn one after another.
    passes = channels if module.likelihood.factorized else 1

    def draw(step: chex.Array, x: chex.Array) -> chex.Array:
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
    return jax.jit(lambda x: lax.fori_loop(0, height * width * passes, draw, x))(x)
