"""Files, folders and names as people have them."""

import codecs
import contextlib
import json
import os
import re
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from absl import logging


class InputError(ValueError):
    """Something from outside is not usable; names it, and says what to do."""


class MissingInputError(InputError, FileNotFoundError):
    """A file or folder is not where it was said to be."""


# What systems and programs leave in folders, beside hidden files.
_LEFTOVERS = {
    *("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir"),
    *("#recycle", "$recycle.bin", "system volume information", "lost+found"),
}
_BYTE_ORDER_MARKS = {  # UTF-32 before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")


def read_json(path: str | Path) -> Any:
    """Reads a JSON file.

    Raises:
        MissingInputError: there is no such file.
        InputError: it is empty, cut off, or otherwise not JSON.
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
    """Reads a text file: UTF-8, or what its byte-order mark says, which is left out.

    Raises:
        MissingInputError: there is no such file.
        InputError: it is not readable, or in another encoding.
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
        raise InputError(f"{name}: not text in UTF-8 (it holds NUL); save it as UTF-8")
    return text.replace("\ufeff", "")


def printable(name: str) -> str:
    """A name as every file, figure and terminal can show it.

    Control characters, and bytes of file names that are not UTF-8, become escapes;
    accented letters are one character (NFC), however a file system keeps them.
    """

    def escape(match: re.Match[str]) -> str:
        return ascii(match[0])[1:-1].replace("\\udc", "\\x")

    return unicodedata.normalize("NFC", _UNPRINTABLE.sub(escape, name))


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Sort key under which img2.png comes before img10.png."""
    parts = re.split(r"([0-9]+)", text)
    parts[1::2] = [number.lstrip("0") for number in parts[1::2]]
    key = [
        (0, len(part), part) if i % 2 else (1, 0, part) for i, part in enumerate(parts)
    ]
    return [*key, (-1, 0, text)]  # 01 and 1 differ, too


def list_folder(folder: Path) -> tuple[list[Path], int]:
    """What a folder holds, in natural order, and how many entries were passed over.

    Passed over is what nobody put there on purpose: hidden files, Thumbs.db, __MACOSX
    and the like.

    Raises:
        InputError: it cannot be read.
    """
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise InputError(
            f"{printable(str(folder))}: the folder cannot be read ({error.strerror})"
        ) from error
    kept = [
        entry
        for entry in entries
        if not entry.name.startswith(".") and entry.name.lower() not in _LEFTOVERS
    ]
    kept.sort(key=lambda entry: natural_key(printable(entry.name)))
    return kept, len(entries) - len(kept)


def find_files(root: Path) -> tuple[list[Path], int]:
    """All files below a folder, likewise; folders that are linked are read once.

    Raises:
        InputError: a folder cannot be read.
    """
    files, passed_over, seen, folders = [], 0, set(), [root]
    while folders:
        folder = folders.pop()
        if (place := os.path.realpath(folder)) in seen:
            continue
        seen.add(place)
        entries, others = list_folder(folder)
        passed_over += others
        folders += [entry for entry in entries if os.path.isdir(entry)]
        files += [entry for entry in entries if not os.path.isdir(entry)]
    files.sort(key=lambda file: natural_key(relative_name(file, root)))
    return files, passed_over


def relative_name(file: Path, root: Path) -> str:
    """What a file below `root` is called in results."""
    return printable(file.relative_to(root).as_posix())


def read_bytes(path: Path) -> bytes:
    """Reads a file.

    Raises:
        MissingInputError: there is no such file.
        InputError: it is no file, or cannot be read.
    """
    name = printable(str(path))
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise InputError(f"{name}: not a file")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise MissingInputError(f"no file at '{name}'") from error
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror})") from error


@contextlib.contextmanager
def warnings_in_log(name: str) -> Iterator[None]:
    """Turns warnings about a file into a line of the log that names it.

    Not for threads, which share their warnings.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        logging.log_first_n(logging.WARNING, "%s: %s", 10, name, warning.message)
