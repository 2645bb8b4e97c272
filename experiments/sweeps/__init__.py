"""Tables of the papers as lists of rows: what `experiments.sweep` runs.

Each file here defines SWEEP, which can be laid beside the paper's table row by row.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from experiments.results_table import NUMBERS


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a paper's table.

    Attributes:
      model: its name as printed there.
      setting: what it was applied to, "MNIST, K = 10".
      paper: `{name of a result: the paper's number}`, as printed: "3.32 ± 0.39".
      name: directory of our run, inside that of the sweep; empty for a rival whose
        numbers are only quoted.
      config: of our run, as `experiments.launch` takes it.
      overrides: `{field of the config: value}` of our run.
    """

    model: str
    setting: str
    paper: Mapping[str, str] = dataclasses.field(default_factory=dict)
    name: str = ""
    config: str = ""
    overrides: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if bool(self.name) != bool(self.config):
            raise ValueError(f"{self}: a run has a name and a config, a rival neither")


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A table.

    Attributes:
      title: what it is.
      results: the numbers of results.json that it shows; fractions in percent.
      rows: its rows.
    """

    title: str
    results: tuple[str, ...]
    rows: tuple[Row, ...]

    def __post_init__(self):
        names = [row.name for row in self.runs]
        if len(set(names)) < len(names):
            raise ValueError(f"{self.title}: several runs have one name: {names}")
        if unknown := set(self.results) - set(NUMBERS):
            raise ValueError(f"{self.title}: no results are called {sorted(unknown)}")
        for row in self.rows:
            if unknown := set(row.paper) - set(self.results):
                raise ValueError(f"{row}: the table does not show {sorted(unknown)}")

    @property
    def runs(self) -> tuple[Row, ...]:
        """The rows that are runs of ours, in the order of `--index`."""
        return tuple(row for row in self.rows if row.name)
