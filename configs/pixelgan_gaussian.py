"""Two-dimensional Gaussian codes of MNIST: figures 2 and 3 of PixelGAN autoencoders.

    python -m experiments.launch --config=configs/pixelgan_gaussian.py \
        --workdir=runs/gaussian

Arguments, after the colon:
  model         pixelgan (figure 2a), pixelcnn (2b: the same decoder without a code) or
                aae (2c: an adversarial autoencoder with the same code)
  blocks        residual blocks of the decoder: 3 in figures 2 and 3a,b, 12 in 3c,d
  conditioning  dependent on the location (2a, 3b,d) or invariant (3a,c)
  narrow        divides the sizes of all layers; 4 or 8 for a CPU
  runlocal      a quick trial with few data and steps; takes a minute

Networks and settings are those of appendix B.1.1: binary images (grey ones for the
adversarial autoencoder), a prior with a standard deviation of 5, and gradient descent
with momentum for all losses. Three blocks of 3x5 see nine rows above a pixel. The
appendix does not give the following settings. Minibatches have 100 images. Gradients
are clipped, to a norm of 10 for the reconstruction loss and of 1 for the adversarial
losses; without clipping, all values are infinite after ten steps. Training takes 50
epochs, and the learning rate falls to a tenth after half of them. The decoder of the
adversarial autoencoder has two layers of 2000 units, like its encoder, and is trained
with Adam.

Parameters: encoder 5,576,002, D 4,010,001, decoder 855,209 (without a code 67,425; that
of the adversarial autoencoder 5,576,001; of 12 blocks with the invariant bias 263,201).
"""

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, shrink
from adversarial_latent.games import aae, pixelcnn, pixelgan
from adversarial_latent.games.building import pixelcnn_config
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player
from configs.pixelgan_mnist import SGD

TABLES = {
    "encoder": Table.parse("""
x   -   1     -   -  -  -  -  -
h1  x   2000  28  1  -  -  -  ReLU
h2  h1  2000  1   1  -  -  -  ReLU
z   h2  {d}   1   1  -  -  -  -
"""),
    "discriminator_z": Table.parse("""
z   -   {d}   -  -  -  -  -  -
h1  z   2000  1  1  -  -  -  ReLU
h2  h1  2000  1  1  -  -  -  ReLU
p   h2  1     1  1  -  -  -  -
"""),
}
AAE_DECODER = Table.parse("""
transposed
z   -   {d}   -   -  -  -  -  -
h1  z   2000  1   1  -  -  -  ReLU
h2  h1  2000  1   1  -  -  -  ReLU
x   h2  1     28  1  -  -  -  Sigmoid
""")
MODELS = ("pixelgan", "pixelcnn", "aae")


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument,
        model="pixelgan",
        blocks=3,
        conditioning="dependent",
        narrow=1,
        runlocal=False,
    )
    if given.model not in MODELS:
        raise ValueError(f"argument model={given.model!r} must be one of {MODELS}")
    config = default_config()
    tables = dict(TABLES)
    if given.model == "aae":
        config.game = aae.default_config()
        tables["decoder"] = AAE_DECODER
    else:
        config.game = pixelgan.default_config()
        coded = given.model == "pixelgan"
        config.game.pixelcnn = pixelcnn_config(
            blocks=given.blocks,
            hidden_channels=32 // given.narrow,
            conditioning=(given.conditioning,) if coded else (),
            code_units=1000 // given.narrow,
        )
    fall = {"schedule": "tenth", "decay_from": 0.5}
    if given.model == "aae":  # a squared error, which has small gradients
        slow = player(1e-3, b1=0.9, **fall)
    else:
        slow = player(1e-3, optimizer="sgd", momentum=0.9, clip_norm=10.0, **fall)
    if given.model == "pixelcnn":
        decoder = config.game.pixelcnn
        config.game = pixelcnn.default_config()
        config.game.pixelcnn = decoder
        config.players = {"decoder": slow}
        config.evaluators = ("likelihood", "samples")
    else:
        config.game.update(
            priors={"z": {"name": "gaussian", "std": 5.0}},
            latent_dim=2,
            networks={
                name: str(table.narrow(given.narrow, ("x", "z", "p")))
                for name, table in tables.items()
            },
        )
        config.players = {
            "autoencoder": slow,
            "discriminator": player(0.1, clip_norm=1.0, **SGD),
            "generator": player(0.1, clip_norm=1.0, **SGD),
        }
        config.evaluators = ("manifold", "samples")
        if given.model == "pixelgan":
            config.evaluators = ("likelihood", *config.evaluators)
    config.dataset.name = "tfds:mnist"
    config.dataset.num_validation = 10_000
    config.batch_size = 100
    config.duration = "50_epochs"
    config.steps_per_call = 50
    config.log_every = "1_epochs"
    config.checkpoint_every = "5_epochs"
    if given.runlocal:
        shrink(config)
    return config
