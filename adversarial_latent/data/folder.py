"""Data sets that come as image files, and new inputs for a trained model."""

import re
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from adversarial_latent.data import images
from adversarial_latent.data.arrays import check_inputs, read_npz
from adversarial_latent.data.examples import Dataset, Examples


def natural_key(text: str) -> list[tuple[int, int | str]]:
    """Sort key under which img2.png comes before img10.png."""
    parts = re.split(r"([0-9]+)", text)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]


def load_folder(config: ConfigDict) -> Dataset:
    """Loads a folder of images; its sub-folders, if it has any, are the classes.

    Hidden files are passed over; everything else must be an image.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: no images, images beside classes, deeper folders, a file that is no
            image, images that differ in shape without `image_shape`, or one that is
            smaller than `center_crop`.
    """
    root = Path(config.path)
    if not root.is_dir():
        raise FileNotFoundError(f"no folder at '{root}' (--config.dataset.path)")
    entries = _listing(root)
    class_folders = [entry for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if not entry.is_dir()]
    if class_folders and files:
        raise ValueError(
            f"{root} holds both folders ('{class_folders[0].name}') and files "
            f"('{files[0].name}'): sub-folders are classes, and every image belongs "
            "into one"
        )
    label = None
    if class_folders:
        members = [_listing(folder) for folder in class_folders]
        files = [file for folder in members for file in folder]
        sizes = [len(folder) for folder in members]
        if 0 in sizes:
            raise ValueError(f"{class_folders[sizes.index(0)]}: empty class folder")
        label = np.repeat(np.arange(len(members)), sizes)
    shape = images.parse_image_shape(config.image_shape)
    x = _read_same_shape(root, files, shape, config.center_crop)
    return Dataset(
        name=config.name,
        splits={"train": Examples(x=x, label=label, name=_names(root, files))},
        protocol=f"{len(files)} image files of the folder '{root.name}'",
        class_names=tuple(folder.name for folder in class_folders),
    )


def read_images(
    path: str | Path,
    example_shape: tuple[int, ...],
    resize: bool = False,
    center_crop: int = 0,
) -> Examples:
    """Reads new inputs for a trained model.

    Args:
        path: an image, a folder of images (searched to any depth), or an npz file
            with an array `x`.
        example_shape: what the model was trained on, (H, W, C) or (D,).
        resize: fit images of another shape instead of refusing them.
        center_crop: of images that are resized, first, this square in the middle; 0
            for all, as in training.

    Returns:
        Examples without labels, named by file (relative to the folder) or position.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: no images, a file that is no image, a shape that does not fit, or
            an image that is smaller than `center_crop`.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no image, folder or npz file at '{path}'")
    wanted = tuple(example_shape)
    is_image = len(wanted) == 3
    if path.suffix == ".npz":
        arrays = read_npz(path)
        if "x" not in arrays:
            raise ValueError(f"{path} holds {sorted(arrays)}; wanted an array 'x'")
        try:
            x = check_inputs(arrays["x"])
            if resize and is_image:
                if center_crop and x.ndim == 4:
                    title = "its images"
                    x = np.stack([images.center_crop(i, center_crop, title) for i in x])
                x = check_inputs(x, wanted)
        except ValueError as error:
            raise ValueError(f"{path}, array 'x': {error}") from error
        _check_shape(path.name, x.shape[1:], wanted)
        return Examples(x=x)
    if not is_image:
        raise ValueError(
            f"the model wants points with {wanted[0]} coordinates: give them as an "
            "npz file with an array x [N, D]"
        )
    root = path if path.is_dir() else path.parent
    files = [path]
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
        files = [file for file in files if not _is_hidden(file, root)]
        files.sort(key=lambda file: natural_key(file.relative_to(root).as_posix()))
    if not files:
        raise ValueError(f"{root}: the folder holds no images")
    x = np.empty((len(files), *wanted), np.uint8)
    for i, file in enumerate(files):
        image = images.read_image(file)
        if resize:
            if center_crop:
                image = images.center_crop(image, center_crop, file.name)
            image = images.resize(image, wanted)
        _check_shape(file.name, image.shape, wanted)
        x[i] = image
    return Examples(x=x, name=_names(root, files))


def _listing(folder: Path) -> list[Path]:
    entries = [entry for entry in folder.iterdir() if not _is_hidden(entry, folder)]
    return sorted(entries, key=lambda entry: natural_key(entry.name))


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _names(root: Path, files: list[Path]) -> tuple[str, ...]:
    return tuple(file.relative_to(root).as_posix() for file in files)


def _read_same_shape(
    root: Path, files: list[Path], shape: images.ImageShape | None, crop: int
) -> np.ndarray:
    if not files:
        raise ValueError(f"{root}: the folder holds no images")
    x = []
    for file in files:
        if file.is_dir():
            raise ValueError(f"{file}: a folder inside a class; classes hold images")
        image = images.read_image(file)
        if crop:
            image = images.center_crop(image, crop, str(file))
        x.append(image if shape is None else images.resize(image, shape))
        if x[-1].shape != x[0].shape:
            raise ValueError(
                f"{files[0].name} is {images.shape_text(x[0].shape)}, but {file.name} "
                f"is {images.shape_text(image.shape)}: bring all images to one shape "
                "with --config.dataset.image_shape=HEIGHTxWIDTHxCHANNELS"
            )
    return np.stack(x)


def _check_shape(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if shape == wanted:
        return
    remedy = ": pass --resize" if len(shape) == len(wanted) == 3 else ""
    raise ValueError(
        f"the model wants {images.shape_text(wanted)}, {name} is "
        f"{images.shape_text(shape)}{remedy}"
    )
