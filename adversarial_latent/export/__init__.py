"""Export of trained models to files that need JAX and NumPy only."""

from adversarial_latent.export.archive import PLATFORMS, export_model

__all__ = ["PLATFORMS", "export_model"]
