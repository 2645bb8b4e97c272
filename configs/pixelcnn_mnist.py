"""PixelCNN on binary MNIST: how many nats an image takes without a code.

    python -m experiments.launch --config=configs/pixelcnn_mnist.py --workdir=runs/nats

Arguments, after the colon:
  blocks    residual blocks
  maps      feature maps
  threshold binary by a threshold at 0.5, as PixelGAN autoencoders have them
  runlocal  few data and steps: ends in a minute, to try things out

The decoder of PixelGAN autoencoders by itself, trained by maximum likelihood. Binary
pixels are drawn anew in each minibatch with the probability that their grey level
gives, and once for each test image: such are the images of which the literature
reports about 81 to 82 nats. Those of a threshold take far fewer. 326,241 parameters.
"""

import ml_collections

from adversarial_latent.config import default_config, parse_arguments, player, shrink
from adversarial_latent.games import pixelcnn
from adversarial_latent.games.building import pixelcnn_config


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(
        argument, blocks=15, maps=32, threshold=False, runlocal=False
    )
    config = default_config()
    config.game = pixelcnn.default_config()
    config.game.pixelcnn = pixelcnn_config(blocks=given.blocks, maps=given.maps)
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
