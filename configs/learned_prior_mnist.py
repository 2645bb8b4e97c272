"""Learned-prior AAE on MNIST: figures 5, 6, 8 and 11 of the paper, and its baseline.

    python -m experiments.launch --config=configs/learned_prior_mnist.py \
        --workdir=runs/learned_prior

Arguments, after the colon:
  model       learned (the paper's) or aae, its baseline: the same encoder and decoder
              with a fixed prior and, without a condition, similarity of pixels
  condition   none, label (supervised: figure 8) or categorical (unsupervised: 11)
  latent      d, the dimension of codes: 8 in figure 5, 64 or 100 in figure 6 (100 in
              the text, 64 in the caption); 0 for the paper's value: 64 with labels, 100
              with a categorical
  similarity  learned or pixel, instead of the model's default
  prior       learned or fixed, instead of the model's default
  narrow      divides the channels of networks with images as input or output: 2, 4, 8
  runlocal    a quick trial with few data and steps; takes minutes

Parameters:

    condition            none       label      categorical
    encoder              4,902,456  4,968,256  5,017,180
    decoder              3,767,681  4,226,433  4,521,345
    code_generator       328        16,960     40,900
    code_discriminator   609,901    665,901    701,901
    image_discriminator  4,755,601  4,765,611  4,765,611

Networks are those of tables 2 to 4, row by row, with the residual block of table 3.

Interpretation. Images are scaled to 32x32, and networks see them in [-1, 1]. The
encoder's first convolution has a stride of 1 instead of the printed 2; only then are
there 4x4 pixels to pool, and the decoder is its mirror image. "Up sampling", 4x4 with
stride 2, is a transposed convolution, like "upconv" above it. A block's second
convolution also has a ReLU before the sum, and there is no batch norm. Where the size
changes, the skip connection is a convolution of width 1, with stride 2 or on repeated
pixels. CG's noise has as many dimensions as the code: all are z, or 10 are s and 54
(figure 8) or 90 (figure 11) are z. F is the last convolution of D_I. The baseline's
encoder is reparametrised for large codes (figure 6).

The paper does not give the optimisers (here Adam with 2e-4 and b1 = 0.5, initial
weights of 0.02 and leaks of 0.2, as in DCGAN), the batch size (100), the number of
epochs (100), or N in L_rec. A sum over features would outweigh the encoder's
adversarial loss a thousandfold. With a mean of weight 1, codes carry too little
information. Here it is a mean of weight 10, which gave far better 8x8 digits than 1.
"""

from collections.abc import Mapping

import ml_collections

from adversarial_latent import text
from adversarial_latent.config import default_config, parse_arguments, shrink
from adversarial_latent.games import learned_prior
from adversarial_latent.networks.blocks import down, residual, up
from adversarial_latent.networks.table import Table
from adversarial_latent.optimizers import player
from configs import classifier

TABLES = {
    # Table 2.
    "encoder": Table.parse("""
x   -   {channels}  -  -  -  -  -  -
x1  x   64          3  1  1  -  -  ReLU
""").append(
        residual("x2", "x1", 64),
        down("x3", "x2", 128),
        down("x4", "x3", 256),
        down("x5", "x4", 512),
        """
x6    x5  512        -  Avg4  -  -  -    -
code  x6  {twice_d}  1  1     -  -  yes  ReLU
""",
    ),
    "decoder": Table.parse("""
transposed
z   -  {d}  -  -  -  -  -    -
x1  z  512  4  1  -  -  yes  ReLU
""").append(
        up("x2", "x1", 256),
        up("x3", "x2", 128),
        up("x4", "x3", 64),
        """
x  x4  {channels}  3  1  1  -  -  Tanh
""",
    ),
    # Table 3, left.
    "code_generator": Table.parse("""
h  noise  {twice_noise}  1  1  -  -  yes  ReLU
z  h      {d}            1  1  -  -  yes  -
"""),
    # Table 4.
    "code_discriminator": Table.parse("""
z   -   {d}   -  -  -  -  -  -
h1  z   1000  1  1  -  -  -  Leak0.2
h2  h1  500   1  1  -  -  -  Leak0.2
h3  h2  200   1  1  -  -  -  Leak0.2
p   h3  1     1  1  -  -  -  -
"""),
    "image_discriminator": Table.parse("""
x         -         {channels}  -  -  -  -  -    -
x1        x         64          4  2  1  -  -    Leak0.2
x2        x1        128         4  2  1  -  yes  Leak0.2
features  x2        256         4  2  1  -  yes  Leak0.2
h         features  1000        4  1  -  -  -    Leak0.2
p         h         1           1  1  -  -  -    -
"""),
}
CODE = Table.parse("""
z  code  {d}  1  1  -  -  -  -
""")
REPARAMETRISED = Table.parse("""
mu     code      {d}  1  1  -  -  -  -
sigma  code      {d}  1  1  -  -  -  ExpN
z      mu+sigma  {d}  -  -  -  -  -  -
""")
NOISE = Table.parse("""
noise  -  {noise}  -  -  -  -  -  -
""")
S_AND_NOISE = Table.parse("""
s      -    {k}      -  -  -  -  -  -
n      -    {n}      -  -  -  -  -  -
noise  s|n  {noise}  -  -  -  -  -  -
""")
Q = Table.parse("""
s  h  {k}  1  1  -  -  -  -
""")
# D_I takes captions after its second-to-last layer. The last two rows are Q.
CAPTION = Table.parse("""
caption  -          {k}   -  -  -  -  -  -
hc       h|caption  1000  1  1  -  -  -  Leak0.2
p        hc         1     1  1  -  -  -  -
s        h          100   1  1  -  -  -  -
t        caption    100   1  1  -  -  -  -
""")
KEPT = ("x", "code", "mu", "sigma", "z", "p", "s", "t", "caption")  # not narrowed
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
    tables: Mapping[str, Table],
    *,
    channels: int,
    latents: Mapping[str, int],
) -> ml_collections.ConfigDict:
    """Returns what the paper's experiments have in common.

    Args:
      given: values of `ARGUMENTS`, and optionally `narrow`.
      tables: tables of all networks. The encoder's ends with the row `code`; the code
        generator's starts with the input `noise`.
      channels: channels of an image.
      latents: the paper's dimension of codes, by condition.

    Returns:
      the config without data.

    Raises:
      ValueError: an argument is invalid.
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
    tables["encoder"] = tables["encoder"].append(REPARAMETRISED if large else CODE)
    tables["code_generator"] = (S_AND_NOISE if conditioned else NOISE).append(
        tables["code_generator"]
    )
    d_image = tables["image_discriminator"]
    if given.condition == "caption":
        tables["image_discriminator"] = d_image.without("p").append(CAPTION)
    elif conditioned:
        tables["image_discriminator"] = d_image.append(Q)
    if prior == "fixed":
        del tables["code_generator"]
        if similarity == "pixel" and not conditioned:
            del tables["image_discriminator"]
    numbers = {
        "channels": channels,
        "d": latent,
        "twice_d": 2 * latent,
        "noise": s_dim + noise_dim,
        "twice_noise": 2 * (s_dim + noise_dim),
        "n": noise_dim,
        "k": s_dim,
    }
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
        networks={
            name: str(_narrow(table.fill(**numbers), name, given.get("narrow", 1)))
            for name, table in tables.items()
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
        config.embedding = text.default_config()
        config.embedding.dim = CAPTION_DIM
        config.evaluators = ("captions", "reconstruction", "interpolation")
        return config
    of_condition = {
        "none": (),
        "label": ("faithfulness", "style", "prior_codes"),
        "categorical": ("clustering", "style", "prior_codes"),
    }
    config.evaluators = (
        *of_condition[given.condition],
        "inception",
        "reconstruction",
        "interpolation",
        "samples",
    )
    return config


def _narrow(table: Table, name: str, divisor: int) -> Table:
    """Narrows the table of a network with images as input or output."""
    return table.narrow(divisor, KEPT) if name in OF_IMAGES and divisor != 1 else table


def mnist_classifier(pixels: int) -> ml_collections.ConfigDict:
    """Returns the config of MNIST's classifier for images of `pixels` x `pixels`."""
    config = classifier.get_config("data=mnist")
    config.dataset.image_shape = f"{pixels}x{pixels}x1"
    table = Table.parse(config.game.networks.classifier)  # it pools twice
    config.game.networks.classifier = str(table.with_row("z", width=f"{pixels // 4}"))
    return config


def get_config(argument: str | None = None) -> ml_collections.ConfigDict:
    """Returns the config; see the module's docstring for the arguments."""
    given = parse_arguments(argument, narrow=1, **ARGUMENTS)
    config = paper_config(given, TABLES, channels=1, latents=LATENTS)
    config.dataset.update(name="tfds:mnist", image_shape="32x32x1")
    config.classifier = mnist_classifier(32)
    if given.runlocal:
        shrink(config)
    return config
