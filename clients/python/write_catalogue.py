"""Writes what the tracer knows of the service's layers and operations: run it with the service's own Python.

`python clients/python/write_catalogue.py` after adding a type or a field; a test compares.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from models.layers import ALIASES, CATALOGUE
from models.layers.activation_names import ACTIVATIONS, KERAS2_HARD_SIGMOID
from models.layers.layer import GRAPH_FIELDS, Layer
from models.layers.operations import PREFIX, Operation

FILE = Path(__file__).parent / "layerscope_client/keras/catalogue.json"
IN_TRAINING = frozenset({"trainable", "activity_regularizer"})
"""Fields of every type that an operation of Keras lacks."""


def catalogue() -> dict[str, Any]:
    """Return the layers by type, the operations by the name of Keras' class, and the names of activations."""
    operations = {name: cls for name, cls in CATALOGUE.items() if issubclass(cls, Operation)}
    layers = {name: _layer(cls) for name, cls in CATALOGUE.items() if name not in operations}
    of_classes = {cls.keras_name(): _operation(cls) for cls in operations.values() if issubclass(cls, Operation)}
    activations = [name for name in ACTIVATIONS if name != KERAS2_HARD_SIGMOID]
    return {"layers": layers, "operations": of_classes | _aliases(of_classes), "activations": activations}


def _layer(cls: type[Layer]) -> dict[str, Any]:
    fields = sorted(cls.model_fields.keys() - GRAPH_FIELDS - cls.not_taken - cls.call_fields)
    return {
        "module": cls.keras_modules[0],
        "fields": fields,
        "takes": cls.inputs_as,
        "inputs": list(cls.call_inputs),
        "tensors": list(cls.call_tensors()),
        "flags": sorted(cls.call_fields),
    }


def _operation(cls: type[Operation]) -> dict[str, Any]:
    hidden = GRAPH_FIELDS | IN_TRAINING | (cls.not_taken & {"dtype"})
    fields = sorted(cls.model_fields.keys() - hidden)
    constants = [operand for operand in cls.operands if operand in fields]
    tensors = list(cls.call_tensors())
    return {
        "type": cls.type_name(),
        "operands": list(cls.operands),
        "constants": constants,
        "takes_list": cls.takes_list,
        "tensors": tensors,
        "fields": [name for name in fields if name not in {*cls.operands, *tensors}],
    }


def _aliases(known: dict[str, Any]) -> dict[str, Any]:
    """Return the classes of Keras' other names for an operation: TrueDivide is Divide."""
    types = {entry["type"]: entry for entry in known.values()}
    names = {other: name for other, name in ALIASES.items() if name in types}
    classes = {"".join(word.capitalize() for word in other.removeprefix(PREFIX).split("_")): name
               for other, name in names.items()}  # fmt: skip
    return {cls: types[name] for cls, name in classes.items() if cls not in known}


if __name__ == "__main__":
    FILE.write_text(json.dumps(catalogue(), indent=None, separators=(",", ":")).replace('},"', '},\n"') + "\n")
