"""JSON that an older Keras wrote, and TensorFlow.js in the same form: told once, by its version or by its shape."""

from __future__ import annotations

from typing import Any

from models.errors import InvalidDocument, Problem, shown

VERSION = "keras_version"
OLDER, TENSORFLOW_JS = ("0.", "1.", "2."), "tfjs"
FORM_OF_2 = "batch_input_shape"
"""What layers of Keras 2 say of their input; Keras 3 says batch_shape."""
LOOKED_AT = 64
"""Layers that are looked at; any of a model tells."""
EXPECTED = "a model of Keras 3"
ADVICE = 'write its layers as a document, {"input": …, "layers": […]}'


def check_writer(raw: dict[str, Any], version: Any, pointer: str, version_pointer: str) -> None:
    """Refuses a serialised model that stands at `pointer`, and its `keras_version`, if it has one, at the other.

    Raises:
        InvalidDocument: an older Keras wrote it.
    """
    writer = _writer(version) if isinstance(version, str) else None
    if writer is not None:
        raise _refused(version_pointer, writer, shown(version))
    place = None if isinstance(version, str) else _older_form(raw)
    if place is not None:
        raise _refused(pointer + place, "Keras 1 or 2", "an older form")


def _writer(version: str) -> str | None:
    """What wrote a model with this `keras_version`, unless that was Keras 3."""
    if version.startswith(OLDER):
        return f"Keras {version[:20]}"
    return "TensorFlow.js, in the form of Keras 2" if version.startswith(TENSORFLOW_JS) else None


def _older_form(raw: dict[str, Any]) -> str | None:
    """Where a serialised model has what Keras 3 does not write: a config that is a list, the shape of an input under
    another name, or calls as lists.
    """
    config = raw.get("config")
    if isinstance(config, list):
        return "/config"
    layers = config.get("layers") if isinstance(config, dict) else None
    for number, entry in enumerate(layers[:LOOKED_AT] if isinstance(layers, list) else []):
        inner, nodes = (entry.get("config"), entry.get("inbound_nodes")) if isinstance(entry, dict) else (None, None)
        if isinstance(inner, dict) and FORM_OF_2 in inner:
            return f"/config/layers/{number}/config/{FORM_OF_2}"
        if isinstance(nodes, list) and nodes and isinstance(nodes[0], list):
            return f"/config/layers/{number}/inbound_nodes/0"
    return None


def _refused(pointer: str, writer: str, received: str) -> InvalidDocument:
    return InvalidDocument("", [Problem(pointer, f"this was written by {writer}", EXPECTED, received, ADVICE)])
