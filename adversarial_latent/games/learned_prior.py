"""The adversarial autoencoder with a learned prior.

A code generator CG makes codes of noise z, and maybe of s: a label, a cluster or the
vector of a caption. What CG makes is the prior of an adversarial autoencoder, and CG
learns it from a discriminator of images. On each minibatch (algorithm 1):

    AAE phase           D_C tells CG(z, s) from enc(x); the encoder makes them alike,
                        and with the decoder it explains x
    prior improvement   D_I tells x from dec(CG(z, s)) and dec(enc(x)); CG and decoder
                        make them alike, the encoder is fixed; Q reads s off images

Readings. Players of a phase move at once, as they have its losses in common.
Algorithm 1's signs are loose: discriminators maximise the value of their game and all
others minimise it; and it forgets the move of CG, which text and figure 4 have. Q is
D_I with another last layer (table 4), and as in InfoGAN's code all of D_I learns from
it. Discriminators do not see s (algorithm 1, table 4), so that nothing would say which
s a real image has. But section 4.3 has labels go to D_I: with labels Q learns from real
images, and without from generated ones. (From both, CG can tell Q by signs of their own
what s is, whatever the image shows.)

Captions reach D_I, too, and Q says which of the minibatch's captions an image has: the
bound of van den Oord et al. 2018. From real pairs it learns what of a caption an image
can show, and asks generated ones for that alone. (A density of vectors asks for the
form of the sentence as well, and gets noise that means one form or another.)

Paper: "Learning Priors for Adversarial Autoencoders", section 3 and algorithm 1.
"""

import dataclasses
from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp
import ml_collections
import optax

from adversarial_latent.consistency import entropies, virtual_adversarial_divergence
from adversarial_latent.game import (
    Code,
    Game,
    Losses,
    Networks,
    Outcome,
    Player,
    in_one_batch,
)
from adversarial_latent.games.building import from_config
from adversarial_latent.losses import adversarial_loss
from adversarial_latent.networks.table import logits
from adversarial_latent.penalties import penalty


@dataclasses.dataclass(frozen=True)
class LearnedPrior(Game):
    """The game of algorithm 1.

    Rows by which the tables are known here: the encoder and the code generator give a
    code `z`, the decoder `x`, and discriminators a logit `p`; the image discriminator
    also has `features`, the paper's F, and `s`, the logits of Q. With captions it takes
    their vectors beside images, and Q's logits are inner products of `s`, of an image,
    and `t`, of a caption.

    With pixel similarity, a fixed prior and no mutual information it is the adversarial
    autoencoder. Without an image discriminator the AAE phase is then all there is; with
    one, the other phase trains it and the decoder.

    Attributes:
      noise_dim: dimensions of z ~ N(0, I).
      components: K, the number of values of s that is a label or a cluster.
      similarity: of x and its reconstruction: "learned", in features of D_I, which does
        not learn from it; or "pixel".
      prior: "learned"; or "fixed", whose codes are s and z side by side.
      condition: what s is: "label", of x, of which all are labelled; "caption", the
        vector of one of x's; "categorical", one of K at random; or "" for no s.
      mutual_information: weight of -log Q(s | dec(CG(z, s))), 0 for no Q.
      reconstruction_weights: of the reconstruction loss, for the encoder (1 in the
        paper) and the decoder (lambda). An optimiser that divides by the size of
        gradients, as Adam does, knows no lambda: change the decoder's learning rate.
      consistency_weight: of D_KL(Q(s|x) || Q(s|x + r)) for real x, 0 as in the paper.
      consistency_radius: length of r, as a part of the distance from x to the nearest
        other example of the minibatch (`consistency.py`).
      confidence_weight: of the entropy of Q(s|x) for real x; 0 as in the paper.
      balance_weight: of the negative entropy of Q(s|x)'s mean over the real x of the
        minibatch, of which all s have a share as large; 0 as in the paper.
      loss: name of the adversarial losses (`losses.py`).
      penalty: name of a penalty on D_I (`penalties.py`), the fake side of which is
        dec(CG(z, s)).
      penalty_weight: its weight, 0 for none as in the paper.
      data_scale: networks see and make (x - data_shift) / data_scale,
      data_shift: as in `gan.py`.
    """

    noise_dim: int
    components: int
    similarity: str
    prior: str
    condition: str
    mutual_information: float
    reconstruction_weights: tuple[float, float]
    consistency_weight: float
    consistency_radius: float
    confidence_weight: float
    balance_weight: float
    loss: str
    penalty: str
    penalty_weight: float
    data_scale: float
    data_shift: float

    @property
    def players(self) -> tuple[Player, ...]:
        """Three of the AAE phase, and two of prior improvement."""
        d_code, d_image = "code_discriminator", "image_discriminator"
        aae, improvement = self._aae_phase, self._improvement_phase
        players = (
            Player(d_code, (d_code,), self._code_discriminator_loss, aae),
            Player("encoder", ("encoder",), self._encoder_loss, aae),
            Player("decoder", ("decoder",), self._decoder_loss, aae),
        )
        if d_image not in self.networks:
            return players
        learned = ("code_generator",) if self.prior == "learned" else ()
        generator = (*learned, "decoder")
        return (
            *players,
            Player(d_image, (d_image,), self._image_discriminator_loss, improvement),
            Player("generator", generator, self._generator_loss, improvement),
        )

    @property
    def num_components(self) -> int | None:
        """Number of values of s."""
        return self.components if self.condition in ("label", "categorical") else None

    @property
    def uses_labels(self) -> bool:
        """Whether s is the label."""
        return self.condition == "label"

    @property
    def captioned(self) -> bool:
        """Whether s is the vector of a caption."""
        return self.condition == "caption"

    def _minibatch(
        self, net: Networks, batch: Mapping[str, chex.Array]
    ) -> tuple[chex.Array, chex.Array | None]:
        """Images [B, ...] as networks see them, and s [B, K or D]: theirs, or any.

        What a minibatch's s are serves as a draw from their distribution, too.
        """
        if self.captioned:
            x, vectors = batch["labelled_x"], batch["label"]
            number = vectors.shape[1]
            chosen = jax.random.randint(net.key("caption"), (len(x), 1, 1), 0, number)
            return self._seen(x), jnp.take_along_axis(vectors, chosen, axis=1)[:, 0]
        x = batch["labelled_x" if self.uses_labels else "x"]
        s = self._draw_s(net, len(x), batch["label"] if self.uses_labels else None)
        return self._seen(x), s

    def _seen(self, x: chex.Array) -> chex.Array:
        return (x - self.data_shift) / self.data_scale

    def _draw_s(
        self, net: Networks, n: int, component: chex.Array | None = None
    ) -> chex.Array | None:
        """One-hot s [n, K], at random unless it is given; None if there is no s."""
        if not self.condition:
            return None
        if component is None:
            component = jax.random.randint(net.key("s"), (n,), 0, self.components)
        return jax.nn.one_hot(component, self.components)

    def _draw_z(self, net: Networks, n: int) -> chex.Array:
        return jax.random.normal(net.key("z"), (n, self.noise_dim))

    def _prior_code(
        self, net: Networks, z: chex.Array, s: chex.Array | None
    ) -> chex.Array:
        """z_c [n, d] = CG(z, s)."""
        given = (z,) if s is None else (s, z)
        if self.prior == "fixed":
            return jnp.concatenate(given, axis=-1)
        return net("code_generator", *given)["z"]

    def _encode(self, net: Networks, x: chex.Array) -> chex.Array:
        """enc(x) [B, d]; noise of its table, if there is any, is for training only."""
        return net("encoder", x, noise=net.train)["z"]

    def _discriminate(
        self, net: Networks, x: chex.Array, s: chex.Array | None
    ) -> dict[str, chex.Array]:
        """D_I and Q of images [B, ...], of which D_I is told captions only."""
        told = () if s is None or not self.captioned else (s,)
        return net("image_discriminator", x, *told)

    def _surprise(self, rows: dict[str, chex.Array], s: chex.Array) -> chex.Array:
        """-log Q [B], of s; or of its own s among those of the minibatch."""
        if self.captioned:
            logits, s = rows["s"] @ rows["t"].T, jnp.eye(len(s))
            return optax.softmax_cross_entropy(logits, s)
        return optax.softmax_cross_entropy(rows["s"], s)

    # The AAE phase.

    def _aae_phase(self, net: Networks, batch: Mapping[str, chex.Array]) -> Outcome:
        x, s = self._minibatch(net, batch)
        prior_code = self._prior_code(net, self._draw_z(net, len(x)), s)
        code = self._encode(net, x)
        # The decoder's batch statistics are of the other phase, if there is one.
        decoding = net.fork() if "image_discriminator" in self.networks else net
        x_rec = decoding("decoder", code)["x"]
        return {
            "real": logits(net("code_discriminator", prior_code)),
            "fake": logits(net("code_discriminator", code)),
            "reconstruction": self._dissimilarity(net, s, x, x_rec),
        }

    def _dissimilarity(
        self, net: Networks, s: chex.Array | None, *images: chex.Array
    ) -> chex.Array:
        """L_rec of two images: [B] mean squared differences."""
        if self.similarity == "learned":
            images = tuple(self._discriminate(net, x, s)["features"] for x in images)
        x, x_rec = images
        return jnp.square(x - x_rec).mean(tuple(range(1, x.ndim)))

    def _code_discriminator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        """Eq. 5."""
        del net
        real, fake = outcome["real"], outcome["fake"]
        return adversarial_loss(self.loss).discriminator(real, fake), {
            "d_code_real": jax.nn.sigmoid(real).mean(),
            "d_code_fake": jax.nn.sigmoid(fake).mean(),
        }

    def _encoder_loss(self, net: Networks, outcome: Outcome) -> Losses:
        del net
        reconstruction = outcome["reconstruction"]
        adversarial = adversarial_loss(self.loss).generator_fake(outcome["fake"])
        return adversarial + self.reconstruction_weights[0] * reconstruction, {
            "reconstruction": reconstruction.mean()
        }

    def _decoder_loss(self, net: Networks, outcome: Outcome) -> Losses:
        del net
        return self.reconstruction_weights[1] * outcome["reconstruction"], {}

    # The phase of prior improvement.

    def _improvement_phase(
        self, net: Networks, batch: Mapping[str, chex.Array]
    ) -> Outcome:
        x, s = self._minibatch(net, batch)
        prior_code = self._prior_code(net, self._draw_z(net, len(x)), s)
        x_noise, x_rec = in_one_batch(
            lambda code: net("decoder", code)["x"], prior_code, self._encode(net, x)
        )
        real = self._discriminate(net, x, s)
        # Forks: batch statistics remain those of real images, which Q is asked about.
        noise = self._discriminate(net.fork(), x_noise, s)
        rec = self._discriminate(net.fork(), x_rec, s)
        outcome = {"real": logits(real), "noise": logits(noise), "rec": logits(rec)}
        outcome |= {"x": x, "x_noise": x_noise} | ({} if s is None else {"s": s})
        if self.mutual_information:
            assert s is not None
            outcome["information"] = self._surprise(noise, s)
            # What Q learns from.
            told = noise if self.condition == "categorical" else real
            outcome["told"] = self._surprise(told, s)
        if self.confidence_weight or self.balance_weight:
            outcome["q_logits"] = real["s"]
        if self.consistency_weight:
            outcome["divergence"] = virtual_adversarial_divergence(
                lambda x: self._discriminate(net.fork(), x, None)["s"],
                x,
                real["s"],
                net.key("consistency"),
                self.consistency_radius,
            )
        return outcome

    def _image_discriminator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        """Eq. 4 and the third term of algorithm 1; -log Q; and the penalty."""
        game, sides = adversarial_loss(self.loss), ("real", "noise", "rec")
        losses = game.discriminator(outcome["real"], outcome["noise"])
        losses += game.fake(outcome["rec"])
        scalars = {f"d_{side}": jax.nn.sigmoid(outcome[side]).mean() for side in sides}
        if self.mutual_information:
            losses += self.mutual_information * outcome["told"]
            scalars["q_loss"] = outcome["told"].mean()
        if self.consistency_weight:
            losses += self.consistency_weight * outcome["divergence"]
            scalars["consistency"] = outcome["divergence"].mean()
        if self.confidence_weight or self.balance_weight:
            unsure, alike = entropies(outcome["q_logits"])
            losses += self.confidence_weight * unsure - self.balance_weight * alike
            scalars["information"] = alike - unsure.mean()
        if self.penalty_weight:
            s = outcome.get("s")
            penalties = penalty(self.penalty)(
                lambda x: logits(self._discriminate(net.fork(), x, s)),
                outcome["x"],
                outcome["x_noise"],
                net.key("penalty"),
            )
            losses += self.penalty_weight * penalties
            scalars["image_discriminator/penalty"] = penalties.mean()
        return losses, scalars

    def _generator_loss(self, net: Networks, outcome: Outcome) -> Losses:
        del net
        game = adversarial_loss(self.loss)
        losses = game.generator_fake(outcome["noise"])
        losses += game.generator_fake(outcome["rec"])
        scalars = {}
        if self.mutual_information:
            losses += self.mutual_information * outcome["information"]
            scalars["information_loss"] = outcome["information"].mean()
        return losses, scalars

    # What a trained one can be asked.

    def encode(self, net: Networks, x: chex.Array) -> Code:
        """Infers `z` [B, d] and, if there is a Q, `y` [B, K], probabilities of s."""
        x = self._seen(x)
        code = {"z": self._encode(net, x)}
        if self.mutual_information and not self.captioned:
            code["y"] = jax.nn.softmax(net("image_discriminator", x)["s"])
        return code

    def decode(self, net: Networks, code: Code) -> chex.Array:
        """Makes x [B, ...] of `z`."""
        return self.data_shift + self.data_scale * net("decoder", code["z"])["x"]

    def sample(
        self,
        net: Networks,
        n: int,
        component: chex.Array | None = None,
        caption: chex.Array | None = None,
    ) -> Code:
        """Draws `z` [n, d] from the prior, of given s if any, and makes `x`.

        Args:
          net: the networks.
          n: how many.
          component: [n], s as a label or a cluster.
          caption: [n, D], s as the vector of a caption.
        """
        s = caption if self.captioned else self._draw_s(net, n, component)
        code = {"z": self._prior_code(net, self._draw_z(net, n), s)}
        if s is not None and not self.captioned:
            code["y"] = s
        return {"x": self.decode(net, code), **code}

    def styles(
        self, net: Networks, n: int, caption: chex.Array | None = None
    ) -> chex.Array:
        """Draws n noises, and makes x [K, n, ...] of each of them with each s.

        Args:
          net: the networks.
          n: how many.
          caption: [K, D], the vectors that s goes through if it is one.
        """
        values = jnp.eye(self.components) if caption is None else caption
        z = jnp.tile(self._draw_z(net, n), (len(values), 1))
        s = jnp.repeat(values, n, axis=0)
        x = self.decode(net, {"z": self._prior_code(net, z, s)})
        return x.reshape(len(values), n, *x.shape[1:])


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game`, of which `tables` are missing."""
    return ml_collections.ConfigDict(
        {
            "name": "learned_prior",
            "noise_dim": 8,  # of z; with a fixed prior, codes have K of s more, or none
            "num_components": 10,  # K
            "similarity": "learned",
            "prior": "learned",
            "condition": "",
            "mutual_information": 0.0,
            "reconstruction_weights": (1.0, 1.0),
            "consistency_weight": 0.0,
            "consistency_radius": 0.3,
            "confidence_weight": 0.0,
            "balance_weight": 0.0,
            "loss": "non_saturating",
            "penalty": "r1",
            "penalty_weight": 0.0,
            "data_scale": 0.5,  # images in [-1, 1]: a decoder's Tanh
            "data_shift": 0.5,
            "padding": "VALID",
            "kernel_init": "0.02",
        }
    )


def make_game(config: ml_collections.ConfigDict) -> LearnedPrior:
    """Builds the game from `config.game`.

    Raises:
      ValueError: if a field has none of its values, Q has no s to read or labels have
        no Q to enter by, or tables are not those of the networks that there are.
    """
    for field, choices in (
        ("similarity", ("learned", "pixel")),
        ("prior", ("learned", "fixed")),
        ("condition", ("", "label", "caption", "categorical")),
    ):
        if config[field] not in choices:
            raise ValueError(f"config.game.{field}={config[field]!r}, not of {choices}")
    informed = config.mutual_information > 0
    if informed and not config.condition:
        raise ValueError("config.game.mutual_information needs a condition")
    for field in ("consistency_weight", "confidence_weight", "balance_weight"):
        if config[field] and (not informed or config.condition == "caption"):
            raise ValueError(
                f"config.game.{field}={config[field]} needs a Q of labels or clusters"
            )
    if config.condition == "label" and not informed:
        raise ValueError("labels enter by Q: config.game.mutual_information is 0")
    needed = {"encoder", "decoder", "code_discriminator"}
    if config.prior == "learned":
        needed.add("code_generator")
    if informed or "learned" in (config.prior, config.similarity):
        needed.add("image_discriminator")
    optional = {"image_discriminator"} - needed
    if set(config.tables) - optional != needed:
        raise ValueError(
            f"config.game.tables are {sorted(config.tables)}, not {sorted(needed)}"
        )
    return from_config(
        LearnedPrior,
        config,
        ranges={"mutual_information": "[0, inf)"},
        transposed=("decoder",),
        components=config.num_components,
        reconstruction_weights=tuple(config.reconstruction_weights),
    )
