"""Reads and checks all input from outside the package.

Files of users (images, arrays, captions, JSON) are read only here, and arrays of users
are checked only here. Invalid input raises an `InputError`, which names the file and
says what to do.
"""

from adversarial_latent.inputs.arrays import (
    check_finite,
    check_inputs,
    check_model_inputs,
    has_unlabelled,
    number_classes,
    read_npz,
)
from adversarial_latent.inputs.files import (
    InputError,
    MissingInputError,
    find_files,
    is_folder,
    list_folder,
    natural_key,
    printable,
    read_bytes,
    read_json,
    read_text,
    relative_name,
    warnings_in_log,
)
from adversarial_latent.inputs.images import (
    ImageShape,
    center_crop,
    decode_image,
    parse_image_shape,
    probe_image,
    read_image,
    resize,
    shape_text,
)
from adversarial_latent.inputs.imports import import_object
from adversarial_latent.inputs.labels import read_labels

__all__ = [
    "ImageShape",
    "InputError",
    "MissingInputError",
    "center_crop",
    "check_finite",
    "check_inputs",
    "check_model_inputs",
    "decode_image",
    "find_files",
    "has_unlabelled",
    "import_object",
    "is_folder",
    "list_folder",
    "natural_key",
    "number_classes",
    "parse_image_shape",
    "printable",
    "probe_image",
    "read_bytes",
    "read_image",
    "read_json",
    "read_labels",
    "read_npz",
    "read_text",
    "relative_name",
    "resize",
    "shape_text",
    "warnings_in_log",
]
