"""Runs examples/notebook.ipynb and writes it with its outputs: `.venv/bin/python clients/python/write_notebook.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbconvert.preprocessors import ExecutePreprocessor

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook.ipynb"
SECONDS = 300
KERNEL = "python3"
CELLS: tuple[tuple[str, str], ...] = (
    ("markdown", """# What each layer makes of a picture

A Keras model in this notebook, and the feature maps of its layers from a service that `local()` starts.
With one that runs already: `ls = Layerscope("http://127.0.0.1:8000")`."""),
    ("code", """import keras
from layerscope_client import local

keras.utils.set_random_seed(3)
model = keras.Sequential([
    keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(8, 3, activation="relu"),
    keras.layers.MaxPooling2D(), keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax"),
])
ls = local()
mine = ls.put("mine", model)
run = mine.activations("digit.png")
run["conv2d"].shape, run["conv2d"].dtype"""),
    ("markdown", "One feature map as an array and as a picture:"),
    ("code", 'run["conv2d"][0, 10:14, 10:14, 2].round(3)'),
    ("code", 'run.picture("conv2d", channel=2, cmap="viridis", upscale=6)'),
    ("markdown", "The whole run, and the model:"),
    ("code", "run"),
    ("code", "mine"),
    ("markdown", "Why this answer, over the picture; and how one number of it came about:"),
    ("code", """why = mine.explain("digit.png", "grad_cam")
why.picture("conv2d", overlay=True, upscale=8)"""),
    ("code", """number = mine.arithmetic("digit.png", "dense:pre[0, 7]")
round(number.value, 6), number.steps[0].formula"""),
    ("markdown", "What if a channel were off, in half precision, and what is wrong with it on a batch of noise:"),
    ("code", 'mine.compare("digit.png", {"edits": [{"at": "conv2d", "channels": [2], "zero": True}]})'),
    ("code", 'mine.compare("digit.png", {"dtype": "float16"})'),
    ("code", """import numpy as np

noise = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 1), np.uint8)
mine.diagnose(noise)"""),
    ("markdown", "As a frame of pandas, and as an array of xarray:"),
    ("code", 'run.table()[["type", "shape", "parameters", "min", "max", "zeros"]].round(3)'),
    ("code", 'run.xarray("conv2d").max("c").dims'),
    ("code", "ls.close()"),
)  # fmt: skip


def written() -> Any:
    """Return the notebook without outputs."""
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": KERNEL, "display_name": "Python 3"}})
    for number, (kind, source) in enumerate(CELLS):
        make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        notebook.cells.append(make(source, id=f"cell-{number}"))
    return notebook


def executed(folder: Path = NOTEBOOK.parent) -> Any:
    """Return the notebook, run in a folder. Raises CellExecutionError for a cell that fails."""
    notebook = written()
    ExecutePreprocessor(timeout=SECONDS, kernel_name=KERNEL).preprocess(notebook, {"metadata": {"path": str(folder)}})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times, which differ each time
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.output_type != "stream"]  # TensorFlow's log
    notebook.metadata.pop("language_info", None)  # the version of Python
    return notebook


if __name__ == "__main__":
    nbformat.write(executed(), NOTEBOOK)
