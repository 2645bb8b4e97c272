"""Tables of the papers as lists of rows: what `experiments.sweep` runs.

Each file here defines SWEEP, whose rows correspond to those of the paper's table.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from adversarial_latent.evaluation.registry import METRICS


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a paper's table.

    Attributes:
      model: name of the model in the paper.
      setting: data and settings, for example "MNIST, K = 10".
      paper: `{result: the paper's number}`, as printed, for example "3.32 ± 0.39".
      name: directory of our run inside that of the sweep; empty for a rival whose
        numbers are only quoted.
      config: config of our run, as `experiments.launch` takes it.
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
            raise ValueError(
                f"{self}: a run has a name and a config; a quoted rival has neither"
            )


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A table.

    Attributes:
      title: title of the table.
      results: names of the numbers in results.json that the table shows.
      rows: rows of the table.
    """

    title: str
    results: tuple[str, ...]
    rows: tuple[Row, ...]

    def __post_init__(self):
        names = [row.name for row in self.runs]
        if len(set(names)) < len(names):
            raise ValueError(f"{self.title}: several runs have the same name: {names}")
        if unknown := set(self.results) - set(METRICS):
            raise ValueError(f"{self.title}: unknown results {sorted(unknown)}")
        for row in self.rows:
            if unknown := set(row.paper) - set(self.results):
                raise ValueError(f"{row}: the table does not show {sorted(unknown)}")

    @property
    def runs(self) -> tuple[Row, ...]:
        """The rows that are runs of ours, in the order of `--index`."""
        return tuple(row for row in self.rows if row.name)
