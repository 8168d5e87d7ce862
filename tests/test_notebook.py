"""The quickstart notebook runs from top to bottom, with small settings."""

import json
from pathlib import Path

import jax
import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "colab" / "quickstart.ipynb"
SMALL = {
    "stages.steps": (4, 4),
    "stages.resolution": (8, 16),
    "stages.grid": (8, 12),
    "prior.cameras": 4,
    "report.views": 4,
    "report.frames": 3,
    "report.turntable_resolution": 16,
    "report.mesh_resolution": 16,
}


def replaced(source: str, folder: Path) -> str:
    """A cell with its parameters made small."""
    lines = {
        "SEEDS = ": "SEEDS = 2",
        "SETTINGS = ": f"SETTINGS = {SMALL!r}",
        "FOLDER = ": f"FOLDER = {str(folder)!r}",
        "SWEEP = ": 'SWEEP = {"seeds": 2, "stages.steps": (4,), "stages.resolution": (16,)}',
    }
    changed = [
        next((new for old, new in lines.items() if line.startswith(old)), line)
        for line in source.split("\n")
    ]
    return "\n".join(changed)


@pytest.mark.slow
def test_quickstart(tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", jax.config.jax_compilation_cache_dir)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        cell.source = replaced(cell.source, tmp_path / "run")
    client = NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": NOTEBOOK.parent}}
    )
    client.execute()
    assert (tmp_path / "run" / "seed_1" / "turntable.gif").exists()
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if set(output.get("data", {})) & {"image/png", "image/gif"}
    ]
    assert len(pictures) == 5, "two sweeps, a sheet and two turntables are shown inline"
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert len(metrics["seeds"]) == 2
