"""Adversarial games over data and latent codes, in JAX and Flax."""
