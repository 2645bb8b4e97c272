"""Configs for tasks on any data: cluster, classify, autoencode and generate.

Networks size themselves. Learning rates, weights and penalties are those that were
found on digits and MNIST (experiments/results/).
"""

import dataclasses
import numbers
from collections.abc import Callable, Mapping

from ml_collections import ConfigDict

from adversarial_latent import games
from adversarial_latent.config import default_config
from adversarial_latent.games import (
    aae,
    aim,
    ali,
    alice,
    amm,
    conditional_ali,
    gan,
    infogan,
    information,
    learned_prior,
    pixelgan,
    samm,
    unrolled_gan,
    veegan,
)
from adversarial_latent.games.building import pixelcnn_config
from adversarial_latent.inputs import InputError
from adversarial_latent.optimizers import player


@dataclasses.dataclass(frozen=True)
class Size:
    """How large networks and how long trainings are.

    Attributes:
      width: of the networks, see `networks/presets.py`.
      trials: number of trials that train at once.
      duration: of the training.
      max_side: images with a longer side are scaled down to it, in pixels.
    """

    width: int
    trials: int
    duration: str
    max_side: int


SIZES = {
    "small": Size(16, 2, "max(20_epochs, 4000_steps)", 64),
    "medium": Size(32, 4, "max(50_epochs, 20000_steps)", 96),
    "large": Size(64, 4, "max(100_epochs, 60000_steps)", 128),
}
CANDIDATES = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20)
"""Numbers of clusters from which one is chosen by default."""

_GAN_ADAM = {"b1": 0.5, "b2": 0.99, "schedule": "cosine"}

Settings = Callable[[ConfigDict], None]
"""Sets `config.game` and `config.players`."""


def cluster(game: str = "amm", k: int | str = 0, size: str = "small") -> ConfigDict:
    """The config that clusters data without labels.

    Args:
      game: amm, aae, learned_prior, infogan, pixelgan (images only), or information,
        which has only the terms that AMM has here besides its game.
      k: number of clusters; 0 for the number of classes if the data have labels, which
        only the evaluation sees, otherwise 10; "auto" for that of `CANDIDATES` which
        is chosen without labels, see `number_of_clusters`.
      size: a name of `SIZES`.

    Raises:
      InputError: game or size is unknown, or k is no number.
    """
    candidates: tuple[int, ...] = ()
    if k == "auto":
        k, candidates = 0, CANDIDATES
    if not isinstance(k, numbers.Integral):
        raise InputError(f"k={k!r} must be a number of clusters, 0, or auto")
    k = int(k)
    settings: dict[str, Settings] = {
        "amm": lambda config: mixture(config, k),
        "information": lambda config: information_terms(config, k),
        "aae": lambda config: adversarial_autoencoder(
            config, k=k, latent=5, clusters=True
        ),
        "learned_prior": lambda config: learned(config, k=k, clusters=True),
        "infogan": lambda config: categories(config, k),
        "pixelgan": lambda config: pixel_autoencoder(config, k=k),
    }
    config = _complete(settings, game, size)
    config.selection = "nearest_neighbours"
    config.number_of_clusters.candidates = candidates
    return config


def classify(game: str = "samm", labels: int = 0, size: str = "small") -> ConfigDict:
    """The config of a classifier of data of which few have labels.

    Args:
      game: samm, aae, or pixelgan (images only).
      labels: number of labels to use, equally many of each class; 0 for all.
      size: a name of `SIZES`.

    Raises:
      InputError: game or size is unknown.
    """
    settings: dict[str, Settings] = {
        "samm": lambda config: labelled_mixture(config, frequencies="labels"),
        "aae": lambda config: adversarial_autoencoder(
            config, clusters=True, labels=True
        ),
        "pixelgan": lambda config: pixel_autoencoder(config, labels=True),
    }
    config = _complete(settings, game, size)
    config.labels.number = labels
    return config


def autoencode(game: str = "aim", latent: int = 32, size: str = "small") -> ConfigDict:
    """The config of codes from which examples can be reconstructed.

    Args:
      game: aim, aae, learned_prior, ali, alice or veegan.
      latent: dimensions of the code.
      size: a name of `SIZES`.

    Raises:
      InputError: game or size is unknown.
    """
    settings = {
        **{name: adversarial(EXTENSIONS[name], latent) for name in _AUTOENCODERS},
        "aae": lambda config: adversarial_autoencoder(config, latent=latent),
        "learned_prior": lambda config: learned(config, latent=latent),
    }
    config = _complete(settings, game, size)
    config.trials = 1
    return config


def generate(game: str = "gan", latent: int = 64, size: str = "small") -> ConfigDict:
    """The config of a generator of examples that resemble the data.

    Args:
      game: gan, aim, ali, unrolled_gan, learned_prior, amm (by cluster), or
        conditional_ali (by class; all examples must have labels).
      latent: dimensions of the code; those of amm and conditional_ali are fixed.
      size: a name of `SIZES`.

    Raises:
      InputError: game or size is unknown.
    """
    settings: dict[str, Settings] = {
        **{name: adversarial(EXTENSIONS[name], latent) for name in _GENERATORS},
        "learned_prior": lambda config: learned(config, latent=latent),
        "amm": mixture,
        "conditional_ali": conditional,
    }
    config = _complete(settings, game, size)
    config.trials = 1
    return config


def _complete(settings: Mapping[str, Settings], game: str, size: str) -> ConfigDict:
    """The config of a task with the settings of one of its games."""
    for name, value, choices in (("game", game, settings), ("size", size, SIZES)):
        if value not in choices:
            raise InputError(f"{name}={value!r} must be one of {', '.join(choices)}")
    chosen = SIZES[size]
    config = default_config()
    config.dataset.update(max_side=chosen.max_side, standardize=True)
    config.batch_size = 0
    config.trials = chosen.trials
    config.duration = chosen.duration
    config.steps_per_call = 50
    config.log_every = "500_steps"
    config.checkpoint_every = "1000_steps"
    config.ema_decay = 0.999
    config.evaluators = ("auto",)
    settings[game](config)
    games.use_preset(config.game, f"auto(width={chosen.width})")
    return config


# Settings of games: `config.game` without networks, and `config.players`.


def mixture(config: ConfigDict, k: int = 0) -> None:
    """AMM with the terms that small data need, see `configs/amm_digits.py`.

    Args:
      config: the config.
      k: number of components.
    """
    config.game = amm.default_config()
    config.game.update(
        num_components=k,
        latent_dim=10,
        prior_radius=5.0,
        penalty="zero_centered",
        penalty_weight=0.01,
        stratified=True,
        kernel_init="he",
        consistency_weight=1.0,
        consistency_radius=0.5,
        confidence_weight=0.1,
        balance_weight=0.4,
        y_gradient=0.01,
    )
    adam = {"b1": 0.5, "b2": 0.99, "schedule": "cosine", "decay_from": 0.5}
    config.players = {
        "discriminator": player(2e-3, **adam),
        "generator": player(2e-3, **adam),
    }


def information_terms(config: ConfigDict, k: int = 0) -> None:
    """The terms of `mixture` without its game."""
    mixture(config, k)
    config.game = information.extract(config.game)
    config.players = {"encoder": config.players.generator}


def labelled_mixture(config: ConfigDict, frequencies: str = "uniform") -> None:
    """SAMM with those terms and one for labels, see `configs/samm_digits.py`.

    Args:
      config: the config.
      frequencies: p(y), "uniform" or "labels": the frequencies of the labels.
    """
    mixture(config)
    config.game = samm.extend(config.game)
    config.game.update(
        frequencies=frequencies,
        labelled_share=0.1,
        label_weight=1.0,
        consistency_radius=0.6,
        confidence_weight=0.3,
        balance_weight=0.3,
    )
    config.labels.batch_size = 48


def conditional(config: ConfigDict) -> None:
    """Conditional ALI, with the prior and networks of AMM."""
    mixture(config)
    config.game = conditional_ali.extend(config.game)


def adversarial_autoencoder(
    config: ConfigDict,
    *,
    k: int = 0,
    latent: int = 10,
    clusters: bool = False,
    labels: bool = False,
) -> None:
    """An adversarial autoencoder, as in configs/aae_mnist.py:consistency.

    Args:
      config: the config.
      k: number of clusters or classes; 0 for what the data say.
      latent: dimensions of z.
      clusters: whether the code has a cluster.
      labels: whether the clusters are classes that are learned from labels.
    """
    config.game = aae.default_config()
    prior_of_y = {"y": {"name": "categorical"}} if clusters else {}
    config.game.update(
        priors={**prior_of_y, "z": {"name": "gaussian"}},
        num_components=k,
        latent_dim=latent,
        semi_supervised=labels,
        consistency_radius=0.3 if clusters else 0.0,
        input_noise=0.1,
        code_noise=0.3,
    )
    _players_of_encoder(config, clusters, labels)


def pixel_autoencoder(config: ConfigDict, *, k: int = 0, labels: bool = False) -> None:
    """A PixelGAN autoencoder with a categorical code, on images.

    Pixels are rounded to 8 levels, so that the PixelCNN is small.

    Args:
      config: the config.
      k: number of clusters or classes; 0 for what the data say.
      labels: whether the clusters are classes that are learned from labels.
    """
    config.game = pixelgan.default_config()
    config.game.update(
        priors={"y": {"name": "categorical"}},
        num_components=k,
        semi_supervised=labels,
        consistency_radius=0.3,
        input_noise=0.1,
        code_noise=0.1,
        pixelcnn=pixelcnn_config(
            image_shape=(),
            likelihood="softmax",
            levels=8,
            blocks=3,
            hidden_channels=16,
            conditioning=("invariant",),
        ),
    )
    _players_of_encoder(config, True, labels)


def _players_of_encoder(config: ConfigDict, clusters: bool, labels: bool) -> None:
    """The optimisers of games with an adversarial encoder."""
    names = ["autoencoder", "discriminator", "generator"]
    names += ["classifier"] * labels + ["consistency"] * clusters
    for name in names:
        config.players[name] = player(1e-3, b1=0.5, b2=0.99, schedule="cosine")
    if labels:
        config.labels.batch_size = 48


def learned(
    config: ConfigDict,
    *,
    k: int = 0,
    latent: int = 16,
    clusters: bool = False,
) -> None:
    """An adversarial autoencoder with a learned prior.

    As in configs/learned_prior_mnist_small.py.

    Args:
      config: the config.
      k: number of clusters; 0 for what the data say.
      latent: dimensions of the prior's noise.
      clusters: whether the prior has clusters.
    """
    config.game = learned_prior.default_config()
    config.game.update(
        noise_dim=latent,
        num_components=k,
        reconstruction_weights=(10.0, 1.0),
        data_scale=1.0,
        data_shift=0.0,
        kernel_init="he",
    )
    if clusters:
        config.game.update(
            condition="categorical",
            mutual_information=1.0,
            consistency_weight=1.0,
            confidence_weight=0.3,
            balance_weight=1.0,
        )
    names = ("code_discriminator", "encoder", "decoder", "image_discriminator")
    for name in (*names, "generator"):
        config.players[name] = player(1e-3, b1=0.5, schedule="cosine")
    config.ema_decay = 0.99


def adversarial(
    extend: Callable[[ConfigDict], ConfigDict],
    latent: int,
) -> Settings:
    """A GAN or a game that extends it, as in configs/aim_mnist_small.py.

    Args:
      extend: turns the `config.game` of a GAN into that of the game.
      latent: dimensions of z.
    """

    def settings(config: ConfigDict) -> None:
        config.game = gan.default_config()
        config.game.update(
            latent_dim=latent, kernel_init="he", penalty="r1", penalty_weight=0.1
        )
        config.game = extend(config.game)
        adam = dict(_GAN_ADAM)
        if config.game.name == "aim":
            config.game.update(code_weight=(0.03, 0.002), features="features")
        if config.game.name == "unrolled_gan":
            adam["eps_root"] = 1e-8
        config.players.discriminator = player(1e-3, **adam)
        config.players.generator = player(2e-3, **adam)

    return settings


def categories(config: ConfigDict, k: int = 0) -> None:
    """InfoGAN with the settings of the other GANs.

    Args:
      config: the config.
      k: number of clusters; 0 for what the data say.
    """
    adversarial(infogan.extend, latent=64)(config)
    config.game.num_components = k


EXTENSIONS = {
    "aim": aim.extend,
    "ali": ali.extend,
    "alice": alice.extend,
    "gan": lambda game: game,
    "unrolled_gan": unrolled_gan.extend,
    "veegan": veegan.extend,
}
_AUTOENCODERS = ("aim", "ali", "alice", "veegan")
_GENERATORS = ("gan", "aim", "ali", "unrolled_gan")
