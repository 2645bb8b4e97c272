"""Sentences as vectors: by a recurrent encoder that is trained here, or by any other.

An embedding is a function from n sentences to float32 [n, D]. The one of this module
is the first half of a recurrent network that reads a caption and writes any caption of
the same image, word by word: a vector says what is seen, and little of how it was
put. (Vectors that were to give the same caption again are about its form first; models
then draw noise for some forms.) `config.embedding.name` may instead name a function of
yours, "package.module:function", which is used as it is.

Where game and data have captions, `load_dataset` gives each example its captions'
vectors, and a trained model holds its embedding, so that it can be told new sentences.
"""

import collections
import dataclasses
import functools
import importlib
import json
import os
import re
from collections.abc import Callable, Sequence

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

from adversarial_latent import data, run_data
from adversarial_latent.checkpoints import has_checkpoint
from adversarial_latent.inputs import read_json

Embedding = Callable[[Sequence[str]], np.ndarray]

_PADDING, _UNKNOWN = 0, 1  # the tokens that are not words
_BATCH_SIZE = 256  # of sentences that are embedded at a time
_WEIGHTS, _DESCRIPTION = "weights.msgpack", "encoder.json"


def default_config() -> ml_collections.ConfigDict:
    """The fields of `config.embedding`."""
    return ml_collections.ConfigDict(
        {
            "name": "recurrent",  # or package.module:function
            "dim": 200,  # of vectors (learned prior, section 4.3); and, if recurrent:
            "word_dim": 64,
            "vocabulary": 5000,  # at most so many words, the most frequent ones
            "steps": 1000,
            "batch_size": 50,
            "learning_rate": 5e-3,
            "seed": 0,
        }
    )


def words(sentence: str) -> list[str]:
    """The words of a sentence, in small letters and without punctuation."""
    return re.findall(r"[a-z0-9]+", sentence.lower())


class Paraphraser(nn.Module):
    """Reads a sentence with one GRU, and writes another one with a second.

    Attributes:
      vocabulary: number of tokens, padding and the unknown word among them.
      dim: of the vector between the two.
      word_dim: of words.
    """

    vocabulary: int
    dim: int
    word_dim: int

    def setup(self) -> None:
        """Makes the layers."""
        self.embed = nn.Embed(self.vocabulary, self.word_dim)
        self.reader = nn.RNN(nn.GRUCell(self.dim), return_carry=True)
        self.writer = nn.RNN(nn.GRUCell(self.dim))
        self.next_word = nn.Dense(self.vocabulary)

    def encode(self, tokens: chex.Array) -> chex.Array:
        """The state [B, D] of the reader after tokens [B, L], of which 0 is padding."""
        length = (tokens != _PADDING).sum(-1)
        state, _ = self.reader(self.embed(tokens), seq_lengths=length)
        return state

    def __call__(self, read: chex.Array, written: chex.Array) -> chex.Array:
        """How surprising a sentence is that is written after another one is read.

        Args:
          read: tokens [B, L].
          written: tokens [B, M].

        Returns:
          negative log-likelihood [B, M] of each token written, given what is read and
          the tokens before. Padding counts up to the first, which ends the sentence,
          and is 0 after it.
        """
        before = jnp.pad(written, ((0, 0), (1, 0)))[:, :-1]
        vector = jnp.broadcast_to(
            self.encode(read)[:, None], (*written.shape, self.dim)
        )
        states = self.writer(jnp.concatenate([self.embed(before), vector], -1))
        loss = optax.softmax_cross_entropy_with_integer_labels(
            self.next_word(states), written
        )
        return jnp.where((before != _PADDING).at[:, 0].set(True), loss, 0.0)


@dataclasses.dataclass(frozen=True, eq=False)
class RecurrentEmbedding:
    """A trained encoder of sentences: `embedding(sentences)` is float32 [n, D].

    Attributes:
      module: the network whose first half it is,
      params: and its parameters.
      known: the words that it knows, in the order of their tokens.
      mean: of vectors of the training captions [D],
      std: and their standard deviation; vectors are normalised by both.
    """

    module: Paraphraser
    params: chex.ArrayTree
    known: tuple[str, ...]
    mean: np.ndarray
    std: np.ndarray

    def __call__(self, sentences: Sequence[str]) -> np.ndarray:
        """Embeds sentences; those which are equal are computed once.

        Raises:
          ValueError: a sentence of which no word is known.
        """
        different = sorted(set(sentences))
        self._check(different)
        place = {sentence: i for i, sentence in enumerate(different)}
        vectors = self._encode(self._tokens(different))
        return vectors[[place[sentence] for sentence in sentences]]

    def _check(self, sentences: Sequence[str]) -> None:
        known, unknown = set(self.known), set()
        for sentence in sentences:
            found = words(sentence)
            if not known & set(found):
                raise ValueError(
                    f"the sentence {sentence!r} has no word that the sentence "
                    f"encoder learned from its captions, as {self._examples()}"
                )
            unknown.update(set(found) - known)
        if unknown:
            logging.warning(
                "words that the sentence encoder never saw count as one and the same: "
                "%s",
                ", ".join(sorted(unknown)),
            )

    def _examples(self) -> str:
        return ", ".join(self.known[:30])

    def _tokens(self, sentences: Sequence[str]) -> np.ndarray:
        token = {word: i for i, word in enumerate(self.known, start=_UNKNOWN + 1)}
        rows = [[token.get(word, _UNKNOWN) for word in words(s)] for s in sentences]
        # At least one padding, which ends a sentence; in eights, to compile seldom.
        length = -(-(max(map(len, rows)) + 1) // 8) * 8
        return np.array([row + [_PADDING] * (length - len(row)) for row in rows])

    def _encode(self, tokens: np.ndarray) -> np.ndarray:
        parts = []
        for start in range(0, len(tokens), _BATCH_SIZE):
            part = tokens[start : start + _BATCH_SIZE]
            padded = np.pad(part, ((0, _BATCH_SIZE - len(part)), (0, 0)), "edge")
            vectors = _encode(self.module, self.params, padded)
            parts.append(np.asarray(vectors)[: len(part)])
        return (np.concatenate(parts) - self.mean) / self.std

    def save(self, directory: str, trained_on: str) -> None:
        """Writes it to `directory`; what marks it as complete is written last.

        Args:
          directory: made if it is not there.
          trained_on: identity of its training captions and settings.
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
            (_DESCRIPTION, json.dumps(description).encode()),
        ):
            path = os.path.join(directory, name)
            with open(f"{path}.new", "wb") as file:
                file.write(content)
            os.replace(f"{path}.new", path)

    @staticmethod
    def load(directory: str) -> "RecurrentEmbedding":
        """Reads what `save` wrote.

        Raises:
          MissingInputError: nothing is there.
          InputError: the description is damaged.
        """
        description = read_json(os.path.join(directory, _DESCRIPTION))
        description.pop("trained_on", None)
        with open(os.path.join(directory, _WEIGHTS), "rb") as file:
            weights = flax.serialization.msgpack_restore(file.read())
        known = tuple(description.pop("known"))
        module = Paraphraser(vocabulary=len(known) + 2, **description)
        return RecurrentEmbedding(module=module, known=known, **weights)


@functools.partial(jax.jit, static_argnums=0)
def _encode(
    module: Paraphraser, params: chex.ArrayTree, tokens: chex.Array
) -> chex.Array:
    return module.apply({"params": params}, tokens, method="encode")


def train_embedding(
    captions: Sequence[Sequence[str]], config: ml_collections.ConfigDict
) -> RecurrentEmbedding:
    """Trains a network that reads a caption and writes any other, and gives its reader.

    Args:
      captions: C of each of N images. Which of an image's is read, and which is to be
        written, is random, and they may be the same.
      config: fields as in `default_config`.

    Returns:
      the embedding, normalised over the training captions.
    """
    sentences = [sentence for several in captions for sentence in several]
    counts = collections.Counter(word for s in sentences for word in words(s))
    known = tuple(word for word, _ in counts.most_common(config.vocabulary))
    module = Paraphraser(len(known) + 2, config.dim, config.word_dim)
    nothing = np.zeros(config.dim, np.float32)
    untrained = RecurrentEmbedding(module, {}, known, nothing, nothing + 1)
    tokens = untrained._tokens(sentences).reshape(len(captions), len(captions[0]), -1)
    optimizer = optax.adam(
        optax.cosine_decay_schedule(config.learning_rate, config.steps)
    )

    @jax.jit
    def step(params, state, read, written):
        def loss(params):
            surprise = module.apply({"params": params}, read, written)
            assert isinstance(surprise, jax.Array)
            return surprise.sum(-1).mean()

        value, gradient = jax.value_and_grad(loss)(params)
        with jax.numpy_dtype_promotion("standard"):  # which Optax relies on
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
    if jax.process_count() > 1:  # machines may differ in the last digits
        params = multihost_utils.broadcast_one_to_all(params)
    trained = dataclasses.replace(untrained, params=jax.tree.map(np.asarray, params))
    vectors = trained(sentences)
    return dataclasses.replace(
        trained,
        mean=vectors.mean(0),
        std=np.sqrt(vectors.var(0) + np.float32(1e-6)),
    )


def embedding_workdir(workdir: str) -> str:
    """Where the sentence encoder of a run is."""
    return os.path.join(workdir, "embedding")


def load_embedding(config: ml_collections.ConfigDict, workdir: str) -> Embedding | None:
    """The embedding of a run; None if it has none, or its own is not trained yet.

    Raises:
      ValueError: the config names a function that there is not.
    """
    if not config.embedding:
        return None
    name = config.embedding.name
    if name == "recurrent":
        directory = embedding_workdir(workdir)
        if not os.path.exists(os.path.join(directory, _DESCRIPTION)):
            return None
        return RecurrentEmbedding.load(directory)
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except (AttributeError, ImportError, ValueError) as error:
        raise ValueError(
            f"config.embedding.name={name!r} is neither 'recurrent' nor a function, "
            f"as package.module:function: {error}"
        ) from error


def load_dataset(config: ml_collections.ConfigDict, workdir: str) -> data.Dataset:
    """Loads the data of a run, with vectors of their captions where it embeds them.

    The run's sentence encoder is trained here, if it is not there yet.

    Args:
      config: of the run.
      workdir: its directory.

    Raises:
      FileNotFoundError: the data are not where the config says.
      ValueError: data that are not sound or have no captions, or an embedding that
        does not give what it should.
    """
    dataset = run_data.load(config, workdir)
    if not config.embedding:
        return dataset
    if not dataset.captioned:
        raise ValueError(
            f"config.embedding is for captions, and {dataset.name!r} has none: give "
            "the folder that holds them as config.dataset.captions"
        )
    train = dataset.splits["train"]
    trained_on = run_data.fingerprint(train) + config.embedding.to_json()
    embedding = load_embedding(config, workdir)
    if isinstance(embedding, RecurrentEmbedding):
        path = os.path.join(embedding_workdir(workdir), _DESCRIPTION)
        if read_json(path).get("trained_on", trained_on) != trained_on:
            if has_checkpoint(os.path.join(workdir, "checkpoints")):
                raise ValueError(
                    f"the sentence encoder in {path} was trained on other captions or "
                    "with other settings than this run: train in another directory"
                )
            embedding = None  # left by a launch with another config: nothing is lost
    if embedding is None:
        logging.info("training the sentence encoder")
        embedding = train_embedding(train.captions or (), config.embedding)
        if jax.process_index() == 0:
            embedding.save(embedding_workdir(workdir), trained_on)
    return with_embedding(dataset, embedding, config.embedding.dim)


def with_embedding(
    dataset: data.Dataset, embedding: Embedding, dim: int
) -> data.Dataset:
    """Gives examples the vectors of their captions.

    Args:
      dataset: one with captions, C of each example.
      embedding: of sentences.
      dim: D, of its vectors.

    Returns:
      the same, whose splits have `embedding`, float32 [N, C, D].

    Raises:
      ValueError: vectors of another shape, or not finite.
    """
    splits = {}
    for name, examples in dataset.splits.items():
        captions = examples.captions or ()
        sentences = [sentence for several in captions for sentence in several]
        vectors = check_vectors(embedding(sentences), len(sentences), dim)
        splits[name] = dataclasses.replace(
            examples, embedding=vectors.reshape(len(captions), -1, dim)
        )
    return dataclasses.replace(dataset, splits=splits)


def check_vectors(vectors: np.ndarray, number: int, dim: int) -> np.ndarray:
    """Vectors of sentences as float32 [number, dim].

    Raises:
      ValueError: vectors of another shape, or not finite.
    """
    vectors = np.asarray(vectors, np.float32)
    if vectors.shape != (number, dim):
        raise ValueError(
            f"config.embedding gave vectors of shape {vectors.shape} for {number} "
            f"sentences, and config.embedding.dim is {dim}"
        )
    if not np.isfinite(vectors).all():
        raise ValueError("config.embedding gave vectors that are not finite")
    return vectors
