"""Files, folders and file names of users."""

import codecs
import contextlib
import json
import os
import re
import stat
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from absl import logging


class InputError(ValueError):
    """Input from outside is invalid. The message names it and says what to do."""


class MissingInputError(InputError, FileNotFoundError):
    """A file or folder does not exist."""


# Files and folders that operating systems create, besides hidden ones.
_SYSTEM_FILES = {
    *("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir"),
    *("#recycle", "$recycle.bin", "system volume information", "lost+found"),
}
# UTF-32 comes first, because its little-endian mark begins with that of UTF-16.
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NUMBERS = re.compile("([0-9]+)")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")


def read_json(path: str | Path) -> Any:
    """Reads a JSON file.

    Raises:
      MissingInputError: the file does not exist.
      InputError: it cannot be read, or is empty, truncated or otherwise not JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise MissingInputError(f"no file at '{path}'") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: empty, cut off or not JSON ({error}); restore it from a copy, "
            "or use another --workdir"
        ) from error


def read_text(path: Path) -> str:
    """Reads a text file in UTF-8, or in the encoding of its byte-order mark.

    The mark is removed.

    Raises:
      MissingInputError: the file does not exist.
      InputError: it cannot be read, or is in another encoding.
    """
    content, name = read_bytes(path), printable(str(path))
    marks = (c for mark, c in _BYTE_ORDER_MARKS.items() if content.startswith(mark))
    try:
        text = content.decode(next(marks, "utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}: not text in UTF-8 ({error.reason} at byte {error.start}); save "
            "it as UTF-8"
        ) from error
    if "\0" in text:
        raise InputError(
            f"{name}: not text in UTF-8 (it contains NUL); save it as UTF-8"
        )
    return text.replace("\ufeff", "")


def printable(name: str) -> str:
    """Returns a name that every file, figure and terminal can show.

    Control characters, and bytes of file names that are not UTF-8, are escaped. The
    result is in NFC, because file systems store accented letters differently.
    """
    if name.isascii() and name.isprintable():
        return name

    def escape(match: re.Match[str]) -> str:
        return ascii(match[0])[1:-1].replace("\\udc", "\\x")

    return unicodedata.normalize("NFC", _UNPRINTABLE.sub(escape, name))


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Sort key of natural order, in which img2.png precedes img10.png."""
    parts = _NUMBERS.split(text)
    parts[1::2] = [number.lstrip("0") for number in parts[1::2]]
    key = [
        (0, len(part), part) if i % 2 else (1, 0, part) for i, part in enumerate(parts)
    ]
    return [*key, (-1, 0, text)]  # distinguishes 01 and 1


def list_folder(folder: Path) -> tuple[list[os.DirEntry[str]], int]:
    """Lists a folder in natural order.

    Hidden files and system files such as Thumbs.db and __MACOSX are ignored.

    Returns:
      `(entries, number of ignored entries)`.

    Raises:
      InputError: the folder cannot be read.
    """
    kept, ignored = _scan(os.fspath(folder))
    kept.sort(key=lambda entry: natural_key(printable(entry.name)))
    return kept, ignored


def find_files(root: Path) -> tuple[list[str], int]:
    """Lists all files below a folder in natural order; ignores what `list_folder` does.

    A folder that is reached by several links is read once.

    Returns:
      `(paths of files, number of ignored entries)`.

    Raises:
      InputError: a folder cannot be read.
    """
    # Strings, and what the scan knows of entries: a folder may hold a million files.
    files: list[str] = []
    ignored, seen, folders = 0, set(), [os.fspath(root)]
    while folders:
        folder = folders.pop()
        if (real_path := os.path.realpath(folder)) in seen:
            continue
        seen.add(real_path)
        entries, others = _scan(folder)
        ignored += others
        for entry in entries:
            (folders if is_folder(entry) else files).append(entry.path)
    names = {file: relative_name(file, root) for file in files}
    files.sort(key=lambda file: natural_key(names[file]))
    return files, ignored


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a circle of links
        return False


def _scan(folder: str) -> tuple[list[os.DirEntry[str]], int]:
    """Lists a folder in any order, like `list_folder`."""
    try:
        with os.scandir(folder) as scan:
            entries = list(scan)
    except OSError as error:
        raise InputError(
            f"{printable(folder)}: the folder cannot be read ({error.strerror})"
        ) from error
    kept = [
        entry
        for entry in entries
        if not entry.name.startswith(".") and entry.name.lower() not in _SYSTEM_FILES
    ]
    return kept, len(entries) - len(kept)


def relative_name(file: str | Path, root: str | Path) -> str:
    """Returns the name of a file below `root` in results."""
    below = os.fspath(file).removeprefix(os.path.join(root, ""))
    return printable(below.replace(os.sep, "/"))


def read_bytes(path: str | Path) -> bytes:
    """Reads a file.

    Raises:
      MissingInputError: the file does not exist.
      InputError: it is not a regular file, or cannot be read.
    """
    name = printable(str(path))
    try:
        # Otherwise opening a pipe would block.
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InputError(f"{name}: not a file")
            return file.read()
    except FileNotFoundError as error:
        raise MissingInputError(f"no file at '{name}'") from error
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror})") from error


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


@contextlib.contextmanager
def warnings_in_log(name: str) -> Iterator[None]:
    """Logs warnings about a file together with its name.

    Not thread-safe, because threads share the state of the module `warnings`.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        logging.log_first_n(logging.WARNING, "%s: %s", 10, name, warning.message)
