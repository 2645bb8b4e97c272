"""The embedding of a run: settings, training or import, and use on captions."""

import dataclasses
import importlib
import os
from collections.abc import Callable, Sequence

import jax
import ml_collections
import numpy as np
from absl import logging

from adversarial_latent.checkpoints import has_checkpoint
from adversarial_latent.data import Dataset
from adversarial_latent.inputs import InputError, read_json
from adversarial_latent.text.encoder import (
    DESCRIPTION,
    RecurrentEmbedding,
    train_embedding,
)

Embedding = Callable[[Sequence[str]], np.ndarray]


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.embedding`."""
    return ml_collections.ConfigDict(
        {
            "name": "recurrent",  # or package.module:function
            "dim": 200,  # of the vectors (learned prior, section 4.3)
            # The rest applies to "recurrent" only.
            "word_dim": 64,
            "vocabulary": 5000,  # limit on the number of words; the most frequent ones
            "steps": 1000,
            "batch_size": 50,
            "learning_rate": 5e-3,
            "seed": 0,
        }
    )


def embedding_workdir(workdir: str) -> str:
    """The directory of a run's sentence encoder."""
    return os.path.join(workdir, "embedding")


def load_embedding(config: ml_collections.ConfigDict, workdir: str) -> Embedding | None:
    """Loads the embedding of a run.

    Args:
      config: config of the run.
      workdir: directory of the run.

    Returns:
      The embedding; None if the config has none, or it is not trained yet.

    Raises:
      InputError: the config names a function that does not exist.
    """
    if not config.embedding:
        return None
    name = config.embedding.name
    if name == "recurrent":
        directory = embedding_workdir(workdir)
        if not os.path.exists(os.path.join(directory, DESCRIPTION)):
            return None
        return RecurrentEmbedding.load(directory)
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except (AttributeError, ImportError, ValueError) as error:
        raise InputError(
            f"config.embedding.name={name!r} is neither 'recurrent' nor a function, "
            f"written as package.module:function: {error}"
        ) from error


def embed_captions(
    dataset: Dataset, config: ml_collections.ConfigDict, workdir: str
) -> Dataset:
    """Adds the vectors of captions to the examples of a data set.

    Trains the run's sentence encoder if it does not exist yet.

    Args:
      dataset: data set of the run.
      config: config of the run.
      workdir: directory of the run.

    Returns:
      The data set with `caption_vectors`, see `with_vectors`.

    Raises:
      InputError: the data set has no captions, the encoder was trained on other
        captions, or the embedding returns invalid vectors.
    """
    if not dataset.has_captions:
        raise InputError(
            f"config.embedding requires captions, but {dataset.name!r} has none: give "
            "the folder with captions as config.dataset.captions"
        )
    train = dataset.splits["train"]
    trained_on = train.fingerprint() + config.embedding.to_json()
    embedding = load_embedding(config, workdir)
    if isinstance(embedding, RecurrentEmbedding):
        path = os.path.join(embedding_workdir(workdir), DESCRIPTION)
        if read_json(path).get("trained_on", trained_on) != trained_on:
            if has_checkpoint(os.path.join(workdir, "checkpoints")):
                raise InputError(
                    f"the sentence encoder in {path} was trained on other captions or "
                    "with other settings than this run: train in another directory"
                )
            embedding = None  # left by a launch with another config; train it again
    if embedding is None:
        logging.info("training the sentence encoder")
        embedding = train_embedding(train.captions or (), config.embedding)
        if jax.process_index() == 0:
            embedding.save(embedding_workdir(workdir), trained_on)
    return with_vectors(dataset, embedding, config.embedding.dim)


def with_vectors(dataset: Dataset, embedding: Embedding, dim: int) -> Dataset:
    """Adds the vectors of captions to the examples, by a given embedding.

    Args:
      dataset: a data set with C captions per example.
      embedding: function from sentences to vectors.
      dim: dimension of the vectors, D.

    Returns:
      The data set, whose splits have `caption_vectors`, float32 [N, C, D].

    Raises:
      InputError: the vectors have another shape, or are not finite.
    """
    splits = {}
    for name, examples in dataset.splits.items():
        captions = examples.captions or ()
        sentences = [sentence for group in captions for sentence in group]
        vectors = check_vectors(embedding(sentences), len(sentences), dim)
        splits[name] = dataclasses.replace(
            examples, caption_vectors=vectors.reshape(len(captions), -1, dim)
        )
    return dataclasses.replace(dataset, splits=splits)


def check_vectors(vectors: np.ndarray, number: int, dim: int) -> np.ndarray:
    """Checks vectors of sentences, and converts them to float32 [number, dim].

    Raises:
      InputError: the vectors have another shape, or are not finite.
    """
    vectors = np.asarray(vectors, np.float32)
    if vectors.shape != (number, dim):
        raise InputError(
            f"config.embedding returned vectors of shape {vectors.shape} for {number} "
            f"sentences, but config.embedding.dim is {dim}"
        )
    if not np.isfinite(vectors).all():
        raise InputError("config.embedding returned vectors that are not finite")
    return vectors
