"""TensorFlow.js' model.json: Keras' JSON of a network is under `modelTopology`, or `model_config` in that."""

from __future__ import annotations

from typing import Any

from models.errors import InvalidDocument, shown
from models.files.keras_versions import VERSION

TOPOLOGY, CONFIG = "modelTopology", "model_config"
EXPECTED = "Keras' model.to_json() under modelTopology or modelTopology.model_config"


def is_tensorflow_js(value: Any) -> bool:
    """Whether this is a model.json, or the value of its `modelTopology`."""
    return isinstance(value, dict) and "layers" not in value and (TOPOLOGY in value or CONFIG in value)


def keras_json_in(value: dict[str, Any]) -> tuple[Any, str]:
    """Return the Keras JSON inside, and its pointer. The weights are in other files, which this one only names.

    Raises:
        InvalidDocument: it has a graph of TensorFlow operations instead.
    """
    topology, outer = (value[TOPOLOGY], f"/{TOPOLOGY}") if TOPOLOGY in value else (value, "")
    if not isinstance(topology, dict):
        raise _refusal(outer, "this is not TensorFlow.js' modelTopology", shown(topology))
    if "node" in topology:
        message = "this model.json of TensorFlow.js holds a graph of TensorFlow's operations, not Keras' layers"
        raise _refusal(outer, message, "a graph-model", "convert the Keras model, or send its model.to_json()")
    config, pointer = (topology[CONFIG], f"{outer}/{CONFIG}") if CONFIG in topology else (topology, outer)
    if not isinstance(config, dict) or "class_name" not in config:
        raise _refusal(pointer, "there is no Keras model in this model.json of TensorFlow.js", shown(config))
    return {VERSION: topology.get(VERSION), **config}, pointer


def _refusal(pointer: str, message: str, received: str, advice: str | None = None) -> InvalidDocument:
    return InvalidDocument.at(pointer, message, expected=EXPECTED, received=received, suggestion=advice)
