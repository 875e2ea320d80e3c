"""Registration of models: Keras' own objects, documents, files and names of applications."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from os import PathLike, fspath
from pathlib import Path
from tempfile import TemporaryFile
from types import FunctionType
from typing import IO, Any

from layerscope_client.calls import Call, Part
from layerscope_client.failures import OnlyCode
from layerscope_client.tensors import npz

DOCUMENTS = (".json",)
WEIGHTS = (".keras", ".h5", ".hdf5", ".zip", ".tar", ".gz", ".npz", ".safetensors")


CODE = ("Lambda", "__lambda__", "function")
"""Classes of Keras' JSON that hold code, or the name of some."""


class NoteWarning(UserWarning):
    """What the service reads as something else than the document says."""


def call_of(path: str, parts: Sequence[Part]) -> Call:
    """Return the call that registers a model: a document alone is the body, so that pointers in errors are into it."""
    (name, (_, document)), *others = parts
    if name == "model" and not others and isinstance(document, str):
        return Call("PUT", path, json=document)
    return Call("PUT", path, parts=parts)


@contextmanager
def model_parts(model: Any, weights: Any, labels: Any, inputs: Any = None) -> Iterator[list[Part]]:
    """Open the parts of a form that are a model, its weights and labels. Raises OSError for a path, and OnlyCode."""
    if inputs is not None:
        raise OnlyCode("give inputs with a model of Keras 3 alone: they are what it is traced on")
    document, own = _document_of(model)
    with ExitStack() as files:
        parts: list[Part] = [("model", (None, document))] if document is not None else []
        given = own if weights is None else weights
        if given is not None:
            parts.append(("weights", ("weights", files.enter_context(_weights_file(given)))))
        if labels is not None:
            parts.append(("labels", (None, labels if isinstance(labels, str) else json.dumps(labels))))
        yield parts


def is_of_keras(model: Any) -> bool:
    """Whether a value is a model of Keras 3, which can be traced; asked without an import of Keras."""
    keras = sys.modules.get("keras")
    return hasattr(keras, "KerasTensor") and isinstance(model, keras.Model)  # type: ignore[union-attr]


def traced(model: Any, weights: Any, inputs: Any) -> tuple[dict[str, Any], Any]:
    """Return what the code of a model of Keras 3 computes as a document, and its weights. Raises Untraceable."""
    if weights is not None:
        raise OnlyCode("load the weights into the model, and leave them out: it is traced with those that it has")
    from layerscope_client import keras

    document, own = keras.traced(model, inputs)
    return document, own or None


def _document_of(model: Any) -> tuple[str | None, Any]:
    """Return a model's document as text, and its weights: arrays, a path, or None."""
    if hasattr(model, "to_json") and hasattr(model, "get_weights"):
        return _json_of(model), model.get_weights() or None
    if isinstance(model, str | PathLike):
        path = Path(fspath(model))
        if path.suffix in DOCUMENTS:
            return path.read_text(encoding="utf-8"), None
        return (None, path) if path.suffix in WEIGHTS else (json.dumps({"application": fspath(model)}), None)
    return json.dumps(model, allow_nan=False), None


def _json_of(model: Any) -> str:
    """Return what `to_json()` of a Keras model says. Raises OnlyCode if that is not all: code is not sent."""
    if not getattr(model, "built", True):
        raise OnlyCode("call the model once, or build it: without inputs it has no weights")
    try:
        text: str = model.to_json()
    except Exception as error:  # whatever methods of the user's raise
        raise OnlyCode(f"let it have a config, or use Keras 3: to_json() raises {type(error).__name__}") from error
    if (word := code_in(json.loads(text)) or _function_of(model)) and _has_code(model):
        raise OnlyCode(f"use Keras 3, with which it is traced: what {word} computes is only said by its code")
    return text


def code_in(document: Any) -> str:
    """Return the first class in Keras' JSON that is code (a Lambda, a function, or not Keras' own), or ""."""
    if isinstance(document, list):
        return next(filter(None, map(code_in, document)), "")
    if not isinstance(document, Mapping):
        return ""
    word, module = document.get("class_name"), document.get("module")
    is_kerass = not isinstance(module, str) or module.partition(".")[0] == "keras"
    if word in CODE or (word and not (is_kerass and document.get("registered_name") in (None, word))):
        return str(word)
    return code_in(list(document.values()))


def _function_of(model: Any) -> str:
    """Return the name of an activation that is not Keras' own, though Keras writes it as if it were; or ""."""
    if not is_of_keras(model):
        return ""
    named = [item for layer in model._flatten_layers() for item in vars(layer).items()]
    functions = [value for name, value in named if name.endswith("activation") and isinstance(value, FunctionType)]
    return next((one.__name__ for one in functions if not one.__module__.startswith("keras.src.activations")), "")


def _has_code(model: Any) -> bool:
    """Whether code of the user's is needed for what a model computes, not only for how it is trained."""
    if not is_of_keras(model):
        return True
    from layerscope_client import keras

    return keras.has_code(model)


def _weights_file(weights: Any) -> IO[bytes]:
    """Open a file of weights. Arrays go through one on the disk: a network's need not fit into memory twice."""
    if isinstance(weights, str | PathLike):
        return Path(fspath(weights)).open("rb")
    return npz(weights, TemporaryFile())
