"""Named data sets of TensorFlow Datasets, read without TensorFlow.

Examples are named by the feature `file_name` if there is one. Images are decoded with
Pillow rather than by TFDS, which uses OpenCV if it is installed. Pixels are thus the
same on every machine, and only the features needed are decoded.
"""

import os
import re
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from adversarial_latent.data.examples import Dataset, Examples
from adversarial_latent.data.lazy import LazyArray
from adversarial_latent.data.shapes import common_shape
from adversarial_latent.inputs import InputError, MissingInputError, images

# Small images are read and decoded fastest in chunks of several hundred.
CHUNK = 1000


def load_tfds(config: ConfigDict) -> Dataset:
    """Loads 'tfds:NAME': splits "train", and "test" and "validation" if it has them.

    A split that `train_split` names, such as in "train+validation", is not held out.

    Raises:
      MissingInputError: the data set is not prepared in the data directory. The error
        says how to prepare it.
      InputError: TFDS does not know the data set; it lacks the training split or uint8
        images; images differ in size and `image_shape` is not set; or an image is
        smaller than `center_crop`.
    """
    builder = _open(config.name.removeprefix("tfds:"), config.data_dir)
    image_key, label_key = _keys(builder)
    crop = config.center_crop
    shape = _image_shape(builder, image_key, config)
    trained = set(re.findall(r"\w+", config.train_split))
    selected = {"train": config.train_split}
    selected |= {
        name: name
        for name in ("test", "validation")
        if name in builder.info.splits and name not in trained
    }
    splits = {
        name: _Records(builder, split, image_key, label_key, crop, shape).examples(
            config.in_memory
        )
        for name, split in selected.items()
    }
    return Dataset(
        name=config.name,
        splits=splits,
        protocol=f"TFDS {builder.info.full_name}, training on '{config.train_split}'",
        class_names=tuple(builder.info.features[label_key].names) if label_key else (),
    )


class _Records:
    """One split on disk, with random access to images, labels and file names."""

    def __init__(
        self,
        builder: Any,
        split: str,
        image_key: str,
        label_key: str | None,
        crop: int,
        shape: images.ImageShape,
    ):
        import tensorflow_datasets as tfds

        self._title = f"{builder.info.full_name} '{split}'"
        try:
            self._source = builder.as_data_source(
                split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
            )
        except (KeyError, ValueError) as error:
            raise InputError(
                f"{builder.info.full_name} has no split '{split}' "
                f"(--config.dataset.train_split), only {list(builder.info.splits)}"
            ) from error
        self._name_key = "file_name" if "file_name" in builder.info.features else None
        keys = [key for key in (image_key, label_key, self._name_key) if key]
        self._features = tfds.features.FeaturesDict(
            {key: builder.info.features[key] for key in keys}
        )
        self._decoders = {image_key: tfds.decode.SkipDecoding()}
        self._image_key, self._label_key = image_key, label_key
        self._crop, self._shape = crop, shape
        self._resize = _cropped_shape(builder, image_key, crop) != shape

    def __len__(self) -> int:
        return len(self._source)

    def read(self, indices: np.ndarray) -> list[dict[str, Any]]:
        """Returns the examples with their images still encoded."""
        try:
            records = self._source.__getitems__([int(i) for i in indices])
        except RuntimeError as error:
            raise InputError(
                f"{self._title}: a corrupt file ({error}); prepare the data set again"
            ) from error
        return [
            self._features.deserialize_example_np(record, decoders=self._decoders)
            for record in records
        ]

    def decode(self, examples: list[dict[str, Any]]) -> np.ndarray:
        """Returns the images of `examples`, uint8 [M, H, W, C]."""
        x = np.empty((len(examples), *self._shape), np.uint8)
        for i, example in enumerate(examples):
            image = images.decode_image(example[self._image_key], self._title)
            if self._crop:
                image = images.center_crop(image, self._crop, self._title)
            if self._resize or image.shape[-1] != self._shape[-1]:
                image = images.resize(image, self._shape)
            x[i] = image
        return x

    def examples(self, in_memory: bool) -> Examples:
        """Returns the split. Unless `in_memory`, images are read on demand."""
        size = len(self)
        names: list[str] = []
        label = np.empty(size, np.int64)
        x = (
            np.empty((size, *self._shape), np.uint8)
            if in_memory
            else LazyArray(
                lambda indices: self.decode(self.read(indices)),
                np.arange(size),
                self._shape,
            )
        )
        if in_memory or self._label_key or self._name_key:
            for start in range(0, size, CHUNK):
                part = slice(start, min(start + CHUNK, size))
                examples = self.read(np.arange(part.start, part.stop))
                if isinstance(x, np.ndarray):
                    x[part] = self.decode(examples)
                if self._label_key:
                    label[part] = [example[self._label_key] for example in examples]
                if self._name_key:
                    names += [
                        images.printable(os.fsdecode(example[self._name_key]))
                        for example in examples
                    ]
        return Examples(x, label if self._label_key else None, tuple(names))


def _open(name: str, data_dir: str) -> Any:
    import tensorflow_datasets as tfds

    # Read at every call, because TFDS reads the variable only once, when imported.
    data_dir = data_dir or os.path.expanduser(
        os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    )
    try:
        builder = tfds.builder(name, data_dir=data_dir, file_format="array_record")
    except (AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"TFDS cannot load '{name}' from '{data_dir}' in array_record format: "
            f"{reason}"
        ) from error
    files = [
        str(path) for split in builder.info.splits.values() for path in split.filepaths
    ]
    missing = [path for path in files if not os.path.exists(path)]
    if not files or missing:
        problem = f"'{missing[0]}' is missing" if missing else "there are no files"
        raise MissingInputError(
            f"TFDS data set '{name}' is not prepared in array_record format under "
            f"'{data_dir}': {problem}. Set the directory with "
            "--config.dataset.data_dir or TFDS_DATA_DIR, or prepare it once:\n"
            "  pip install -e '.[prepare]'\n"
            '  python -c "import tensorflow_datasets as tfds; '
            f"tfds.builder('{name}', data_dir='{data_dir}', "
            "file_format='array_record').download_and_prepare()\""
        )
    return builder


def _keys(builder: Any) -> tuple[str, str | None]:
    """Returns the names of the image feature and of the class label, if any."""
    import tensorflow_datasets as tfds

    features = builder.info.features
    image_key, label_key = "image", "label"
    match builder.info.supervised_keys:
        case (str(image_key), str(label_key)):
            pass  # the data set declares its input and its label
    if image_key not in features or not isinstance(
        features[image_key], tfds.features.Image
    ):
        raise InputError(
            f"{builder.info.full_name} is not an image data set: its features are "
            f"{list(features)}"
        )
    if features[image_key].np_dtype != np.uint8:
        raise InputError(
            f"{builder.info.full_name} has {features[image_key].np_dtype} images, but "
            "only uint8 images are supported"
        )
    if label_key in features and isinstance(
        features[label_key], tfds.features.ClassLabel
    ):
        return image_key, label_key
    return image_key, None


def _cropped_shape(builder: Any, image_key: str, crop: int) -> tuple[Any, Any, Any]:
    """Returns the shape of the images after cropping; None where sizes differ."""
    height, width, channels = builder.info.features[image_key].shape
    return (crop, crop, channels) if crop else (height, width, channels)


def _image_shape(builder: Any, image_key: str, config: ConfigDict) -> images.ImageShape:
    shape = images.parse_image_shape(config.image_shape, (1, 3))
    stored = _cropped_shape(builder, image_key, config.center_crop)
    if shape is None and None in stored:
        raise InputError(
            f"the images of {builder.info.full_name} differ in size: resize them to "
            "one shape with --config.dataset.image_shape=HEIGHTxWIDTHxCHANNELS"
        )
    if stored[-1] not in (1, 3):
        raise InputError(
            f"{builder.info.full_name} has images with {stored[-1]} channels, but only "
            "1 (grey) and 3 (colour) are supported"
        )
    return shape or common_shape(np.array([stored]), config.max_side)[0]
