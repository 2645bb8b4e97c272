"""Files of labels: a table with a name and a label in each row."""

import csv
import re
from pathlib import Path

from adversarial_latent.inputs.files import InputError, printable, read_text

_DELIMITERS = "\t;,"
_HEADER = (
    {"name", "names", "file", "filename", "file_name", "image", "path", "id"},
    {"label", "labels", "class", "classes", "category", "target", "y"},
)
SHOWN = 5
"""Number of names that an error lists."""


def read_labels(path: Path) -> dict[str, str]:
    """Reads a CSV or text file with the columns name and label.

    Columns are separated by tab, semicolon or comma. A first row of headings such as
    `name,label` is skipped. A row without a label is ignored.

    Returns:
      The labels by name. Names have forward slashes and no leading "./".

    Raises:
      MissingInputError: the file does not exist.
      InputError: it is not text in UTF-8, has no labels, a row has not two columns, or
        a name has two labels.
    """
    where, lines = printable(str(path)), read_text(path).splitlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    labels: dict[str, str] = {}
    different: list[str] = []
    rows = csv.reader(lines, delimiter=delimiter)
    heading = True
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != 2:
            raise InputError(
                f"{where}: line {rows.line_num} has {len(cells)} columns; expected a "
                "name and a label, separated by comma, semicolon or tab"
            )
        skipped = heading and all(
            cell.lower() in known for cell, known in zip(cells, _HEADER, strict=True)
        )
        heading = False
        if skipped or not cells[1]:
            continue
        name = printable(re.sub(r"^(\./)+", "", cells[0].replace("\\", "/")))
        if labels.setdefault(name, cells[1]) != cells[1]:
            different.append(name)
    if different:
        raise InputError(
            f"{where}: {len(different)} names have two different labels: "
            f"{listed(different)}; keep one of them"
        )
    if not labels:
        raise InputError(
            f"{where}: the file contains no labels; expected rows of a name and a label"
        )
    return labels


def listed(names: list[str]) -> str:
    """Lists the first names for an error."""
    shown = ", ".join(repr(name) for name in names[:SHOWN])
    return shown + ", ..." * (len(names) > SHOWN)
