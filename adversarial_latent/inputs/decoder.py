"""Decodes many image files to pixels of one shape. Runs in other processes, too."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from adversarial_latent.inputs.files import InputError, printable, read_bytes
from adversarial_latent.inputs.images import (
    ImageShape,
    center_crop,
    decode_image,
    probe_image,
    resize,
)


@dataclasses.dataclass(frozen=True)
class Decoder:
    """How image files become pixels.

    Attributes:
      shape: shape of all images; None to choose it from theirs.
      max_side: limit of the chosen shape, 0 for none.
      crop: side of the central square that is cut out before, 0 for the whole image.
      skip_unreadable: whether to leave out files that cannot be decoded.
      remedy: what the error about such a file proposes besides.
    """

    shape: ImageShape | None = None
    max_side: int = 0
    crop: int = 0
    skip_unreadable: bool = False
    remedy: str = ""

    def decode(
        self, files: Sequence[str], shape: ImageShape, out: np.ndarray
    ) -> list[tuple[int, InputError]]:
        """Decodes files.

        Args:
          files: N files.
          shape: shape of all images.
          out: uint8 [N, H, W, C], receives the pixels.

        Returns:
          the indices of files that cannot be decoded, with the reason. Unless they are
          to be skipped, decoding ends at the first one.

        Raises:
          InputError: an image is smaller than the crop.
        """
        errors = []
        first = None if self.crop else shape  # a crop comes before resizing
        for i, file in enumerate(files):
            name = printable(file)
            try:
                image = decode_image(read_bytes(file), name, upright=True, shape=first)
            except InputError as error:
                errors.append((i, error))
                if not self.skip_unreadable:
                    break
                continue
            if self.crop:
                image = resize(center_crop(image, self.crop, name), shape)
            out[i] = image
        return errors

    def decode_into_file(
        self, files: Sequence[str], shape: ImageShape, path: str, start: int
    ) -> list[tuple[int, InputError]]:
        """Decodes files like `decode`, to the rows from `start` on of a file."""
        out = np.zeros((len(files), *shape), np.uint8)
        errors = self.decode(files, shape, out)
        with open(path, "r+b", buffering=0) as file:
            os.pwritev(file.fileno(), [out.reshape(-1)], start * out[0].nbytes)
        return errors


def probe_files(files: Sequence[str]) -> list[ImageShape | InputError]:
    """Returns the shapes of images, or the errors of files that are none."""
    shapes: list[ImageShape | InputError] = []
    for file in files:
        try:
            shapes.append(probe_image(file))
        except InputError as error:
            shapes.append(error)
    return shapes
