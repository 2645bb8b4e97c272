"""Conditional ALI: class and style in separate codes, from labels of all images.

    inference  q(x, y, z) = q(x, y) q(z|y, x)      AMM's eq. 4
    synthesis  p(x, y, z) = p(y) p(z) p(x|y, z)    eq. 5

It is SAMM's labelled game alone (eq. 14) with a z that does not depend on y: the
fully supervised rival that AMM starts from. No y is inferred; to encode x takes its
label.

Paper: Dumoulin et al. 2016, "Adversarially Learned Inference", section 2.4 there.
"""

from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp
import ml_collections

from adversarial_latent.game import Code, Networks, Outcome
from adversarial_latent.games import amm
from adversarial_latent.inputs import InputError


class ConditionalALI(amm.AMM):
    """The game of eq. 4 and 5.

    Rows by which the tables are known here are those of AMM, but the encoder takes x
    and y, and gives `z` only. A prior of one standard normal is a table that reads
    `zeros`.
    """

    @property
    def uses_labels(self) -> bool:
        """Yes, and nothing but labelled examples."""
        return True

    @property
    def conditional(self) -> bool:
        """Yes: z is inferred from x and y."""
        return True

    def infer(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        """Draws labelled triples (eq. 4)."""
        x = batch["labelled_x"]
        y = jax.nn.one_hot(batch["label"], self.components)
        if amm.FREQUENCIES in self.networks:
            net(amm.FREQUENCIES, y)
        z = net("encoder", x, y)["z"]
        return {"real": (x, y, z), "shares": jnp.ones(len(x))}

    def encode(
        self, net: Networks, x: chex.Array, label: chex.Array | None = None
    ) -> Code:
        """Infers `z` [B, d], at the mean of its noise, of x with its label [B]."""
        if label is None:
            raise ValueError("conditional ALI encodes x only together with its label")
        y = jax.nn.one_hot(label, self.components)
        return {"y": y, "z": net("encoder", x, y, noise=False)["z"]}


def make_game(config: ml_collections.ConfigDict) -> amm.AMM:
    """Builds conditional ALI from `config.game`.

    Raises:
      InputError: if there is a loss of the y that it does not infer.
    """
    for field in ("consistency_weight", "confidence_weight", "balance_weight"):
        if config[field]:
            raise InputError(
                f"config.game.{field}={config[field]}: conditional ALI infers no y; "
                "leave it at 0"
            )
    return amm.make_game(config, ConditionalALI)
