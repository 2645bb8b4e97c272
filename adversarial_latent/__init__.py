"""Adversarial games over data and latent codes, in JAX and Flax."""

from adversarial_latent.compilation import keep_compiled_programs
from adversarial_latent.config import default_config
from adversarial_latent.model import Model
from adversarial_latent.run_data import read_inputs
from adversarial_latent.train import train_and_evaluate
from adversarial_latent.workdir import load

__all__ = [
    "Model",
    "default_config",
    "keep_compiled_programs",
    "load",
    "read_inputs",
    "train_and_evaluate",
]
