"""Adversarial autoencoders on MNIST with dense networks, as in Makhzani et al.

    python -m experiments.launch --config=configs/aae_mnist.py --workdir=runs/aae

Arguments, after the colon:
  task         semi_supervised (y is a class; some labels are known), clustering (y is
               a cluster), supervised (y is the label, z the style) or codes (only z)
  labels       for semi_supervised: number of labels, equally many for each digit
  k            for clustering: number of clusters
  prior        for codes, prior of z: gaussian, pinwheel (ten Gaussians) or swiss_roll
  consistency  for semi_supervised: adds a consistency loss on q(y|x), which is not in
               the paper
  runlocal     a quick trial with few data and steps; takes a minute

Encoder, decoder and discriminators have two layers of 1000 units without batch norm
(appendix A.2 of the paper). Learning rates and input noise (0.3, also for
discriminators) are those of the implementations that come closest to the paper's
numbers. With 100 labels, all of these stall near an error of 5%. With the consistency
loss, the encoder has batch norm, a larger learning rate and less noise, and parameters
are averaged. 100 labels and a CPU are enough then (experiments/results/aae/README.md).
"""

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, shrink
from adversarial_latent.games import aae
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player

ENCODER = Table.parse("""
x   -   1     -   -  -  -  -    -
h1  x   1000  28  1  -  -  yes  ReLU
h2  h1  1000  1   1  -  -  yes  ReLU
""")
PARTS = {  # rows of the encoder for each part of the code
    "y": """
y_mu  h2    {k}  1  1  -  -  -  -
y     y_mu  {k}  -  -  -  -  -  Softmax
""",
    "z": """
z  h2  {d}  1  1  -  -  -  -
""",
}
SIZES = {"y": "{k}", "z": "{d}"}
DISCRIMINATOR = Table.parse("""
code  -     {size}  -  -  -  -  -  -
h1    code  1000    1  1  -  -  -  ReLU
h2    h1    1000    1  1  -  -  -  ReLU
p     h2    1       1  1  -  -  -  -
""")
DECODER = Table.parse("""
transposed
y     -     {k}      -   -  -  -  -  -
z     -     {d}      -   -  -  -  -  -
code  y|z   {k}+{d}  -   -  -  -  -  -
h1    code  1000     1   1  -  -  -  ReLU
h2    h1    1000     1   1  -  -  -  ReLU
x     h2    1        28  1  -  -  -  Sigmoid
""")
TASKS = {  # the parts of codes, the dimension of z, and the evaluators
    "semi_supervised": (("y", "z"), 10, ("classification", "reconstruction")),
    "clustering": (("y", "z"), 5, ("clustering", "reconstruction")),
    "supervised": (("y", "z"), 15, ("reconstruction",)),
    "codes": (("z",), 2, ("manifold", "reconstruction")),
}


def networks(
    parts: tuple[str, ...], inferred: tuple[str, ...], batch_norm: bool
) -> dict[str, str]:
    """Returns the networks for a code, of which some parts are inferred.

    Args:
      parts: parts of the code.
      inferred: parts that the encoder infers.
      batch_norm: whether the encoder has batch norm.
    """
    encoder, decoder = ENCODER, DECODER
    if not batch_norm:
        for row in ("h1", "h2"):
            encoder = encoder.with_row(row, batch_norm="-")
    if parts == ("z",):
        decoder = decoder.without("y", "code").with_row("h1", input="z")
    tables = {
        "encoder": encoder.append(*(PARTS[part] for part in inferred)),
        "decoder": decoder,
    }
    for part in inferred:
        tables[f"discriminator_{part}"] = DISCRIMINATOR.fill(size=SIZES[part])
    return {name: str(table) for name, table in tables.items()}


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
        raise ValueError("argument consistency requires task=semi_supervised")
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
        networks=networks(parts, ("z",) if supervised else parts, given.consistency),
    )
    config.dataset.update(name="tfds:mnist", num_validation=5000)
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
        config.selection = "nearest_neighbours"
    if given.runlocal:
        shrink(config)
    return config
