"""Every notebook runs from top to bottom, and is stored without outputs."""

import pathlib

import nbclient
import nbformat
import pytest

_ROOT = pathlib.Path(__file__).parents[2]

each_notebook = pytest.mark.parametrize(
    "path", sorted((_ROOT / "colabs").glob("*.ipynb")), ids=lambda path: path.stem
)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:zmq")
@each_notebook
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
    printed = "".join(o.text for o in outputs if o.output_type == "stream")
    assert "Warning" not in printed


@each_notebook
def test_notebook_is_stored_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert [cell.id for cell in notebook.cells] == [
        f"cell{number}" for number in range(len(notebook.cells))
    ]
    for cell in notebook.cells:
        assert not cell.metadata
        if cell.cell_type == "code":
            assert cell.execution_count is None
            assert not cell.outputs


def test_readme_names_every_notebook():
    readme = (_ROOT / "README.md").read_text()
    for path in (_ROOT / "colabs").glob("*.ipynb"):
        assert f"colabs/{path.name}" in readme
