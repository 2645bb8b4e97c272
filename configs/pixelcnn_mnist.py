"""PixelCNN on binary MNIST: nats per image without a code.

    python -m experiments.launch --config=configs/pixelcnn_mnist.py --workdir=runs/nats

Arguments, after the colon:
  blocks    number of residual blocks
  channels  channels of the hidden layers
  threshold binary by a threshold at 0.5, as in PixelGAN autoencoders
  runlocal  a quick trial with few data and steps; takes a minute

This is the decoder of PixelGAN autoencoders alone, trained by maximum likelihood.
Binary pixels are sampled with their grey level as probability: again in each minibatch,
but only once for each test image. The literature reports about 81 to 82 nats for such
images. With a threshold, images take far fewer nats. The network has 326,241
parameters.
"""

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, shrink
from adversarial_latent.games import pixelcnn
from adversarial_latent.games.building import pixelcnn_config
from adversarial_latent.optimizers import player


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument, blocks=15, channels=32, threshold=False, runlocal=False
    )
    config = default_config()
    config.game = pixelcnn.default_config()
    config.game.pixelcnn = pixelcnn_config(
        blocks=given.blocks, hidden_channels=given.channels
    )
    config.game.rounding = "nearest" if given.threshold else "random"
    config.players = {"decoder": player(1e-3, b1=0.9, schedule="cosine")}
    config.dataset.name = "tfds:mnist"
    config.dataset.num_validation = 10_000
    config.batch_size = 50
    config.duration = "50_epochs"
    config.steps_per_call = 50
    config.log_every = config.evaluate_every = "1_epochs"
    config.checkpoint_every = "1_epochs"
    config.ema_decay = 0.999
    config.evaluators = ("likelihood", "samples")
    config.curves = ("likelihood",)
    if given.runlocal:
        shrink(config)
    return config
