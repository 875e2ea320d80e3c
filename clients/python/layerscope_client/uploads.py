"""Registration of models: Keras' own objects, documents, files and names of applications."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from os import PathLike, fspath
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from layerscope_client.calls import Call, Part
from layerscope_client.tensors import npz

DOCUMENTS = (".json",)
WEIGHTS = (".keras", ".h5", ".hdf5", ".zip", ".tar", ".gz", ".npz", ".safetensors")


class NoteWarning(UserWarning):
    """What the service reads as something else than the document says."""


def call_of(path: str, parts: Sequence[Part]) -> Call:
    """Return the call that registers a model: a document alone is the body, so that pointers in errors are into it."""
    (name, (_, document)), *others = parts
    if name == "model" and not others and isinstance(document, str):
        return Call("PUT", path, json=document)
    return Call("PUT", path, parts=parts)


@contextmanager
def model_parts(model: Any, weights: Any, labels: Any) -> Iterator[list[Part]]:
    """Open the parts of a form that are a model, its weights and labels. Raises OSError for a path."""
    with ExitStack() as files:
        document, own = _document_of(model)
        parts: list[Part] = [("model", (None, document))] if document is not None else []
        given = own if weights is None else weights
        if given is not None:
            parts.append(("weights", ("weights", files.enter_context(_weights_file(given)))))
        if labels is not None:
            parts.append(("labels", (None, labels if isinstance(labels, str) else json.dumps(labels))))
        yield parts


def _document_of(model: Any) -> tuple[str | None, Any]:
    """Return a model's document as text, and its weights: arrays, a path, or None."""
    if hasattr(model, "to_json") and hasattr(model, "get_weights"):
        return model.to_json(), model.get_weights() or None
    if isinstance(model, str | PathLike):
        path = Path(fspath(model))
        if path.suffix in DOCUMENTS:
            return path.read_text(encoding="utf-8"), None
        return (None, path) if path.suffix in WEIGHTS else (json.dumps({"application": fspath(model)}), None)
    return json.dumps(model, allow_nan=False), None


def _weights_file(weights: Any) -> IO[bytes]:
    """Open a file of weights. Arrays go through one on the disk: a network's need not fit into memory twice."""
    if isinstance(weights, str | PathLike):
        return Path(fspath(weights)).open("rb")
    return npz(weights, TemporaryFile())
