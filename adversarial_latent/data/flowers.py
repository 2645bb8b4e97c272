"""Synthetic images of flowers with captions, which need no download.

A flower has four attributes. Its position, size, angle and petal breadth are random,
and so are the shades of the leaves behind it. Each image has five captions, written
from varied templates. Some combinations of attributes can be held out: all their words
occur in training, but never together.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from ml_collections import ConfigDict

from adversarial_latent.data.examples import Dataset, Examples
from adversarial_latent.data.splits import split_rng
from adversarial_latent.inputs import parse_image_shape

COLOURS = {  # of petals, in sRGB
    "pink": (245, 135, 185),
    "red": (205, 25, 35),
    "yellow": (250, 220, 40),
    "orange": (250, 135, 25),
    "purple": (130, 50, 160),
    "blue": (60, 90, 225),
    "white": (245, 245, 245),
}
PETALS = {"three": 3, "four": 4, "five": 5, "six": 6}
SHAPES = ("round", "pointed", "narrow")
# Green and black are colours that no petal has, as in figure 14 of the paper.
CENTRES = {
    "yellow": (235, 190, 20),
    "white": (255, 255, 250),
    "green": (70, 140, 50),
    "black": (25, 20, 25),
}
ATTRIBUTES = ("colour", "petals", "shape", "centre")
VALUES = (tuple(COLOURS), tuple(PETALS), SHAPES, tuple(CENTRES))

PER_COMBINATION = 40
CAPTIONS_PER_IMAGE = 5
_OVERSAMPLING = 2  # per axis
_CHUNK = 500

_SUBJECTS = ("the flower", "this flower", "the blossom", "a flower that")
_SHAPE_WORDS = {
    "round": ("round", "rounded", "rounded in shape"),
    "pointed": ("pointed", "sharp", "pointed at the tips"),
    "narrow": ("narrow", "thin", "narrow and long"),
}
_CENTRE_WORDS = ("center", "middle", "disk in the middle")
_TEMPLATES = (
    "{subject} is {colour} in color and has {petals} petals that are {shape} "
    "around a {centre} {middle}",
    "{subject} has {petals} {colour} petals that are {shape} and a {centre} {middle}",
    "{subject} has {colour} petals , {petals} of them , which are {shape} , and its "
    "{middle} is {centre}",
    "{subject} has a {centre} {middle} and {petals} petals that are {colour} and "
    "{shape}",
    "{petals} {colour} petals surround the {centre} {middle} , and they are {shape}",
    "{subject} with {petals} petals that are {shape} is {colour} , and the {middle} "
    "is {centre}",
    "a {centre} {middle} with {petals} petals around it , {shape} and {colour}",
)


def combinations() -> np.ndarray:
    """Returns all combinations of values, int64 [336, 4]. Each row is a class."""
    return np.array(list(itertools.product(*(range(len(value)) for value in VALUES))))


def class_names() -> tuple[str, ...]:
    """Returns the names of the classes: the four values, separated by spaces."""
    return tuple(map(" ".join, itertools.product(*VALUES)))


def load_flowers(config: ConfigDict) -> Dataset:
    """Generates the images and their captions.

    The label is the combination of attributes.

    Raises:
      ValueError: `held_out` leaves no combinations for training, or `image_shape` is
        not square with three channels.
    """
    shape = parse_image_shape(config.image_shape) or (32, 32, 3)
    if shape[0] != shape[1] or shape[2] != 3:
        raise ValueError(
            f"config.dataset.image_shape={config.image_shape!r}: flowers are square "
            "colour images; use for example 32x32x3"
        )
    known = combinations()
    held_out = round(config.held_out * len(known))
    if not 0 <= held_out < len(known):
        raise ValueError(
            f"config.dataset.held_out={config.held_out} must be a fraction in [0, 1) "
            f"that leaves some of the {len(known)} combinations of attributes for "
            "training"
        )
    order = split_rng(config.split_seed, "flowers/combinations").permutation(len(known))
    parts = {"train": np.sort(order[held_out:])}
    if held_out:
        parts["test"] = np.sort(order[:held_out])
    splits = {}
    for name, classes in parts.items():
        rng = split_rng(config.split_seed, f"flowers/{name}")
        label = rng.permutation(np.repeat(classes, PER_COMBINATION))
        splits[name] = Examples(
            x=draw(known[label], shape[0], rng),
            label=label,
            captions=describe(known[label], CAPTIONS_PER_IMAGE, rng),
        )
    protocol = f"drawn flowers of {len(known)} combinations of four attributes"
    if held_out:
        protocol += f", of which {held_out} are in the test split only"
    return Dataset(
        name=config.name,
        splits=splits,
        protocol=protocol,
        class_names=class_names(),
        attributes=ATTRIBUTES,
    )


def describe(
    attributes: np.ndarray, number: int, rng: np.random.Generator
) -> tuple[tuple[str, ...], ...]:
    """Writes captions that name all four attributes of each flower.

    Args:
      attributes: int [N, 4], indices into `VALUES`.
      number: number of captions per flower.
      rng: generator that chooses templates and words.

    Returns:
      N tuples of `number` captions.
    """
    randoms = rng.integers(1 << 30, size=(len(attributes), number, 4)).tolist()

    def choose(choices: Sequence[str], random: int) -> str:
        return choices[random % len(choices)]

    def caption(row: Sequence[int], random: Sequence[int]) -> str:
        names = zip(VALUES, row, strict=True)
        colour, petals, shape, centre = (values[i] for values, i in names)
        return choose(_TEMPLATES, random[0]).format(
            subject=choose(_SUBJECTS, random[1]),
            colour=colour,
            petals=petals,
            shape=choose(_SHAPE_WORDS[shape], random[2]),
            centre=centre,
            middle=choose(_CENTRE_WORDS, random[3]),
        )

    return tuple(
        tuple(caption(row, random) for random in flower)
        for row, flower in zip(attributes.tolist(), randoms, strict=True)
    )


def draw(attributes: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Renders flowers.

    Args:
      attributes: int [N, 4], indices into `VALUES`.
      size: height and width of the images.
      rng: generator of positions, sizes, angles, breadths and shades.

    Returns:
      uint8 [N, size, size, 3].
    """
    x = np.empty((len(attributes), size, size, 3), np.uint8)
    for start in range(0, len(attributes), _CHUNK):
        part = slice(start, start + _CHUNK)
        x[part] = _render(attributes[part], size, rng)
    return x


def _render(attributes: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    number, pixels = len(attributes), size * _OVERSAMPLING

    def uniform(low: float, high: float, *shape: int) -> np.ndarray:
        return rng.uniform(low, high, (number, *(shape or (1, 1)))).astype(np.float32)

    colour, petals, shape, centre = attributes.T
    axis = np.linspace(-1, 1, pixels, dtype=np.float32)
    across = axis[None, None, :] - uniform(-0.12, 0.12)
    down = axis[None, :, None] - uniform(-0.12, 0.12)
    radius = np.hypot(across, down) / uniform(0.72, 0.88)
    count = np.array(tuple(PETALS.values()), np.float32)[petals][:, None, None]
    turn = count * (np.arctan2(down, across) / (2 * np.pi) + uniform(0, 1))
    # Coordinates of each pixel relative to the axis of the nearest petal, in units of
    # the outer radius.
    off_axis = np.abs(turn - np.round(turn)) * 2 * np.pi / count
    side, along = radius * np.sin(off_axis), radius * np.cos(off_axis)
    breadth = uniform(0.9, 1.1) * np.minimum(0.42, 1.35 / count)
    outlines = (  # half the petal's breadth, as a function of the distance `along`
        breadth * np.sqrt(np.clip(1 - (2 * along - 1.0) ** 2, 0, None)) * 1.1,
        0.8 * breadth * np.clip(np.minimum(5 * along, 1.6 * (1 - along)), 0, None),
        breadth * 0.42 * np.sqrt(np.clip(1 - (2 * along - 1.0) ** 2, 0, None)),
    )
    inside = side < np.choose(shape[:, None, None], outlines)
    leaf = np.array([45, 95, 40], np.float32) * uniform(0.6, 1.3, 1, 1, 1)
    wave = np.sin(
        uniform(2, 5) * across + uniform(2, 5) * down + uniform(0, 2 * np.pi)
    )[..., None]
    image = leaf * (1 + 0.18 * wave)
    shades = np.array(tuple(COLOURS.values()), np.float32)[colour][:, None, None]
    # Petals are darker towards the centre of the flower.
    shading = np.clip(0.8 + 0.25 * along, 0, 1)[..., None] * uniform(0.94, 1.0, 1, 1, 1)
    image = np.where(inside[..., None], shades * shading, image)
    core = radius / uniform(0.25, 0.29)
    middle = np.array(tuple(CENTRES.values()), np.float32)[centre][:, None, None]
    # A dark rim separates the middle from petals of the same colour.
    middle = middle * (1 - 0.4 * core**4)[..., None]
    image = np.where(core[..., None] < 1, middle, image)
    image = image.reshape(number, size, _OVERSAMPLING, size, _OVERSAMPLING, 3)
    return image.mean((2, 4)).round().clip(0, 255).astype(np.uint8)
