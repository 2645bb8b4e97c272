"""A recurrent sentence encoder, trained on several captions per image.

It is the encoder of a network that reads a caption and generates any caption of the
same image, word by word. Its vectors therefore describe the image rather than the
wording. If it were trained to reproduce the same caption, vectors would mostly encode
the wording, and models would generate noise for some wordings.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Sequence

import chex
import flax.linen as nn
import flax.serialization
import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax
from absl import logging
from jax.experimental import multihost_utils

from adversarial_latent.inputs import read_json
from adversarial_latent.text.tokenizer import (
    NUM_SPECIAL,
    PADDING,
    most_frequent_words,
    tokenize,
    words,
)

DESCRIPTION = "encoder.json"
"""The file that marks a saved encoder as complete."""
_WEIGHTS = "weights.msgpack"
_BATCH_SIZE = 256  # sentences that are embedded at a time


class Paraphraser(nn.Module):
    """Encodes a sentence with one GRU, and generates another sentence with a second.

    Attributes:
      vocabulary: number of tokens, including padding and the unknown word.
      dim: dimension of the vector that encodes a sentence.
      word_dim: dimension of the embedding of a word.
    """

    vocabulary: int
    dim: int
    word_dim: int

    def setup(self) -> None:
        """Creates the layers."""
        self.embed = nn.Embed(self.vocabulary, self.word_dim)
        self.reader = nn.RNN(nn.GRUCell(self.dim), return_carry=True)
        self.writer = nn.RNN(nn.GRUCell(self.dim))
        self.next_word = nn.Dense(self.vocabulary)

    def encode(self, tokens: chex.Array) -> chex.Array:
        """Encodes tokens [B, L], where 0 is padding, as a vector [B, D]."""
        length = (tokens != PADDING).sum(-1)
        state, _ = self.reader(self.embed(tokens), seq_lengths=length)
        return state

    def __call__(self, read: chex.Array, written: chex.Array) -> chex.Array:
        """Negative log-likelihood of one sentence given another.

        Args:
          read: tokens [B, L] of the encoded sentence.
          written: tokens [B, M] of the generated sentence.

        Returns:
          Negative log-likelihood [B, M] of each token in `written`, given `read` and
          the earlier tokens. The first padding token counts, as the end of the
          sentence; the values of later ones are 0.
        """
        before = jnp.pad(written, ((0, 0), (1, 0)))[:, :-1]
        vector = jnp.broadcast_to(
            self.encode(read)[:, None], (*written.shape, self.dim)
        )
        states = self.writer(jnp.concatenate([self.embed(before), vector], -1))
        loss = optax.softmax_cross_entropy_with_integer_labels(
            self.next_word(states), written
        )
        return jnp.where((before != PADDING).at[:, 0].set(True), loss, 0.0)


@dataclasses.dataclass(frozen=True, eq=False)
class RecurrentEmbedding:
    """A trained sentence encoder: `embedding(sentences)` is float32 [n, D].

    Attributes:
      module: the network that includes the encoder.
      params: parameters of `module`.
      known: words in the vocabulary, in the order of their tokens.
      mean: mean [D] of the vectors of the training captions.
      std: standard deviation [D] of these vectors. Vectors are normalised by both.
    """

    module: Paraphraser
    params: chex.ArrayTree
    known: tuple[str, ...]
    mean: np.ndarray
    std: np.ndarray

    def __call__(self, sentences: Sequence[str]) -> np.ndarray:
        """Embeds sentences; equal sentences are embedded once.

        Raises:
          ValueError: no word of a sentence is known.
        """
        unique = sorted(set(sentences))
        self._check(unique)
        index = {sentence: i for i, sentence in enumerate(unique)}
        vectors = self._encode(tokenize(unique, self.known))
        return vectors[[index[sentence] for sentence in sentences]]

    def _check(self, sentences: Sequence[str]) -> None:
        known, unknown = set(self.known), set()
        for sentence in sentences:
            found = words(sentence)
            if not known & set(found):
                raise ValueError(
                    f"the sentence {sentence!r} has no word that the sentence encoder "
                    f"knows from its captions, such as {', '.join(self.known[:30])}"
                )
            unknown.update(set(found) - known)
        if unknown:
            logging.warning(
                "words unknown to the sentence encoder, which treats them all alike: "
                "%s",
                ", ".join(sorted(unknown)),
            )

    def _encode(self, tokens: np.ndarray) -> np.ndarray:
        parts = []
        for start in range(0, len(tokens), _BATCH_SIZE):
            part = tokens[start : start + _BATCH_SIZE]
            padded = np.pad(part, ((0, _BATCH_SIZE - len(part)), (0, 0)), "edge")
            vectors = _encode(self.module, self.params, padded)
            parts.append(np.asarray(vectors)[: len(part)])
        return (np.concatenate(parts) - self.mean) / self.std

    def save(self, directory: str, trained_on: str) -> None:
        """Writes the encoder; the file that marks it as complete comes last.

        Args:
          directory: created if it does not exist.
          trained_on: fingerprint of the training captions and settings.
        """
        os.makedirs(directory, exist_ok=True)
        weights = {"params": self.params, "mean": self.mean, "std": self.std}
        description = {
            "dim": self.module.dim,
            "word_dim": self.module.word_dim,
            "known": self.known,
            "trained_on": trained_on,
        }
        for name, content in (
            (_WEIGHTS, flax.serialization.msgpack_serialize(weights)),
            (DESCRIPTION, json.dumps(description).encode()),
        ):
            path = os.path.join(directory, name)
            with open(f"{path}.new", "wb") as file:
                file.write(content)
            os.replace(f"{path}.new", path)

    @staticmethod
    def load(directory: str) -> "RecurrentEmbedding":
        """Reads what `save` wrote.

        Raises:
          MissingInputError: `directory` has no encoder.
          InputError: the description is damaged.
        """
        description = read_json(os.path.join(directory, DESCRIPTION))
        description.pop("trained_on", None)
        with open(os.path.join(directory, _WEIGHTS), "rb") as file:
            weights = flax.serialization.msgpack_restore(file.read())
        known = tuple(description.pop("known"))
        module = Paraphraser(vocabulary=len(known) + NUM_SPECIAL, **description)
        return RecurrentEmbedding(module=module, known=known, **weights)


@functools.partial(jax.jit, static_argnums=0)
def _encode(
    module: Paraphraser, params: chex.ArrayTree, tokens: chex.Array
) -> chex.Array:
    return module.apply({"params": params}, tokens, method="encode")


def train_embedding(
    captions: Sequence[Sequence[str]], config: ml_collections.ConfigDict
) -> RecurrentEmbedding:
    """Trains a sentence encoder on captions, see the module's docstring.

    Args:
      captions: C captions for each of N images. In each step, one random caption of an
        image is encoded and another generated; the two may be the same.
      config: fields as in `embedding.default_config`.

    Returns:
      The embedding, normalised over the training captions.
    """
    sentences = [sentence for group in captions for sentence in group]
    known = most_frequent_words(sentences, config.vocabulary)
    module = Paraphraser(len(known) + NUM_SPECIAL, config.dim, config.word_dim)
    tokens = tokenize(sentences, known).reshape(len(captions), len(captions[0]), -1)
    optimizer = optax.adam(
        optax.cosine_decay_schedule(config.learning_rate, config.steps)
    )

    @jax.jit
    def step(params, state, read, written):
        def loss(params):
            losses = module.apply({"params": params}, read, written)
            assert isinstance(losses, jax.Array)
            return losses.sum(-1).mean()

        value, gradient = jax.value_and_grad(loss)(params)
        with jax.numpy_dtype_promotion("standard"):  # Optax requires it
            updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, updates), state, value

    params = module.init(jax.random.key(config.seed), tokens[:1, 0], tokens[:1, 0])
    params = params["params"]
    state = optimizer.init(params)
    rng = np.random.default_rng(config.seed)
    for _ in range(config.steps):
        image = rng.integers(len(tokens), size=config.batch_size)
        one, other = rng.integers(tokens.shape[1], size=(2, len(image)))
        read, written = tokens[image, one], tokens[image, other]
        params, state, value = step(params, state, read, written)
    logging.info("another caption's negative log-likelihood: %.2f nats", value)
    if jax.process_count() > 1:  # results may differ slightly between machines
        params = multihost_utils.broadcast_one_to_all(params)
    zeros = np.zeros(config.dim, np.float32)
    params = jax.tree.map(np.asarray, params)
    trained = RecurrentEmbedding(module, params, known, mean=zeros, std=zeros + 1)
    vectors = trained(sentences)
    return dataclasses.replace(
        trained,
        mean=vectors.mean(0),
        std=np.sqrt(vectors.var(0) + np.float32(1e-6)),
    )
