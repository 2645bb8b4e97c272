"""Text-to-image synthesis by a learned prior: section 4.3, figures 13 and 14.

    python -m experiments.launch --config=configs/learned_prior_flowers.py \
        --workdir=runs/flowers

Arguments, after the colon:
  data      drawn (flowers that are drawn and described here, `data/flowers.py`) or
            oxford (102 Category Flower of TFDS, the paper's, with captions of your
            own: --config.dataset.captions=FOLDER, as Reed et al. (2016) gave them)
  latent    d, the dimension of codes
  similarity, prior, narrow, runlocal: as in configs/learned_prior_mnist.py

A caption's vector (200-d, of a recurrent encoder that is trained on the captions first
and kept in WORKDIR/embedding) and 100-d noise enter the code generator; D_I is told the
vector after its last layer but one. Of drawn flowers a fifth of all combinations of
attributes is for testing only. TFDS has few training images of Oxford's flowers:
2,040 with those for validation.

The paper does not say the dimension of codes, here 100, nor what Q is, here which of
the minibatch's captions an image has, by inner products of 100-d features of both.
"""

import ml_collections

from adversarial_latent.config import parse_arguments, shrink
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
COLOURS = (  # of figure 14; there are no green or black flowers
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
    given: ml_collections.ConfigDict, tables: dict[str, str]
) -> ml_collections.ConfigDict:
    """What all configs of captioned images share, without the data.

    Args:
      given: values of `ARGUMENTS`, and perhaps `narrow`.
      tables: as for `paper_config`.
    """
    arguments = given.to_dict() | {"model": "learned", "condition": "caption"}
    if given.prior == "fixed":
        arguments["latent"] = CAPTION_DIM + CAPTION_NOISE_DIM
    return paper_config(
        ml_collections.ConfigDict(arguments),
        tables,
        maps=3,
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
