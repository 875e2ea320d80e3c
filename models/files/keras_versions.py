"""Detection of JSON by Keras 1 or 2, or by TensorFlow.js in the same form: by its version, else by its structure."""

from __future__ import annotations

from typing import Any

VERSION = "keras_version"
"""The key of the version that wrote a model."""
BACKEND = "backend"
"""The key of the library that computed."""
OLDER, MODERN, TENSORFLOW_JS = ("0.", "1.", "2."), "3.", "tfjs"
"""Beginnings of the versions of older writers."""
FORM_OF_2 = "batch_input_shape"
"""The key of an input shape in layers of Keras 2; Keras 3 writes batch_shape."""
MAX_LAYERS_CHECKED = 64
"""Layers that are inspected; each layer of such a model shows its version."""


def writer_of(raw: dict[str, Any]) -> str | None:
    """Return the program that wrote a serialised model in the older form: "Keras 2.0.5", "Keras 1 or 2",
    "TensorFlow.js"; None for Keras 3.
    """
    version = raw.get(VERSION)
    if isinstance(version, str) and version.startswith(OLDER):
        return f"Keras {version[:20]}"
    if isinstance(version, str) and version.startswith(TENSORFLOW_JS):
        return "TensorFlow.js"
    is_modern = isinstance(version, str) and version.startswith(MODERN)
    return "Keras 1 or 2" if not is_modern and _has_older_form(raw) else None


def _has_older_form(raw: dict[str, Any]) -> bool:
    """Whether there is what Keras 3 does not write in a serialised model: a config that is a list, the shape of an
    input under its old name, or calls as lists.
    """
    config = raw.get("config")
    if isinstance(config, list):
        return True
    layers = config.get("layers") if isinstance(config, dict) else None
    return any(_is_older_layer(entry) for entry in (layers[:MAX_LAYERS_CHECKED] if isinstance(layers, list) else []))


def _is_older_layer(entry: Any) -> bool:
    inner, nodes = (entry.get("config"), entry.get("inbound_nodes")) if isinstance(entry, dict) else (None, None)
    if isinstance(inner, dict) and (FORM_OF_2 in inner or _has_older_form({"config": inner})):
        return True
    return isinstance(nodes, list) and bool(nodes) and isinstance(nodes[0], list)
