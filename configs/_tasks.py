"""What the configs for tasks share: sizes, data and selection."""

import dataclasses

import ml_collections

from adversarial_latent.config import default_config


@dataclasses.dataclass(frozen=True)
class Size:
    """How large networks and how long trainings are.

    Attributes:
      width: of the networks, see `networks/presets.py`.
      trials: number of trials that train at once.
      epochs: least number of epochs.
      steps: least number of steps.
      max_side: images with a longer side are scaled down to it, in pixels.
    """

    width: int
    trials: int
    epochs: int
    steps: int
    max_side: int


SIZES = {
    "small": Size(width=16, trials=2, epochs=20, steps=4000, max_side=64),
    "medium": Size(width=32, trials=4, epochs=50, steps=20_000, max_side=96),
    "large": Size(width=64, trials=4, epochs=100, steps=60_000, max_side=128),
}


def task_config(size: str) -> tuple[ml_collections.ConfigDict, Size]:
    """Returns a config for any data, without game and players, and its size.

    Raises:
      ValueError: the size is unknown.
    """
    if size not in SIZES:
        raise ValueError(f"argument size={size!r} must be one of {list(SIZES)}")
    chosen = SIZES[size]
    config = default_config()
    config.batch_size = 0
    config.trials = chosen.trials
    config.duration = f"max({chosen.epochs}_epochs, {chosen.steps}_steps)"
    config.steps_per_call = 50
    config.log_every = "500_steps"
    config.checkpoint_every = "1000_steps"
    config.evaluators = ("auto",)
    return config, chosen


def choose_game(game: str, games: object) -> None:
    """Checks the argument `game`.

    Raises:
      ValueError: it is not one of `games`.
    """
    names = list(games)  # type: ignore[call-overload]
    if game not in names:
        raise ValueError(f"argument game={game!r} must be one of {names}")
