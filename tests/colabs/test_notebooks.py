"""Every notebook runs from top to bottom."""

import pathlib

import nbclient
import nbformat
import pytest

_ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq")
@pytest.mark.parametrize(
    "path", sorted((_ROOT / "colabs").glob("*.ipynb")), ids=lambda path: path.stem
)
def test_notebook_runs(path, monkeypatch):
    # The notebook's process is a user's: it has none of the tests' settings.
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=240, resources={"metadata": {"path": str(_ROOT)}}
    )
    client.execute()
    outputs = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    assert not [o for o in outputs if o.output_type == "error"]
    assert any("image/png" in o.get("data", {}) for o in outputs)
