"""JSON Schema generation: repeated schemas become definitions, and redundant keywords are omitted."""

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
    """Pydantic's generator, with a definition for each titled union, discriminating `type` fields required, defaults
    spelled as in Keras, and without titles that repeat a field's name or defaults of null.
    """

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        """Return one schema with its definitions."""
        generated: dict[str, Any] = super().generate(schema, mode)
        definitions: JsonSchemaValue = generated.pop("$defs", {})
        shared: dict[str, Any] = self._extract_unions(generated, definitions)
        return shared | {"$defs": dict(sorted(definitions.items()))} if definitions else shared

    def generate_definitions(
        self, inputs: Sequence[tuple[JsonSchemaKeyT, JsonSchemaMode, CoreSchema]]
    ) -> tuple[dict[tuple[JsonSchemaKeyT, JsonSchemaMode], JsonSchemaValue], dict[DefsRef, JsonSchemaValue]]:
        """Return several schemas and their shared definitions."""
        schemas, definitions = super().generate_definitions(inputs)
        for name in list(definitions):
            definitions[name] = self._extract_unions(definitions[name], definitions)
        return schemas, definitions

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 (pydantic's signature)
        """Return False: a title would repeat the field's name."""
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Return the schema without a default of null, which an omitted field means anyway."""
        generated = super().default_schema(schema)
        if generated.get("default", ...) is None:
            del generated["default"]
        return generated

    def encode_default(self, dft: Any) -> Any:
        """Encode an initializer without arguments as its name."""
        if not isinstance(dft, Named):
            return super().encode_default(dft)
        arguments = dft.model_dump(mode="json", exclude_defaults=True)
        return {"type": type(dft).__name__, **arguments} if arguments else snake_case(type(dft).__name__)

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Require the `type` field of objects that it discriminates."""
        generated = super().model_schema(schema)
        if issubclass(schema["cls"], Layer | Named) and "type" in generated["properties"]:
            generated["properties"]["type"].pop("default", None)
            generated["required"] = ["type", *generated.get("required", ())]
        return generated

    def _extract_unions(self, value: Any, definitions: dict[Any, Any]) -> Any:
        """Replace titled unions in a value by references, and add them to the definitions."""
        if isinstance(value, list):
            return [self._extract_unions(item, definitions) for item in value]
        if not isinstance(value, dict):
            return value
        rest = {key: self._extract_unions(item, definitions) for key, item in value.items()}
        if not ("oneOf" in rest and "title" in rest):
            return rest
        definitions[rest["title"]] = rest
        return {"$ref": self.ref_template.format(model=rest["title"])}


@cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the self-contained JSON Schema of one model. Cached: a layer that holds any other takes a second."""
    generated: dict[str, Any] = model.model_json_schema(schema_generator=DocumentSchema)
    return generated


def definitions_of(models: Sequence[type[BaseModel]], ref_template: str) -> dict[str, Any]:
    """Return the JSON Schemas of several models and of all that they refer to, by name."""
    _, generated = models_json_schema(
        [(model, "validation") for model in models], ref_template=ref_template, schema_generator=DocumentSchema
    )
    definitions: dict[str, Any] = generated["$defs"]
    return definitions
