"""Writes small data sets in TFDS's own array_record format, without TensorFlow."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordWriter
from PIL import Image


def png(pixels: np.ndarray) -> bytes:
    """Encodes uint8 [H, W, 1] or [H, W, 3] as PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(
        file, format="png"
    )
    return file.getvalue()


def write(
    data_dir: Path,
    name: str,
    features: Mapping[str, tfds.features.FeatureConnector],
    splits: Mapping[str, Sequence[Mapping]],
    supervised_keys: tuple[str, str] | None = None,
    version: str = "1.0.0",
) -> Path:
    """Writes DATA_DIR/NAME/VERSION and returns it.

    Args:
        data_dir: TFDS data directory.
        name: of the data set.
        features: its features.
        splits: examples by split; images are given as encoded bytes.
        supervised_keys: features that go in and come out, if the set names them.
        version: of the data set.
    """
    folder = data_dir / name / version
    folder.mkdir(parents=True)
    spec = tfds.features.FeaturesDict(features)
    spec.save_config(folder)
    info = {
        "fileFormat": "array_record",
        "name": name,
        "version": version,
        "splits": [],
    }
    if supervised_keys:
        items = [{"featureKey": key} for key in supervised_keys]
        info["supervisedKeys"] = {"tuple": {"items": items}}
    for split, examples in splits.items():
        records = [spec.serialize_example(example) for example in examples]
        file = folder / f"{name}-{split}.array_record-00000-of-00001"
        writer = ArrayRecordWriter(str(file), "group_size:1")
        for record in records:
            writer.write(record)
        writer.close()
        info["splits"].append(
            {
                "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
                "name": split,
                "numBytes": str(sum(map(len, records))),
                "shardLengths": [str(len(records))],
            }
        )
    (folder / "dataset_info.json").write_text(json.dumps(info))
    return folder
