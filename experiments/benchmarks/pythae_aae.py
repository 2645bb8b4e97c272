"""The adversarial autoencoder of pythae, with its own networks and trainer.

Pythae (Chadebec et al. 2022, "Pythae: Unifying Generative Autoencoders in Python")
updates autoencoder and discriminator simultaneously, from one pass, without noise. Our
step has the same networks, and three alternating updates as in the paper of the AAE.
"""

import tempfile
from collections.abc import Callable

try:
    import torch
    from pythae.data.datasets import BaseDataset
    from pythae.models import Adversarial_AE, Adversarial_AE_Config
    from pythae.trainers import AdversarialTrainer, AdversarialTrainerConfig
except ImportError as error:
    raise ImportError(
        "experiments.benchmarks.pythae_aae needs pythae and PyTorch; install them "
        "with: pip install -e .[bench]"
    ) from error

import ml_collections
import numpy as np

NETWORKS = {
    "encoder": """
x   -   1    -   -  -  -  -  -
h1  x   512  28  1  -  -  -  ReLU
z   h1  {d}  1   1  -  -  -  -
""",
    "decoder": """
transposed
z   -   {d}  -   -  -  -  -  -
h1  z   512  1   1  -  -  -  ReLU
x   h1  1    28  1  -  -  -  Sigmoid
""",
    "discriminator_z": """
code  -     {d}  -  -  -  -  -  -
h1    code  256  1  1  -  -  -  ReLU
p     h1    1    1  1  -  -  -  -
""",
}
"""Pythae's networks for images of 28x28 pixels, as tables."""


def adapt(config: ml_collections.ConfigDict) -> None:
    """Gives a config of `aae` the networks of pythae, and its absence of noise.

    Raises:
      ValueError: it is not a config of an AAE with only z.
    """
    if config.game.name != "aae" or set(config.game.priors) != {"z"}:
        raise ValueError("--peer=pythae requires an AAE with only z")
    config.game.update(networks=NETWORKS, input_noise=0.0, code_noise=0.0)


def build(
    config: ml_collections.ConfigDict, images: np.ndarray, steps: int
) -> Callable[[], None]:
    """Returns a function that trains with pythae for an epoch.

    Args:
      config: a config that `adapt` has changed.
      images: uint8 [N, 28, 28, 1].
      steps: steps of the epoch.
    """
    number = steps * config.batch_size
    chosen = np.resize(np.arange(len(images)), number)
    pixels = torch.from_numpy(images[chosen]).permute(0, 3, 1, 2).float() / 255
    model = Adversarial_AE(
        Adversarial_AE_Config(
            input_dim=tuple(pixels.shape[1:]),
            latent_dim=config.game.latent_dim,
            deterministic_posterior=True,
        )
    )
    training = AdversarialTrainerConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=config.batch_size,
        autoencoder_learning_rate=config.players.autoencoder.learning_rate,
        discriminator_learning_rate=config.players.discriminator.learning_rate,
        no_cuda=True,
    )
    dataset = BaseDataset(pixels, torch.zeros(number))
    trainer = AdversarialTrainer(model, dataset, training_config=training)
    trainer.prepare_training()

    def call() -> None:
        for _ in range(config.trials):
            trainer.train_step(epoch=1)

    return call
