"""Numbers in the prose about results are those of the files that they come from.

A number is marked by a link to its file, whose title says where it stands there:

    [24.7%](mnist_dense_search.jsonl "name=A1 validation_error")
    [0.40](mnist_dense/results.json "spearman selection.scores results.nmi.trials")

A title is a path of keys and indices, * for all of a list, with a function in front if
the values are several: mean, min, max, or spearman of two paths. KEY=VALUE in front of
the path chooses rows of a .jsonl file. A number is compared at its own decimals.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

RESULTS = Path(__file__).parents[2] / "experiments/results"
MARK = re.compile(r'\[([^\]]+)\]\(([^)\s]+\.jsonl?)\s+"([^"]+)"\)')
FUNCTIONS = {
    "mean": np.mean,
    "min": np.min,
    "max": np.max,
    "spearman": lambda a, b: stats.spearmanr(a, b).statistic,
}
# Those whose percentages are not marked yet; a new one has to be.
NOT_MARKED = {"aae", "aim", "learned_prior", "pixelgan"}


def values(file: Path, title: str) -> list[np.ndarray]:
    """The values of each path of a title, flat."""
    if file.suffix == ".json":
        rows = [json.loads(file.read_text())]
    else:
        rows = [json.loads(line) for line in file.read_text().splitlines()]
    paths = []
    for part in title.split():
        key, equals, value = part.partition("=")
        if equals:
            rows = [row for row in rows if str(row[key]) == value]
            assert rows, f"{file.name} has no row with {part}"
        else:
            paths.append(part)
    return [
        np.concatenate([np.ravel(_follow(row, path.split("."))) for row in rows])
        for path in paths
    ]


def _follow(node: Any, path: list[str]) -> Any:
    if not path:
        return node
    key, *rest = path
    if key == "*":
        return [_follow(part, rest) for part in node]
    return _follow(node[int(key) if isinstance(node, list) else key], rest)


def check(text: str, file: Path, title: str) -> None:
    """Asserts that a number is what the file has, at its own precision."""
    name, _, rest = title.partition(" ")
    function = FUNCTIONS.get(name)
    found = values(file, rest if function else title)
    if not function:
        assert len(found) == found[0].size == 1, f"{title} has several values"
    value = float(function(*found) if function else found[0][0])
    (written,) = re.findall(r"-?\d[\d,]*(?:\.\d+)?", text)
    decimals = len(written.partition(".")[2])
    if text.endswith("%"):
        value *= 100
    number = float(written.replace(",", ""))
    assert abs(number - value) <= 0.501 * 10**-decimals, f"{text}: {title} is {value}"


def test_a_wrong_number_is_found(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"name": "A", "e": [0.1, 0.3]}\n{"name": "B", "e": 0.247}\n')
    check("24.7%", file, "name=B e")
    check("0.25", file, "name=B e")
    check("0.2", file, "mean name=A e")
    check("30%", file, "max name=A e")
    check("10%", file, "name=A e.0")
    with pytest.raises(AssertionError, match=r"24\.8%: name=B e is 24\.7"):
        check("24.8%", file, "name=B e")
    with pytest.raises(AssertionError, match="no row with name=C"):
        check("1", file, "name=C e")
    with pytest.raises(KeyError, match="f"):
        check("1", file, "name=A f")
    file = tmp_path / "results.json"
    file.write_text('{"a": [1, 2, 3], "b": {"c": [3, 1, 2]}}')
    check("-0.5", file, "spearman a b.c")
    with pytest.raises(AssertionError, match=r"is -0\.5"):
        check("1", file, "spearman a b.c")


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*/README.md")), ids=str)
def test_marked_numbers(path):
    text = path.read_text()
    for written, file, title in MARK.findall(text):
        check(written, path.parent / file, " ".join(title.split()))
    if path.parent.name not in NOT_MARKED:
        assert re.findall(r"\d%", MARK.sub("", text)) == [], "without a mark"
        assert MARK.search(text)
