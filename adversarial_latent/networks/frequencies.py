"""Class frequencies, as a network without parameters."""

import chex
import flax.linen as nn
import jax.numpy as jnp

from adversarial_latent.collectives import device_mean


class Frequencies(nn.Module):
    """The mean of all labels in training: AMM's p(y) of section 4.3.2.

    It is a batch statistic. Batches cover the labelled examples epoch by epoch, so it
    soon equals the frequency of each class among them. Before the first batch it is
    uniform.

    Attributes:
      num_classes: number of classes, K.
    """

    num_classes: int

    @nn.compact
    def __call__(self, y: chex.Array | None = None, *, train: bool) -> chex.Array:
        """Returns the frequencies [K], after the update with y in training.

        Args:
          y: [B, K] one-hot labels, or None for no update.
          train: whether y updates the frequencies.

        Returns:
          The frequencies [K], which sum to one.
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
