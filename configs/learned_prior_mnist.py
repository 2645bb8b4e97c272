"""Learned-prior AAE on MNIST: figures 5, 6, 8 and 11 of the paper, and its baseline.

    python -m experiments.launch --config=configs/learned_prior_mnist.py \
        --workdir=runs/learned_prior

Arguments, after the colon:
  model       learned (the paper's) or aae, its baseline: the same encoder and decoder,
              a fixed prior and, without a condition, similarity of pixels
  condition   none, label (supervised: figure 8) or categorical (unsupervised: 11)
  latent      d, the dimension of codes: 8 in figure 5, 64 or 100 in figure 6 (the text
              says 100, the caption 64); 0 for the paper's, which is 64 with labels, and
              100 with a categorical
  similarity  learned or pixel, if not the model's
  prior       learned or fixed, if not the model's
  narrow      divides the channels of networks that see or make images: 2, 4 or 8
  runlocal    few data and steps: ends in minutes, to try things out

Parameters:

    condition            none       label      categorical
    encoder              4,902,456  4,968,256  5,017,180
    decoder              3,767,681  4,226,433  4,521,345
    code_generator       328        16,960     40,900
    code_discriminator   609,901    665,901    701,901
    image_discriminator  4,755,601  4,765,611  4,765,611

Networks are those of tables 2 to 4, row by row; `BLOCKS` is the residual block of
table 3. Readings. Images are scaled to 32x32, and networks see them in [-1, 1]. The
encoder's first convolution has a stride of 1, not the 2 that is printed: only then are
there 4x4 pixels to pool, and the decoder is its mirror. "Up sampling", 4x4 with stride
2, is a transposed convolution, as "upconv" above it. A block's second convolution has a
ReLU, too, before the sum, and there is no batch norm. Where the size changes, the skip
connection is a convolution of width 1, of stride 2, or of repeated pixels. CG's noise
has as many dimensions as the code: all are z, or 10 are s and 54 (figure 8) or 90
(figure 11) are z. F is the last convolution of D_I. The baseline's encoder is
reparametrised where codes are large (figure 6).

What the paper does not say: optimisers (Adam with 2e-4 and b1 = 0.5, with initial
weights of 0.02 and leaks of 0.2, as in DCGAN), the size of minibatches (100), epochs
(100), and what N is in L_rec. A sum over features would outweigh the encoder's
adversarial loss a thousandfold, and by a mean of weight 1 codes say too little: it is a
mean of weight 10, with which digits of 8x8 pixels came out far better than with 1.
"""

from collections.abc import Mapping
from typing import Any

import ml_collections

from adversarial_latent import sentences
from adversarial_latent.config import default_config, parse_arguments, player, shrink
from adversarial_latent.games import learned_prior
from adversarial_latent.networks.rows import HEADER, narrow
from configs import classifier

# Table 3, right: what stands for a row "NAME INPUT CHANNELS KIND".
BLOCKS = {
    "residual": """
{name}a  {input}          {channels}  3  1    -  -  ReLU  1
{name}b  {name}a          {channels}  3  1    -  -  ReLU  1
{name}   {input}+{name}b  {channels}  -  -    -  -  ReLU  -
""",
    "down": """
{name}a  {input}          {channels}  3  2    -  -  ReLU  1
{name}b  {name}a          {channels}  3  1    -  -  ReLU  1
{name}s  {input}          {channels}  1  2    -  -  -     -
{name}   {name}s+{name}b  {channels}  -  -    -  -  ReLU  -
""",
    "up": """
{name}a  {input}          {channels}  4  2    -  -  ReLU  1
{name}b  {name}a          {channels}  3  1    -  -  ReLU  1
{name}s  {input}          {channels}  1  Up2  -  -  -     -
{name}   {name}s+{name}b  {channels}  -  -    -  -  ReLU  -
""",
}
TABLES = {
    # Table 2.
    "encoder": """
x     -   {maps}     -  -     -  -    -     -
x1    x   64         3  1     -  -    ReLU  1
x2    x1  64         residual
x3    x2  128        down
x4    x3  256        down
x5    x4  512        down
x6    x5  512        -  Avg4  -  -    -     -
code  x6  {twice_d}  1  1     -  yes  ReLU  -
""",
    "decoder": """
z   -   {d}     -  -  -  -    -     -
x1  z   512     4  1  -  yes  ReLU  -
x2  x1  256     up
x3  x2  128     up
x4  x3  64      up
x   x4  {maps}  3  1  -  -    Tanh  1
""",
    # Table 3, left.
    "code_generator": """
h  noise  {twice_noise}  1  1  -  yes  ReLU  -
z  h      {d}            1  1  -  yes  -     -
""",
    # Table 4.
    "code_discriminator": """
z   -   {d}   -  -  -  -  -        -
h1  z   1000  1  1  -  -  Leak0.2  -
h2  h1  500   1  1  -  -  Leak0.2  -
h3  h2  200   1  1  -  -  Leak0.2  -
p   h3  1     1  1  -  -  -        -
""",
    "image_discriminator": """
x         -         {maps}  -  -  -  -    -        -
x1        x         64      4  2  -  -    Leak0.2  1
x2        x1        128     4  2  -  yes  Leak0.2  1
features  x2        256     4  2  -  yes  Leak0.2  1
h         features  1000    4  1  -  -    Leak0.2  -
p         h         1       1  1  -  -    -        -
""",
}
CODE = """
z  code  {d}  1  1  -  -  -  -
"""
REPARAMETRISED = """
mu     code      {d}  1  1  -  -  -     -
sigma  code      {d}  1  1  -  -  ExpN  -
z      mu+sigma  {d}  -  -  -  -  -     -
"""
NOISE = """
noise  -  {noise}  -  -  -  -  -  -
"""
S_AND_NOISE = """
s      -      {k}      -  -  -  -  -  -
n      -      {n}      -  -  -  -  -  -
noise  s|n  {noise}  -  -  -  -  -  -
"""
Q = """
s  h  {k}  1  1  -  -  -  -
"""
# D_I, told captions: after its last layer but one. And Q of captions.
TOLD = """
told  -       {k}   -  -  -  -  -        -
ht    h|told  1000  1  1  -  -  Leak0.2  -
p     ht      1     1  1  -  -  -        -
s     h       100   1  1  -  -  -        -
t     told    100   1  1  -  -  -        -
"""
KEPT = ("x", "code", "mu", "sigma", "z", "p", "s", "t", "told")  # not narrowed
OF_IMAGES = ("encoder", "decoder", "image_discriminator")

ARGUMENTS = {
    "model": "learned",
    "condition": "none",
    "latent": 0,
    "similarity": "",
    "prior": "",
    "runlocal": False,
}
NUM_CLASSES = 10
CAPTION_DIM, CAPTION_NOISE_DIM = 200, 100  # section 4.3
LATENTS = {"none": 8, "label": 64, "categorical": 100}  # figures 5, 8 and 11


def paper_config(
    given: ml_collections.ConfigDict,
    tables: Mapping[str, str],
    *,
    maps: int,
    latents: Mapping[str, int],
) -> ml_collections.ConfigDict:
    """What the paper's experiments have in common.

    Args:
      given: values of `ARGUMENTS`, and perhaps `narrow`.
      tables: of all networks, whose residual blocks are one row; the encoder's ends in
        `code`, and the code generator's begins with `noise`.
      maps: channels of an image.
      latents: the paper's dimension of codes, by condition.

    Returns:
      the config, which still lacks the data.

    Raises:
      ValueError: an argument that cannot be.
    """
    for name, choices in (("model", ("learned", "aae")), ("condition", (*latents,))):
        if given[name] not in choices:
            raise ValueError(
                f"argument {name}={given[name]!r} must be one of {choices}"
            )
    conditioned, baseline = given.condition != "none", given.model == "aae"
    latent = given.latent or latents[given.condition]
    prior = given.prior or ("fixed" if baseline else "learned")
    similarity = given.similarity or (
        "pixel" if baseline and not conditioned else "learned"
    )
    s_dim = {"none": 0, "caption": CAPTION_DIM}.get(given.condition, NUM_CLASSES)
    if given.condition == "caption":
        noise_dim = latent - s_dim if prior == "fixed" else CAPTION_NOISE_DIM
    else:
        noise_dim = latent - s_dim
    if noise_dim < 1:
        raise ValueError(f"argument latent={latent} leaves no dimension for noise")
    large = baseline and not conditioned and latent > latents["none"]
    tables = dict(tables)
    tables["encoder"] += REPARAMETRISED if large else CODE
    tables["code_generator"] = (S_AND_NOISE if conditioned else NOISE) + tables[
        "code_generator"
    ]
    if given.condition == "caption":
        *trunk, _ = tables["image_discriminator"].strip().splitlines()
        tables["image_discriminator"] = "\n".join(trunk) + TOLD
    elif conditioned:
        tables["image_discriminator"] += Q
    if prior == "fixed":
        del tables["code_generator"]
        if similarity == "pixel" and not conditioned:
            del tables["image_discriminator"]
    config = default_config()
    config.game = learned_prior.default_config()
    config.game.update(
        noise_dim=noise_dim,
        num_components=NUM_CLASSES,
        similarity=similarity,
        prior=prior,
        condition="" if given.condition == "none" else given.condition,
        mutual_information=1.0 if conditioned else 0.0,
        reconstruction_weights=(10.0, 1.0),
        tables={
            name: _write(
                text,
                given.get("narrow", 1) if name in OF_IMAGES else 1,
                maps=maps,
                d=latent,
                twice_d=2 * latent,
                noise=s_dim + noise_dim,
                twice_noise=2 * (s_dim + noise_dim),
                n=noise_dim,
                k=s_dim,
            )
            for name, text in tables.items()
        },
    )
    names = ["code_discriminator", "encoder", "decoder"]
    if "image_discriminator" in tables:
        names += ["image_discriminator", "generator"]
    config.players = {name: player(2e-4, b1=0.5) for name in names}
    config.batch_size = 100
    config.duration = "100_epochs"
    config.steps_per_call = 50
    config.log_every = "1_epochs"
    config.checkpoint_every = "5_epochs"
    if given.condition == "caption":
        config.embedding = sentences.default_config()
        config.embedding.dim = CAPTION_DIM
        config.evaluators = ("captions", "reconstruction", "interpolation")
        return config
    judges = {
        "none": (),
        "label": ("faithfulness", "style", "prior_codes"),
        "categorical": ("clustering", "style", "prior_codes"),
    }
    config.evaluators = (
        *judges[given.condition],
        "inception",
        "reconstruction",
        "interpolation",
        "samples",
    )
    return config


def _write(text: str, divisor: int, **numbers: Any) -> str:
    """The table whose text this is: with its blocks' rows, its numbers, narrowed."""
    lines = []
    for line in filter(str.strip, text.splitlines()):
        *cells, kind = line.split()
        if kind in BLOCKS:
            names = dict(zip(("name", "input", "channels"), cells, strict=True))
            line = BLOCKS[kind].strip().format(**names)
        lines.append(line)
    table = "\n".join([f"{HEADER}  Padding", *lines]).format(**numbers)
    return narrow(table, divisor, KEPT) if divisor != 1 else table


def judge(pixels: int) -> ml_collections.ConfigDict:
    """The classifier of MNIST, of images of `pixels` x `pixels` and not 28x28."""
    config = classifier.get_config("data=mnist")
    config.dataset.image_shape = f"{pixels}x{pixels}x1"
    table = config.game.tables.classifier  # pools twice
    config.game.tables.classifier = table.replace("1024  7", f"1024  {pixels // 4}")
    return config


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, narrow=1, **ARGUMENTS)
    config = paper_config(given, TABLES, maps=1, latents=LATENTS)
    config.dataset.update(name="tfds:mnist", image_shape="32x32x1")
    config.classifier = judge(32)
    if given.runlocal:
        shrink(config)
    return config
