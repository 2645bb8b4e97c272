"""Clusters of your own images or vectors, without labels.

    python -m experiments.launch --config=configs/cluster.py --workdir=runs/mine \
        --config.dataset.name=folder --config.dataset.path=photos/

Arguments, after the colon:
  game      amm, aae, learned_prior, infogan, pixelgan (images only), or information:
            the terms that AMM has here besides its game, alone
  k         number of clusters; 0 for the number of classes if the data have labels,
            which only the evaluation sees, otherwise 10; auto to choose it without
            labels: each of config.number_of_clusters.candidates (2 to 20) is trained
            for a quarter of the steps of a small run, in WORKDIR/number_of_clusters/,
            and then the one with the highest score as usual
  size      small (for a CPU), medium or large: width of the networks, trials and steps
  runlocal  a quick trial with few data and steps; takes seconds
"""

import ml_collections

from adversarial_latent import tasks
from adversarial_latent.config import parse_arguments, shrink


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, game="amm", k="0", size="small", runlocal=False)
    k = int(given.k) if given.k.isdecimal() else given.k
    config = tasks.cluster(given.game, k, given.size)
    if given.runlocal:
        shrink(config)
    return config
