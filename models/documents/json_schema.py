"""JSON Schemas: what stands in many places is written once, and what says nothing is left out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import (
    DefsRef,
    GenerateJsonSchema,
    JsonSchemaKeyT,
    JsonSchemaMode,
    JsonSchemaValue,
    models_json_schema,
)
from pydantic_core import CoreSchema, core_schema

from models.layers.layer import Layer
from models.layers.named import Named, snake_case


class DocumentSchema(GenerateJsonSchema):
    """Pydantic's, with a definition for each titled union, `type` required where it tells classes apart, defaults as
    Keras spells them, and neither titles that repeat a field's name nor defaults of null.
    """

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        """One schema, with its definitions."""
        made: dict[str, Any] = super().generate(schema, mode)
        definitions: JsonSchemaValue = made.pop("$defs", {})
        shared: dict[str, Any] = self._shared(made, definitions)
        return shared | {"$defs": dict(sorted(definitions.items()))} if definitions else shared

    def generate_definitions(
        self, inputs: Sequence[tuple[JsonSchemaKeyT, JsonSchemaMode, CoreSchema]]
    ) -> tuple[dict[tuple[JsonSchemaKeyT, JsonSchemaMode], JsonSchemaValue], dict[DefsRef, JsonSchemaValue]]:
        """Several schemas, and the definitions that they share."""
        schemas, definitions = super().generate_definitions(inputs)
        for name in list(definitions):
            definitions[name] = self._shared(definitions[name], definitions)
        return schemas, definitions

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 (of every field)
        """Never: it would be the name once more."""
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Without a default of null, which is what leaving a field out means anyhow."""
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            del made["default"]
        return made

    def encode_default(self, dft: Any) -> Any:
        """An initializer of no arguments by its name."""
        if not isinstance(dft, Named):
            return super().encode_default(dft)
        given = dft.model_dump(mode="json", exclude_defaults=True)
        return {"type": type(dft).__name__, **given} if given else snake_case(type(dft).__name__)

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """An object whose `type` says what it is must have it."""
        made = super().model_schema(schema)
        if issubclass(schema["cls"], Layer | Named) and "type" in made["properties"]:
            made["properties"]["type"].pop("default", None)
            made["required"] = ["type", *made.get("required", ())]
        return made

    def _shared(self, value: Any, definitions: dict[Any, Any]) -> Any:
        """A value with references in the place of titled unions, which are added to the definitions."""
        if isinstance(value, list):
            return [self._shared(item, definitions) for item in value]
        if not isinstance(value, dict):
            return value
        rest = {key: self._shared(item, definitions) for key, item in value.items()}
        if not ("oneOf" in rest and "title" in rest):
            return rest
        definitions[rest["title"]] = rest
        return {"$ref": self.ref_template.format(model=rest["title"])}


@cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of one model, complete in itself. Made once: a layer that holds any other takes a second."""
    made: dict[str, Any] = model.model_json_schema(schema_generator=DocumentSchema)
    return made


def definitions_of(models: Sequence[type[BaseModel]], ref_template: str) -> dict[str, Any]:
    """The JSON Schemas of several models and all that they refer to, by name."""
    _, made = models_json_schema(
        [(model, "validation") for model in models], ref_template=ref_template, schema_generator=DocumentSchema
    )
    definitions: dict[str, Any] = made["$defs"]
    return definitions
