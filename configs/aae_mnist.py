"""Adversarial autoencoders on MNIST, with dense networks: as Makhzani et al. had them.

    python -m experiments.launch --config=configs/aae_mnist.py --workdir=runs/aae

Arguments, after the colon:
  task         semi_supervised (y is a class, some labels are known), clustering (y is
               a cluster), supervised (y is the label, z the style) or codes (z alone)
  labels       of semi_supervised: how many, as many of each digit
  k            of clustering: how many clusters
  prior        of z, with task codes: gaussian, pinwheel (ten Gaussians) or swiss_roll
  consistency  of semi_supervised: q(y|x) is also made the same near x, which is not in
               the paper
  runlocal     few data and steps: ends in a minute, to try things out

Encoder and decoder are two layers of 1000 units (appendix A.2 of the paper), and so are
discriminators, without batch norm. Learning rates and noise on what networks see (0.3,
of discriminators, too) are those of implementations that came closest to the paper's
numbers; those with 100 labels all stall near 5%. With consistency the encoder has batch
norm, learns faster and under less noise, and parameters are averaged: 100 labels and a
CPU are enough then (experiments/results/aae/README.md).
"""

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, player, shrink
from adversarial_latent.games import aae
from adversarial_latent.networks.rows import HEADER

ENCODER = """
x   -   1     -   -  -  -     -
h1  x   1000  28  1  -  NORM  ReLU
h2  h1  1000  1   1  -  NORM  ReLU
"""
Y = """
y_mu  h2    {k}  1  1  -  -  -
y     y_mu  {k}  -  -  -  -  Softmax
"""
Z = """
z  h2  {d}  1  1  -  -  -
"""
DISCRIMINATOR = """
code  -     SIZE  -  -  -  -  -
h1    code  1000  1  1  -  -  ReLU
h2    h1    1000  1  1  -  -  ReLU
p     h2    1     1  1  -  -  -
"""
DECODER = """
h1  CODE  1000  1   1  -  -  ReLU
h2  h1    1000  1   1  -  -  ReLU
x   h2    1     28  1  -  -  Sigmoid
"""
INPUTS = {"y": "y  -  {k}  -  -  -  -  -\n", "z": "z  -  {d}  -  -  -  -  -\n"}
TASKS = {  # the parts of codes, the dimension of z, and the evaluators
    "semi_supervised": (("y", "z"), 10, ("classification", "reconstruction")),
    "clustering": (("y", "z"), 5, ("clustering", "reconstruction")),
    "supervised": (("y", "z"), 15, ("reconstruction",)),
    "codes": (("z",), 2, ("manifold", "reconstruction")),
}


def tables(
    parts: tuple[str, ...], inferred: tuple[str, ...], batch_norm: bool
) -> dict[str, str]:
    """Tables of a code's parts, of which some are inferred.

    Args:
      parts: of the code.
      inferred: those of them that the encoder gives.
      batch_norm: whether the encoder has it.
    """
    code = "".join(INPUTS[part] for part in parts)
    entry = parts[0]
    if len(parts) > 1:
        entry = "code"
        code += "code  y|z  {k}+{d}  -  -  -  -  -\n"
    encoder = ENCODER.replace("NORM", "yes" if batch_norm else "-")
    made = {
        "encoder": encoder.lstrip() + "".join({"y": Y, "z": Z}[p] for p in inferred),
        "decoder": code + DECODER.replace("CODE", entry).lstrip(),
    }
    for part in inferred:
        size = {"y": "{k}", "z": "{d}"}[part]
        made[f"discriminator_{part}"] = DISCRIMINATOR.replace("SIZE", size).lstrip()
    return {name: f"{HEADER}\n{text}" for name, text in made.items()}


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument,
        task="semi_supervised",
        labels=100,
        k=16,
        prior="gaussian",
        consistency=False,
        runlocal=False,
    )
    if given.task not in TASKS:
        raise ValueError(f"argument task={given.task!r} must be one of {list(TASKS)}")
    semi_supervised = given.task == "semi_supervised"
    if given.consistency and not semi_supervised:
        raise ValueError(f"argument consistency: not for task={given.task}")
    parts, latent_dim, evaluators = TASKS[given.task]
    supervised = given.task == "supervised"
    config = default_config()
    config.game = aae.default_config()
    prior_of = {"y": {"name": "categorical"}, "z": {"name": given.prior}}
    config.game.update(
        priors={part: prior_of[part] for part in parts},
        num_components=given.k if given.task == "clustering" else 10,
        latent_dim=latent_dim,
        supervised=supervised,
        semi_supervised=semi_supervised,
        consistency_radius=0.3 if given.consistency else 0.0,
        input_noise=0.1 if given.consistency else 0.3,
        code_noise=0.3,
        padding="VALID",
        tables=tables(parts, ("z",) if supervised else parts, given.consistency),
    )
    config.dataset.update(name="tfds:mnist", num_validation=5000)
    config.moves = "alternating"
    names = ["autoencoder", "discriminator", "generator"]
    if semi_supervised:
        names += ["classifier"] + ["consistency"] * given.consistency
        config.labels.update(number=given.labels, batch_size=100)
        config.curves = ("classification",)
        config.evaluate_every = "1000_steps"
        config.paper = {"classification_error": 0.019}
    config.players = {
        name: player(3e-4, b1=0.5, schedule="cosine", decay_from=0.5) for name in names
    }
    if given.consistency:
        for name in ("autoencoder", "classifier", "consistency"):
            config.players[name].update(learning_rate=1e-3, b2=0.99)
        config.ema_decay = 0.999
    config.trials = 3
    config.batch_size = 100
    config.duration = "30_epochs"
    config.checkpoint_every = "2000_steps"
    config.evaluators = (*evaluators, "samples")
    if given.task == "clustering":
        config.selection = "neighbours"
    if given.runlocal:
        shrink(config)
    return config
