"""Detection of JSON by an older Keras, or by TensorFlow.js in the same form: by its version, else by its structure."""

from __future__ import annotations

from typing import Any

from models.errors import InvalidDocument, shown

VERSION = "keras_version"
"""The key of the version that wrote a model."""
OLDER, TENSORFLOW_JS = ("0.", "1.", "2."), "tfjs"
"""Beginnings of the versions of older writers."""
FORM_OF_2 = "batch_input_shape"
"""The key of an input shape in layers of Keras 2; Keras 3 writes batch_shape."""
MAX_LAYERS_CHECKED = 64
"""Layers that are inspected; each layer of such a model shows its version."""
EXPECTED = "a model of Keras 3"
ADVICE = 'write its layers as a document, {"input": …, "layers": […]}'


def check_writer(raw: dict[str, Any], version: Any, pointer: str, version_pointer: str) -> None:
    """Reject a serialised model of an older Keras; `pointer` is the model's, `version_pointer` its `keras_version`'s.

    Raises:
        InvalidDocument: an older Keras wrote it.
    """
    writer = _writer(version) if isinstance(version, str) else None
    if writer is not None:
        raise _refused(version_pointer, writer, shown(version))
    old_part = None if isinstance(version, str) else _older_form(raw)
    if old_part is not None:
        raise _refused(pointer + old_part, "Keras 1 or 2", "an older form")


def _writer(version: str) -> str | None:
    """Return the program that writes this `keras_version`; None for Keras 3."""
    if version.startswith(OLDER):
        return f"Keras {version[:20]}"
    return "TensorFlow.js, in the form of Keras 2" if version.startswith(TENSORFLOW_JS) else None


def _older_form(raw: dict[str, Any]) -> str | None:
    """Return the pointer to what Keras 3 does not write in a serialised model: a config that is a list, the shape of an
    input under its old name, or calls as lists.
    """
    config = raw.get("config")
    if isinstance(config, list):
        return "/config"
    layers = config.get("layers") if isinstance(config, dict) else None
    for number, entry in enumerate(layers[:MAX_LAYERS_CHECKED] if isinstance(layers, list) else []):
        inner, nodes = (entry.get("config"), entry.get("inbound_nodes")) if isinstance(entry, dict) else (None, None)
        if isinstance(inner, dict) and FORM_OF_2 in inner:
            return f"/config/layers/{number}/config/{FORM_OF_2}"
        if isinstance(nodes, list) and nodes and isinstance(nodes[0], list):
            return f"/config/layers/{number}/inbound_nodes/0"
    return None


def _refused(pointer: str, writer: str, received: str) -> InvalidDocument:
    return InvalidDocument.at(
        pointer, f"this was written by {writer}", expected=EXPECTED, received=received, suggestion=ADVICE
    )
