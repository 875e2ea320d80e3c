"""The JSON Schemas of layers: self-contained ones, and those that extend `Layer` in the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from models.documents.json_schema import schema_of
from models.layers import CATALOGUE, LAYERS, names_of
from models.layers.block import Block
from models.layers.constraints import CONSTRAINTS
from models.layers.excluded import INPUT_LAYERS
from models.layers.initializers import INITIALIZERS
from models.layers.layer import Layer
from models.layers.named import Named
from models.layers.regularizers import REGULARIZERS
from models.layers.wrapping import TimeDistributed

SPECIFICATION: dict[str, Any] = json.loads(
    (Path(__file__).parents[4] / "openapi" / "openapi.json").read_text(encoding="utf-8")
)
SCHEMAS: dict[str, Any] = SPECIFICATION["components"]["schemas"]
LARGEST = 520_000
"""Bytes of the document without white space. With a union of all layers' arguments it was 816,000, and request
generators did not terminate."""
SOME = list(CATALOGUE.values())[::9]
EXTENDS = {"$ref": "#/components/schemas/Layer"}
TYPES: tuple[type[Layer], ...] = (Block, *LAYERS)


def component(name: str) -> Draft202012Validator:
    """Build a validator of a component."""
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}})


def components_of(type_: str) -> list[str]:
    """Return the schemas that extend Layer with this type."""
    extending = {name: schema for name, schema in SCHEMAS.items() if EXTENDS in schema.get("allOf", ())}
    kinds = {name: schema.get("properties", {}).get("type", {}) for name, schema in extending.items()}
    return [name for name, kind in kinds.items() if type_ in kind.get("enum", [kind.get("const")])]


def example_of(cls: type[Layer]) -> dict[str, Any]:
    """Build a layer as in a document."""
    arguments = {"layers": [{"type": "Flatten"}]} if cls is Block else cls.example.arguments
    return {"type": cls.type_name(), **arguments}


def wrong(layer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield variants with an unknown argument, without a type, and with values of a wrong type."""
    yield {**layer, "unknown_argument": 1}
    yield {key: value for key, value in layer.items() if key != "type"}
    yield {**layer, "name": 3}
    yield {**layer, "trainable": "yes"}


def test_the_openapi_document_stays_small() -> None:
    """Browsers and generators of clients and tests must be able to process it."""
    assert len(json.dumps(SPECIFICATION, separators=(",", ":"), ensure_ascii=False).encode()) < LARGEST


def test_every_type_has_a_schema_that_extends_layer() -> None:
    """For all of its names; the schema accepts the type's example and rejects invalid variants."""
    allowed = SCHEMAS["Layer"]["properties"]["type"]["enum"]
    assert sorted(allowed) == sorted([*INPUT_LAYERS, *(name for cls in TYPES for name in names_of(cls))])
    refused = []
    for cls in TYPES:
        assert all(components_of(name) == [cls.__name__] for name in names_of(cls))
        validator, layer = component(cls.__name__), example_of(cls)
        refused += [(cls.__name__, error.message) for error in validator.iter_errors(layer)]
        refused += [(cls.__name__, bad) for bad in wrong(layer) if validator.is_valid(bad)]
    assert refused == []


def test_self_contained_schemas_are_equivalent() -> None:
    """Those of `/v1/layers` need no references, accept the example and reject the same variants."""
    refused: list[Any] = []
    for cls in [*SOME, TimeDistributed]:
        schema, layer = schema_of(cls), example_of(cls)
        validator = Draft202012Validator(schema)
        refused += [(cls.__name__, error.message) for error in validator.iter_errors(layer)]
        refused += [(cls.__name__, bad) for bad in wrong(layer) if validator.is_valid(bad)]
    assert refused == []


def test_named_objects_have_schemas_of_their_arguments() -> None:
    """Initializers, regularizers and constraints are a name, or an object of the type's fields."""
    groups: dict[str, tuple[type[Named], ...]] = {
        "AnyInitializer": INITIALIZERS, "AnyRegularizer": REGULARIZERS, "AnyConstraint": CONSTRAINTS,
    }  # fmt: skip
    for name, classes in groups.items():
        validator = component(name)
        for cls in classes:
            fields = cls().model_dump(mode="json")
            assert validator.is_valid(cls.__name__), cls
            assert validator.is_valid({"type": cls.__name__}), cls
            assert validator.is_valid(fields), cls
            assert not validator.is_valid({**fields, "unknown_argument": 1}), cls
        assert not validator.is_valid("nobody")


def test_defaults_have_keras_spelling() -> None:
    """Initializers are names; null defaults are omitted."""
    properties = SCHEMAS["Conv2D"]["properties"]
    assert properties["kernel_initializer"]["default"] == "glorot_uniform"
    assert properties["padding"]["default"] == "valid"
    assert "default" not in properties["kernel_regularizer"]
