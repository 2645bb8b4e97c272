"""How often each class occurs, as a network without parameters."""

import chex
import flax.linen as nn
import jax.numpy as jnp

from adversarial_latent.parallel import device_mean


class Frequencies(nn.Module):
    """The mean of all labels seen in training: AMM's p(y) of section 4.3.2.

    It is a batch statistic. Batches go through the labelled examples epoch by epoch,
    so that it soon is the frequency of each class among them. Before the first batch
    it is uniform.

    Attributes:
      num_classes: K.
    """

    num_classes: int

    @nn.compact
    def __call__(self, y: chex.Array | None = None, *, train: bool) -> chex.Array:
        """Returns the frequencies [K], which sum to one; in training counts y first.

        Args:
          y: [B, K] one-hot labels, or None to count none.
          train: whether y is counted.
        """
        mean = self.variable(
            "batch_stats",
            "mean",
            lambda: jnp.full((self.num_classes,), 1 / self.num_classes, jnp.float32),
        )
        batches = self.variable("batch_stats", "batches", lambda: jnp.zeros(()))
        if train and y is not None and not self.is_initializing():
            batches.value = batches.value + 1
            difference = device_mean(y.mean(0)) - mean.value
            mean.value = mean.value + difference / batches.value
        return mean.value
