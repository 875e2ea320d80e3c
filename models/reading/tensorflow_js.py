"""TensorFlow.js' model.json: Keras' JSON of a network stands under `modelTopology`, or `model_config` in that."""

from __future__ import annotations

from typing import Any

from models.errors import InvalidDocument, Problem, shown
from models.files.keras_versions import VERSION, check_writer

TOPOLOGY, CONFIG = "modelTopology", "model_config"
EXPECTED = "Keras' model.to_json() under modelTopology or modelTopology.model_config"


def is_tensorflow_js(value: Any) -> bool:
    """Whether this is a model.json, or what stands under its `modelTopology`."""
    return isinstance(value, dict) and "layers" not in value and (TOPOLOGY in value or CONFIG in value)


def keras_json_in(value: dict[str, Any]) -> tuple[Any, str]:
    """Keras' JSON inside, and its pointer. The weights lie in other files, which this one only names.

    Raises:
        InvalidDocument: there is none, but a graph of TensorFlow's operations; or an older Keras wrote it.
    """
    topology, outer = (value[TOPOLOGY], f"/{TOPOLOGY}") if TOPOLOGY in value else (value, "")
    if not isinstance(topology, dict):
        raise _refused(outer, "this is not TensorFlow.js' modelTopology", shown(topology))
    if "node" in topology:
        message = "this model.json of TensorFlow.js holds a graph of TensorFlow's operations, not Keras' layers"
        raise _refused(outer, message, "a graph-model", "convert the Keras model, or send its model.to_json()")
    config, pointer = (topology[CONFIG], f"{outer}/{CONFIG}") if CONFIG in topology else (topology, outer)
    if not isinstance(config, dict) or "class_name" not in config:
        raise _refused(pointer, "there is no Keras model in this model.json of TensorFlow.js", shown(config))
    check_writer(config, topology.get(VERSION), pointer, f"{outer}/{VERSION}")
    return config, pointer


def _refused(pointer: str, message: str, received: str, advice: str | None = None) -> InvalidDocument:
    return InvalidDocument("", [Problem(pointer, message, EXPECTED, received, advice)])
