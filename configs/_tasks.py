"""Settings of games on any data, which the configs for tasks share.

Networks size themselves. Learning rates, weights and penalties are those of the configs
for digits and MNIST, where they were found.
"""

import dataclasses
from collections.abc import Callable, Mapping

import ml_collections

from adversarial_latent import games
from adversarial_latent.config import default_config, shrink
from adversarial_latent.games import (
    aae,
    aim,
    ali,
    alice,
    conditional_ali,
    gan,
    information,
    learned_prior,
    pixelgan,
    unrolled_gan,
    veegan,
)
from adversarial_latent.games.building import pixelcnn_config
from adversarial_latent.optimizers import player
from configs import amm_digits, samm_digits


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
_GAN_ADAM = {"b1": 0.5, "b2": 0.99, "schedule": "cosine"}

Settings = Callable[[ml_collections.ConfigDict], None]
"""Sets `config.game` and `config.players`."""


def task_config(
    given: ml_collections.ConfigDict, settings: Mapping[str, Settings]
) -> ml_collections.ConfigDict:
    """Returns the config of a task.

    Args:
      given: the arguments `game`, `size` and `runlocal`.
      settings: those of each game that can do the task.

    Raises:
      ValueError: the game or size is unknown.
    """
    for name, choices in (("game", settings), ("size", SIZES)):
        if given[name] not in choices:
            raise ValueError(
                f"argument {name}={given[name]!r} must be one of {', '.join(choices)}"
            )
    size = SIZES[given.size]
    config = default_config()
    config.dataset.update(max_side=size.max_side, standardize=True)
    config.batch_size = 0
    config.trials = size.trials
    config.duration = size.duration
    config.steps_per_call = 50
    config.log_every = "500_steps"
    config.checkpoint_every = "1000_steps"
    config.ema_decay = 0.999
    config.evaluators = ("auto",)
    settings[given.game](config)
    games.use_preset(config.game, f"auto(width={size.width})")
    if given.runlocal:
        shrink(config)
    return config


def mixture(config: ml_collections.ConfigDict, k: int = 0) -> None:
    """AMM, as in configs/amm_digits.py."""
    digits = amm_digits.get_config()
    config.game, config.players = digits.game, digits.players
    config.game.num_components = k


def information_terms(config: ml_collections.ConfigDict, k: int = 0) -> None:
    """The terms of `mixture` without its game."""
    mixture(config, k)
    config.game = information.extract(config.game)
    config.players = {"encoder": config.players.generator}


def labelled_mixture(config: ml_collections.ConfigDict) -> None:
    """SAMM, as in configs/samm_digits.py, with the frequencies of the labels."""
    digits = samm_digits.get_config()
    config.game, config.players = digits.game, digits.players
    config.game.update(num_components=0, frequencies="labels")
    config.labels.batch_size = 50


def conditional(config: ml_collections.ConfigDict) -> None:
    """Conditional ALI, with the prior and networks of AMM."""
    mixture(config)
    config.game = conditional_ali.extend(config.game)


def adversarial_autoencoder(
    config: ml_collections.ConfigDict,
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


def pixel_autoencoder(
    config: ml_collections.ConfigDict, *, k: int = 0, labels: bool = False
) -> None:
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


def _players_of_encoder(
    config: ml_collections.ConfigDict, clusters: bool, labels: bool
) -> None:
    """The optimisers of games with an adversarial encoder."""
    names = ["autoencoder", "discriminator", "generator"]
    names += ["classifier"] * labels + ["consistency"] * clusters
    for name in names:
        config.players[name] = player(1e-3, b1=0.5, b2=0.99, schedule="cosine")
    if labels:
        config.labels.batch_size = 50


def learned(
    config: ml_collections.ConfigDict,
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
    extend: Callable[[ml_collections.ConfigDict], ml_collections.ConfigDict],
    latent: int,
) -> Settings:
    """A GAN or a game that extends it, as in configs/aim_mnist_small.py.

    Args:
      extend: turns the `config.game` of a GAN into that of the game.
      latent: dimensions of z.
    """

    def settings(config: ml_collections.ConfigDict) -> None:
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


EXTENSIONS = {
    "aim": aim.extend,
    "ali": ali.extend,
    "alice": alice.extend,
    "gan": lambda game: game,
    "unrolled_gan": unrolled_gan.extend,
    "veegan": veegan.extend,
}
