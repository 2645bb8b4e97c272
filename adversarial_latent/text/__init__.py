"""Embeddings of captions, for games that learn from captions.

An embedding is a function from n sentences to float32 vectors [n, D]. It is either a
recurrent encoder trained on the captions (`encoder.py`), or any function that
`config.embedding.name` imports (`embedding.py`).
"""

from adversarial_latent.text.embedding import (
    Embedding,
    check_vectors,
    default_config,
    embed_captions,
    load_embedding,
    with_vectors,
)
from adversarial_latent.text.encoder import RecurrentEmbedding, train_embedding

__all__ = [
    "Embedding",
    "RecurrentEmbedding",
    "check_vectors",
    "default_config",
    "embed_captions",
    "load_embedding",
    "train_embedding",
    "with_vectors",
]
