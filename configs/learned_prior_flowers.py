"""Text-to-image synthesis by a learned prior: section 4.3, figures 13 and 14.

    python -m experiments.launch --config=configs/learned_prior_flowers.py \
        --workdir=runs/flowers

Arguments, after the colon:
  data      drawn (synthetic flowers with captions, `data/flowers.py`) or oxford (the
            paper's data, 102 Category Flower of TFDS; needs captions in the format of
            Reed et al. (2016): --config.dataset.captions=FOLDER)
  latent    d, the dimension of codes
  similarity, prior, narrow, runlocal: as in configs/learned_prior_mnist.py

A recurrent encoder is trained on the captions first and saved in WORKDIR/embedding. The
code generator takes a caption's vector (200-d) and noise (100-d). D_I takes the vector
after its second-to-last layer. For drawn flowers, a fifth of all combinations of
attributes is held out for testing. TFDS has few training images of Oxford's flowers:
2,040, including those for validation.

The paper gives neither the dimension of codes, here 100, nor Q. Here Q predicts which
caption of the minibatch an image has, from inner products of 100-d features of both.
"""

from collections.abc import Mapping

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
from adversarial_latent.networks.table import Table
from configs import classifier
from configs.learned_prior_mnist import (
    CAPTION_DIM,
    CAPTION_NOISE_DIM,
    TABLES,
    paper_config,
)

SENTENCE = (
    "the flower is {} in color and has petals that are rounded in shape and ruffled"
)
COLOURS = (  # as in figure 14; the data have no green or black flowers
    *("pink", "red", "yellow", "orange", "purple", "blue", "white"),
    *("green", "black"),
)
DRAWN_SENTENCE = (
    "the flower is {} in color and has five petals that are rounded in shape around a "
    "yellow center"
)
ARGUMENTS = {
    "latent": 100,
    "similarity": "",
    "prior": "",
    "runlocal": False,
}


def captioned_config(
    given: ml_collections.ConfigDict, tables: Mapping[str, Table]
) -> ml_collections.ConfigDict:
    """Returns what all configs of captioned images share, without the data.

    Args:
      given: values of `ARGUMENTS`, and optionally `narrow`.
      tables: as for `paper_config`.
    """
    arguments = given.to_dict() | {"model": "learned", "condition": "caption"}
    if given.prior == "fixed":
        arguments["latent"] = CAPTION_DIM + CAPTION_NOISE_DIM
    return paper_config(
        ml_collections.ConfigDict(arguments),
        tables,
        channels=3,
        latents={"none": 0, "caption": 0},
    )


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, data="drawn", narrow=1, **ARGUMENTS)
    config = captioned_config(given, TABLES)
    if given.data == "drawn":
        config.dataset.name, sentence = "flowers", DRAWN_SENTENCE
        config.classifier = classifier.get_config("data=flowers")
    elif given.data == "oxford":
        sentence = SENTENCE
        config.classifier = classifier.get_config("data=oxford_flowers102")
        config.dataset.update(
            name="tfds:oxford_flowers102",
            image_shape="32x32x3",
            train_split="train+validation",
        )
        config.embedding.steps = 10_000
        config.duration = "600_epochs"
    else:
        raise ValueError(f"argument data={given.data!r} must be drawn or oxford")
    config.sentences = tuple(map(sentence.format, COLOURS))
    if given.runlocal:
        shrink(config)
    return config
