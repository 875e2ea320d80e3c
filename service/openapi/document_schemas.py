"""OpenAPI schemas of model documents: one `Layer`, which the schema of every type extends.

A document's layers are described by `Layer` only, not by a union of all types: test generators that build requests from
the schema would search some 2,000 arguments for each layer.
"""

from __future__ import annotations

from typing import Any

from models.documents.document import Document
from models.documents.json_schema import definitions_of
from models.layers import LAYERS, names_of
from models.layers.block import Block
from models.layers.excluded import INPUT_LAYERS
from models.layers.layer import Layer
from models.reading.application_arguments import FAMILIES

COMPONENT = "#/components/schemas/{model}"
"""Reference template of a model's schema in OpenAPI."""
TYPES: tuple[type[Layer], ...] = (Block, *LAYERS)
KIND = (
    "Keras' name of the class (GET /v1/layers), or Block. The schema that has this type extends Layer by its arguments."
    " InputLayer and Input declare inputs, at the head of a document's layers."
)
WITH_ARGUMENTS = "A layer with the arguments of its type: what the schema that extends Layer with this type allows."
MERGED_KEYS = ("title", "properties", "required", "additionalProperties")
"""Keys of a type's schema that are not copied into its extension of Layer, which has its own."""


def reference(name: str) -> dict[str, str]:
    """Return a reference to a component."""
    return {"$ref": COMPONENT.format(model=name)}


def document_schemas() -> dict[str, Any]:
    """Return the schemas of documents and their parts by name."""
    schemas = definitions_of((Document, Layer, *FAMILIES), COMPONENT)
    shared = schemas["Layer"]["properties"]
    for cls in TYPES:
        schemas[cls.__name__] = _extension(schemas[cls.__name__], shared)
    anything = {"description": WITH_ARGUMENTS, "allOf": [reference("Layer")], "additionalProperties": True}
    return schemas | {
        "Layer": _any_layer(schemas["Layer"]),
        "AnyNode": anything,
        "AnyLayer": {**anything, "properties": {"type": {"not": {"const": "Block"}}}},
    }


def _any_layer(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the properties common to all layers."""
    names = sorted([*INPUT_LAYERS, *(name for cls in TYPES for name in names_of(cls))])
    return {
        "title": "Layer",
        "description": "What every layer has beside the arguments of its type.",
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"type": "string", "enum": names, "description": KIND}, **schema["properties"]},
    }


def _extension(schema: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of one type as an extension of Layer, without the common properties."""
    rest = {key: value for key, value in schema.items() if key not in MERGED_KEYS}
    own = {name: value for name, value in schema["properties"].items() if value != shared.get(name)}
    required = [name for name in schema["required"] if name != "type"]
    return {
        **rest,
        "allOf": [reference("Layer")],
        "properties": own,
        **({"required": required} if required else {}),
        "unevaluatedProperties": False,
    }
