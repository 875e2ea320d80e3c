"""Models of other people's code, written to a folder each: the file, inputs by name, and Keras' outputs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

BATCH, FREE = 2, 16
"""The rows of the inputs, and the length of other axes that are free."""
MAX_PARAMETERS = 150_000_000
"""Models of more take too much memory here."""


def keep(models: Iterable[keras.Model], out: Path) -> None:
    """Write the models that have a graph; the same graph once."""
    known: set[str] = set()
    models = list(models)
    inner = {id(getattr(model, "_functional", None)) for model in models}  # the graph that Sequential makes of itself
    for model in (model for model in models if id(model) not in inner):
        try:
            text = model.to_json()
            if text in known or model.count_params() > MAX_PARAMETERS:
                continue
            known.add(text)
            _write(model, out / f"{len(known):02d}")
        except Exception as error:
            print(f"{model.name}: {type(error).__name__}: {str(error)[:200]}")


def _write(model: keras.Model, folder: Path) -> None:
    folder.mkdir()
    (folder / "name.txt").write_text(f"{type(model).__name__} {model.name}")
    model.save(folder / "model.keras")
    inputs = {tensor.name: _drawn(tensor) for tensor in model.inputs}
    np.savez(folder / "inputs.npz", **inputs)
    packed = (
        keras.tree.pack_sequence_as(model._inputs_struct, list(inputs.values()))
        if hasattr(model, "_inputs_struct")
        else next(iter(inputs.values()))
    )
    called = keras.tree.flatten(model(packed, training=False))
    compiled = keras.tree.flatten(model.predict_on_batch(packed))
    arrays = {f"called{n}": np.asarray(one) for n, one in enumerate(called)}
    np.savez(folder / "outputs.npz", **arrays, **{f"compiled{n}": np.asarray(one) for n, one in enumerate(compiled)})


def _drawn(tensor: Any) -> np.ndarray[Any, Any]:
    """Return random values for an input: ids below the smallest table that a network could look them up in."""
    shape = [(BATCH if n == 0 else FREE) if length is None else length for n, length in enumerate(tensor.shape)]
    random = np.random.default_rng(0)
    if "float" in tensor.dtype:
        return random.uniform(0, 1, shape).astype(tensor.dtype)
    return random.integers(0, 2, shape).astype(tensor.dtype)
