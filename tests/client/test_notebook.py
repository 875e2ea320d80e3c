"""The example notebook: it runs, and its outputs are those that it is kept with."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "notebook.ipynb"
VARYING = re.compile(r"in [\d.,]+ ms|src=\"data:[^\"]*\"|127\.0\.0\.1:\d+|Picture of [\d,]+ bytes")
"""What differs from run to run: times, ports, and the bytes of PNG files, which zlib packs in its own way, and which
show last bits that differ between processors.
"""


DECIMAL = re.compile(r"\d+\.\d+(e[-+]?\d+)?")
"""Numbers, of which two digits are compared: differences of precisions depend on the processor in the third."""


def same_everywhere(text: str) -> str:
    """Return the output of a cell without what varies."""
    return DECIMAL.sub(lambda number: f"{float(number[0]):.1e}", VARYING.sub("", text))


def writer() -> Any:
    """Return the module that writes the notebook."""
    spec = importlib.util.spec_from_file_location("write_notebook", ROOT / "clients/python/write_notebook.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outputs(notebook: Any) -> list[Any]:
    """Return each cell's outputs by type, pictures as what they are."""
    return [
        {kind: "picture" if kind == "image/png" else same_everywhere(text) for kind, text in output["data"].items()}
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]


@pytest.mark.filterwarnings("ignore")  # of Jupyter, which runs the kernel
def test_the_notebook_has_the_outputs_that_it_is_kept_with(tmp_path: Path) -> None:
    """Run `clients/python/write_notebook.py` after a change."""
    shutil.copy(ROOT / "examples" / "digit.png", tmp_path)
    kept = nbformat.read(NOTEBOOK, as_version=4)
    executed = writer().executed(tmp_path)
    assert [cell.source for cell in kept.cells] == [cell.source for cell in executed.cells]
    assert outputs(kept) == outputs(executed)
    assert sum("image/png" in output for output in outputs(kept)) >= 2
    assert sum("text/html" in output for output in outputs(kept)) >= 5
