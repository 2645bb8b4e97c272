"""A classifier of your own images or vectors, of which few have labels.

    python -m experiments.launch --config=configs/classify.py --workdir=runs/mine \
        --config.dataset.name=folder --config.dataset.path=photos/

Arguments, after the colon:
  game      samm, aae, or pixelgan (images only)
  labels    number of labels to use, equally many of each class; 0 for all there are
  size      small (for a CPU), medium or large: width of the networks, trials and steps
  runlocal  a quick trial with few data and steps; takes seconds
"""

import ml_collections

from adversarial_latent.config import parse_arguments
from configs import _tasks


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument, game="samm", labels=0, size="small", runlocal=False
    )

    def settings(game: _tasks.Settings) -> _tasks.Settings:
        def with_labels(config: ml_collections.ConfigDict) -> None:
            game(config)
            config.labels.number = given.labels

        return with_labels

    return _tasks.task_config(
        given,
        {
            "samm": settings(_tasks.labelled_mixture),
            "aae": settings(
                lambda config: _tasks.adversarial_autoencoder(
                    config, clusters=True, labels=True
                )
            ),
            "pixelgan": settings(
                lambda config: _tasks.pixel_autoencoder(config, labels=True)
            ),
        },
    )
