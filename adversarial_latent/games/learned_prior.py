"""The adversarial autoencoder with a learned prior.

A code generator CG makes codes from noise z and optionally from s: a label, a cluster
or the vector of a caption. Its codes are the prior of an adversarial autoencoder. It
learns from a discriminator of images. On each minibatch (algorithm 1):

    AAE phase           D_C discriminates between CG(z, s) and enc(x); the encoder makes
                        them alike, and reconstructs x together with the decoder
    prior improvement   D_I discriminates between x and both dec(CG(z, s)) and
                        dec(enc(x)); CG and decoder make them alike, with a fixed
                        encoder; Q infers s from images

Readings. Players of a phase are updated simultaneously, since they share its losses.
Algorithm 1's signs are loose: here discriminators maximise the value of their game and
all others minimise it. The algorithm omits the update of CG, which text and figure 4
have. Q is D_I with another last layer (table 4), and as in InfoGAN's code it trains all
of D_I. Discriminators do not see s (algorithm 1, table 4), so that nothing would show
which s a real image has. But in section 4.3 labels do reach D_I: with labels Q learns
from real images, and without labels from generated ones. (If it learned from both, CG
could signal s to Q by marks of its own, whatever the image shows.)

Captions reach D_I, too, and Q infers which of the minibatch's captions an image has:
the bound of van den Oord et al. 2018. From real pairs it learns which parts of a
caption an image can show, and only these are required of generated images. (A density
of caption vectors would also require the wording, and yields noise that encodes it.)

Paper: "Learning Priors for Adversarial Autoencoders", section 3 and algorithm 1.
"""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import ml_collections
import optax

from adversarial_latent.consistency import NeighbourDistance
from adversarial_latent.game import (
    Batch,
    Code,
    Game,
    Losses,
    Networks,
    Outputs,
    Phase,
    Player,
    in_one_batch,
)
from adversarial_latent.games.building import from_config
from adversarial_latent.games.components import InformationTerms, logits
from adversarial_latent.inputs import InputError
from adversarial_latent.losses import adversarial_loss
from adversarial_latent.networks.presets import Recipe, Recipes
from adversarial_latent.penalties import penalty

_CHOICES = {
    "similarity": ("learned", "pixel"),
    "prior": ("learned", "fixed"),
    "condition": ("", "label", "caption", "categorical"),
}


@dataclasses.dataclass(frozen=True)
class LearnedPrior(Game):
    """The game of algorithm 1.

    Networks: "encoder" maps x to a code `z`, without noise if the option `noise` is
    false; "code_generator" maps s (if there is one) and noise to a code `z`; "decoder"
    maps a code to `x`; "code_discriminator" maps a code to the logit `p`;
    "image_discriminator" maps x to the logit `p`, to `features` (the paper's F) and to
    `s`, the logits of Q. With captions it also takes their vectors, and Q's logits are
    inner products of `s`, from an image, and `t`, from a caption.

    With pixel similarity, a fixed prior and no mutual information it is the adversarial
    autoencoder. Then, without an image discriminator, the AAE phase is the only one;
    with one, the other phase trains it and the decoder.

    Attributes:
      noise_dim: dimensions of z ~ N(0, I).
      classes: K, the number of values of s if s is a label or a cluster.
      similarity: how x and its reconstruction are compared: "learned", in features of
        D_I, which does not learn from it; or "pixel".
      prior: "learned"; or "fixed", where codes are s and z concatenated.
      condition: what s is: "label", the label of x, which every x must have; "caption",
        the vector of one caption of x; "categorical", one of K values at random; or ""
        for no s.
      mutual_information: weight of -log Q(s | dec(CG(z, s))), 0 for no Q.
      reconstruction_weights: weights of the reconstruction loss for the encoder (1 in
        the paper) and the decoder (lambda). An optimiser that divides by the size of
        gradients, such as Adam, ignores lambda: change the decoder's learning rate.
      terms: terms of Q(s|x) for real x in D_I's loss; all weights are 0 in the paper.
      loss: name of the adversarial losses (`losses.py`).
      penalty: name of a penalty on D_I (`penalties.py`), whose fake side is
        dec(CG(z, s)).
      penalty_weight: its weight, 0 for none as in the paper.
      data_scale: scale of x, as in `components.Generator`.
      data_shift: shift of x, as in `components.Generator`.
    """

    noise_dim: int
    classes: int
    similarity: str
    prior: str
    condition: str
    mutual_information: float
    reconstruction_weights: tuple[float, float]
    terms: InformationTerms
    loss: str
    penalty: str
    penalty_weight: float
    data_scale: float
    data_shift: float

    def __post_init__(self):
        adversarial_loss(self.loss)
        penalty(self.penalty)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The AAE phase of three players, and prior improvement of two."""
        d_code, d_image = "code_discriminator", "image_discriminator"
        players = (
            Player(d_code, (d_code,), self._code_discriminator_loss),
            Player("encoder", ("encoder",), self._encoder_loss),
            Player("decoder", ("decoder",), self._decoder_loss),
        )
        aae = Phase("aae", self._aae, players)
        if d_image not in self.modules:
            return (aae,)
        learned = ("code_generator",) if self.prior == "learned" else ()
        improvement = (
            Player(d_image, (d_image,), self._image_discriminator_loss),
            Player("generator", (*learned, "decoder"), self._generator_loss),
        )
        return (aae, Phase("prior_improvement", self._improve_prior, improvement))

    @property
    def batch_fields(self) -> tuple[str, ...]:
        """Images, with their labels or captions if these are s."""
        fields = {
            "label": ("labelled_x", "label"),
            "caption": ("captioned_x", "caption"),
        }
        return fields.get(self.condition, ("x",))

    @property
    def quantities(self) -> dict[str, NeighbourDistance]:
        """The distance to a neighbour, if consistency is measured by it."""
        return self.terms.quantities

    def _images_and_s(
        self, net: Networks, batch: Batch
    ) -> tuple[chex.Array, chex.Array | None]:
        """Images [B, ...] as networks see them, and s [B, K or D], theirs or sampled.

        The s of a minibatch also serve as samples from the distribution of s.
        """
        s: chex.Array | None
        if self.uses_captions:
            x, vectors = batch["captioned_x"], batch["caption"]
            number = vectors.shape[1]
            chosen = jax.random.randint(net.key("caption"), (len(x), 1, 1), 0, number)
            s = jnp.take_along_axis(vectors, chosen, axis=1)[:, 0]
        elif self.uses_labels:
            x = batch["labelled_x"]
            s = self._sample_s(net, len(x), batch["label"])
        else:
            x = batch["x"]
            s = self._sample_s(net, len(x))
        return self._normalize(x), s

    def _normalize(self, x: chex.Array) -> chex.Array:
        return (x - self.data_shift) / self.data_scale

    def _sample_s(
        self, net: Networks, n: int, component: chex.Array | None = None
    ) -> chex.Array | None:
        """One-hot s [n, K], sampled unless given; None if there is no s."""
        if not self.condition:
            return None
        if component is None:
            component = jax.random.randint(net.key("s"), (n,), 0, self.classes)
        return jax.nn.one_hot(component, self.classes)

    def _sample_noise(self, net: Networks, n: int) -> chex.Array:
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
        """enc(x) [B, d]; the encoder's noise, if any, is used in training only."""
        return net("encoder", x, noise=net.train)["z"]

    def _discriminate(
        self, net: Networks, x: chex.Array, s: chex.Array | None
    ) -> dict[str, chex.Array]:
        """Evaluates D_I and Q on images [B, ...], with s only if it is a caption."""
        caption = () if s is None or not self.uses_captions else (s,)
        return net("image_discriminator", x, *caption)

    def _negative_log_q(
        self, outputs: dict[str, chex.Array], s: chex.Array
    ) -> chex.Array:
        """-log Q(s|x) [B]; for captions, Q chooses among those of the minibatch."""
        if self.uses_captions:
            s_logits, s = outputs["s"] @ outputs["t"].T, jnp.eye(len(s))
            return optax.softmax_cross_entropy(s_logits, s)
        return optax.softmax_cross_entropy(outputs["s"], s)

    # The AAE phase.

    def _aae(self, net: Networks, batch: Batch) -> Outputs:
        x, s = self._images_and_s(net, batch)
        prior_code = self._prior_code(net, self._sample_noise(net, len(x)), s)
        code = self._encode(net, x)
        # The decoder's batch statistics come from the other phase, if there is one.
        decoding = net.fork() if "image_discriminator" in self.modules else net
        x_rec = decoding("decoder", code)["x"]
        return {
            "real": logits(net("code_discriminator", prior_code)),
            "fake": logits(net("code_discriminator", code)),
            "reconstruction": self._dissimilarity(net, s, x, x_rec),
        }

    def _dissimilarity(
        self,
        net: Networks,
        s: chex.Array | None,
        x: chex.Array,
        x_rec: chex.Array,
    ) -> chex.Array:
        """L_rec of two images: [B] mean squared differences.

        The features of both are those of one batch. Batch norm with the statistics of
        each side alone would remove the difference between their contrasts.
        """
        if self.similarity == "learned":
            both = None if s is None else jnp.concatenate([s, s])
            x, x_rec = in_one_batch(
                lambda x: self._discriminate(net.fork(), x, both)["features"], x, x_rec
            )
        return jnp.square(x - x_rec).mean(tuple(range(1, x.ndim)))

    def _code_discriminator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """Eq. 5."""
        del net
        real, fake = outputs["real"], outputs["fake"]
        return adversarial_loss(self.loss).discriminator(real, fake), {
            "d_code_real": jax.nn.sigmoid(real).mean(),
            "d_code_fake": jax.nn.sigmoid(fake).mean(),
        }

    def _encoder_loss(self, net: Networks, outputs: Outputs) -> Losses:
        del net
        reconstruction = outputs["reconstruction"]
        adversarial = adversarial_loss(self.loss).generator_fake(outputs["fake"])
        return adversarial + self.reconstruction_weights[0] * reconstruction, {
            "reconstruction": reconstruction.mean()
        }

    def _decoder_loss(self, net: Networks, outputs: Outputs) -> Losses:
        del net
        return self.reconstruction_weights[1] * outputs["reconstruction"], {}

    # The prior improvement phase.

    def _improve_prior(self, net: Networks, batch: Batch) -> Outputs:
        x, s = self._images_and_s(net, batch)
        prior_code = self._prior_code(net, self._sample_noise(net, len(x)), s)
        x_noise, x_rec = in_one_batch(
            lambda code: net("decoder", code)["x"], prior_code, self._encode(net, x)
        )
        real = self._discriminate(net, x, s)
        # Forks, so that batch statistics are those of real images, which Q sees later.
        noise = self._discriminate(net.fork(), x_noise, s)
        rec = self._discriminate(net.fork(), x_rec, s)
        outputs = {"real": logits(real), "noise": logits(noise), "rec": logits(rec)}
        outputs |= {"x": x, "x_noise": x_noise} | ({} if s is None else {"s": s})
        if self.mutual_information:
            assert s is not None
            outputs["information"] = self._negative_log_q(noise, s)
            # Q learns from generated images only if real ones have no s.
            shown = noise if self.condition == "categorical" else real
            outputs["q_losses"] = self._negative_log_q(shown, s)
        if self.terms.use_entropies:
            outputs["q_logits"] = real["s"]
        if self.terms.consistency_weight:
            read = self.terms.read(batch, self.batch_fields[0])
            scaled = jax.tree.map(lambda distance: distance / self.data_scale, read)
            outputs["divergence"] = self.terms.consistency(
                lambda x: self._discriminate(net.fork(), x, None)["s"],
                x,
                real["s"],
                net.key("consistency"),
                scaled.get("neighbour_distance"),
            )
        return outputs

    def _image_discriminator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        """Eq. 4, the third term of algorithm 1, -log Q, and the penalty."""
        loss, sides = adversarial_loss(self.loss), ("real", "noise", "rec")
        losses = loss.discriminator(outputs["real"], outputs["noise"])
        losses += loss.fake(outputs["rec"])
        scalars = {f"d_{side}": jax.nn.sigmoid(outputs[side]).mean() for side in sides}
        if self.mutual_information:
            losses += self.mutual_information * outputs["q_losses"]
            scalars["q_loss"] = outputs["q_losses"].mean()
        if self.terms.consistency_weight:
            losses += self.terms.consistency_weight * outputs["divergence"]
            scalars["consistency"] = outputs["divergence"].mean()
        if self.terms.use_entropies:
            terms, scalars["information"] = self.terms.information(outputs["q_logits"])
            losses += terms
        if self.penalty_weight:
            s = outputs.get("s")
            penalties = penalty(self.penalty)(
                lambda x: logits(self._discriminate(net.fork(), x, s)),
                outputs["x"],
                outputs["x_noise"],
                net.key("penalty"),
            )
            losses += self.penalty_weight * penalties
            scalars["image_discriminator/penalty"] = penalties.mean()
        return losses, scalars

    def _generator_loss(self, net: Networks, outputs: Outputs) -> Losses:
        del net
        loss = adversarial_loss(self.loss)
        losses = loss.generator_fake(outputs["noise"])
        losses += loss.generator_fake(outputs["rec"])
        scalars = {}
        if self.mutual_information:
            losses += self.mutual_information * outputs["information"]
            scalars["information_loss"] = outputs["information"].mean()
        return losses, scalars

    # Inference.

    def encode(self, net: Networks, x: chex.Array) -> Code:
        """Infers `z` [B, d]; with a Q, also `y` [B, K], probabilities of s."""
        x = self._normalize(x)
        code = {"z": self._encode(net, x)}
        if self.mutual_information and not self.uses_captions:
            code["y"] = jax.nn.softmax(net("image_discriminator", x)["s"])
        return code

    def decode(self, net: Networks, code: Code) -> chex.Array:
        """Generates x [B, ...] from `z`."""
        return self.data_shift + self.data_scale * net("decoder", code["z"])["x"]

    def sample(
        self,
        net: Networks,
        n: int,
        component: chex.Array | None = None,
        caption: chex.Array | None = None,
    ) -> Code:
        """Samples `z` [n, d] from the prior, given s if any, and generates `x`.

        Args:
          net: the networks.
          n: number of samples.
          component: [n], s as a label or a cluster.
          caption: [n, D], s as the vector of a caption.
        """
        s = caption if self.uses_captions else self._sample_s(net, n, component)
        code = {"z": self._prior_code(net, self._sample_noise(net, n), s)}
        if s is not None and not self.uses_captions:
            code["y"] = s
        return {"x": self.decode(net, code), **code}

    def styles(
        self, net: Networks, n: int, caption: chex.Array | None = None
    ) -> chex.Array:
        """Samples noise n times, and generates x [K, n, ...] from each with every s.

        Args:
          net: the networks.
          n: number of noise samples.
          caption: [K, D], the values of s if they are vectors of captions.
        """
        values = jnp.eye(self.classes) if caption is None else caption
        z = jnp.tile(self._sample_noise(net, n), (values.shape[0], 1))
        s = jnp.repeat(values, n, axis=0)
        x = self.decode(net, {"z": self._prior_code(net, z, s)})
        return x.reshape(values.shape[0], n, *x.shape[1:])


def recipes(config: ml_collections.ConfigDict) -> Recipes:
    """Networks that size themselves. Codes have as many dimensions as s and noise.

    Raises:
      InputError: s is a caption.
    """
    if config.condition == "caption":
        raise InputError("networks of a game with captions must be tables or modules")
    s = {"s": config.num_components} if config.condition else {}
    dim = sum(s.values()) + config.noise_dim
    z, p, q = (
        f"{name}  {source}  {size}  1  1  -  -  {norm}  -"
        for name, source, size, norm in (
            ("z", "h", dim, "-"),
            ("p", "h", 1, "-"),
            ("s", "features", "{k}", "-"),
        )
    )
    networks: dict[str, Recipe] = {
        "encoder": lambda preset: preset.encoder().append(z),
        "decoder": lambda preset: preset.decoder(z=dim),
        "code_discriminator": lambda preset: preset.mlp(z=dim).append(p),
    }
    if config.prior == "learned":
        networks["code_generator"] = lambda preset: preset.mlp(
            "yes", **s, noise=config.noise_dim
        ).append(z)
    if config.mutual_information or "learned" in (config.prior, config.similarity):
        networks["image_discriminator"] = lambda preset: preset.discriminator().append(
            *[q] * bool(s)
        )
    return networks


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.game`, except `networks`."""
    return ml_collections.ConfigDict(
        {
            "name": "learned_prior",
            "noise_dim": 8,  # of z; with a fixed prior, s adds K dimensions to codes
            "num_components": 10,  # K
            "similarity": "learned",
            "prior": "learned",
            "condition": "",
            "mutual_information": 0.0,
            "reconstruction_weights": (1.0, 1.0),
            "consistency_weight": 0.0,
            "consistency_radius": 0.3,
            "consistency_neighbour": 0,
            "consistency_probe": 1.5,
            "confidence_weight": 0.0,
            "balance_weight": 0.0,
            "loss": "non_saturating",
            "penalty": "r1",
            "penalty_weight": 0.0,
            "data_scale": 0.5,  # images in [-1, 1], for a decoder that ends in Tanh
            "data_shift": 0.5,
            "kernel_init": "0.02",
        }
    )


def make_game(config: ml_collections.ConfigDict) -> LearnedPrior:
    """Builds the game from `config.game`.

    Raises:
      ValueError: a field has an unknown value, Q has no s to infer, labels are used
        without Q, or a network is missing or unused.
    """
    _check(config)
    has_components = config.condition in ("label", "categorical")
    return from_config(
        LearnedPrior,
        config,
        ranges={"mutual_information": "[0, inf)"},
        classes=config.num_components,
        num_components=config.num_components if has_components else None,
    )


def _check(config: ml_collections.ConfigDict) -> None:
    for field, choices in _CHOICES.items():
        if config[field] not in choices:
            raise ValueError(
                f"config.game.{field}={config[field]!r} must be one of {choices}"
            )
    informed = config.mutual_information > 0
    if informed and not config.condition:
        raise ValueError("config.game.mutual_information needs a condition")
    for field in ("consistency_weight", "confidence_weight", "balance_weight"):
        if config[field] and (not informed or config.condition == "caption"):
            raise ValueError(
                f"config.game.{field}={config[field]} needs a Q that infers labels or "
                "clusters"
            )
    if config.condition == "label" and not informed:
        raise ValueError(
            "config.game.mutual_information must be positive: only Q uses labels"
        )
    needed = {"encoder", "decoder", "code_discriminator"}
    if config.prior == "learned":
        needed.add("code_generator")
    if informed or "learned" in (config.prior, config.similarity):
        needed.add("image_discriminator")
    optional = {"image_discriminator"} - needed
    if set(config.networks) - optional != needed:
        raise ValueError(
            f"config.game.networks must have {sorted(needed)}, not "
            f"{sorted(config.networks)}"
        )
