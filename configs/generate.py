"""A generator of examples that resemble your own images or vectors.

    python -m experiments.launch --config=configs/generate.py --workdir=runs/mine \
        --config.dataset.name=folder --config.dataset.path=photos/

Arguments, after the colon:
  game      gan, aim, ali, unrolled_gan, learned_prior, amm (by cluster), or
            conditional_ali (by class; all examples must have labels)
  latent    dimensions of the code; those of amm and conditional_ali are fixed
  size      small (for a CPU), medium or large: width of the networks, trials and steps
  runlocal  a quick trial with few data and steps; takes seconds
"""

import ml_collections

from adversarial_latent.config import parse_arguments
from configs import _tasks


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument, game="gan", latent=64, size="small", runlocal=False
    )
    settings: dict[str, _tasks.Settings] = {
        name: _tasks.adversarial(_tasks.EXTENSIONS[name], given.latent)
        for name in ("gan", "aim", "ali", "unrolled_gan")
    }
    settings["learned_prior"] = lambda config: _tasks.learned(
        config, latent=given.latent
    )
    settings["amm"] = _tasks.mixture
    settings["conditional_ali"] = _tasks.conditional
    config = _tasks.task_config(given, settings)
    config.trials = 1
    return config
