"""OpenAPI schemas of options: each is a JSON key, a query parameter and a form field."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from models.documents.json_schema import schema_of
from service.openapi.document_schemas import reference
from service.options.activation import ActivationOptions

JSON_ONLY = ("object", "null")
"""Types of options that queries and forms encode as JSON text, or omit."""


def option_schemas() -> dict[str, Any]:
    """Return the schema of each option by the name of its component."""
    return {_component(name): schema for name, schema in schema_of(ActivationOptions)["properties"].items()}


def option_properties(options: type[BaseModel] = ActivationOptions) -> dict[str, Any]:
    """Return options as keys of a JSON object."""
    known = option_schemas()
    return {
        name: reference(_component(name)) if schema == known.get(_component(name)) else schema
        for name, schema in schema_of(options)["properties"].items()
    }


def option_fields(options: type[BaseModel] = ActivationOptions) -> dict[str, Any]:
    """Return options as fields of a form."""
    return {name: _as_text(schema) for name, schema in schema_of(options)["properties"].items()}


def option_parameters(options: type[BaseModel] = ActivationOptions) -> list[dict[str, Any]]:
    """Return options as query parameters, which the route parses itself."""
    return [
        {"name": name, "in": "query", "required": False, "description": schema["description"],
         "schema": {key: value for key, value in _as_text(schema).items() if key != "description"}}
        for name, schema in schema_of(options)["properties"].items()
    ]  # fmt: skip


def _component(name: str) -> str:
    return f"{name.title()}Option"


def _as_text(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema without the alternatives that only JSON has."""
    alternatives = [choice for choice in schema.get("anyOf", ()) if choice.get("type") not in JSON_ONLY]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(alternatives) > 1:
        return {"anyOf": alternatives, **rest}
    return {**alternatives[0], **rest} if alternatives else rest
